/** The JVM client of the kill matrix (tests/matrix). */
@NullMarked
package io.ringwork.matrix;

import org.jspecify.annotations.NullMarked;
