package io.ringwork;

import io.ringwork.TaskObserver.Ending;
import io.ringwork.TaskObserver.Scope;
import io.ringwork.internal.Traceparent;
import io.ringwork.internal.segment.ClientSegment;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.StateWord;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * A task that observers look at: what they are told of it, and when it has been told.
 *
 * <p>What is noted of its run is written by the thread that ends the task before it settles the
 * future, and read by the thread that completes that.
 */
final class Observed {
  /** The requests of a task that is no chunk. */
  static final int ALONE = -1;

  private static final VarHandle TOLD;

  static {
    try {
      TOLD = MethodHandles.lookup().findVarHandle(Observed.class, "told", boolean.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /** What one observer has made of it. */
  record Part(TaskObserver observer, TaskObserver.Observation observation) {}

  private final Observers observers;
  private final List<Part> parts;
  private final long submitted = System.nanoTime();
  private final byte @Nullable [] trace;

  /** Another pool may take it when one takes none. */
  private boolean goesOn;

  @SuppressWarnings("unused") // through TOLD
  private volatile boolean told;

  private long claimed;
  private int attempt;
  private int lane = -1;
  private int pid;

  Observed(Observers observers, List<Part> parts, boolean goesOn) {
    this.observers = observers;
    this.parts = parts;
    this.goesOn = goesOn;
    this.trace = traceOf(parts);
  }

  private byte @Nullable [] traceOf(List<Part> parts) {
    for (Part part : parts) {
      try {
        Optional<String> header = part.observation.traceparent();
        if (header.isPresent()) {
          return Traceparent.parse(header.get());
        }
      } catch (Throwable thrown) {
        observers.failed(part.observer, thrown);
      }
    }
    return null;
  }

  /** The trace context that travels with the task. */
  byte @Nullable [] trace(TaskOptions options) {
    return trace != null ? trace : options.trace;
  }

  // ---- its run, noted while its slot is its own

  /** Notes which lane has claimed it last, and when; only of a task that runs, or has ended. */
  void note(ClientSegment<?> segment, int slot, long generation) {
    long claim = segment.slots.claim(slot);
    if (StateWord.generation(claim) != generation) {
      return; // no lane has had it
    }
    claimed = segment.slots.claimedAt(slot);
    attempt = StateWord.attempt(claim) + 1;
    if (StateWord.kind(claim) == Layout.KIND_CLAIMED) { // of one that crashed the cause is there
      lane = StateWord.owner(claim);
      pid = segment.workerOf(lane);
    }
  }

  // ---- its end

  /** It is the last pool that has turned it away: that is its end. */
  void lastTry() {
    goesOn = false;
  }

  /**
   * Its future completes.
   *
   * @param how as {@link TaskFuture#outcome}
   * @param unsent whether it never got a slot
   */
  void ended(Object how, boolean unsent) {
    if (how instanceof Outcome.Failure failure) {
      if (!goesOn || !unsent || !Pools.isTurnedAway(failure.error())) {
        ended(failure.error());
      }
    } else {
      tell(TaskOutcome.COMPLETED, null, how instanceof ChunkResult<?> results ? results : null);
    }
  }

  /** It has ended with a failure. */
  void ended(Throwable failure) {
    tell(TaskOutcome.of(failure), failure, null);
  }

  /** Its future was completed by hand. */
  void abandoned() {
    tell(TaskOutcome.ABANDONED, null, null);
  }

  private void tell(
      TaskOutcome outcome, @Nullable Throwable failure, @Nullable ChunkResult<?> chunk) {
    if (!TOLD.compareAndSet(this, false, true)) {
      return;
    }
    try {
      // A lane that notes what can't be must not make times negative.
      long now = System.nanoTime();
      boolean known = claimed - submitted >= 0 && now - claimed >= 0 && claimed != 0;
      Ending ending =
          new Ending(
              outcome,
              Optional.ofNullable(failure),
              Optional.ofNullable(chunk),
              submitted,
              known ? OptionalLong.of(claimed) : OptionalLong.empty(),
              now,
              attempt,
              lane < 0 ? OptionalInt.empty() : OptionalInt.of(lane),
              pid == 0 ? OptionalInt.empty() : OptionalInt.of(pid));
      for (Part part : parts) {
        tell(part, ending);
      }
    } catch (Throwable shortage) {
      // of memory or stack: the future must complete all the same
    }
  }

  private void tell(Part part, Ending ending) {
    try {
      part.observation.ended(ending);
    } catch (Throwable thrown) {
      observers.failed(part.observer, thrown);
    }
  }

  // ---- its callbacks

  /**
   * Makes the submitter's context current; the last one made is to be {@link #leave left} first.
   */
  Scope[] restore() {
    Scope[] scopes = new Scope[parts.size()];
    for (int n = 0; n < scopes.length; n++) {
      Part part = parts.get(n);
      scopes[n] = Scope.NONE;
      try {
        Scope made = part.observation.restore();
        scopes[n] = made == null ? Scope.NONE : made;
      } catch (Throwable thrown) {
        observers.failed(part.observer, thrown);
      }
    }
    return scopes;
  }

  void leave(Scope[] scopes) {
    for (int n = scopes.length - 1; n >= 0; n--) {
      try {
        scopes[n].close();
      } catch (Throwable thrown) {
        observers.failed(parts.get(n).observer, thrown);
      }
    }
  }
}
