package io.ringwork.cbor;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.type.LogicalType;
import com.fasterxml.jackson.databind.util.ByteBufferBackedInputStream;
import com.fasterxml.jackson.dataformat.cbor.CBORGenerator;
import com.fasterxml.jackson.dataformat.cbor.CBORParser;
import com.fasterxml.jackson.dataformat.cbor.databind.CBORMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import io.ringwork.Codec;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.Objects;

/**
 * Values of one type as one CBOR item (RFC 8949): what a worker reads and writes with serde.
 *
 * <table>
 *   <caption>What travels as what</caption>
 *   <tr><th>Java</th><th>CBOR</th><th>Rust (serde)</th></tr>
 *   <tr><td>{@code byte}, {@code short}, {@code int}, {@code long}, {@code BigInteger}</td>
 *       <td>integer; bignum (tags 2 and 3) beyond 64 bits</td>
 *       <td>an integer type that holds the value; {@code u128}, {@code i128}</td></tr>
 *   <tr><td>{@code BigDecimal}</td><td>decimal fraction (tag 4); any number is read</td>
 *       <td>{@code f64}, {@code f32}; an integer type where it has no fraction</td></tr>
 *   <tr><td>{@code float}</td><td>float of 32 bits</td><td>{@code f32}</td></tr>
 *   <tr><td>{@code double}</td><td>float of 64 bits</td><td>{@code f64}</td></tr>
 *   <tr><td>{@code boolean}</td><td>true, false</td><td>{@code bool}</td></tr>
 *   <tr><td>{@code String}, {@code enum}</td><td>text</td>
 *       <td>{@code String}, unit variants</td></tr>
 *   <tr><td>{@code byte[]}</td><td>byte string; an array of integers is read, too</td>
 *       <td>{@code Vec<u8>}, {@code [u8; N]}; faster with {@code serde_bytes}</td></tr>
 *   <tr><td>{@code List}, arrays</td><td>array</td><td>{@code Vec}, tuples</td></tr>
 *   <tr><td>{@code Map}, records, beans</td><td>map with text keys; integer keys are read</td>
 *       <td>structs, {@code BTreeMap} with keys of text, numbers, {@code bool}, {@code char}, unit
 *       variants</td></tr>
 *   <tr><td>sealed interface with {@code @JsonTypeInfo(property = "type")}</td>
 *       <td>map with a text that names the variant</td>
 *       <td>enum with data and {@code #[serde(tag = "type")]}</td></tr>
 *   <tr><td>{@code null}, empty {@code Optional}</td><td>null</td><td>{@code None}</td></tr>
 * </table>
 *
 * <p>An enum with data that serde does not tag inside ({@code {"Circle": {...}}}) travels with
 * {@code JsonTypeInfo.As.WRAPPER_OBJECT}. A number converts where it fits, on both sides as in
 * serde_json: a {@code double} or {@code f64} takes an integer, a {@code float} or {@code f32} a
 * double; an integer type takes no number with a fraction.
 *
 * <p>What is read is judged as serde judges it by default:
 *
 * <ul>
 *   <li>a property that the Java type does not have is skipped, so that workers may be upgraded
 *       first;
 *   <li>null or nothing where a primitive is expected is an error; where an object is expected it
 *       is {@code null}, where an {@code Optional} is expected it is empty;
 *   <li>bytes after the item are an error, and so is an empty result;
 *   <li>a number that does not fit its Java type is an error; so is one for an enum or a {@code
 *       char}, which travel as text. In a {@code byte[]} the integers from 128 to 255 of a {@code
 *       Vec<u8>} are bytes with the same bits;
 *   <li>bytes where text is expected are an error, and so is text where bytes are expected.
 * </ul>
 *
 * <p>{@link #of(JavaType, ObjectMapper)} takes a mapper with other rules. Errors are thrown as
 * {@link IOException}, which the client makes the cause of an {@link io.ringwork.CodecException};
 * they name the field, what was expected and what was found: {@code items: expected an array, got a
 * string}.
 *
 * <p>Instances are immutable and safe for use by many threads; making one is dear, so keep it in a
 * constant, as part of a {@link io.ringwork.TaskType}.
 *
 * @param <T> the type of value
 */
