package io.ringwork.demo;

import io.ringwork.Backpressure;
import io.ringwork.Ringwork;
import io.ringwork.TaskOptions;
import io.ringwork.TaskType;
import io.ringwork.WorkerCrashedException;
import io.ringwork.stock.PasswordHash;
import io.ringwork.stock.StockTasks;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Kills workers with SIGKILL while they run tasks, and counts how every task ended. Half of the
 * tasks may run twice (at least once), half may not (at most once), turn by turn, so that a kill
 * usually hits one of each. The workers are found as children of the pool's own supervisor.
 */
final class KillDrill {
  /** Tasks in the drill. */
  static final int TASKS = 240;

  /** What one hash costs: little, so that the drill is short. */
  static final Argon2 COST = new Argon2(8 * 1024, 1, 1);

  private static final int KILLS = 3;
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final Pattern REQUEUED = Pattern.compile("\"[a-z_]*requeued\"\\s*:\\s*(\\d+)");

  /**
   * How the tasks ended.
   *
   * @param results the hashes by task, null where there is none
   * @param killed workers killed
   * @param retried tasks that the pool gave to another worker; empty if it would not tell
   * @param crashed tasks that failed as "worker crashed"
   * @param lost tasks whose futures did not end in time
   * @param complaints what else went wrong
   */
  record Tally(
      List<Optional<String>> results,
      int killed,
      OptionalLong retried,
      int crashed,
      int lost,
      List<String> complaints) {
    int ended() {
      return (int) results.stream().filter(Optional::isPresent).count();
    }

    @Override
    public String toString() {
      return String.format(
          Locale.ROOT,
          "%d workers killed: %d results, %s retried, %d failed as \"worker crashed\", %d lost",
          killed,
          ended(),
          retried.isPresent() ? Long.toString(retried.getAsLong()) : "?",
          crashed,
          lost);
    }
  }

  private final Ringwork pool;
  private final ProcessHandle supervisor;
  private final List<String> complaints = new ArrayList<>();

  private KillDrill(Ringwork pool) {
    this.pool = pool;
    this.supervisor = ProcessHandle.of(pool.info().supervisorPid()).orElseThrow();
  }

  /** Whether task number {@code index} may be run again after a crash. */
  static boolean mayRunTwice(int index) {
    return index % 2 == 0;
  }

  /** Runs the drill on {@code pool}, which this process launched. */
  static Tally run(Ringwork pool) throws InterruptedException {
    return new KillDrill(pool).run();
  }

  private Tally run() throws InterruptedException {
    TaskType<PasswordHash, String> atMostOnce = StockTasks.PASSWORD_HASH;
    TaskType<PasswordHash, String> atLeastOnce = atMostOnce.attempts(2);
    TaskOptions options = TaskOptions.DEFAULT.backpressure(Backpressure.block(PATIENCE));
    long requeuedBefore = requeued().orElse(0);
    List<CompletableFuture<String>> futures = new ArrayList<>();
    for (int i = 0; i < TASKS; i++) {
      futures.add(
          pool.submit(
              mayRunTwice(i) ? atLeastOnce : atMostOnce, RingworkSide.request(i, COST), options));
    }
    int killed = killWhileRunning(futures);
    OptionalLong requeued = requeued();
    if (requeued.isPresent()) {
      requeued = OptionalLong.of(requeued.getAsLong() - requeuedBefore);
    }
    return tally(futures, killed, requeued);
  }

  /** Kills a worker each time another quarter of the tasks is done; waits until all have ended. */
  private int killWhileRunning(List<CompletableFuture<String>> futures)
      throws InterruptedException {
    ProgressBar bar = ProgressBar.console("Workers killed (SIGKILL)", TASKS);
    long end = System.nanoTime() + PATIENCE.toNanos();
    int killed = 0;
    int done = 0;
    while (done < TASKS && System.nanoTime() - end < 0) {
      done = (int) futures.stream().filter(CompletableFuture::isDone).count();
      bar.update(done);
      if (killed < KILLS && done >= TASKS * (killed + 1) / (KILLS + 1) && done < TASKS) {
        killed += killOne() ? 1 : 0;
      }
      Thread.sleep(5);
    }
    bar.finish();
    if (killed < KILLS) {
      complaints.add("only " + killed + " of " + KILLS + " workers could be killed in mid-run");
    }
    return killed;
  }

  private boolean killOne() {
    Optional<ProcessHandle> worker = supervisor.children().filter(ProcessHandle::isAlive).findAny();
    return worker.isPresent() && worker.get().destroyForcibly();
  }

  private Tally tally(List<CompletableFuture<String>> futures, int killed, OptionalLong requeued) {
    List<Optional<String>> results = new ArrayList<>();
    int crashed = 0;
    int lost = 0;
    for (int i = 0; i < futures.size(); i++) {
      CompletableFuture<String> future = futures.get(i);
      @Nullable String result = null;
      if (!future.isDone()) {
        lost++;
        complaints.add("drill task " + i + " never ended");
      } else {
        try {
          result = future.join();
        } catch (CompletionException e) {
          if (e.getCause() instanceof WorkerCrashedException crash
              && crash.attempts() == (mayRunTwice(i) ? 2 : 1)) {
            crashed++;
          } else {
            complaints.add("drill task " + i + ": " + e.getCause());
          }
        }
      }
      results.add(Optional.ofNullable(result));
    }
    return new Tally(results, killed, requeued, crashed, lost, complaints);
  }

  /** What `ringwork stat` says of the tasks that were given back to the queue after a crash. */
  private OptionalLong requeued() throws InterruptedException {
    Optional<String> binary = supervisor.info().command();
    if (binary.isEmpty()) {
      return OptionalLong.empty();
    }
    try {
      Process stat =
          new ProcessBuilder(binary.get(), "stat", pool.name(), "--json")
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      String json = new String(stat.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      Matcher matcher = REQUEUED.matcher(json);
      return stat.waitFor() == 0 && matcher.find()
          ? OptionalLong.of(Long.parseLong(matcher.group(1)))
          : OptionalLong.empty();
    } catch (IOException e) {
      return OptionalLong.empty();
    }
  }
}
