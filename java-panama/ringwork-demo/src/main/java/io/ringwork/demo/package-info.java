/**
 * The demonstration that {@code make demo} runs: the same work on Rust workers and on a Java thread
 * pool, side by side, and a worker killed in mid-run.
 */
@NullMarked
package io.ringwork.demo;

import org.jspecify.annotations.NullMarked;
