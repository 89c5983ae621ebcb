package io.ringwork.tests;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What a client of {@code make chaos} writes down: records of 16 bytes, each appended by one write,
 * so that they survive the client's death. The format is that of {@code tests/src/chaos.rs}.
 */
final class ChaosJournal implements AutoCloseable {
  /** How a task ended; the ordinals are in the records. */
  enum End {
    COMPLETED,
    FAILED,
    CRASHED,
    TIMED_OUT,
    CANCELLED,
    REJECTED,
    CLOSED,
    ABANDONED,
    WRONG
  }

  private static final int RECORD = 16;
  private static final byte SUBMIT = 1;
  private static final byte ENDED = 2;

  private final FileChannel file;
  private final AtomicLong next;

  ChaosJournal(Path path, long number) throws IOException {
    file = FileChannel.open(path, StandardOpenOption.APPEND);
    next = new AtomicLong(number << 40);
  }

  /** An id for the next task. */
  long nextId() {
    return next.getAndIncrement();
  }

  /** About to submit, for so many attempts; 0: to a handler that keeps no journal. */
  void submit(long id, int attempts) {
    write(id, SUBMIT, (byte) attempts, (byte) 0, 0);
  }

  /** It has ended. */
  void ended(long id, End end, boolean mayHaveRun, long sinceNanos) {
    long micros = Math.min((System.nanoTime() - sinceNanos) / 1000, 0xffff_ffffL);
    write(id, ENDED, (byte) end.ordinal(), (byte) (mayHaveRun ? 1 : 0), (int) micros);
  }

  private void write(long id, byte kind, byte what, byte flag, int micros) {
    ByteBuffer record = ByteBuffer.allocate(RECORD).order(ByteOrder.LITTLE_ENDIAN);
    record.putLong(id).put(kind).put(what).put(flag).put((byte) 0).putInt(micros).flip();
    try {
      if (file.write(record) != RECORD) {
        throw new IOException("a record was cut");
      }
    } catch (IOException e) {
      // Without its journal a client proves nothing.
      e.printStackTrace();
      Runtime.getRuntime().halt(2);
    }
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
