package io.ringwork.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.Ringwork;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

class WorkloadTest {
  private static final class FakeJob extends Job {
    @Override
    CompletableFuture<?> rust(Ringwork pool) {
      return new CompletableFuture<>();
    }

    @Override
    void java() {}

    @Override
    void check() {}

    @Override
    public String toString() {
      return "fake";
    }
  }

  private static List<Job> jobs(int count) {
    return Collections.nCopies(count, new FakeJob());
  }

  @Test
  void everyJobIsDoneOnceAndEachFailureTold() {
    List<Job> done = new ArrayList<>();
    List<String> complaints = new ArrayList<>();
    new Workload()
        .run(
            "test",
            jobs(40),
            job -> {
              done.add(job);
              return done.size() % 10 == 0
                  ? CompletableFuture.failedFuture(new IllegalStateException("tired"))
                  : CompletableFuture.supplyAsync(() -> "done");
            },
            complaints);
    assertEquals(40, done.size());
    String complaint = "fake: java.lang.IllegalStateException: tired";
    assertEquals(Collections.nCopies(4, complaint), complaints);
  }

  @Test
  void aStandstillOfTheLoopCountsAsEveryTickItMissed() {
    List<String> slow =
        new ArrayList<>() {
          private static final long serialVersionUID = 1;

          @Override
          public boolean add(String complaint) {
            long end = System.nanoTime() + 60_000_000;
            while (System.nanoTime() < end) {
              LockSupport.parkNanos(end - System.nanoTime());
            }
            return super.add(complaint);
          }
        };
    CompletableFuture<?> failed = CompletableFuture.failedFuture(new IllegalStateException("slow"));
    Workload.Outcome outcome = new Workload().run("test", jobs(1), job -> failed, slow);
    assertEquals(1, slow.size());
    assertTrue(outcome.stalls().length >= 59, outcome.stalls().length + " ticks");
    assertTrue(outcome.stallMillis(1) >= 58, outcome.stallMillis(1) + " ms");
  }

  @Test
  void partsAreOfTheSortedStalls() {
    long[] sorted = new long[1000];
    for (int i = 0; i < sorted.length; i++) {
      sorted[i] = i * 1_000_000L;
    }
    Workload.Outcome outcome = new Workload.Outcome(1, sorted);
    assertEquals(499, outcome.stallMillis(0.5));
    assertEquals(989, outcome.stallMillis(0.99));
    assertEquals(999, outcome.stallMillis(1));
    assertEquals(0, new Workload.Outcome(1, new long[0]).stallMillis(0.99));
  }
}
