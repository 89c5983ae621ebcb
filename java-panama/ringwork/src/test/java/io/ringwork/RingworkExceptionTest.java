package io.ringwork;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;

/** The exception behind what futures wrap it in. */
class RingworkExceptionTest {
  private final RingworkException failure = new ClosedException("closed", false, null);

  @Test
  void wrappersOfFuturesAreTakenOff() {
    assertEquals(Optional.of(failure), RingworkException.of(failure));
    assertEquals(Optional.of(failure), RingworkException.of(new CompletionException(failure)));
    assertEquals(
        Optional.of(failure),
        RingworkException.of(new ExecutionException(new CompletionException(failure))));
  }

  @Test
  void whatIsNotOursIsEmpty() {
    assertEquals(Optional.empty(), RingworkException.of(null));
    assertEquals(Optional.empty(), RingworkException.of(new IllegalStateException(failure)));
    assertEquals(
        Optional.empty(),
        RingworkException.of(new CompletionException(new IllegalStateException(failure))));
    Throwable bare = new CompletionException("no cause", null);
    assertEquals(Optional.empty(), RingworkException.of(bare));
    assertEquals(Optional.empty(), RingworkException.of(new Circle()));
  }

  @Test
  void stagesOfAFutureFindIt() {
    CompletableFuture<String> future = new CompletableFuture<>();
    CompletableFuture<String> direct = future.exceptionally(RingworkExceptionTest::name);
    CompletableFuture<String> behind =
        future.thenApply(text -> text + "!").exceptionally(RingworkExceptionTest::name);
    CompletableFuture<String> further =
        future
            .thenCompose(CompletableFuture::completedFuture)
            .thenApply(text -> text + "!")
            .handle((value, thrown) -> name(thrown));
    future.completeExceptionally(failure);
    assertEquals("ClosedException", direct.join());
    assertEquals("ClosedException", behind.join());
    assertEquals("ClosedException", further.join());
  }

  /** An exception that is its own cause. */
  private static final class Circle extends CompletionException {
    private static final long serialVersionUID = 1L;

    @Override
    public synchronized Throwable getCause() {
      return this;
    }
  }

  private static String name(Throwable thrown) {
    return RingworkException.of(thrown).map(e -> e.getClass().getSimpleName()).orElse("none");
  }
}
