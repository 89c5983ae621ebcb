package io.ringwork;

import io.ringwork.cbor.CborCodec;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.SharedMemory;
import io.ringwork.internal.segment.SlotTable;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * The codecs as the client uses them: encoding asks for the size and writes into a slot, as {@link
 * Submitter} does, decoding reads a slot's result, as {@link Completer} does. The codecs of ours
 * write to shared memory itself ({@link DirectCodec}), CBOR goes through buffers.
 *
 * <p>The state is a slot whose result has been written: the encoding of the very value that is
 * encoded.
 */
@State(Scope.Thread)
public class CodecCost extends ComponentBench {
  private static final DirectCodec<byte[]> BYTES = (DirectCodec<byte[]>) Codec.BYTES;
  private static final DirectCodec<String> UTF8 = (DirectCodec<String>) Codec.UTF8;
  private static final DirectCodec<Long> LONG = (DirectCodec<Long>) Codec.LONG;

  /**
   * A small record; its encoding fits into a slot.
   *
   * @param id a number
   * @param customer a text
   * @param quantity a small number
   * @param price a number with a fraction
   */
  public record Order(long id, String customer, int quantity, double price) {}

  private static final CborCodec<Order> CBOR = CborCodec.of(Order.class);
  private static final Order ORDER = new Order(4_711_000, "Lovelace", 3, 19.5);
  private static final Long NUMBER = 0x1234_5678_9abc_def0L;
  private static final String TEXT = "0123456789abcdef".repeat(4);
  private static final int ARRAY = 0;
  private static final int STRING = 1;
  private static final int INTEGER = 2;
  private static final int RECORD = 3;

  private final BenchMemory segment = new BenchMemory();
  private final SharedMemory memory = segment.memory;
  private final SlotTable<TaskFuture<?>> slots = segment.slots();
  private final byte[] bytes = new byte[Layout.INLINE];
  private int recordLength;

  /** Writes the results, and looks that they are what was encoded. */
  @Setup
  public void open() throws IOException {
    bytes[63] = 1;
    memory.put(slots.resultAt(ARRAY, 0), bytes);
    UTF8.write(TEXT, memory, slots.resultAt(STRING, 0));
    LONG.write(NUMBER, memory, slots.resultAt(INTEGER, 0));
    ByteBuffer order = CBOR.encode(ORDER);
    recordLength = order.remaining();
    check(recordLength <= Layout.INLINE, "the record fits into a slot: " + recordLength);
    memory.put(slots.resultAt(RECORD, 0), order.array());
    check(bytesDecode()[63] == 1, "the bytes come back");
    check(utf8Decode().equals(TEXT), "the text comes back");
    check(longDecode().equals(NUMBER), "the number comes back");
    check(cborDecode().equals(ORDER), "the record comes back");
  }

  /** Gives the memory back. */
  @TearDown
  public void close() {
    segment.close();
  }

  private <T> int write(DirectCodec<T> codec, T value, int slot) {
    check(codec.maxSize(value) <= Layout.INLINE, "the value fits into a slot");
    return codec.write(value, memory, slots.requestAt(slot, 0));
  }

  /**
   * 64 bytes into a slot.
   *
   * @return how many
   */
  @Benchmark
  public int bytesEncode() {
    return write(BYTES, bytes, ARRAY);
  }

  /**
   * 64 bytes out of a slot.
   *
   * @return the bytes
   */
  @Benchmark
  public byte[] bytesDecode() throws IOException {
    return BYTES.read(memory, slots.resultAt(ARRAY, 0), Layout.INLINE);
  }

  /**
   * 64 characters of ASCII into a slot.
   *
   * @return how many bytes
   */
  @Benchmark
  public int utf8Encode() {
    return write(UTF8, TEXT, STRING);
  }

  /**
   * 64 characters of ASCII out of a slot.
   *
   * @return the text
   */
  @Benchmark
  public String utf8Decode() throws IOException {
    return UTF8.read(memory, slots.resultAt(STRING, 0), Layout.INLINE);
  }

  /**
   * A number into a slot.
   *
   * @return how many bytes
   */
  @Benchmark
  public int longEncode() {
    return write(LONG, NUMBER, INTEGER);
  }

  /**
   * A number out of a slot.
   *
   * @return the number
   */
  @Benchmark
  public Long longDecode() throws IOException {
    return LONG.read(memory, slots.resultAt(INTEGER, 0), Long.BYTES);
  }

  /**
   * A record of four fields into a slot.
   *
   * @return how many bytes
   */
  @Benchmark
  public int cborEncode() throws IOException {
    check(CBOR.maxSize(ORDER) == Codec.UNKNOWN_SIZE, "only encoding tells the size");
    ByteBuffer encoded = CBOR.encode(ORDER);
    int size = encoded.remaining();
    slots.inlineRequest(RECORD, size).put(encoded.duplicate());
    return size;
  }

  /**
   * A record of four fields out of a slot.
   *
   * @return the record
   */
  @Benchmark
  public Order cborDecode() throws IOException {
    return CBOR.decode(slots.inlineResult(RECORD, recordLength));
  }
}
