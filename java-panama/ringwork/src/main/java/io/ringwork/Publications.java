package io.ringwork;

import io.ringwork.NotPublishedException.Reason;
import io.ringwork.internal.segment.EventRing;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.TopicTable;
import io.ringwork.internal.wait.EventBell;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** Publishes the events of a client. Called from any thread. */
final class Publications {
  /** A bound of a codec may be larger than its value; beyond this no value is tried. */
  private static final int LARGEST_BOUND = 1 << 16;

  private final Lifecycle life;
  private final @Nullable EventRing ring;
  private final TopicTable topics;
  private final int publisher;

  /**
   * How many threads are at it; below 0 once the client closes. A cell that a thread has taken must
   * be written before the memory is unmapped.
   */
  private final AtomicInteger threads = new AtomicInteger();

  Publications(Lifecycle life, @Nullable EventRing ring, TopicTable topics, int client) {
    this.life = life;
    this.ring = ring;
    this.topics = topics;
    publisher = EventRing.publisherOf(client);
  }

  <T> void publish(String topic, Codec<T> codec, T value) {
    Objects.requireNonNull(topic, "topic");
    Objects.requireNonNull(codec, "codec");
    Objects.requireNonNull(value, "value");
    if (!life.isOpen()) {
      throw life.closedException(false, null);
    }
    if (ring == null) {
      throw new NotPublishedException(Reason.NO_EVENTS);
    }
    byte[] bytes = encode(topic, codec, value);
    if (bytes.length > Layout.EVENT_BYTES_MAX) {
      throw new NotPublishedException(Reason.TOO_LARGE);
    }
    int id = idOf(topic, codec);
    try {
      if (threads.incrementAndGet() <= 0) {
        throw life.closedException(false, null);
      }
      write(ring, topic, id, bytes);
    } finally {
      threads.decrementAndGet();
    }
  }

  private void write(EventRing ring, String topic, int codec, byte[] bytes) {
    int place;
    long position;
    try {
      place = topics.place(topic);
      position = place < 0 ? -1 : ring.publish(publisher, place, codec, bytes);
      if (position >= 0) {
        EventBell.published(ring);
      }
    } catch (IllegalStateException | InternalError unmapped) {
      throw life.closedException(false, unmapped);
    }
    if (place == TopicTable.BAD_NAME) {
      throw new IllegalArgumentException(
          "the topic's name is none: it has parts of letters, digits, - and _ with dots between"
              + " them, such as order.paid, and "
              + Layout.TOPIC_NAME_MAX
              + " bytes at most: \""
              + topic
              + "\"");
    }
    if (position < 0) {
      throw new NotPublishedException(place < 0 ? Reason.NO_TOPIC : Reason.REFUSED);
    }
  }

  /**
   * Lets nobody publish any more, and waits for those that are at it.
   *
   * @return false if one is still: its cell is then the reaper's to clear
   */
  boolean close(long nanos) {
    threads.addAndGet(Integer.MIN_VALUE);
    long end = System.nanoTime() + nanos;
    while (threads.get() != Integer.MIN_VALUE && System.nanoTime() - end < 0) {
      LockSupport.parkNanos(this, 100_000);
    }
    return threads.get() == Integer.MIN_VALUE;
  }

  // ---- encoding

  private static <T> byte[] encode(String topic, Codec<T> codec, T value) {
    try {
      long size = codec.maxSize(value);
      if (size == Codec.UNKNOWN_SIZE) {
        ByteBuffer encoded = codec.encode(value);
        byte[] bytes = new byte[Math.min(encoded.remaining(), Layout.EVENT_BYTES_MAX + 1)];
        encoded.get(encoded.position(), bytes);
        return bytes;
      }
      // Of ours it is the size itself where it comes near the limit.
      if (size > LARGEST_BOUND || codec instanceof DirectCodec && size > Layout.EVENT_BYTES_MAX) {
        throw new NotPublishedException(Reason.TOO_LARGE);
      }
      byte[] bytes = new byte[(int) size];
      ByteBuffer target = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
      codec.encode(value, target);
      return target.hasRemaining() ? Arrays.copyOf(bytes, target.position()) : bytes;
    } catch (NotPublishedException tooLarge) {
      throw tooLarge;
    } catch (Exception failed) { // whatever a codec of others throws
      throw unencodable(topic, CodecException.text(failed), failed);
    }
  }

  private static int idOf(String topic, Codec<?> codec) {
    int id;
    try {
      id = codec.id();
    } catch (Exception failed) {
      throw unencodable(topic, CodecException.text(failed), failed);
    }
    if (id < 0 || id > 255) {
      throw unencodable(topic, "its codec gave the id " + id + ": 0 to 255 are possible", null);
    }
    return id;
  }

  private static CodecException unencodable(String topic, String why, @Nullable Exception cause) {
    return new CodecException("the event of " + topic + " can't be encoded: " + why, false, cause);
  }
}
