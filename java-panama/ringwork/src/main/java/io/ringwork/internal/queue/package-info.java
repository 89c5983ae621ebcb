/** What waits in a pool before a task, and how fast it goes: estimates for deadlines. */
@NullMarked
package io.ringwork.internal.queue;

import org.jspecify.annotations.NullMarked;
