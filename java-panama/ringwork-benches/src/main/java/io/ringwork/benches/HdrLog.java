package io.ringwork.benches;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramLogWriter;
import org.jspecify.annotations.Nullable;

/**
 * The HDR histogram log of a case: the file that the environment names in BENCH_HDR, an interval
 * for each round, in nanoseconds. {@code ringwork-bench} sets it, removes the logs of earlier runs
 * and draws its curves from the new ones.
 */
final class HdrLog {
  private final @Nullable String name = System.getenv("BENCH_HDR");

  /** Adds a round. */
  void add(Histogram times) throws IOException {
    if (name == null) {
      return;
    }
    Path file = Path.of(name);
    Files.createDirectories(file.getParent());
    boolean first = !Files.exists(file);
    try (OutputStream out =
            Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        PrintStream printer = new PrintStream(out, false, StandardCharsets.UTF_8)) {
      HistogramLogWriter log = new HistogramLogWriter(printer);
      if (first) {
        log.outputLogFormatVersion();
        log.outputComment("nanoseconds; one interval a round");
        log.outputLegend();
      }
      double end = System.currentTimeMillis() / 1e3;
      log.outputIntervalHistogram(end, end, times, 1.0);
      if (printer.checkError()) {
        throw new IOException("can't write " + file);
      }
    }
  }
}
