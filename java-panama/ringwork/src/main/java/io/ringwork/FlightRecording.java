package io.ringwork;

import org.jspecify.annotations.Nullable;

/** Writes a {@link TaskEvent} for each task while a recording wants them. */
final class FlightRecording {
  /** A runtime image may be without the recorder: then the event's class is never loaded. */
  private static final boolean THERE =
      ModuleLayer.boot().findModule("jdk.jfr").isPresent() && isReadable();

  static final TaskObserver OBSERVER = FlightRecording::submitting;

  private FlightRecording() {}

  private static boolean isReadable() {
    try {
      return FlightRecording.class
          .getModule()
          .canRead(Class.forName("jdk.jfr.Event", false, null).getModule());
    } catch (ClassNotFoundException none) {
      return false;
    }
  }

  /** Whether a recording wants an event of each task. */
  static boolean isOn() {
    return THERE && TaskEvent.isOn();
  }

  private static TaskObserver.@Nullable Observation submitting(TaskObserver.Submission task) {
    TaskEvent event = new TaskEvent();
    event.begin();
    return ending -> commit(event, task, ending);
  }

  private static void commit(
      TaskEvent event, TaskObserver.Submission task, TaskObserver.Ending ending) {
    event.end();
    if (!event.shouldCommit()) {
      return;
    }
    event.pool = task.pool();
    event.handler = task.handler();
    event.priority = task.priority().name();
    event.requests = task.requests();
    event.outcome = ending.outcome().name();
    event.error = ending.errorType().orElse("");
    event.queueTime = ending.queueNanos().orElse(Long.MIN_VALUE);
    event.runTime = ending.runNanos().orElse(Long.MIN_VALUE);
    event.attempt = ending.attempt();
    event.lane = ending.lane().orElse(-1);
    event.workerPid = ending.workerPid().orElse(0);
    event.commit();
  }
}
