/** What tests of other packages need of the core's package-private constants. */
@NullMarked
package io.ringwork;

import org.jspecify.annotations.NullMarked;
