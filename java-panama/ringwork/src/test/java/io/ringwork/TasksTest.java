package io.ringwork;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Several futures as one, of futures that no pool is behind; {@code FutureTest} has those. */
class TasksTest {
  private final CompletableFuture<String> one = new CompletableFuture<>();
  private final CompletableFuture<String> two = new CompletableFuture<>();
  private final CompletableFuture<String> three = new CompletableFuture<>();
  private final List<CompletableFuture<String>> all = List.of(one, two, three);

  private static Throwable failureOf(CompletableFuture<?> future) {
    return assertThrows(ExecutionException.class, () -> future.get(20, TimeUnit.SECONDS))
        .getCause();
  }

  @Test
  void theFirstEndsItAndTheLosersAreCancelledBefore() {
    CompletableFuture<String> first = Tasks.firstOf(all);
    CompletableFuture<Boolean> cancelled =
        first.thenApply(result -> one.isCancelled() && three.isCancelled());
    two.complete("tea");
    assertEquals("tea", first.join());
    assertTrue(cancelled.join());
  }

  @Test
  void aFailureIsAnEndToo() {
    CompletableFuture<String> first = Tasks.firstOf(all);
    IllegalStateException why = new IllegalStateException();
    CompletableFuture<String> mapped = Tasks.firstOf(List.of(first.thenApply(text -> text)));
    one.completeExceptionally(why);
    assertSame(why, failureOf(first));
    assertSame(why, failureOf(mapped), "without the wrapper of the stage between");
    assertTrue(two.isCancelled());
  }

  @Test
  void theFirstOfNoneIsRefused() {
    IllegalArgumentException error =
        assertThrows(IllegalArgumentException.class, () -> Tasks.firstOf(List.of()));
    assertTrue(error.getMessage().contains("give one at least"));
  }

  @Test
  void allResultsInTheirOrder() {
    CompletableFuture<List<String>> list = Tasks.allOf(all);
    three.complete("3");
    one.complete("1");
    assertFalse(list.isDone());
    two.complete(null);
    assertEquals(Arrays.asList("1", null, "3"), list.join());
    assertThrows(UnsupportedOperationException.class, () -> list.join().add("4"));
    assertEquals(List.of(), Tasks.allOf(List.of()).join());
  }

  @Test
  void theFirstFailureEndsAllOfThem() {
    CompletableFuture<List<String>> list = Tasks.allOf(all);
    one.complete("1");
    IllegalStateException why = new IllegalStateException();
    two.completeExceptionally(why);
    assertSame(why, failureOf(list));
    assertTrue(three.isCancelled());
  }

  @Test
  void cancellingTheWholeCancelsTheParts() {
    CompletableFuture<List<String>> list = Tasks.allOf(all);
    assertTrue(list.cancel(true));
    assertTrue(all.stream().allMatch(CompletableFuture::isCancelled));
    CompletableFuture<String> done = CompletableFuture.completedFuture("tea");
    CompletableFuture<String> late = new CompletableFuture<>();
    CompletableFuture<String> first = Tasks.firstOf(List.of(done, late));
    assertFalse(first.cancel(true), "it is done");
    assertTrue(late.isCancelled());
  }

  @Test
  void nestedOnesAreCancelledToTheBottom() {
    CompletableFuture<String> first = Tasks.firstOf(all);
    CompletableFuture<String> timed = Tasks.withTimeout(Duration.ofHours(1), first);
    assertTrue(timed.cancel(true));
    assertTrue(one.isCancelled() && two.isCancelled() && three.isCancelled());
  }

  @Test
  void whatComesInTimeIsTheResult() {
    CompletableFuture<String> timed = Tasks.withTimeout(Duration.ofHours(1), one);
    one.complete("tea");
    assertEquals("tea", timed.join());
    assertEquals("tea", Tasks.withTimeout(Duration.ZERO, one).join(), "done before");
    IllegalStateException why = new IllegalStateException();
    CompletableFuture<String> failing = Tasks.withTimeout(Duration.ofSeconds(Long.MAX_VALUE), two);
    two.completeExceptionally(why);
    assertSame(why, failureOf(failing));
  }

  @Test
  void whatDoesNotComeInTimeIsCancelled() {
    for (Duration limit : List.of(Duration.ofMillis(20), Duration.ZERO, Duration.ofMillis(-5))) {
      CompletableFuture<String> never = new CompletableFuture<>();
      Throwable failure = failureOf(Tasks.withTimeout(limit, never));
      TaskTimeoutException late = assertInstanceOf(TaskTimeoutException.class, failure);
      assertTrue(late.mayHaveRun());
      assertTrue(never.isCancelled());
    }
    CompletableFuture<String> never = new CompletableFuture<>();
    Throwable failure = failureOf(Tasks.withTimeout(Duration.ofMillis(20), never));
    assertEquals("the future did not end within 20 ms and was cancelled", failure.getMessage());
  }

  @Test
  void aPromiseIsKeptOnce() {
    Promise<String> promise = new Promise<>();
    CompletableFuture<String> seen = promise.future();
    CompletableFuture<String> left = promise.future();
    assertTrue(left.cancel(true));
    assertFalse(promise.isDone(), "what is done to one of its futures is not seen by the others");
    assertTrue(promise.resolve(null));
    assertFalse(promise.resolve("tea"));
    assertFalse(promise.reject(new IllegalStateException()));
    promise.close();
    assertNull(seen.join());
    assertTrue(promise.isDone());
  }

  @Test
  void aPromiseThatIsNotKeptIsRejected() {
    IllegalStateException why = new IllegalStateException("no tea");
    Promise<String> rejected = new Promise<>();
    assertTrue(rejected.reject(why));
    assertSame(why, failureOf(rejected.future()));
    CompletableFuture<String> open;
    try (Promise<String> promise = new Promise<>()) {
      open = promise.future();
    }
    assertEquals("the promise was closed without a result", failureOf(open).getMessage());
  }
}
