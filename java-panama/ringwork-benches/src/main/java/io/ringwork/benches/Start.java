package io.ringwork.benches;

import io.ringwork.ConnectConfig;
import io.ringwork.Ringwork;
import io.ringwork.stock.StockTasks;
import java.io.BufferedReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Suite start: from the call of launch or connect until the first result is there, in a JVM whose
 * code is warm. A round is the median of several.
 */
final class Start implements Case {
  private static final int TIMES = 11;

  private final boolean connect;
  private @Nullable Process server;
  private @Nullable Path directory;

  Start(boolean connect) {
    this.connect = connect;
  }

  @Override
  public void warmUp() throws Exception {
    if (connect) {
      serve();
    }
    measure();
  }

  /** A pool of its own that runs on, below the directory of shared memory. */
  private void serve() throws Exception {
    Path made = Files.createTempDirectory(Path.of("/dev/shm"), "ringwork-bench-start-");
    directory = made;
    ProcessBuilder builder =
        new ProcessBuilder(System.getProperty("ringwork.binary"), "serve", "--name", "start");
    builder.environment().put("RINGWORK_DIR", made.toString());
    Process started = builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
    server = started;
    Runtime.getRuntime().addShutdownHook(new Thread(this::end));
    try (BufferedReader lines = started.inputReader()) {
      if (lines.readLine() == null) {
        throw new IllegalStateException("the pool did not start");
      }
    }
  }

  private void end() {
    try {
      Process started = server;
      if (started != null) {
        started.destroy();
        started.waitFor(10, TimeUnit.SECONDS);
        started.destroyForcibly();
      }
      Path made = directory;
      if (made != null) {
        try (var all = Files.walk(made)) {
          for (Path path : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
            Files.deleteIfExists(path);
          }
        }
      }
    } catch (Exception left) {
      System.err.println("something was left: " + left);
    }
  }

  @Override
  public Map<String, Double> round(double seconds) throws Exception {
    return Map.of("ms", measure());
  }

  private double measure() throws Exception {
    List<Double> all = new ArrayList<>();
    byte[] request = new byte[Message.LENGTH];
    for (int i = 0; i < TIMES; i++) {
      Message.number(request, i);
      long start = System.nanoTime();
      try (Ringwork pool = open()) {
        byte[] answer = pool.call(StockTasks.ECHO, request);
        all.add((System.nanoTime() - start) / 1e6);
        if (!Arrays.equals(answer, request)) {
          throw new AssertionError("the first call did not return its request");
        }
      }
    }
    all.sort(null);
    return all.get(TIMES / 2);
  }

  private Ringwork open() {
    Path made = directory;
    return connect && made != null
        ? Ringwork.connect(ConnectConfig.of("start").directory(made))
        : Ringwork.launch();
  }
}
