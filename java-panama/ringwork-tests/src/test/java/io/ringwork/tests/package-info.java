/** The Java client against real workers: real processes, a real segment. */
@NullMarked
package io.ringwork.tests;

import org.jspecify.annotations.NullMarked;
