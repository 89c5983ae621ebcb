/** How threads of a client sleep, are woken, and take turns at polling. */
@NullMarked
package io.ringwork.internal.wait;

import org.jspecify.annotations.NullMarked;
