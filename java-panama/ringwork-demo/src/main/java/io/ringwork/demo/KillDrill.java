package io.ringwork.demo;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.ringwork.Ringwork;
import io.ringwork.WorkerCrashedException;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Scanner;
import java.util.concurrent.CompletableFuture;

/**
 * Kills workers with SIGKILL while they run tasks, and checks how every task ended. Half of the
 * tasks may run twice (at least once), half may not (at most once), turn by turn, so that a kill
 * usually hits one of each. The workers are found as children of the pool's own supervisor.
 */
final class KillDrill {
  private static final int TASKS = 240;
  private static final int KILLS = 3;
  private static final long PATIENCE_NANOS = 60_000_000_000L;

  private final Map<HashJob, CompletableFuture<?>> tasks = new LinkedHashMap<>();
  private int killed;
  private int right;
  private int crashed;
  private int lost;

  /** Runs the drill on {@code pool}, which this process launched; to be called once. */
  String run(Ringwork pool, List<String> complaints) throws InterruptedException, IOException {
    for (int i = 0; i < TASKS; i++) {
      HashJob job = new HashJob(i, 8 * 1024, 1, 1 + i % 2);
      tasks.put(job, job.rust(pool));
    }
    ProcessHandle supervisor = ProcessHandle.of(pool.info().supervisorPid()).orElseThrow();
    killWhileRunning(supervisor);
    tasks.forEach((job, future) -> count(job, future, complaints));
    return "%d workers killed: %d results, %s retried, %d failed (\"worker crashed\"), %d lost"
        .formatted(killed, right, requeued(pool, supervisor), crashed, lost);
  }

  /** What `ringwork stat` says of tasks that went back to the queue after a crash. */
  private static String requeued(Ringwork pool, ProcessHandle supervisor) throws IOException {
    String binary = supervisor.info().command().orElseThrow();
    Process stat = new ProcessBuilder(binary, "stat", pool.name(), "--json").start();
    try (Scanner json = new Scanner(stat.getInputStream(), UTF_8)) {
      return json.findWithinHorizon("(?<=requeued\": )\\d+", 0);
    }
  }

  /** Kills a worker each time another quarter of the tasks is done; waits until all have ended. */
  private void killWhileRunning(ProcessHandle supervisor) throws InterruptedException {
    long end = System.nanoTime() + PATIENCE_NANOS;
    int done = 0;
    while (done < TASKS && System.nanoTime() - end < 0) {
      done = (int) tasks.values().stream().filter(CompletableFuture::isDone).count();
      Demo.progress("Workers killed (SIGKILL)", done, TASKS);
      if (killed < KILLS && done >= TASKS * (killed + 1) / (KILLS + 1) && done < TASKS) {
        var worker = supervisor.children().filter(ProcessHandle::isAlive).findAny();
        killed += worker.isPresent() && worker.get().destroyForcibly() ? 1 : 0;
      }
      Thread.sleep(5);
    }
  }

  private void count(HashJob job, CompletableFuture<?> future, List<String> complaints) {
    switch (future.state()) {
      case RUNNING -> {
        lost++;
        complaints.add(job + " never ended");
      }
      case SUCCESS -> {
        job.java();
        right += job.isRight(complaints) ? 1 : 0;
      }
      default -> {
        if (future.exceptionNow() instanceof WorkerCrashedException crash
            && crash.attempts() == job.attempts) {
          crashed++;
        } else {
          complaints.add(job + ": " + future.exceptionNow());
        }
      }
    }
  }
}
