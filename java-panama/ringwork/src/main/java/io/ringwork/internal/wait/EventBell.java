package io.ringwork.internal.wait;

import io.ringwork.internal.segment.EventRing;
import io.ringwork.internal.segment.SharedMemory;

/** Where subscribers sleep for events, and publishers wake them. */
public final class EventBell {
  private EventBell() {}

  /** Memory for {@link #sleep}, one for each sleeper. */
  public static SharedMemory timespec() {
    return SharedMemory.own(2L * Long.BYTES);
  }

  /**
   * Wakes all that sleep, behind a {@link EventRing#publish}. Without the futex the request is left
   * to the next publisher that has it.
   */
  public static void published(EventRing ring) {
    if (ring.isAsked() && Futex.available() && ring.takeRequest()) {
      wakeUp(ring);
    }
  }

  /** Wakes all subscribers, so that they look again. */
  public static void wakeUp(EventRing ring) {
    ring.bump();
    Futex.wakeAll(ring.wakeAddress());
  }

  /** Whether there is a sleep that a publisher ends. */
  public static boolean canSleep() {
    return Futex.available();
  }

  /**
   * Sleeps until the ring's word is another than the one that was seen, or the time is over.
   *
   * @param seen {@link EventRing#wakes}, before the request to be woken
   */
  public static void sleep(EventRing ring, int seen, SharedMemory timespec, long nanos) {
    Futex.await(ring.wakeAddress(), seen, timespec.slice(0, 2L * Long.BYTES), nanos);
  }
}
