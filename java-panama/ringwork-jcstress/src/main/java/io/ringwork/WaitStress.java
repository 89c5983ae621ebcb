package io.ringwork;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.ringwork.internal.segment.HintRing;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.SlotTable;
import io.ringwork.internal.wait.LaneWaker;
import io.ringwork.internal.wait.PollerRole;
import java.lang.invoke.VarHandle;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.L_Result;
import org.openjdk.jcstress.infra.results.ZI_Result;

/** Sleeping and waking: a sleeper has been woken, or there was nothing to do. */
public class WaitStress {
  private WaitStress() {}

  /**
   * The poller goes to sleep while a lane announces an end (section 7 of
   * docs/internals/protocol.md).
   */
  @JCStressTest
  @Outcome(id = "true, 1", expect = ACCEPTABLE, desc = "it sleeps, and is woken")
  @Outcome(
      id = "false, 0",
      expect = ACCEPTABLE,
      desc = "it saw the hint; the lane saw nobody waiting")
  @Outcome(id = "false, 1", expect = ACCEPTABLE, desc = "it saw the hint, and is woken for nothing")
  @Outcome(id = "true, 0", expect = FORBIDDEN, desc = "it sleeps, and nobody wakes it")
  @State
  public static class PollerSleeps {
    final Stage stage = new Stage();
    final PollerRole role = stage.role(stage.slots());
    final HintRing lanes = stage.completions();