public final class CborCodec<T> implements Codec<T> {
  private static final ObjectMapper MAPPER = mapper().build();

  private final JavaType type;
  private final ObjectReader reader;
  private final ObjectWriter writer;

  private CborCodec(JavaType type, ObjectMapper mapper) {
    this.type = type;
    ObjectReader reader = mapper.readerFor(type);
    // Jackson's own default is no wish of the user's; in a mapper of ours the feature is one.
    this.reader =
        mapper.getFactory() instanceof PreferredCborFactory
            ? reader
            : reader.without(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);
    this.writer = mapper.writerFor(type);
  }

  /**
   * A mapper's builder with the rules above, to which modules and rules of your own are added:
   *
   * <pre>{@code
   * static final ObjectMapper MAPPER = CborCodec.mapper().addModule(new JavaTimeModule()).build();
   * static final CborCodec<Event> EVENT = CborCodec.of(Event.class, MAPPER);
   * }</pre>
   *
   * <p>With Jackson's module for {@code java.time} an {@code Instant} travels as text by ISO 8601,
   * which the {@code serde} features of Rust's crates for times read; so does a {@code Duration}.
   * With {@code KotlinModule} the data classes of Kotlin travel as records do, and an argument with
   * a default may be missing.
   *
   * @return a new builder
   */
  public static CBORMapper.Builder mapper() {
    return CBORMapper.builder(new PreferredCborFactory())
        .addModule(new Jdk8Module())
        .addModule(new NumbersThatFit())
        // Without these two Jackson reads and writes negative bignums off by one.
        .enable(CBORParser.Feature.DECODE_USING_STANDARD_NEGATIVE_BIGINT_ENCODING)
        .enable(CBORGenerator.Feature.ENCODE_USING_STANDARD_NEGATIVE_BIGINT_ENCODING)
        .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
        .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
        .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
        // As in serde: text that looks like a number is text, and 1 is no boolean.
        .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
        .withCoercionConfig(
            LogicalType.Textual,
            text ->
                text.setCoercion(CoercionInputShape.Integer, CoercionAction.Fail)
                    .setCoercion(CoercionInputShape.Float, CoercionAction.Fail)
                    .setCoercion(CoercionInputShape.Boolean, CoercionAction.Fail))
        .withCoercionConfig(
            char.class, one -> one.setCoercion(CoercionInputShape.Integer, CoercionAction.Fail))
        .withCoercionConfig(
            Character.class,
            one -> one.setCoercion(CoercionInputShape.Integer, CoercionAction.Fail))
        .enable(DeserializationFeature.FAIL_ON_NUMBERS_FOR_ENUMS)
        .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
        .disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS)
        .disable(SerializationFeature.WRITE_DURATIONS_AS_TIMESTAMPS);
  }

  /**
   * A codec for a class or record.
   *
   * @param type the type of value; {@code Object} for whatever comes: numbers, text, {@code
   *     byte[]}, lists, maps, booleans and null
   * @param <T> the type of value
   * @return the codec
   */
  public static <T> CborCodec<T> of(Class<T> type) {
    return new CborCodec<>(MAPPER.constructType(Objects.requireNonNull(type, "type")), MAPPER);
  }

  /**
   * A codec for a generic type, as in {@code of(new TypeReference<Map<String, List<Long>>>() {})}.
   *
   * @param type the type of value
   * @param <T> the type of value
   * @return the codec
   */
  public static <T> CborCodec<T> of(TypeReference<T> type) {
    return new CborCodec<>(MAPPER.constructType(Objects.requireNonNull(type, "type")), MAPPER);
  }

  /**
   * A codec for a type that was put together at run time.
   *
   * @param type the type of value; the caller answers for its being {@code T}
   * @param <T> the type of value
   * @return the codec
   */
  public static <T> CborCodec<T> of(JavaType type) {
    return new CborCodec<>(Objects.requireNonNull(type, "type"), MAPPER);
  }

  /**
   * A codec for a class or record, with rules of your own; see {@link #of(JavaType, ObjectMapper)}.
   *
   * @param type the type of value
   * @param mapper as made by {@link #mapper()}; not to be configured any more
   * @param <T> the type of value
   * @return the codec
   * @throws IllegalArgumentException if the mapper writes something else than CBOR
   */
  public static <T> CborCodec<T> of(Class<T> type, ObjectMapper mapper) {
    return of(mapper.constructType(Objects.requireNonNull(type, "type")), mapper);
  }

  /**
   * A codec for a generic type, with rules of your own; see {@link #of(JavaType, ObjectMapper)}.
   *
   * @param type the type of value
   * @param mapper as made by {@link #mapper()}; not to be configured any more
   * @param <T> the type of value
   * @return the codec
   * @throws IllegalArgumentException if the mapper writes something else than CBOR
   */
  public static <T> CborCodec<T> of(TypeReference<T> type, ObjectMapper mapper) {
    return of(mapper.constructType(Objects.requireNonNull(type, "type")), mapper);
  }

  /**
   * A codec with rules of your own. Properties that the Java type does not have are skipped, so
   * that a worker with a new field breaks no client, unless {@code FAIL_ON_UNKNOWN_PROPERTIES} was
   * enabled in a mapper, or in the builder of one, that is made by {@link #mapper()}. Of any other
   * mapper this one feature is ignored: it is on by default, which tells nothing about what its
   * user wants.
   *
   * @param type the type of value; the caller answers for its being {@code T}
   * @param mapper as made by {@link #mapper()}, or any on a {@code CBORFactory}; not to be
   *     configured any more
   * @param <T> the type of value
   * @return the codec
   * @throws IllegalArgumentException if the mapper writes something else than CBOR
   */
  public static <T> CborCodec<T> of(JavaType type, ObjectMapper mapper) {
    String format = mapper.getFactory().getFormatName();
    if (!"CBOR".equals(format)) {
      throw new IllegalArgumentException(
          "the mapper writes "
              + format
              + ", and the worker reads CBOR: make it with CborCodec.mapper(), to which modules and"
              + " rules of your own can be added");
    }
    return new CborCodec<>(Objects.requireNonNull(type, "type"), mapper);
  }

  @Override
  public int id() {
    return CBOR_ID;
  }

  /** Only encoding tells. */
  @Override
  public long maxSize(T value) {
    return UNKNOWN_SIZE;
  }

  @Override
  public void encode(T value, ByteBuffer target) throws IOException {
    target.put(encode(value));
  }

  @Override
  public ByteBuffer encode(T value) throws IOException {
    try {
      return ByteBuffer.wrap(writer.writeValueAsBytes(value));
    } catch (JacksonException failed) {
      throw Faults.told(failed);
    }
  }

  @Override
  public T decode(ByteBuffer source) throws IOException {
    if (!source.hasRemaining()) {
      throw Faults.empty(type);
    }
    // The parser copies what it looks at, so a worker that writes on can't confuse it.
    try (InputStream in = new ByteBufferBackedInputStream(source);
        JsonParser parser = reader.createParser(in)) {
      return read(parser);
    }
  }

  private T read(JsonParser parser) throws IOException {
    try {
      return reader.readValue(parser);
    } catch (JacksonException failed) {
      throw Faults.told(failed, parser, type, reader.getConfig());
    }
  }

  @Override
  public String toString() {
    return "CborCodec[" + type.toCanonical() + "]";
  }
}
