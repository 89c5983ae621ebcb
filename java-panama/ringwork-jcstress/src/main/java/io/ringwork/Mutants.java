package io.ringwork;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.ringwork.internal.segment.HintRing;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.PayloadArena;
import io.ringwork.internal.segment.PublishedWord;
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
import org.openjdk.jcstress.infra.results.J_Result;
import org.openjdk.jcstress.infra.results.ZI_Result;
import org.openjdk.jcstress.infra.results.ZZJ_Result;

/**
 * Deliberately broken variants of the operations: `tools/jcstress` runs them, too, and fails unless
 * each is caught. What they leave out is what the tests beside them are there for.
 */
public class Mutants {
  private Mutants() {}

  /** PollerSleeps without the full fence: a store and a later load change places, on x86, too. */
  @JCStressTest
  @Outcome(id = "true, 0", expect = FORBIDDEN, desc = "it sleeps, and nobody wakes it")
  @Outcome(expect = ACCEPTABLE, desc = "seen by one of the two")
  @State
  public static class PollerSleepsWithoutFence {
    final Stage stage = new Stage();
    final HintRing poller = stage.completions();
    final HintRing lanes = stage.completions();

    /** As PollerRole.arm and the look after it, without the fence. */
    @Actor
    public void poller(ZI_Result r) {
      stage.memory.setIntOpaque(Stage.waiting(), 1);
      r.r1 = poller.isEmpty();
    }

    /** The lane. */
    @Actor
    public void lane() {
      stage.announce(lanes, 0);
    }

    /** Whether it was woken. */
    @Arbiter
    public void end(ZI_Result r) {
      r.r2 = stage.wakes();
    }
  }

  /** RequestBeforePublished with the published word stored first. */
  @JCStressTest
  @Outcome(
      id = {"0, 0", "5, 99"},
      expect = ACCEPTABLE,
      desc = "nothing, or all")
  @Outcome(expect = FORBIDDEN, desc = "claimed without its request")
  @State
  public static class PublishedBeforeRequest {
    final Stage stage = new Stage();
    final SlotTable<TaskFuture<?>> slots = stage.slots();
    final int slot = slots.free.pop();
    final TaskFuture<byte[]> future = Stage.future(slots, slot);

    /** The submitter. */
    @Actor
    public void client() {
      slots.publish(slot, PublishedWord.with(future.generation, 0), future);
      Thread.onSpinWait(); // or the chance to see it is small
      slots.inlineRequest(slot, 8).putLong(0, 99);
      Stage.fill(slots, slot, 5);
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

  /** ClaimOrWithdraw with a withdrawal that stores instead of comparing. */
  @JCStressTest
  @Outcome(
      id = {"1, 0, 2", "0, 1, 0"},
      expect = ACCEPTABLE,
      desc = "one has it")
  @Outcome(expect = FORBIDDEN, desc = "both have it")
  @State
  public static class WithdrawByStore extends SlotStress.Queued {
    /** The lane. */
    @Actor
    public void lane(III_Result r) {
      r.r1 = stage.claim(slot) != 0 ? 1 : 0;
    }

    /** The caller. */
    @Actor
    public void client(III_Result r) {
      if (slots.isQueued(slot, future.generation)) {
        long at = Stage.slot(slot) + Layout.SLOT_CLAIM;
        stage.memory.setLongRelease(at, StateWord.withdrawn(future.generation));
        r.r2 = 1;
      }
    }

    /** The kind of the claim word at the end. */
    @Arbiter
    public void end(III_Result r) {
      r.r3 = (int) StateWord.kind(slots.claim(slot));
    }
  }

  /** LateWithdrawal that asks only whether something waits for a lane, not which task. */
  @JCStressTest
  @Outcome(id = "0, 1, 2", expect = ACCEPTABLE, desc = "the late one took nothing back")
  @Outcome(expect = FORBIDDEN, desc = "it took the next task back")
  @State
  public static class WithdrawWhateverWaits extends SlotStress.Reused {
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
      for (int looks = 0; looks < Stage.LOOKS && r.r1 == 0; looks++) {
        long claim = slots.claim(slot);
        long published = stage.memory.getLongAcquire(Stage.slot(slot) + Layout.SLOT_PUBLISHED);
        long generation = PublishedWord.generation(published);
        if (SlotTable.waits(claim, generation)) {
          long at = Stage.slot(slot) + Layout.SLOT_CLAIM;
          r.r1 = stage.memory.casLong(at, claim, StateWord.withdrawn(generation)) ? 1 : 0;
        }
      }
    }

    /** The kind of the claim word at the end. */
    @Arbiter
    public void end(III_Result r) {
      r.r3 = (int) StateWord.kind(slots.claim(slot));
    }
  }

  /** ResultBeforeEnd with the ended word stored first. */
  @JCStressTest
  @Outcome(
      id = {"0, 0", "8, 77"},
      expect = ACCEPTABLE,
      desc = "nothing, or all")
  @Outcome(expect = FORBIDDEN, desc = "ended without its result")
  @State
  public static class EndBeforeResult extends SlotStress.Queued {
    final long claimed = stage.claim(slot);

