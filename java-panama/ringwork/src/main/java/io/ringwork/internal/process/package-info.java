/** Processes and files: finding, starting and ending a pool, attaching to its segment. */
@NullMarked
package io.ringwork.internal.process;

import org.jspecify.annotations.NullMarked;