    /** The poller. */
    @Actor
    public void poller(ZI_Result r) {
      r.r1 = role.prepareSleep(false) != PollerRole.Sleep.NOT;
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

  /** A lane goes to sleep while a client submits (section 9). */
  @JCStressTest
  @Outcome(id = "true, 1", expect = ACCEPTABLE, desc = "it sleeps, and is woken")
  @Outcome(
      id = "false, 0",
      expect = ACCEPTABLE,
      desc = "it saw the hint; the client saw no idle lane")
  @Outcome(id = "false, 1", expect = ACCEPTABLE, desc = "it saw the hint, and is woken for nothing")
  @Outcome(id = "true, 0", expect = FORBIDDEN, desc = "it sleeps, and nobody wakes it")
  @State
  public static class LaneSleeps {
    final Stage stage = new Stage();
    final LaneWaker waker = stage.waker();
    final HintRing client = stage.injector();
    final HintRing lane = stage.injector();

    /** The lane. */
    @Actor
    public void lane(ZI_Result r) {
      r.r1 = stage.lanePrepareSleep(lane);
    }

    /** The submitter, as Submitter does it. */
    @Actor
    public void client() {
      client.offer(0);
      VarHandle.fullFence();
      waker.wakeOne();
    }

    /** Whether it was woken. */
    @Arbiter
    public void end(ZI_Result r) {
      r.r2 = stage.laneWakes();
    }
  }

  /** Two submitters, one idle lane: one wake. */
  @JCStressTest
  @Outcome(id = "true, 1", expect = ACCEPTABLE, desc = "woken once")
  @Outcome(expect = FORBIDDEN, desc = "not woken, or woken twice for one bit")
  @State
  public static class OneBitOneWake {
    final Stage stage = new Stage();
    final LaneWaker waker = stage.waker();

    /** A lane sleeps. */
    public OneBitOneWake() {
      stage.setIdle();
    }

    /** One. */
    @Actor
    public void one() {
      waker.wakeOne();
    }

    /** Two. */
    @Actor
    public void two() {
      waker.wakeOne();
    }

    /** The bit is gone, and how often it was woken. */
    @Arbiter
    public void end(ZI_Result r) {
      r.r1 = stage.memory.getLong(Layout.H_IDLE) == 0;
      r.r2 = stage.laneWakes();
    }
  }

  /**
   * The poller sleeps on wake value 0 while a helper comes and goes, another thread submits, and a
   * lane ends the task. In the end its completion has been announced to the poller.
   */
  public abstract static class HandOver {
    final Stage stage = new Stage();
    final SlotTable<TaskFuture<?>> slots = stage.slots();
    final PollerRole role = stage.role(slots);
    final HintRing lanes = stage.completions();
    final boolean disarmed = (stage.number & 1) != 0;
    PollerRole.Sleep asleep;
    int seenOwn;
    boolean ended;

    /** The poller went to sleep by itself; a helper may have been there since. */
    HandOver() {
      sleep();
      if (disarmed) {
        role.enter();
        role.leave(); // nothing is in flight
      }
    }

    /** The poller goes to sleep. */
    final void sleep() {
      seenOwn = role.ownValue();
      asleep = role.prepareSleep(false);
    }

    /** A helper finds nothing, and leaves. */
    final void help() {
      if (role.enter()) {
        role.leave();
      }
    }

    /** A thread submits, and no helper is behind it. */
    final void submit() {
      int slot = slots.free.pop();
      Stage.publish(slots, Stage.future(slots, slot), 0);
      VarHandle.fullFence();
      role.submitted();
    }

    final void work() {
      long claimed = stage.claim(0);
      if (claimed != 0) {
        stage.end(0, claimed);
        ended = true;
        stage.announce(lanes, 0);
      }
    }

    final String verdict() {
      if (!ended) {
        work();
      }
      if (lanes.isEmpty()) {
        return "no hint";
      }
      boolean woken =
          switch (asleep) {
            case NOT -> true;
            case ARMED -> stage.wakes() > 0;
            case ASIDE -> role.ownValue() != seenOwn;
          };
      return woken ? "woken" : "asleep " + asleep + ", disarmed " + disarmed;
    }
  }

  /** All three at once. */
  @JCStressTest
  @Outcome(id = "woken", expect = ACCEPTABLE, desc = "the poller looks again")
  @Outcome(expect = FORBIDDEN, desc = "a completion that nobody looks for")
  @State
  public static class HelperSubmitterLane extends HandOver {
    /** The helper. */
    @Actor
    public void helper() {
      help();
    }

    /** The submitter. */
    @Actor
    public void submitter() {
      submit();
    }

    /** The lane. */
    @Actor
    public void lane() {
      work();
    }

    /** The lane comes at last if it came too early. */
    @Arbiter
    public void end(L_Result r) {
      r.r1 = verdict();
    }
  }

  /** A helper leaves while another thread submits. */
  @JCStressTest
  @Outcome(id = "woken", expect = ACCEPTABLE, desc = "the poller looks again")
  @Outcome(expect = FORBIDDEN, desc = "a completion that nobody looks for")
  @State
  public static class HelperAndSubmitter extends HandOver {
    /** The helper. */
    @Actor
    public void helper() {
      help();
    }

    /** The submitter. */
    @Actor
    public void submitter() {
      submit();
    }

    /** The lane comes at last if it came too early. */
    @Arbiter
    public void end(L_Result r) {
      r.r1 = verdict();
    }
  }

  /** A helper leaves while a lane ends the task in flight. */
  @JCStressTest
  @Outcome(id = "woken", expect = ACCEPTABLE, desc = "the poller looks again")
  @Outcome(expect = FORBIDDEN, desc = "a completion that nobody looks for")
  @State
  public static class HelperAndLane extends HandOver {
    /** In flight. */
    public HelperAndLane() {
      submit();
    }

    /** The helper. */
    @Actor
    public void helper() {
      help();
    }

    /** The lane. */
    @Actor
    public void lane() {
      work();
    }

    /** The lane comes at last if it came too early. */
    @Arbiter
    public void end(L_Result r) {
      r.r1 = verdict();
    }
  }

  /** A task is claimed and ended while its submitter is not done. */
  @JCStressTest
  @Outcome(id = "woken", expect = ACCEPTABLE, desc = "the poller looks again")
  @Outcome(expect = FORBIDDEN, desc = "a completion that nobody looks for")
  @State
  public static class SubmitterAndLane extends HandOver {
    /** The submitter. */
    @Actor
    public void submitter() {
      submit();
    }

    /** The lane. */
    @Actor
    public void lane() {
      work();
    }

    /** The lane comes at last if it came too early. */
    @Arbiter
    public void end(L_Result r) {
      r.r1 = verdict();
    }
  }

  /** The poller ends its naps, and sleeps until it is woken, while a helper leaves. */
  @JCStressTest
  @Outcome(id = "woken", expect = ACCEPTABLE, desc = "the poller looks again")
  @Outcome(expect = FORBIDDEN, desc = "a completion that nobody looks for")
  @State
  public static class NapEnds extends HandOver {
    /** The poller naps, and a task is in flight. */
    public NapEnds() {
      role.awake();
      role.sleepAtIntervals();
      submit();
    }

    /** The poller. */
    @Actor
    public void poller() {
      sleep();
    }

    /** The helper. */
    @Actor
    public void helper() {
      help();
    }

    /** The lane comes at last if it came too early. */
    @Arbiter
    public void end(L_Result r) {
      r.r1 = verdict();
    }
  }

  /** The same while another thread submits. */
  @JCStressTest
  @Outcome(id = "woken", expect = ACCEPTABLE, desc = "the poller looks again")
  @Outcome(expect = FORBIDDEN, desc = "a completion that nobody looks for")
  @State
  public static class NapEndsAndSubmitter extends HandOver {
    /** The poller naps. */
    public NapEndsAndSubmitter() {
      role.awake();
      role.sleepAtIntervals();
    }

    /** The poller. */
    @Actor
    public void poller() {
      sleep();
    }

    /** The submitter. */
    @Actor
    public void submitter() {
      submit();
    }

    /** The lane comes at last if it came too early. */
    @Arbiter
    public void end(L_Result r) {
      r.r1 = verdict();
    }
  }

  /** A helper sleeps in the poller's place while another thread submits and a lane ends a task. */
  @JCStressTest
  @Outcome(id = "woken", expect = ACCEPTABLE, desc = "the helper looks again")
  @Outcome(expect = FORBIDDEN, desc = "a completion that nobody looks for")
  @State
  public static class HelperSleeps extends HandOver {
    boolean helperSleeps;

    /** The poller has stepped aside, and a task is in flight. */
    public HelperSleeps() {
      asleep = PollerRole.Sleep.NOT;
      submit();
      role.enter(); // disarms
    }

    /** The helper. */
    @Actor
    public void helper() {
      helperSleeps = role.prepareSleepAsPoller();
    }

    /** The lane. */
    @Actor
    public void lane() {
      work();
    }

    /** The lane comes at last if it came too early. */
    @Arbiter
    public void end(L_Result r) {
      String verdict = verdict();
      r.r1 = helperSleeps && stage.wakes() == 0 ? "the helper sleeps" : verdict;
    }
  }

  /** The poller steps aside while a helper leaves: it is told to sleep where lanes wake it. */
  @JCStressTest
  @Outcome(id = "woken", expect = ACCEPTABLE, desc = "the poller looks again")
  @Outcome(expect = FORBIDDEN, desc = "a completion that nobody looks for")
  @State
  public static class PollerStepsAside extends HandOver {
    /** A helper is there, has slept once, and a task is in flight. */
    public PollerStepsAside() {
      role.awake();
      role.enter();
      submit();
      role.prepareSleepAsPoller();
    }

    /** The poller. */
    @Actor
    public void poller() {
      sleep();
    }

    /** The helper. */
    @Actor
    public void helper() {
      role.leave();
    }

    /** The lane comes at last if it came too early. */
    @Arbiter
    public void end(L_Result r) {
      r.r1 = verdict();
    }
  }

  /** A helper leaves the poller aside while another thread submits. */
  @JCStressTest
  @Outcome(id = "woken", expect = ACCEPTABLE, desc = "the poller looks again")
  @Outcome(expect = FORBIDDEN, desc = "a completion that nobody looks for")
  @State
  public static class SubmitterAndPollerAside extends HandOver {
    /** The poller has stepped aside. */
    public SubmitterAndPollerAside() {
      role.awake();
      role.enter();
      sleep();
    }

    /** The helper. */
    @Actor
    public void helper() {
      role.leave();
    }

    /** The submitter. */
    @Actor
    public void submitter() {
      submit();
    }

    /** The lane comes at last if it came too early. */
    @Arbiter
    public void end(L_Result r) {
      r.r1 = verdict();
    }
  }

  /** The poller goes to sleep, or is refused the role, while a helper leaves. */
  @JCStressTest
  @Outcome(id = "woken", expect = ACCEPTABLE, desc = "the poller looks again")
  @Outcome(expect = FORBIDDEN, desc = "a completion that nobody looks for")
  @State
  public static class PollerAndHelper extends HandOver {
    /** In flight, and the poller is awake again. */
    public PollerAndHelper() {
      submit();
      role.awake();
    }

    /** The poller. */
    @Actor
    public void poller() {
      sleep();
    }

    /** The helper. */
    @Actor
    public void helper() {
      help();
    }

    /** The lane comes at last if it came too early. */
    @Arbiter
    public void end(L_Result r) {
      r.r1 = verdict();
    }
  }

  /** Two threads want the poller's role. */
  @JCStressTest
  @Outcome(
      id = {"true, 1", "false, 1"},
      expect = ACCEPTABLE,
      desc = "one at a time")
  @Outcome(expect = FORBIDDEN, desc = "both at once")
  @State
  public static class OneRole {
    final Stage stage = new Stage();
    final PollerRole role = stage.role(stage.slots());
    int inside;

    private boolean play() {
      if (!role.enter()) {
        return false;
      }
      inside++; // plain: the role orders it
      role.leave();
      return true;
    }

    /** One. */
    @Actor
    public void one(ZI_Result r) {
      r.r1 = play();
    }

    /** Two: at the end it goes in for sure. */
    @Actor
    public void two() {
      while (!play()) {
        Thread.onSpinWait();
      }
    }

    /** As many as were inside. */
    @Arbiter
    public void end(ZI_Result r) {
      r.r2 = inside - (r.r1 ? 1 : 0);
    }
  }
}
