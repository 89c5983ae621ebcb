package io.ringwork.tests;

import io.ringwork.ConnectConfig;
import io.ringwork.Ringwork;
import io.ringwork.RingworkException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/**
 * The JVM client of {@code make chaos}: submits, checks and writes down, until told otherwise.
 *
 * <p>Started by the driver {@code ringwork-chaos}; it may be killed or stopped at any time. A line
 * on standard input has it wait for all that is in flight and close its connection: with {@code
 * reopen} it opens another, with {@code hold} it says {@code held} and waits for {@code go}, with
 * {@code stop} it leaves. The end of the input ends it at once.
 */
final class Chaos {
  private static final int THREADS = 3;

  /** Between two tries to connect, and two looks at the order. */
  private static final long PAUSE_MILLIS = 5;

  private static final AtomicReference<String> ORDER = new AtomicReference<>("go");

  private Chaos() {}

  /** Arguments: the pool's directory, the journal, the number of this process, the seed. */
  public static void main(String[] args) throws Exception {
    Path directory = Path.of(args[0]);
    ConnectConfig config =
        ConnectConfig.of(directory.getFileName().toString())
            .directory(directory.getParent())
            .closeTimeout(Duration.ofSeconds(60));
    long seed = Long.parseLong(args[3]);
    Thread.ofPlatform().daemon().start(Chaos::obey);
    boolean held = false;
    long connections = 0;
    try (ChaosJournal journal = new ChaosJournal(Path.of(args[1]), Long.parseLong(args[2]))) {
      while (true) {
        String order = ORDER.get();
        if (order.equals("stop")) {
          return;
        }
        if (!order.equals("hold")) {
          held = false;
          seed += THREADS;
          connectAndWork(config, journal, seed, connections++);
        } else if (!held) {
          held = true;
          System.out.println("held");
        }
        Thread.sleep(PAUSE_MILLIS);
      }
    }
  }

  /** Follows the orders on standard input. */
  private static void obey() {
    try (BufferedReader input =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      for (String line = input.readLine(); line != null; line = input.readLine()) {
        ORDER.set(line);
      }
    } catch (IOException e) {
      e.printStackTrace();
    }
    Runtime.getRuntime().halt(1); // the driver is gone
  }

  private static void connectAndWork(
      ConnectConfig config, ChaosJournal journal, long seed, long number)
      throws InterruptedException {
    Ringwork pool;
    try {
      pool = Ringwork.connect(config);
    } catch (RingworkException e) {
      return; // no pool, or no longer one: the supervisor is being replaced
    }
    ORDER.compareAndSet("reopen", "go");
    List<Thread> threads = new ArrayList<>();
    try (pool) {
      ChaosLoad.Connection connection =
          new ChaosLoad.Connection(pool, journal, number, () -> ORDER.get());
      for (int i = 0; i < THREADS; i++) {
        threads.add(Thread.ofPlatform().start(new ChaosLoad(connection, i, seed + i)));
      }
      for (Thread thread : threads) {
        thread.join();
      }
      connection.awaitAllSettled();
    }
  }
}
