package io.ringwork;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.SlotTable;
import io.ringwork.internal.segment.SlotTable.Queued;
import io.ringwork.internal.segment.SlotTable.Withdrawal;
import io.ringwork.internal.segment.StateWord;
import java.lang.invoke.VarHandle;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.I_Result;

/** Tasks with keys: what is skipped, which thread hints the next one, whose line it is. */
public class KeyStress {
  private KeyStress() {}

  static final long KEY = 77;

  /** A slot whose task has a key and is queued. */
  public static class Keyed {
    final Stage stage = new Stage();
    final SlotTable<TaskFuture<?>> slots = stage.keyedSlots();
    final int slot = slots.free.pop();
    final TaskFuture<byte[]> future = Stage.future(slots, slot);
    int hints;

    /** Publishes it. */
    public Keyed() {
      slots.keys.hintBy(i -> hints++);
      publish(future);
    }

    final Queued publish(TaskFuture<byte[]> task) {
      long word = Stage.fill(slots, task.slot, 0);
      return slots.publish(task.slot, word, task, KEY, true, stage.injector());
    }

    /** As a lane that has claimed a task: whether it was given up, and is not to run. */
    boolean isAsked(int i, long claimed) {
      VarHandle.fullFence(); // pairs with the client's behind what it asks
      long asked = stage.memory.getLongAcquire(Stage.slot(i) + Layout.SLOT_ASKED);
      long own = Layout.CANCEL_BIT | StateWord.generation(claimed);
      return (asked & (Layout.CANCEL_BIT | Layout.GENERATION_MASK)) == own;
    }
  }

  /** A claim, and a caller that gives the task up: one of them sees the other. */
  @JCStressTest
  @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "it runs, and the caller saw that")
  @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "left out, as the caller was told")
  @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "left out, though the caller saw the claim")
  @Outcome(expect = FORBIDDEN, desc = "it runs, and its caller was told that it does not")
  @State
  public static class ClaimOrSkip extends Keyed {
    /** The lane. */
    @Actor
    public void lane(II_Result r) {
      r.r1 = isAsked(slot, stage.claim(slot)) ? 0 : 1;
    }

    /** The caller. */
    @Actor
    public void client(II_Result r) {
      r.r2 = future.withdrawFrom(slots) == Withdrawal.SKIPPED ? 0 : 1;
    }
  }

  /** A submit behind a task that ends at the same time: one process writes its hint. */
  @JCStressTest
  @Outcome(
      id = {"1, 0, 1", "0, 1, 1"},
      expect = ACCEPTABLE,
      desc = "one of them")
  @Outcome(expect = FORBIDDEN, desc = "both, or none: the task is never seen")
  @State
  public static class SubmitOrEnd extends Keyed {
    final long claimed = stage.claim(slot);
    final TaskFuture<byte[]> next = Stage.future(slots, slots.free.pop());

    /** The submitter. */
    @Actor
    public void client(III_Result r) {
      r.r1 = publish(next) == Queued.HINTED ? 1 : 0;
    }

    /** The lane: the end, and then the duty. */
    @Actor
    public void lane(III_Result r) {
      stage.end(slot, claimed);
      r.r2 = stage.takesNext(slot, claimed) ? 1 : 0;
    }

    /** How often it is hinted, when the client has taken the first one in. */
    @Arbiter
    public void end(III_Result r) {
      slots.take(slot, future);
      slots.release(slot, slots.ended(slot), 0);
      r.r3 = r.r1 + r.r2 + hints;
    }
  }

  /** The lane that has ended a task, and the client that takes it in: one hints the next. */
  @JCStressTest
  @Outcome(
      id = {"1, 0", "0, 1"},
      expect = ACCEPTABLE,
      desc = "one of them")
  @Outcome(expect = FORBIDDEN, desc = "both, or none")
  @State
  public static class LaneOrClientHints extends Keyed {
    final long claimed = stage.claim(slot);

    /** The task behind it is there, and it has ended. */
    public LaneOrClientHints() {
      publish(Stage.future(slots, slots.free.pop()));
      stage.end(slot, claimed);
    }

    /** The lane. */
    @Actor
    public void lane(II_Result r) {
      r.r1 = stage.takesNext(slot, claimed) ? 1 : 0;
    }

    /** The client. */
    @Actor
    public void client() {
      slots.take(slot, future);
      slots.release(slot, slots.ended(slot), 0);
    }

    /** The client's. */
    @Arbiter
    public void end(II_Result r) {
      r.r2 = hints;
    }
  }

  /** A lane reads how the task before one has ended, while the client uses that slot again. */
  @JCStressTest
  @Outcome(id = "1", expect = ACCEPTABLE, desc = "it saw the failure, in one place or the other")
  @Outcome(expect = FORBIDDEN, desc = "it took the flag of the slot's next task for that one's")
  @State
  public static class PoisonOrReuse extends Keyed {
    final long claimed = stage.claim(slot);
    final TaskFuture<byte[]> next = Stage.future(slots, slots.free.pop());

    /** The first one has failed its key. */
    public PoisonOrReuse() {
      publish(next);
      stage.endAs(slot, claimed, Layout.STATUS_FAILED);
    }

    /** The client: takes the end in, and has the slot serve another task, which fails no key. */
    @Actor
    public void client() {
      slots.take(slot, future);
      slots.release(slot, slots.ended(slot), 0);
      TaskFuture<byte[]> other = Stage.future(slots, slots.free.pop());
      long word = Stage.fill(slots, other.slot, 0);
      slots.publish(other.slot, word, other, KEY + 1, false, stage.injector());
    }

    /** The lane, as `Keys::turn`. */
    @Actor
    public void lane(I_Result r) {
      r.r1 = stage.isPoisoned(slot, future.generation, next.slot) ? 1 : 0;
    }
  }
}
