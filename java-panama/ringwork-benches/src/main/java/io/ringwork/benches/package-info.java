/** The Java side of {@code make bench}; not an API. */
@NullMarked
package io.ringwork.benches;

import org.jspecify.annotations.NullMarked;
