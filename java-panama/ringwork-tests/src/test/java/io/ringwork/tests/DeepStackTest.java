package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.Codec;
import io.ringwork.RawCall;
import io.ringwork.RawTask;
import io.ringwork.Ringwork;
import io.ringwork.RingworkException;
import io.ringwork.TaskFuture;
import io.ringwork.TaskType;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Threads that come to us at the very end of their stack: an overflow hits any of our calls. */
@Timeout(300)
class DeepStackTest {
  private static final TaskType<byte[], byte[]> ECHO =
      TaskType.of("echo", Codec.BYTES, Codec.BYTES).maxInFlight(1000);

  private static final int ROUNDS = 20;

  private static final int WARM_UP = 3000;

  /** Frames above the end of the stack in which an action is tried, the last ones first. */
  private static final int MAX_FRAMES = 48;

  /** What the first overflow may lose: the slots of one call. */
  private static final int OF_ONE_CALL = 3;

  private interface Action {
    void run() throws InterruptedException, ExecutionException;
  }

  private final Queue<TaskFuture<?>> futures = new ConcurrentLinkedQueue<>();
  private final RawTask[] claimed = new RawTask[MAX_FRAMES];
  private int claims;
  private int overflows;

  @Test
  void noSlotIsLostAndNoFutureHangs() throws Exception {
    try (Ringwork pool = Ringwork.launch(Pools.misbehaving("DeepStackTest"));
        RawCall call = pool.rawCall("echo")) {
      int slots = pool.info().slots();
      byte[] small = new byte[3];
      byte[] large = new byte[500];
      List<Action> actions =
          List.of(
              () -> futures.add(pool.submit(ECHO, small)),
              () -> pool.call(ECHO, small),
              () -> pool.submit(ECHO, large).get(),
              () -> pool.submit(ECHO, small).cancel(true),
              pool::poll,
              () -> futures.addAll(pool.submitAll(ECHO, List.of(small, large, small))),
              () -> pool.submitChunk(ECHO, List.of(small, small)).get(),
              () -> claim(pool),
              () -> invoke(call));
      for (int i = 0; i < WARM_UP; i++) { // compiled code overflows elsewhere than interpreted
        pool.submit(ECHO, i % 2 == 0 ? small : large).get();
      }
      for (int round = 0; round < ROUNDS; round++) {
        for (Action action : actions) {
          atTheEndOfTheStack(action, 1 + (round * 17) % MAX_FRAMES);
        }
        for (TaskFuture<?> future; (future = futures.poll()) != null; ) {
          try {
            future.get(60, TimeUnit.SECONDS);
          } catch (ExecutionException ended) {
            // for want of stack, which is an end
          }
        }
        for (; claims > 0; claims--) {
          claimed[claims - 1].submit().get().close();
        }
      }
      call.release();
      assertTrue(overflows > 0, "no action met the end of the stack");
      Await.until("the slots are home", () -> pool.info().freeSlots() >= slots - OF_ONE_CALL);
      assertEquals(3, pool.call(ECHO, small).length);
      assertTrue(pool.isOpen());
    }
  }

  /** Keeps what it gets without a call, which could overflow and lose it. */
  private void claim(Ringwork pool) {
    int next = claims;
    if (next < claimed.length) {
      claimed[next] = pool.claim("echo", 500);
      claims = next + 1;
    }
  }

  private static void invoke(RawCall call) throws InterruptedException {
    call.claim(500);
    call.invoke(3);
    call.release();
  }

  /** Overflows the stack of a new thread, and acts in so many frames above the end. */
  private void atTheEndOfTheStack(Action action, int frames) throws InterruptedException {
    int[] left = {frames};
    Thread thread =
        new Thread(
            null,
            () -> {
              try {
                descend(action, left);
              } catch (StackOverflowError end) {
                // asked for
              }
            },
            "deep",
            256 << 10);
    thread.start();
    thread.join(120_000);
    assertFalse(thread.isAlive(), "a thread hangs");
  }

  private int descend(Action action, int[] left) {
    try {
      return 1 + descend(action, left);
    } catch (StackOverflowError end) {
      if (left[0]-- > 0) {
        try {
          action.run();
        } catch (StackOverflowError inside) {
          overflows++;
        } catch (RingworkException | InterruptedException | ExecutionException failed) {
          // an end of the task, too
        }
      }
      throw end;
    }
  }
}