    /** The lane. */
    @Actor
    public void lane() {
      stage.end(slot, claimed);
      Thread.onSpinWait(); // or the chance to see it is small
      stage.putResult(slot, 77);
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

  /** NextTask with the next task published before the result of the last one is read. */
  @JCStressTest
  @Outcome(
      id = {"0, 0", "77, 0", "77, 99"},
      expect = ACCEPTABLE,
      desc = "the first task's result, and a whole request")
  @Outcome(expect = FORBIDDEN, desc = "the result of the next task")
  @State
  public static class ResultReadTooLate extends SlotStress.Reused {
    /** The lane. */
    @Actor
    public void lane(JJ_Result r) {
      runTwo(r);
    }

    /** The client. */
    @Actor
    public void client(JJ_Result r) {
      if (awaitEnd()) {
        Stage.publish(slots, next(), 8);
        for (int looks = 0; looks < Stage.LOOKS && hasEnded(); looks++) {
          Thread.onSpinWait(); // the next task may end in between
        }
        r.r1 = result();
      }
    }
  }

  /** TwoEnd that looks whether the future is pending, and does not compare when it takes it. */
  @JCStressTest
  @Outcome(
      id = {"1, 0, 2", "0, 1, 2"},
      expect = ACCEPTABLE,
      desc = "one ended it")
  @Outcome(expect = FORBIDDEN, desc = "both did")
  @State
  public static class TakenByLook extends SlotStress.Queued {
    /** The lane was here. */
    public TakenByLook() {
      stage.end(slot, stage.claim(slot));
    }

    private int end() {
      if (slots.pending(slot) != future) {
        return 0;
      }
      slots.take(slot, future);
      slots.release(slot, slots.ended(slot), 0);
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
      int most = 2 * Stage.SLOT_COUNT; // the list may be a circle
      while (r.r3 < most && slots.free.pop() >= 0) {
        r.r3++;
      }
    }
  }

  /** CancelWordGrows with a word that is stored when the look said that it is older. */
  @JCStressTest
  @Outcome(id = "8", expect = ACCEPTABLE, desc = "the younger stands")
  @Outcome(expect = FORBIDDEN, desc = "the older won")
  @State
  public static class CancelByStore {
    final Stage stage = new Stage();

    private void ask(long generation) {
      long at = Stage.slot(0) + Layout.SLOT_ASKED;
      long seen = stage.memory.getLongAcquire(at) & Layout.GENERATION_MASK;
      if (StateWord.isOlder(seen, generation)) {
        stage.memory.setLongRelease(at, Layout.CANCEL_BIT | generation);
      }
    }

    /** A caller that was paused. */
    @Actor
    public void late() {
      ask(7);
    }

    /** The next task's. */
    @Actor
    public void young() {
      ask(8);
    }

    /** What stands. */
    @Arbiter
    public void end(J_Result r) {
      r.r1 = stage.memory.getLong(Stage.slot(0) + Layout.SLOT_ASKED) & ~Layout.CANCEL_BIT;
    }
  }

  /** FreedTwice with a free that stores 0, whatever the owner is. */
  @JCStressTest
  @Outcome(
      id = {"true, true, 5", "true, false, 0"},
      expect = ACCEPTABLE,
      desc = "one owner")
  @Outcome(expect = FORBIDDEN, desc = "the second free hit the next owner")
  @State
  public static class FreedByStore {
    final Stage stage = new Stage();
    final PayloadArena arena = stage.arena();
    final long reference = arena.take(100, PayloadArena.requestOwner(0, 1));

    /** Twice. */
    @Actor
    public void twice(ZZJ_Result r) {
      stage.freeByStore(0);
      stage.awaitTaken(0);
      stage.freeByStore(0);
      r.r1 = true;
    }

    /** The next. */
    @Actor
    public void next(ZZJ_Result r) {
      r.r2 = arena.take(100, PayloadArena.requestOwner(1, 5)) != 0;
    }

    /** Whose it is. */
    @Arbiter
    public void end(ZZJ_Result r) {
      r.r3 = stage.owner(0) & Layout.GENERATION_MASK;
    }
  }

  /** ClaimOrSkip without the fence between what is asked and the look at the claim. */
  @JCStressTest
  @Outcome(id = "1, 0", expect = FORBIDDEN, desc = "it runs, and its caller was told it does not")
  @Outcome(expect = ACCEPTABLE, desc = "seen by one of the two")
  @State
  public static class SkipWithoutFence extends KeyStress.Keyed {
    /** The lane. */
    @Actor
    public void lane(II_Result r) {
      r.r1 = isAsked(slot, stage.claim(slot)) ? 0 : 1;
    }

    /** The caller. */
    @Actor
    public void client(II_Result r) {
      long at = Stage.slot(slot) + Layout.SLOT_ASKED;
      stage.memory.setLongRelease(at, Layout.CANCEL_BIT | future.generation);
      r.r2 = SlotTable.waits(slots.claim(slot), future.generation) ? 0 : 1;
    }
  }

  /** LaneOrClientHints with a client that looks, and does not compare when it takes the duty. */
  @JCStressTest
  @Outcome(
      id = {"1, 0", "0, 1"},
      expect = ACCEPTABLE,
      desc = "one of them")
  @Outcome(expect = FORBIDDEN, desc = "both hint it")
  @State
  public static class NextTakenByLook extends KeyStress.Keyed {
    final long claimed = stage.claim(slot);

    /** The task behind it is there, and it has ended. */
    public NextTakenByLook() {
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
    public void client(II_Result r) {
      r.r2 = stage.takesNextByLook(slot, claimed) ? 1 : 0;
    }
  }
}
