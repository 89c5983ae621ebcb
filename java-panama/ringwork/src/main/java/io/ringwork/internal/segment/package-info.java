/**
 * The memory that a pool and its clients share: the mapping, where everything is in it, and the
 * structures that this process keeps beside it. Knows nothing of futures, codecs or threads that
 * wait.
 */
@NullMarked
package io.ringwork.internal.segment;

import org.jspecify.annotations.NullMarked;
