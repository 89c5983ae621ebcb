package io.ringwork.demo;

import io.ringwork.Ringwork;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** A piece of work that a Rust worker does and Java does after it; both results are kept. */
abstract class Job {
  /** Has a worker of {@code pool} do it. */
  abstract CompletableFuture<?> rust(Ringwork pool);

  /** Does it in Java, on the calling thread. */
  abstract void java();

  /** Fails with what is wrong with Rust's result, held against Java's, if anything is. */
  abstract void check();

  /** Whether Rust's result is right; if not, {@code complaints} gets the reason. */
  final boolean isRight(List<String> complaints) {
    try {
      check();
      return true;
    } catch (RuntimeException e) {
      complaints.add(this + ": " + e.getMessage());
      return false;
    }
  }
}
