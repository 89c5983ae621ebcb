package io.ringwork;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.SlotTable;
import io.ringwork.internal.segment.StateWord;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.IJ_Result;

/** The slot: which thread claims, which one ends, and what each of them sees. */
public class SlotStress {
  private SlotStress() {}

  /** A slot whose task is queued. */
  public static class Queued {
    final Stage stage = new Stage();
    final SlotTable<TaskFuture<?>> slots = stage.slots();
    final int slot = slots.free.pop();
    final TaskFuture<byte[]> future = Stage.future(slots, slot);

    /** Publishes it. */
    public Queued() {
      slots.publish(slot, future);
    }
  }

  /** A claim and a withdrawal of one task. */
  @JCStressTest
  @Outcome(id = "1, 0, 2", expect = ACCEPTABLE, desc = "the lane has it")
  @Outcome(id = "0, 1, 0", expect = ACCEPTABLE, desc = "the client took it back")
  @Outcome(expect = FORBIDDEN, desc = "both have it, or nobody")
  @State
  public static class ClaimOrWithdraw extends Queued {
    /** The lane. */
    @Actor
    public void lane(III_Result r) {
      r.r1 = stage.claim(slot) != 0 ? 1 : 0;
    }

    /** A caller that cancels, or whose deadline passed. */
    @Actor
    public void client(III_Result r) {
      r.r2 = future.withdrawFrom(slots) == SlotTable.Withdrawal.WITHDRAWN ? 1 : 0;
    }

    /** The kind at the end. */
    @Arbiter
    public void end(III_Result r) {
      r.r3 = (int) StateWord.kind(slots.state(slot));
    }
  }

  /** Two threads withdraw one task. */
  @JCStressTest
  @Outcome(
      id = {"1, 0, 2", "0, 1, 2"},
      expect = ACCEPTABLE,
      desc = "one did, the slot is free once")
  @Outcome(expect = FORBIDDEN, desc = "both did, or nobody")
  @State
  public static class TwoWithdraw extends Queued {
    /** One. */
    @Actor
    public void one(III_Result r) {
      r.r1 = future.withdrawFrom(slots) == SlotTable.Withdrawal.WITHDRAWN ? 1 : 0;
    }

    /** Two. */
    @Actor
    public void two(III_Result r) {
      r.r2 = future.withdrawFrom(slots) == SlotTable.Withdrawal.WITHDRAWN ? 1 : 0;
    }

    /** How many slots are free: the list must not have it twice. */
    @Arbiter
    public void end(III_Result r) {
      while (slots.free.pop() >= 0) {
        r.r3++;
      }
    }
  }

