package io.ringwork;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.ringwork.internal.segment.HintRing;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.PayloadArena;
import io.ringwork.internal.segment.SlotTable;
import io.ringwork.internal.segment.StateWord;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.IJ_Result;
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

  /** RequestBeforeQueued with the state word stored first. */
  @JCStressTest
  @Outcome(
      id = {"0, 0", "5, 99"},
      expect = ACCEPTABLE,
      desc = "nothing, or all")
  @Outcome(expect = FORBIDDEN, desc = "claimed without its request")
  @State
  public static class QueuedBeforeRequest {
    final Stage stage = new Stage();
    final SlotTable<TaskFuture<?>> slots = stage.slots();
    final int slot = slots.free.pop();
    final TaskFuture<byte[]> future = Stage.future(slots, slot);

    /** The submitter. */
    @Actor
    public void client() {
      slots.publish(slot, future);
      slots.inlineRequest(slot, 8).putLong(0, 99);
      slots.fillTask(slot, Stage.TYPE.handlerId, 0, null);
      slots.fillRequest(slot, 5, 0, 0, 1, 0);
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
      if (StateWord.kind(slots.state(slot)) == Layout.KIND_QUEUED) {
        long next = StateWord.next(future.generation);
        stage.memory.setLongRelease(Stage.slot(slot), StateWord.free(next));
        r.r2 = 1;
      }
    }

    /** The kind at the end. */
    @Arbiter
    public void end(III_Result r) {
      r.r3 = (int) StateWord.kind(slots.state(slot));
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
}
