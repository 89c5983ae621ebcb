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
import org.openjdk.jcstress.infra.results.JJ_Result;

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
      Stage.publish(slots, future, 0);
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

    /** The kind of the claim word at the end. */
    @Arbiter
    public void end(III_Result r) {
      r.r3 = (int) StateWord.kind(slots.claim(slot));
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
        stage.putResult(slot, 77);
        stage.end(slot, claimed);
        r.r1 = 1;
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
            case ENDED -> stage.resultLength(slot) == 8 ? 2 : -2;
            default -> 3;
          };
    }
  }

  /** What was filled in before the task was published is what the lane reads after its claim. */
  @JCStressTest
  @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "not there yet")
  @Outcome(id = "5, 99", expect = ACCEPTABLE, desc = "claimed, and all fields are seen")
  @Outcome(expect = FORBIDDEN, desc = "claimed without its request")
  @State
  public static class RequestBeforePublished {
    final Stage stage = new Stage();
    final SlotTable<TaskFuture<?>> slots = stage.slots();
    final int slot = slots.free.pop();
    final TaskFuture<byte[]> future = Stage.future(slots, slot);

    /** The submitter. */
    @Actor
    public void client() {
      slots.inlineRequest(slot, 8).putLong(0, 99);
      Stage.publish(slots, future, 5);
    }

    /** The lane. */
    @Actor
    public void lane(IJ_Result r) {
      if (stage.claim(slot) != 0) {
        r.r1 = stage.requestLength(slot);
        r.r2 = stage.memory.getLong(Stage.slot(slot) + Layout.SLOT_REQUEST);
      }
    }
  }

  /** What a lane wrote before its end is what the client reads after it. */
  @JCStressTest
  @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "not there yet")
  @Outcome(id = "8, 77", expect = ACCEPTABLE, desc = "ended, and all fields are seen")
  @Outcome(expect = FORBIDDEN, desc = "ended without its result")
  @State
  public static class ResultBeforeEnd extends Queued {
    final long claimed = stage.claim(slot);

    /** The lane. */
    @Actor
    public void lane() {
      stage.putResult(slot, 77);
      stage.end(slot, claimed);
    }

    /** The poller. */
    @Actor
    public void client(IJ_Result r) {
      if (StateWord.generation(slots.ended(slot)) == future.generation) {
        r.r1 = stage.resultLength(slot);
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
      long word = slots.ended(slot);
      TaskFuture<?> found = slots.pending(slot);
      if (found == null || StateWord.generation(word) != found.generation) {
        return 0;
      }
      if (!slots.take(slot, found)) {
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

  /** A slot whose first task has run, and is about to be used again. */
  public static class Reused extends Queued {
    final long claimed = stage.claim(slot);

    /** What takes long is done beforehand, or the sides would hardly meet. */
    public Reused() {
      slots.inlineRequest(slot, 8);
      slots.inlineResult(slot, 8);
    }

    /** The lane: ends its task, and claims and ends the next one if it is there by then. */
    final void runTwo(JJ_Result r) {
      stage.putResult(slot, 77);
      stage.end(slot, claimed);
      long next = 0;
      for (int looks = 0; looks < Stage.LOOKS && next == 0; looks++) {
        next = stage.claim(slot);
      }
      if (next != 0) {
        r.r2 = stage.memory.getLong(Stage.slot(slot) + Layout.SLOT_REQUEST);
        stage.putResult(slot, 88);
        stage.end(slot, next);
      }
    }

    /** Fills the next task of the slot in. */
    final TaskFuture<byte[]> next() {
      slots.release(slot, slots.ended(slot), 0);
      int again = slots.free.pop();
      slots.inlineRequest(again, 8).putLong(0, 99);
      return Stage.future(slots, again);
    }

    final long result() {
      return slots.inlineResult(slot, 8).getLong(0);
    }

    final boolean hasEnded() {
      return StateWord.generation(slots.ended(slot)) == future.generation;
    }

    /** Looks for the end of the first task for a while. */
    final boolean awaitEnd() {
      for (int looks = 0; looks < Stage.LOOKS && !hasEnded(); looks++) {
        Thread.onSpinWait();
      }
      return hasEnded();
    }
  }

  /**
   * Nothing is stored between a result and the next task: neither side sees the other's too late.
   */
  @JCStressTest
  @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "not ended when the client looked")
  @Outcome(id = "77, 0", expect = ACCEPTABLE, desc = "ended; the lane saw no next task")
  @Outcome(id = "77, 99", expect = ACCEPTABLE, desc = "both tasks ran")
  @Outcome(expect = FORBIDDEN, desc = "the result of the next task, or a request half written")
  @State
  public static class NextTask extends Reused {
    /** The lane. */
    @Actor
    public void lane(JJ_Result r) {
      runTwo(r);
    }

    /** The client. */
    @Actor
    public void client(JJ_Result r) {
      if (awaitEnd()) {
        r.r1 = result();
        Stage.publish(slots, next(), 8);
      }
    }
  }

  /** A caller that was paused withdraws a task whose slot has gone on to the next one. */
  @JCStressTest
  @Outcome(id = "0, 1, 2", expect = ACCEPTABLE, desc = "the late one took nothing back")
  @Outcome(expect = FORBIDDEN, desc = "it took the next task back")
  @State
  public static class LateWithdrawal extends Reused {
    /** The poller, whose client publishes the next task, which a lane then claims. */
    @Actor
    public void client(III_Result r) {
      stage.end(slot, claimed);
      Stage.publish(slots, next(), 8);
      r.r2 = stage.claim(slot) != 0 ? 1 : 0;
    }

    /** The caller. */
    @Actor
    public void late(III_Result r) {
      r.r1 = future.withdrawFrom(slots) == SlotTable.Withdrawal.WITHDRAWN ? 1 : 0;
    }

    /** The kind of the claim word at the end. */
    @Arbiter
    public void end(III_Result r) {
      r.r3 = (int) StateWord.kind(slots.claim(slot));
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
      r.r1 = stage.memory.getLong(Stage.slot(0) + Layout.SLOT_ASKED) & ~Layout.CANCEL_BIT;
    }
  }
}
