package io.ringwork;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/** The last lines that the supervisor logged, for the message of a start that failed. */
final class StderrTail {
  private static final int LINES = 12;
  private static final int BYTES = 4096;

  private final Deque<String> lines = new ArrayDeque<>();
  private final @Nullable Path file;
  private final LaunchConfig.Log log;
  private @Nullable Thread pump;

  private StderrTail(LaunchConfig.Log log, @Nullable Path file) {
    this.log = log;
    this.file = file;
  }

  static StderrTail of(Process process, LaunchConfig config, String name) {
    StderrTail tail = new StderrTail(config.log, config.logFile);
    if (config.log == LaunchConfig.Log.DISCARD) {
      Thread pump = new Thread(() -> tail.read(process.getErrorStream()), "ringwork-log-" + name);
      pump.setDaemon(true);
      pump.start();
      tail.pump = pump;
    }
    return tail;
  }

  private void read(InputStream errors) {
    try (BufferedReader in =
        new BufferedReader(new InputStreamReader(errors, StandardCharsets.UTF_8))) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        synchronized (lines) {
          lines.add(line);
          if (lines.size() > LINES) {
            lines.remove();
          }
        }
      }
    } catch (IOException closed) {
      // the child is gone
    }
  }

  /** What to append to a message. */
  String text() {
    String text =
        switch (log) {
          case INHERIT -> "";
          case DISCARD -> collected();
          case FILE -> lastOfFile();
        };
    return text.isBlank()
        ? log == LaunchConfig.Log.INHERIT ? "; its log on standard error says more" : ""
        : "; its log ends with:\n" + text.strip();
  }

  private String collected() {
    try {
      if (pump != null) {
        pump.join(500); // a child that has ended: its last lines are on the way
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
    synchronized (lines) {
      return String.join("\n", lines);
    }
  }

  private String lastOfFile() {
    if (file == null) {
      return "";
    }
    try (RandomAccessFile in = new RandomAccessFile(file.toFile(), "r")) {
      in.seek(Math.max(0, in.length() - BYTES));
      byte[] bytes = new byte[(int) Math.min(BYTES, in.length() - in.getFilePointer())];
      in.readFully(bytes);
      String[] all = new String(bytes, StandardCharsets.UTF_8).split("\n");
      int from = Math.max(0, all.length - LINES);
      return String.join("\n", java.util.Arrays.copyOfRange(all, from, all.length));
    } catch (IOException unreadable) {
      return "";
    }
  }
}
