package io.ringwork.internal.wait;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.internal.segment.FreeList;
import io.ringwork.internal.segment.SharedMemory;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class PollerTest {
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(30);

  /** Has no pool and no tasks; what each test changes is thrown at the poller's thread. */
  private static class Idle implements Poller.Owner, PollerRole.Work, Timers.Deadlines {
    final AtomicInteger looks = new AtomicInteger();
    final AtomicInteger ends = new AtomicInteger();
    final CountDownLatch failed = new CountDownLatch(1);
    volatile boolean open = true;

    @Override
    public boolean checkPool(long now) {
      looks.incrementAndGet();
      return open;
    }

    @Override
    public long lookAfterHandover(long now) {
      return 1_000_000;
    }

    @Override
    public boolean isWatchful() {
      return false;
    }

    @Override
    public boolean mustProbe() {
      return false;
    }

    @Override
    public boolean isOpen() {
      return open;
    }

    @Override
    public void pollerFailed(Throwable broken) {
      open = false;
      failed.countDown();
    }

    @Override
    public void pollerEnded() {
      ends.incrementAndGet();
    }

    @Override
    public boolean hasWork() {
      return false;
    }

    @Override
    public int drain() {
      return 0;
    }

    @Override
    public int drainForPoller() {
      return 0;
    }

    @Override
    public boolean isDraining() {
      return false;
    }

    @Override
    public void want() {}

    @Override
    public boolean takeWanted() {
      return false;
    }

    @Override
    public long of(int i) {
      return 0;
    }

    @Override
    public void expire(int i, long now) {}
  }

  private static Poller start(Idle owner) {
    PollerRole role =
        new PollerRole(
            SharedMemory.own(4096),
            new FreeList(1),
            owner,
            0,
            SharedMemory.own(PollerRole.OWN_BYTES));
    Poller poller = new Poller("PollerTest", owner, role, owner, new Timers(1, owner), 0);
    poller.start();
    return poller;
  }

  @Test
  void aShortageAtTheEndIsNoEnd() {
    Idle owner =
        new Idle() {
          @Override
          public void pollerEnded() {
            super.pollerEnded();
            if (ends.get() < 3) {
              throw new OutOfMemoryError("thrown by a test");
            }
          }
        };
    Poller poller = start(owner);
    poller.stop();
    assertTrue(poller.join(PATIENCE_NANOS));
    assertEquals(3, owner.ends.get());
  }

  @Test
  void aShortageOnAnyRoundIsSurvived() {
    Idle owner =
        new Idle() {
          @Override
          public boolean checkPool(long now) {
            if (looks.incrementAndGet() < 10) {
              throw looks.get() % 2 == 0
                  ? new OutOfMemoryError("thrown by a test")
                  : new StackOverflowError("thrown by a test");
            }
            return false;
          }
        };
    Poller poller = start(owner);
    assertTrue(poller.join(PATIENCE_NANOS));
    assertEquals(10, owner.looks.get());
    assertEquals(1, owner.ends.get());
  }

  /** A class that could not be initialised for want of memory can't be ever after. */
  @Test
  void whatEndsThePoolIsTriedUntilItSucceeds() {
    Idle owner =
        new Idle() {
          @Override
          public boolean checkPool(long now) {
            throw new IllegalArgumentException("thrown by a test");
          }

          @Override
          public void pollerFailed(Throwable broken) {
            if (looks.incrementAndGet() < 3) {
              throw new NoClassDefFoundError("thrown by a test");
            }
            super.pollerFailed(broken);
          }
        };
    Poller poller = start(owner);
    assertTrue(poller.join(PATIENCE_NANOS));
    assertEquals(0, owner.failed.getCount());
    assertEquals(1, owner.ends.get());
  }
}
