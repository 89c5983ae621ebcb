package io.ringwork;

import static io.ringwork.SubmitTest.NUMBER;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A thread that polls in passing. */
@Tag("denied-too")
@Timeout(60)
class PollTest {
  @TempDir Path base;
  FakePool pool;

  @BeforeEach
  void open() throws IOException {
    pool = new FakePool(base, 2, 16);
    pool.echo();
  }

  @AfterEach
  void close() throws IOException {
    pool.close();
  }

  /** The poller thread may be faster for the first ones, but not always. */
  @ParameterizedTest
  @EnumSource(WaitStrategy.class)
  void completesOnTheCallingThread(WaitStrategy strategy) throws Exception {
    Thread me = Thread.currentThread();
    AtomicInteger mine = new AtomicInteger();
    try (Ringwork client =
        Ringwork.connect(pool.config().waitStrategy(strategy).completion(CompletionMode.INLINE))) {
      for (long n = 0; mine.get() < 100; n++) {
        long number = n;
        TaskFuture<Long> future = client.submit(NUMBER, n);
        future.thenAccept(
            answer -> {
              assertEquals(number, answer);
              mine.addAndGet(Thread.currentThread() == me ? 1 : 0);
            });
        while (!future.isDone()) {
          client.poll();
        }
      }
    }
  }

  @Test
  void whatIsLeftWhenNobodyPollsAnyMoreIsThePollersAgain() throws Exception {
    try (Ringwork client = Ringwork.connect(pool.config())) {
      for (long n = 0; n < 300; n++) {
        List<TaskFuture<Long>> futures = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
          futures.add(client.submit(NUMBER, n));
          client.poll();
        }
        for (TaskFuture<Long> future : futures) {
          // A dependent's get does not help.
          assertEquals(n, future.thenApply(x -> x).get(30, TimeUnit.SECONDS));
        }
      }
    }
  }

  @Test
  void takesNothingInsideACallbackAndWhenClosed() throws Exception {
    Ringwork client = Ringwork.connect(pool.config().completion(CompletionMode.INLINE));
    try (client) {
      assertEquals(0, client.poll());
      assertEquals(0, client.submit(NUMBER, 1L).thenApply(x -> client.poll()).get());
    }
    assertEquals(0, client.poll());
    assertFalse(client.isOpen());
  }
}
