package io.ringwork.tests;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.observation.ObservationRegistry;
import io.opentelemetry.api.OpenTelemetry;
import io.ringwork.Codec;
import io.ringwork.Ringwork;
import io.ringwork.TaskFuture;
import io.ringwork.TaskType;
import io.ringwork.cbor.CborCodec;
import io.ringwork.stock.ImageResize;
import java.nio.channels.WritableByteChannel;
import java.time.Instant;
import java.util.List;

/**
 * What the snippets of the documents take for granted: the variables and methods of the program
 * around them. {@link DocumentsTest} compiles each snippet in a subclass of this class; none is
 * run.
 */
abstract class DocumentsFixture {
  record Line(String article, int count) {}

  record Order(long id, List<Line> lines) {}

  record Total(long id, long cents) {}

  record Visit(String who, Instant when) {}

  /** Any logger. */
  interface Log {
    void info(String format, Object argument);
  }

  static final Codec<Order> ORDER = CborCodec.of(Order.class);
  static final Codec<Total> SUM = CborCodec.of(Total.class);
  static final TaskType<Long, Long> SQUARE = TaskType.of("square", Codec.LONG, Codec.LONG);

  // Without values: nothing here is run.
  Ringwork pool;
  TaskFuture<byte[]> future;
  ImageResize request;
  WritableByteChannel channel;
  MeterRegistry registry;
  ObservationRegistry observations;
  OpenTelemetry telemetry;
  Log log;
  byte[] password;
  byte[] photo;
  byte[] image;
  Order order;
  List<Long> numbers;
  long left;
  long right;
  long total;
  boolean running;

  abstract byte[] fallback(String why);

  abstract byte[] again();

  abstract byte[] parse(byte[] result);

  abstract void doWork();
}