  /** A lane claims and ends a task while the client cancels it. */
  @JCStressTest
  @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "ended; the client saw it run")
  @Outcome(id = "1, 2", expect = ACCEPTABLE, desc = "ended; the client saw the end, and its result")
  @Outcome(id = "0, 3", expect = ACCEPTABLE, desc = "taken back")
  @Outcome(expect = FORBIDDEN, desc = "taken back and run, or an end without its result")
  @State
  public static class EndOrCancel extends Queued {
    /** The lane. */
    @Actor
    public void lane(II_Result r) {
      long claimed = stage.claim(slot);
      if (claimed != 0) {
        stage.memory.setInt(Stage.slot(slot) + Layout.SLOT_RESULT_LEN, 7);
        r.r1 = stage.end(slot, claimed) ? 1 : -1;
      }
    }

    /** The caller. */
    @Actor
    public void client(II_Result r) {
      r.r2 =
          switch (future.withdrawFrom(slots)) {
            case RUNNING -> {
              slots.requestCancel(slot, future.generation);
              yield 1;
            }
            case ENDED ->
                stage.memory.getInt(Stage.slot(slot) + Layout.SLOT_RESULT_LEN) == 7 ? 2 : -2;
            case WITHDRAWN, WITHDRAWN_AFTER_ATTEMPT -> 3;
          };
    }
  }

  /** What was filled in before QUEUED is what the lane reads after its claim. */
  @JCStressTest
  @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "not there yet")
  @Outcome(id = "5, 99", expect = ACCEPTABLE, desc = "claimed, and all fields are seen")
  @Outcome(expect = FORBIDDEN, desc = "claimed without its request")
  @State
  public static class RequestBeforeQueued {
    final Stage stage = new Stage();
    final SlotTable<TaskFuture<?>> slots = stage.slots();
    final int slot = slots.free.pop();
    final TaskFuture<byte[]> future = Stage.future(slots, slot);

    /** The submitter. */
    @Actor
    public void client() {
      slots.inlineRequest(slot, 8).putLong(0, 99);
      slots.fillTask(slot, Stage.TYPE.handlerId, 0, null);
      slots.fillRequest(slot, 5, 0, 0, 1, 0);
      slots.publish(slot, future);
    }

    /** The lane. */
    @Actor
    public void lane(IJ_Result r) {
      if (stage.claim(slot) != 0) {
        long at = Stage.slot(slot);
        r.r1 = stage.memory.getInt(at + Layout.SLOT_REQUEST_LEN);
        r.r2 = stage.memory.getLong(at + Layout.SLOT_REQUEST);
      }
    }
  }

  /** What a lane wrote before DONE is what the client reads after it. */
  @JCStressTest
  @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "not there yet")
  @Outcome(id = "8, 77", expect = ACCEPTABLE, desc = "ended, and all fields are seen")
  @Outcome(expect = FORBIDDEN, desc = "ended without its result")
  @State
  public static class ResultBeforeDone extends Queued {
    final long claimed = stage.claim(slot);

    /** The lane. */
    @Actor
    public void lane() {
      stage.memory.setLong(Stage.slot(slot) + Layout.SLOT_RESULT, 77);
      stage.memory.setInt(Stage.slot(slot) + Layout.SLOT_RESULT_LEN, 8);
      stage.end(slot, claimed);
    }

    /** The poller. */
    @Actor
    public void client(IJ_Result r) {
      if (StateWord.ended(slots.state(slot))) {
        r.r1 = stage.memory.getInt(Stage.slot(slot) + Layout.SLOT_RESULT_LEN);
        r.r2 = slots.inlineResult(slot, 8).getLong(0);
      }
    }
  }

  /** Two threads find the same end: one ends the task. */
  @JCStressTest
  @Outcome(
      id = {"1, 0, 2", "0, 1, 2"},
      expect = ACCEPTABLE,
      desc = "one ended it, the slot is free once")
  @Outcome(expect = FORBIDDEN, desc = "both did, or nobody")
  @State
  public static class TwoEnd extends Queued {
    /** The lane was here. */
    public TwoEnd() {
      stage.end(slot, stage.claim(slot));
    }

    private int end() {
      long word = slots.state(slot);
      TaskFuture<?> found = slots.pending(slot);
      if (found == null || StateWord.generation(word) != found.generation) {
        return 0;
      }
      if (!StateWord.ended(word) || !slots.take(slot, found)) {
        return 0;
      }
      slots.release(slot, word, 0);
      return 1;
    }

    /** The poller. */
    @Actor
    public void poller(III_Result r) {
      r.r1 = end();
    }

    /** A caller that spins on its slot. */
    @Actor
    public void caller(III_Result r) {
      r.r2 = end();
    }

    /** How many slots are free. */
    @Arbiter
    public void end(III_Result r) {
      while (slots.free.pop() >= 0) {
        r.r3++;
      }
    }
  }

  /** A late request to cancel must not wipe out that of the slot's next task. */
  @JCStressTest
  @Outcome(id = "8", expect = ACCEPTABLE, desc = "the younger stands")
  @Outcome(expect = FORBIDDEN, desc = "the older won")
  @State
  public static class CancelWordGrows {
    final Stage stage = new Stage();
    final SlotTable<TaskFuture<?>> slots = stage.slots();

    /** A caller that was paused. */
    @Actor
    public void late() {
      slots.requestCancel(0, 7);
    }

    /** The next task's. */
    @Actor
    public void young() {
      slots.requestCancel(0, 8);
    }

    /** What stands. */
    @Arbiter
    public void end(org.openjdk.jcstress.infra.results.J_Result r) {
      r.r1 = stage.memory.getLong(Stage.slot(0) + Layout.SLOT_CANCEL) & ~Layout.CANCEL_BIT;
    }
  }
}
