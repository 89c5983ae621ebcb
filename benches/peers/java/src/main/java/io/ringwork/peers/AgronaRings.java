package io.ringwork.peers;

import io.ringwork.benches.Echo;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.MappedByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.agrona.DirectBuffer;
import org.agrona.IoUtil;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.MessageHandler;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.ringbuffer.OneToOneRingBuffer;
import org.agrona.concurrent.ringbuffer.RingBuffer;
import org.agrona.concurrent.ringbuffer.RingBufferDescriptor;

/**
 * Two of Agrona's ring buffers in one mapped file, one each way between two JVMs: what shared
 * memory gives Java without any task on top. Each ring has one producer and one consumer here, so
 * it is the {@code OneToOneRingBuffer}, the faster one. A message is written in place ({@code
 * tryClaim}), both sides spin.
 */
final class AgronaRings implements Echo, MessageHandler {
  private static final int CAPACITY = 1 << 20;
  private static final int RING = CAPACITY + RingBufferDescriptor.TRAILER_LENGTH;
  private static final int MESSAGE = 1;

  /** The two rings in their file. */
  record Rings(MappedByteBuffer file, RingBuffer there, RingBuffer back) implements AutoCloseable {
    static Rings in(MappedByteBuffer file) {
      var there = new OneToOneRingBuffer(new UnsafeBuffer(file, 0, RING));
      var back = new OneToOneRingBuffer(new UnsafeBuffer(file, RING, RING));
      return new Rings(file, there, back);
    }

    @Override
    public void close() {
      IoUtil.unmap(file);
    }
  }

  private final Path path;
  private final Partner echo;
  private final Rings rings;
  private final byte[] answer = new byte[64];

  AgronaRings(Path directory, Partner echo) throws IOException {
    this.echo = echo;
    path = file(directory);
    Files.deleteIfExists(path);
    rings = Rings.in(IoUtil.mapNewFile(path.toFile(), 2L * RING));
    echo.open(directory);
  }

  static Path file(Path directory) {
    return directory.resolve("rings");
  }

  @Override
  public byte[] call(byte[] request) {
    send(rings.there(), request);
    while (rings.back().read(this, 1) == 0) {
      // Without a pause, as the limit's own client: here it is faster; the echo is with one.
    }
    return answer;
  }

  private static void send(RingBuffer ring, byte[] message) {
    int index;
    while ((index = ring.tryClaim(MESSAGE, message.length)) < 0) {
      Thread.onSpinWait();
    }
    ring.buffer().putBytes(index, message);
    ring.commit(index);
  }

  /** Sends a message on, out of one ring into another. */
  static void forward(RingBuffer ring, DirectBuffer from, int offset, int length) {
    int index;
    while ((index = ring.tryClaim(MESSAGE, length)) < 0) {
      Thread.onSpinWait();
    }
    ring.buffer().putBytes(index, from, offset, length);
    ring.commit(index);
  }

  @Override
  public void onMessage(int type, MutableDirectBuffer buffer, int index, int length) {
    buffer.getBytes(index, answer, 0, length);
  }

  @Override
  public void close() {
    try {
      echo.close();
      rings.close();
      Files.delete(path);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
