package io.ringwork;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.PayloadArena;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.IJ_Result;
import org.openjdk.jcstress.infra.results.ZZJ_Result;

/** The arena: a block has one owner, and is free only when its last user is done with it. */
public class ArenaStress {
  private static final long OLD = PayloadArena.requestOwner(0, 1);
  private static final long NEW = PayloadArena.requestOwner(1, 5);

  private ArenaStress() {}

  /** Two tasks want the only block that requests may take. */
  @JCStressTest
  @Outcome(
      id = {"true, false, 1", "false, true, 5"},
      expect = ACCEPTABLE,
      desc = "one has it")
  @Outcome(expect = FORBIDDEN, desc = "both have it, or nobody")
  @State
  public static class OneBlock {
    final Stage stage = new Stage();
    final PayloadArena arena = stage.arena();

    /** One. */
    @Actor
    public void one(ZZJ_Result r) {
      r.r1 = arena.take(100, OLD) != 0;
    }

    /** Two. */
    @Actor
    public void two(ZZJ_Result r) {
      r.r2 = arena.take(100, NEW) != 0;
    }

    /** Whose it is: the generation in the owner word. */
    @Arbiter
    public void end(ZZJ_Result r) {
      r.r3 = stage.owner(0) & Layout.GENERATION_MASK;
    }
  }

  /** Who takes a block that another frees sees what that one had done with it. */
  @JCStressTest
  @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "not free yet")
  @Outcome(id = "1, 9", expect = ACCEPTABLE, desc = "free, and its former user is done")
  @Outcome(expect = FORBIDDEN, desc = "taken while its former user still writes")
  @State
  public static class FreedAfterUse {
    final Stage stage = new Stage();
    final PayloadArena arena = stage.arena();
    final long reference = arena.take(100, OLD);

    /** The former user. */
    @Actor
    public void former() {
      stage.memory.setLong(Stage.block(0), 9);
      arena.free(reference, OLD);
    }

    /** The next. */
    @Actor
    public void next(IJ_Result r) {
      if (arena.take(100, NEW) != 0) {
        r.r1 = 1;
        r.r2 = stage.memory.getLong(Stage.block(0));
      }
    }
  }

  /** A block is freed twice, by two threads that both know the task, while a third takes it. */
  @JCStressTest
  @Outcome(id = "true, true, 5", expect = ACCEPTABLE, desc = "the third has it")
  @Outcome(id = "true, false, 0", expect = ACCEPTABLE, desc = "the third came too early")
  @Outcome(expect = FORBIDDEN, desc = "the second free hit the next owner")
  @State
  public static class FreedTwice {
    final Stage stage = new Stage();
    final PayloadArena arena = stage.arena();
    final long reference = arena.take(100, OLD);

    /** The client, then the reaper with the word that it judged. */
    @Actor
    public void twice(ZZJ_Result r) {
      arena.free(reference, OLD);
      stage.awaitTaken(0);
      arena.free(reference, OLD);
      r.r1 = true;
    }

    /** The next. */
    @Actor
    public void next(ZZJ_Result r) {
      r.r2 = arena.take(100, NEW) != 0;
    }

    /** Whose it is. */
    @Arbiter
    public void end(ZZJ_Result r) {
      r.r3 = stage.owner(0) & Layout.GENERATION_MASK;
    }
  }
}
