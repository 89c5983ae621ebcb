package io.ringwork;

import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.RawEvent;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.Arrays;

/**
 * An event of a pool: something that has happened, told to all that listen.
 *
 * @param topic its topic, such as {@code worker.died}
 * @param sequence its number: one more than that of the event before it, of whatever topic
 * @param publisher the process that published it
 * @param nanoTime when it was published, as {@link System#nanoTime()}
 * @param codec the {@linkplain Codec#id() id} of the codec that it was published in
 * @param bytes what was published, as it is; not to be changed
 */
public record Event(
    String topic, long sequence, Publisher publisher, long nanoTime, int codec, byte[] bytes) {

  /** A kind of process that publishes. */
  public enum Kind {
    /** The pool's supervisor. */
    SUPERVISOR,
    /** A client. */
    CLIENT,
    /** A worker. */
    WORKER
  }

  /**
   * A process that publishes.
   *
   * @param kind what it is
   * @param number its number, as {@code ringwork stat} shows it; 0 for the supervisor
   */
  public record Publisher(Kind kind, int number) {
    private static final Publisher SUPERVISOR = new Publisher(Kind.SUPERVISOR, 0);

    static Publisher of(int word) {
      if (word == 0) {
        return SUPERVISOR;
      }
      return word >= Layout.EVENT_WORKERS
          ? new Publisher(Kind.WORKER, word - Layout.EVENT_WORKERS)
          : new Publisher(Kind.CLIENT, word - Layout.EVENT_CLIENTS);
    }
  }

  /**
   * Positions that a subscriber has passed. Together the three are all of them.
   *
   * @param received events that it was given, or that its pattern does not name
   * @param lost events that were overwritten before it came
   * @param skipped positions without an event: a publisher died or was stopped there
   */
  public record Passed(long received, long lost, long skipped) {}

  static Event of(String topic, RawEvent raw) {
    return new Event(
        topic,
        raw.position(),
        Publisher.of(raw.publisher()),
        raw.nanoTime(),
        raw.codec(),
        raw.bytes());
  }

  /**
   * How long ago it was published.
   *
   * @return the time
   */
  public Duration age() {
    return Duration.ofNanos(Math.max(0, System.nanoTime() - nanoTime));
  }

  /**
   * What was published, as a value.
   *
   * @param as the codec that it was published in; {@link Codec#BYTES} reads all
   * @param <T> the value
   * @return the value
   * @throws CodecException if it was published in another codec, or is no such value
   */
  public <T> T read(Codec<T> as) {
    if (!as.accepts(codec)) {
      throw new CodecException(
          "the event of "
              + topic
              + " is "
              + Codecs.describe(codec)
              + ", and it is read as "
              + Codecs.describe(as.id())
              + ": read it with the codec of its publisher",
          false,
          null);
    }
    T value;
    try {
      value = as.decode(ByteBuffer.wrap(bytes).asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN));
    } catch (Exception failed) { // whatever a codec of others throws
      throw unreadable(failed);
    }
    if (value == null) {
      throw unreadable(new NullPointerException("decode gave null"));
    }
    return value;
  }

  private CodecException unreadable(Exception failed) {
    return new CodecException(
        "the event of " + topic + " can't be decoded: " + CodecException.text(failed),
        false,
        failed);
  }

  /** Whether the other is the same event, with the same bytes. */
  @Override
  public boolean equals(Object other) {
    return other instanceof Event event
        && sequence == event.sequence
        && nanoTime == event.nanoTime
        && codec == event.codec
        && topic.equals(event.topic)
        && publisher.equals(event.publisher)
        && Arrays.equals(bytes, event.bytes);
  }

  @Override
  public int hashCode() {
    return Long.hashCode(sequence) ^ Long.hashCode(nanoTime) ^ topic.hashCode();
  }
}
