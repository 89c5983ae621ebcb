package io.ringwork.demo;

import java.util.concurrent.CompletableFuture;

/**
 * One of the two ways to do the demo's work. Both get the same passwords and photos, use two CPU
 * threads, and answer with a future; {@link Workload} treats them alike.
 */
interface Side {
  /** Threads that compute, on either side. */
  int THREADS = 2;

  /** What the progress bar and the table call this side. */
  String name();

  /** The PHC string of password number {@code index}. */
  CompletableFuture<String> hash(int index);

  /** The thumbnail of {@code photo}, as a JPEG. */
  CompletableFuture<byte[]> thumbnail(Photo photo);
}
