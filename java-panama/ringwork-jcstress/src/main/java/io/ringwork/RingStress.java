package io.ringwork;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.ringwork.internal.segment.HintRing;
import io.ringwork.internal.segment.Layout;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.L_Result;

/** The hint ring: nothing lost, nothing doubled, also where laps meet. */
public class RingStress {
  private RingStress() {}

  /** Empty rings: capacity and position. At the end of the 32 bits of a lap, too. */
  private static final long[][] RINGS = {
    {2, 0}, {2, 5}, {1, 0}, {1, 3}, {1, 0xffff_fffeL}, {2, 0x1_ffff_fffdL}
  };

  /** A ring, another at each execution, and what came out of it. */
  public abstract static class Played {
    final Stage stage = new Stage();
    final int kind = stage.number % RINGS.length;
    final HintRing producers = stage.ring((int) RINGS[kind][0], RINGS[kind][1]);
    final HintRing consumers = stage.sameRing((int) RINGS[kind][0]);
    final int[] in = new int[4];
    final int[] out = new int[4];

    final void offer(int hint) {
      in[hint] = producers.offer(hint) ? 1 : 0;
    }

    final int poll() {
      int[] one = new int[1];
      return consumers.poll(one) == 0 ? 0 : one[0];
    }

    /** What is left, and the account of all. */
    final String account(int... taken) {
      for (int hint : taken) {
        out[hint]++;
      }
      for (int hint = poll(); hint != 0; hint = poll()) {
        out[hint]++;
      }
      for (int hint = 1; hint < in.length; hint++) {
        if (in[hint] != out[hint]) {
          return "ring " + kind + ", hint " + hint + ": " + in[hint] + " in, " + out[hint] + " out";
        }
      }
      return consumers.isEmpty() ? "all" : "not empty";
    }
  }

  /** Two producers and a consumer. */
  @JCStressTest
  @Outcome(id = "all", expect = ACCEPTABLE, desc = "each hint that went in came out once")
  @Outcome(expect = FORBIDDEN, desc = "one was lost or doubled")
  @State
  public static class TwoProducers extends Played {
    int taken;

    /** Producer one. */
    @Actor
    public void one() {
      offer(1);
    }

    /** Producer two. */
    @Actor
    public void two() {
      offer(2);
    }

    /** The consumer. */
    @Actor
    public void consumer() {
      taken = poll();
    }

    /** The account. */
    @Arbiter
    public void end(L_Result r) {
      r.r1 = account(taken);
    }
  }

  /** Two producers, one of them of two hints, and two consumers. */
  @JCStressTest
  @Outcome(id = "all", expect = ACCEPTABLE, desc = "each hint that went in came out once")
  @Outcome(expect = FORBIDDEN, desc = "one was lost or doubled")
  @State
  public static class TwoProducersTwoConsumers extends Played {
    int first;
    int second;

    /** Producer one. */
    @Actor
    public void one() {
      offer(1);
    }

    /** Producer two. */
    @Actor
    public void two() {
      offer(2);
      offer(3);
    }

    /** Consumer one. */
    @Actor
    public void first() {
      first = poll();
    }

    /** Consumer two. */
    @Actor
    public void second() {
      second = poll();
    }

    /** The account. */
    @Arbiter
    public void end(L_Result r) {
      r.r1 = account(first, second);
    }
  }

  /** A thread that puts in several hints at once meets one that puts in one and takes one out. */
  @JCStressTest
  @Outcome(id = "all", expect = ACCEPTABLE, desc = "each hint that went in came out once")
  @Outcome(expect = FORBIDDEN, desc = "one was lost or doubled")
  @State
  public static class BatchAndSingle extends Played {
    int first;
    int second;

    /** One hint. */
    @Actor
    public void one() {
      offer(1);
      first = poll();
    }

    /** Two hints at once. */
    @Actor
    public void two() {
      int count = producers.offerAll(new int[] {2, 3}, 2);
      in[2] = count > 0 ? 1 : 0;
      in[3] = count > 1 ? 1 : 0;
      second = poll();
    }

    /** The account. */
    @Arbiter
    public void end(L_Result r) {
      r.r1 = account(first, second);
    }
  }

  /** Two threads that put in and take out, for machines of two processors. */
  @JCStressTest
  @Outcome(id = "all", expect = ACCEPTABLE, desc = "each hint that went in came out once")
  @Outcome(expect = FORBIDDEN, desc = "one was lost or doubled")
  @State
  public static class InAndOut extends Played {
    int first;
    int second;

    /** One hint. */
    @Actor
    public void one() {
      offer(1);
      first = poll();
    }

    /** Two hints. */
    @Actor
    public void two() {
      offer(2);
      second = poll();
      offer(3);
    }

    /** The account. */
    @Arbiter
    public void end(L_Result r) {
      r.r1 = account(first, second);
    }
  }

  /** A producer that runs into the consumer. */
  @JCStressTest
  @Outcome(id = "all", expect = ACCEPTABLE, desc = "each hint that went in came out once")
  @Outcome(expect = FORBIDDEN, desc = "one was lost or doubled")
  @State
  public static class ProducerConsumer extends Played {
    int first;
    int second;

    /** The producer. */
    @Actor
    public void producer() {
      offer(1);
      offer(2);
      offer(3);
    }

    /** The consumer. */
    @Actor
    public void consumer() {
      first = poll();
      second = poll();
    }

    /** The account. */
    @Arbiter
    public void end(L_Result r) {
      r.r1 = account(first, second);
    }
  }

  /** Two consumers of what is in. */
  @JCStressTest
  @Outcome(id = "all", expect = ACCEPTABLE, desc = "each hint came out once")
  @Outcome(expect = FORBIDDEN, desc = "one was lost or doubled")
  @State
  public static class TwoConsumers extends Played {
    int first;
    final int[] batch = new int[2];
    int count;

    /** Two hints. */
    public TwoConsumers() {
      offer(1);
      offer(2);
    }

    /** One at a time. */
    @Actor
    public void one() {
      first = poll();
    }

    /** As many as there are. */
    @Actor
    public void many() {
      count = consumers.poll(batch);
    }

    /** The account. */
    @Arbiter
    public void end(L_Result r) {
      r.r1 = account(first, count > 0 ? batch[0] : 0, count > 1 ? batch[1] : 0);
    }
  }

  /** What a producer wrote before its hint is seen by the thread that takes the hint. */
  @JCStressTest
  @Outcome(
      id = {"0, 0", "1, 5"},
      expect = ACCEPTABLE,
      desc = "no hint yet, or all that was before it")
  @Outcome(expect = FORBIDDEN, desc = "a hint without what was before it")
  @State
  public static class HintCarriesWhatWasBefore extends Played {
    /** The producer. */
    @Actor
    public void producer() {
      stage.memory.setLong(Stage.slot(0) + Layout.SLOT_REQUEST_PLACE, 5);
      offer(1);
    }

    /** The consumer. */
    @Actor
    public void consumer(II_Result r) {
      r.r1 = poll();
      r.r2 = r.r1 == 0 ? 0 : stage.requestLength(0);
    }
  }
}
