package io.ringwork;

import java.lang.System.Logger.Level;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** The observers of a client, and that of the flight recorder. Throws nothing that they throw. */
final class Observers {
  static final Observers NONE = new Observers(new TaskObserver[0]);

  private static final System.Logger LOG = System.getLogger("io.ringwork");

  private final TaskObserver[] all;

  /** Those that have thrown, and were told of. */
  private final Set<TaskObserver> mentioned = ConcurrentHashMap.newKeySet();

  private Observers(TaskObserver[] all) {
    this.all = all;
  }

  /** These and one more. */
  Observers and(TaskObserver observer) {
    Objects.requireNonNull(observer, "observer");
    TaskObserver[] more = Arrays.copyOf(all, all.length + 1);
    more[all.length] = observer;
    return new Observers(more);
  }

  /** Whether there are none, and the recorder is off: then nothing is made for a task. */
  boolean isOff() {
    return all.length == 0 && !FlightRecording.isOn();
  }

  /**
   * A task is about to be submitted; null if it is of no interest.
   *
   * @param requests how many requests it has, or {@link Observed#ALONE}
   * @param goesOn whether the handle submits it to another pool when this one takes none
   */
  @Nullable Observed begin(
      String pool, TaskType<?, ?> type, TaskOptions options, int requests, boolean goesOn) {
    boolean alone = requests == Observed.ALONE;
    TaskObserver.Submission task =
        new TaskObserver.Submission(
            pool,
            type.name(),
            alone ? 1 : requests,
            !alone,
            options.priority,
            options.attempts,
            options.traceparent());
    List<Observed.Part> parts = new ArrayList<>(all.length + 1);
    for (TaskObserver observer : all) {
      submitting(observer, task, parts);
    }
    if (FlightRecording.isOn()) {
      submitting(FlightRecording.OBSERVER, task, parts);
    }
    return parts.isEmpty() ? null : new Observed(this, parts, goesOn);
  }

  private void submitting(
      TaskObserver observer, TaskObserver.Submission task, List<Observed.Part> parts) {
    try {
      TaskObserver.Observation made = observer.submitting(task);
      if (made != null) {
        parts.add(new Observed.Part(observer, made));
      }
    } catch (Throwable thrown) {
      failed(observer, thrown);
    }
  }

  /** An observer has thrown. Logged once: the next task would say the same. */
  void failed(TaskObserver observer, Throwable thrown) {
    try {
      if (mentioned.add(observer)) {
        LOG.log(
            Level.WARNING,
            "the task observer "
                + observer.getClass().getName()
                + " failed; tasks go on without it, and what it throws from now on is not logged",
            thrown);
      }
    } catch (Throwable shortage) {
      // nothing is lost but the message
    }
  }

  /** How many have thrown, and were told of. */
  int mentions() {
    return mentioned.size();
  }

  @Override
  public String toString() {
    return Arrays.toString(all);
  }
}
