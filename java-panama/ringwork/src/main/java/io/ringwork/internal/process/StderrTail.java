package io.ringwork.internal.process;

import io.ringwork.internal.Background;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The last lines that the supervisor logged, for the message of a start that failed.
 *
 * <p>What a pipe brings is read as long as the child lives, and without allocating: a child whose
 * log is not read would block in the midst of its work.
 */
public final class StderrTail {
  private static final int LINES = 12;
  private static final int BYTES = 4096;

  private final @Nullable Path file;
  private final boolean piped;
  private @Nullable Thread pump;

  /** The last bytes, of which the next one goes to {@code total % BYTES}; guarded by itself. */
  private final byte[] last;

  private long total;

  /** Where in the file the child begins. */
  private final long start;

  private StderrTail(boolean piped, @Nullable Path file, long start) {
    this.piped = piped;
    this.file = file;
    this.start = start;
    this.last = new byte[piped ? BYTES : 0];
  }

  /** Of a log that goes to this process's standard error. */
  public static StderrTail inherited() {
    return new StderrTail(false, null, 0);
  }

  /**
   * Of a log that goes to a file.
   *
   * @param start how long the file was before: that is of others
   */
  public static StderrTail ofFile(Path file, long start) {
    return new StderrTail(false, file, start);
  }

  /** Of a log that goes nowhere but here. */
  public static StderrTail ofPipe(Process process, String name) {
    StderrTail tail = new StderrTail(true, null, 0);
    InputStream errors = process.getErrorStream();
    byte[] buffer = new byte[BYTES];
    tail.pump = Background.thread("ringwork-log-" + name, () -> tail.read(errors, buffer));
    tail.pump.start();
    return tail;
  }

  private void read(InputStream errors, byte[] buffer) {
    for (; ; ) {
      try {
        int n = errors.read(buffer);
        if (n < 0) {
          return;
        }
        keep(buffer, n);
      } catch (IOException closed) {
        return; // the child is gone
      } catch (OutOfMemoryError full) {
        Background.pause();
      }
    }
  }

  private void keep(byte[] bytes, int n) {
    synchronized (last) {
      for (int i = 0; i < n; i++) {
        last[(int) (total++ % BYTES)] = bytes[i];
      }
    }
  }

  /** Whether there is anything that a message can quote. */
  public boolean hasText() {
    return !lines().isBlank();
  }

  private String lines() {
    return piped ? collected() : lastOfFile();
  }

  /** What to append to a message. */
  public String text() {
    boolean inherited = !piped && file == null;
    String text = lines();
    return text.isBlank()
        ? inherited ? "; its log on standard error says more" : ""
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
    synchronized (last) {
      int n = (int) Math.min(total, BYTES);
      byte[] bytes = new byte[n];
      for (int i = 0; i < n; i++) {
        bytes[i] = last[(int) ((total - n + i) % BYTES)];
      }
      return lastLines(bytes);
    }
  }

  private static String lastLines(byte[] bytes) {
    String[] all = new String(bytes, StandardCharsets.UTF_8).split("\n");
    return String.join("\n", Arrays.copyOfRange(all, Math.max(0, all.length - LINES), all.length));
  }

  private String lastOfFile() {
    if (file == null) {
      return "";
    }
    try (RandomAccessFile in = new RandomAccessFile(file.toFile(), "r")) {
      long from = in.length() < start ? 0 : start; // it was emptied meanwhile
      in.seek(Math.max(from, in.length() - BYTES));
      byte[] bytes = new byte[(int) Math.min(BYTES, in.length() - in.getFilePointer())];
      in.readFully(bytes);
      return lastLines(bytes);
    } catch (IOException unreadable) {
      return "";
    }
  }
}
