package io.ringwork;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.ringwork.internal.segment.FreeList;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/** The free list: a slot is in it once, or with one thread. */
public class FreeListStress {
  private FreeListStress() {}

  /** Two threads take from two slots. */
  @JCStressTest
  @Outcome(
      id = {"0, 1, 2", "1, 0, 2"},
      expect = ACCEPTABLE,
      desc = "each has one")
  @Outcome(expect = FORBIDDEN, desc = "both have the same, or one has none")
  @State
  public static class TwoPop {
    final FreeList list = new FreeList(2);

    /** One. */
    @Actor
    public void one(III_Result r) {
      r.r1 = list.pop();
    }

    /** Two. */
    @Actor
    public void two(III_Result r) {
      r.r2 = list.pop();
    }

    /** How many are in use. */
    @Arbiter
    public void end(III_Result r) {
      r.r3 = list.inUse();
    }
  }

  /** One thread takes two slots at once and gives them back at once while another takes one. */
  @JCStressTest
  @Outcome(
      id = {"0, 2, 1", "2, 2, 1"},
      expect = ACCEPTABLE,
      desc = "each its own")
  @Outcome(expect = FORBIDDEN, desc = "a slot was handed out twice or lost")
  @State
  public static class ManyAndOne {
    final FreeList list = new FreeList(3);
    int taken;

    /** Takes one. */
    @Actor
    public void taker() {
      taken = list.pop();
    }

    /** Takes two, gives both back, in the order in which they were. */
    @Actor
    public void churner(III_Result r) {
      int[] two = new int[2];
      r.r2 = list.popMany(two, 2, 0);
      list.pushMany(new int[] {two[1], two[0]}, 2);
    }

    /** What is left is another one than those taken. */
    @Arbiter
    public void end(III_Result r) {
      r.r1 = taken;
      r.r3 = list.inUse();
    }
  }

  /** One thread takes two slots and gives the first back (ABA) while another takes one. */
  @JCStressTest
  @Outcome(
      id = {"0, 1, 2", "0, 2, 2", "1, 2, 2", "2, 1, 2"},
      expect = ACCEPTABLE,
      desc = "each its own")
  @Outcome(expect = FORBIDDEN, desc = "a slot was handed out twice or lost")
  @State
  public static class PopAndPush {
    final FreeList list = new FreeList(3);

    /** Takes one. */
    @Actor
    public void taker(III_Result r) {
      r.r1 = list.pop();
    }

    /** Takes two, gives the first back. */
    @Actor
    public void churner(III_Result r) {
      int first = list.pop();
      r.r2 = list.pop();
      list.push(first);
    }

    /** What is left is another one than those taken. */
    @Arbiter
    public void end(III_Result r) {
      r.r3 = list.inUse();
      int left = list.pop();
      if (left < 0 || left == r.r1 || left == r.r2) {
        r.r3 = -1;
      }
    }
  }

  /** The client closes while a thread takes a slot: one of them knows of the other. */
  @JCStressTest
  @Outcome(id = "0, 0, 0", expect = ACCEPTABLE, desc = "taken first: the close says so")
  @Outcome(id = "-2, 1, 0", expect = ACCEPTABLE, desc = "closed first: the taker is told")
  @Outcome(expect = FORBIDDEN, desc = "taken, and the close took all for free")
  @State
  public static class CloseOrPop {
    final FreeList list = new FreeList(1);

    /** The submitter. */
    @Actor
    public void taker(III_Result r) {
      r.r1 = list.pop();
    }

    /** The closer. */
    @Actor
    public void closer(III_Result r) {
      r.r2 = list.close() ? 1 : 0;
    }

    /** Closed for good. */
    @Arbiter
    public void end(III_Result r) {
      list.push(0);
      r.r3 = list.pop() == FreeList.CLOSED ? 0 : 1;
    }
  }
}
