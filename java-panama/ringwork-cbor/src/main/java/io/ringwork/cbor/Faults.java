package io.ringwork.cbor;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonStreamContext;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.exc.InputCoercionException;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.core.exc.StreamReadException;
import com.fasterxml.jackson.core.io.JsonEOFException;
import com.fasterxml.jackson.databind.DeserializationConfig;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.exc.InvalidDefinitionException;
import com.fasterxml.jackson.databind.exc.InvalidFormatException;
import com.fasterxml.jackson.databind.exc.InvalidTypeIdException;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.introspect.BeanPropertyDefinition;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Says of what Jackson can't read or write where it is, and both types in words, as workers do. */
final class Faults {
  /** Of a value only so many characters are said. */
  private static final int MAX_QUOTED = 40;

  private static final Pattern NUMBER = Pattern.compile("value \\((-?[0-9.]+)\\)");
  private static final Pattern PROPERTY = Pattern.compile("missing type id property '([^']+)'");
  private static final Pattern KNOWN = Pattern.compile("known type ids = \\[([^\\]]*)\\]");
  private static final Pattern MODULE = Pattern.compile("add Module \"([^\"]+)\"");

  private Faults() {}

  /** What is said of a result without a byte. */
  static IOException empty(JavaType type) {
    return new IOException("expected " + expected(type.getRawClass()) + ", got an empty result");
  }

  /** The same fault of what is written; Jackson's own exception is its cause. */
  static IOException told(JacksonException failed) {
    return told(failed, path(failed), new Stop(null, false, null));
  }

  /**
   * The same fault of what is read; Jackson's own exception is its cause.
   *
   * @param parser which has stopped at the fault
   * @param root the type of the whole value
   */
  static IOException told(
      JacksonException failed, JsonParser parser, JavaType root, DeserializationConfig config)
      throws IOException {
    List<JsonMappingException.Reference> path = path(failed);
    if (isPlain(failed) || isPlain(failed.getCause())) {
      path = longer(path, stepsTo(parser, isKey(failed) || isKey(failed.getCause())));
    }
    Class<?> field = declared(path, root, config);
    return told(failed, path, new Stop(parser.currentToken(), parser.isNaN(), field));
  }

  private static IOException told(
      JacksonException failed, List<JsonMappingException.Reference> path, Stop at) {
    String where = place(path);
    return new IOException(
        where.isEmpty() ? what(failed, at) : where + ": " + what(failed, at), failed);
  }

  private static List<JsonMappingException.Reference> path(JacksonException failed) {
    return failed instanceof JsonMappingException mapping ? mapping.getPath() : List.of();
  }

  /** Whether the parser itself has found it, in bytes that go on. */
  private static boolean isPlain(@Nullable Throwable failed) {
    return failed instanceof InputCoercionException || isKey(failed);
  }

  private static boolean isKey(@Nullable Throwable failed) {
    return failed instanceof StreamReadException broken
        && String.valueOf(broken.getOriginalMessage()).startsWith("Unsupported major type");
  }

  /**
   * The way to where the parser stands. Of a fault that the parser itself finds, Jackson's maps do
   * not say the key.
   *
   * @param atKey whether it stands at a key, which has no name yet
   */
  private static List<JsonMappingException.Reference> stepsTo(JsonParser parser, boolean atKey) {
    LinkedList<JsonMappingException.Reference> steps = new LinkedList<>();
    for (JsonStreamContext in = parser.getParsingContext(); in != null; in = in.getParent()) {
      boolean unnamed = atKey && in == parser.getParsingContext();
      if (in.inObject() && in.getCurrentName() != null && !unnamed) {
        steps.addFirst(new JsonMappingException.Reference(null, in.getCurrentName()));
      } else if (in.inArray()) {
        steps.addFirst(new JsonMappingException.Reference(null, in.getCurrentIndex()));
      }
    }
    return steps;
  }

  /** The first way, and what the second one has beyond it. */
  private static List<JsonMappingException.Reference> longer(
      List<JsonMappingException.Reference> path, List<JsonMappingException.Reference> steps) {
    List<JsonMappingException.Reference> all = new ArrayList<>(path);
    if (steps.size() > path.size() && place(steps.subList(0, path.size())).equals(place(path))) {
      all.addAll(steps.subList(path.size(), steps.size()));
    }
    return all;
  }

  /**
   * Where the parser stopped.
   *
   * @param field the type that is declared there; null if it is not known
   */
  private record Stop(@Nullable JsonToken token, boolean nan, @Nullable Class<?> field) {}

  /** The type that is declared at the end of a path; that in an {@code Optional} in its place. */
  private static @Nullable Class<?> declared(
      List<JsonMappingException.Reference> path, JavaType root, DeserializationConfig config) {
    JavaType type = held(root);
    for (JsonMappingException.Reference step : path) {
      JavaType next =
          step.getFieldName() == null || type.isMapLikeType()
              ? type.getContentType()
              : property(owner(step, type, config), step.getFieldName(), config);
      if (next == null) {
        return null;
      }
      type = held(next);
    }
    return type.getRawClass();
  }

  private static JavaType held(JavaType type) {
    JavaType held = type;
    while (held.isReferenceType()) {
      held = held.getReferencedType();
    }
    return held;
  }

  /** The type that has the field: that which is declared, or a variant of it. */
  private static JavaType owner(
      JsonMappingException.Reference step, JavaType declared, DeserializationConfig config) {
    Object from = step.getFrom();
    Class<?> actual =
        from instanceof Class<?> named ? named : from == null ? null : from.getClass();
    return actual == null || declared.hasRawClass(actual) ? declared : config.constructType(actual);
  }

  private static @Nullable JavaType property(
      JavaType owner, String name, DeserializationConfig config) {
    return config.introspect(owner).findProperties().stream()
        .filter(property -> property.getName().equals(name))
        .map(BeanPropertyDefinition::getPrimaryType)
        .findFirst()
        .orElse(null);
  }

  /** Of a path that is longer only the first steps are said. */
  private static final int MAX_STEPS = 20;

  private static String place(List<JsonMappingException.Reference> path) {
    StringBuilder place = new StringBuilder();
    for (JsonMappingException.Reference step : path.subList(0, Math.min(path.size(), MAX_STEPS))) {
      if (step.getFieldName() == null) {
        place.append('[').append(step.getIndex()).append(']');
      } else {
        place.append(place.isEmpty() ? "" : ".").append(step.getFieldName());
      }
    }
    return place + (path.size() > MAX_STEPS ? "..." : "");
  }

  private static String what(JacksonException failed, Stop at) {
    String said = said(failed, at);
    if (said != null) {
      return said;
    }
    Throwable cause = failed.getCause();
    if (!(cause instanceof JacksonException inner)) {
      return failed.getOriginalMessage();
    }
    said = cause instanceof JsonMappingException ? null : said(inner, at);
    return said != null ? said : inner.getOriginalMessage();
  }

  /** In words of our own; null for what has none. */
  private static @Nullable String said(JacksonException failed, Stop at) {
    return switch (failed) {
      case InvalidFormatException format -> format(format, at);
      case UnrecognizedPropertyException unknown ->
          unknown.getReferringClass().getSimpleName()
              + " has no such property (FAIL_ON_UNKNOWN_PROPERTIES is enabled)";
      case InvalidTypeIdException variant -> variant(variant, at);
      case MismatchedInputException mismatch -> mismatch(mismatch, at);
      case InvalidDefinitionException definition -> definition(definition, at);
      case InputCoercionException range -> range(range, at);
      case StreamConstraintsException limit
          when String.valueOf(limit.getOriginalMessage()).contains("nesting") ->
          "the values are nested too deeply";
      case JsonEOFException end -> "the bytes end in the middle of a value";
      case StreamReadException key when isKey(key) ->
          "the key of a map is neither text nor an integer, which Java can't read";
      case StreamReadException broken -> "the bytes are no CBOR: " + broken.getOriginalMessage();
      case JsonMappingException mapping
          when String.valueOf(mapping.getOriginalMessage()).startsWith("Null key") ->
          "a map has a null key, and CBOR that serde reads has none";
      default -> null;
    };
  }

  /** Of a type with variants: the name of one is missing, or is that of none. */
  private static @Nullable String variant(InvalidTypeIdException variant, Stop at) {
    String original = String.valueOf(variant.getOriginalMessage());
    String expected =
        "expected the name of a variant of " + variant.getBaseType().getRawClass().getSimpleName();
    Matcher property = PROPERTY.matcher(original);
    if (property.find()) {
      return expected + " in the field " + property.group(1) + ", got nothing";
    }
    Matcher known = KNOWN.matcher(original);
    return known.find() && variant.getTypeId() != null
        ? expected + " (one of " + known.group(1) + "), got " + quoted(variant.getTypeId())
        : mismatch(variant, at);
  }

  private static @Nullable String mismatch(MismatchedInputException mismatch, Stop at) {
    if (String.valueOf(mismatch.getOriginalMessage()).startsWith("Trailing token")) {
      return "more bytes follow the value";
    }
    Class<?> target = mismatch.getTargetType();
    if (target == null) {
      return null;
    }
    String found = found(at);
    String expected =
        isOwner(mismatch, target)
            ? "a value"
            : expected(isElement(mismatch, target) ? target.getComponentType() : target);
    if (found == null || found.equals(expected)) {
      return null;
    }
    // A class that is made of one value: Jackson does not say of which kind.
    String wanted =
        found.equals("an object") && expected.startsWith(found)
            ? "a value that the constructor of " + target.getSimpleName() + " takes"
            : expected;
    return "expected " + wanted + ", got " + found;
  }

  /** Whether the class is named in which a field is missing; Kotlin's module does not say more. */
  private static boolean isOwner(MismatchedInputException mismatch, Class<?> target) {
    List<JsonMappingException.Reference> path = mismatch.getPath();
    return !path.isEmpty()
        && path.getLast().getFieldName() != null
        && target.equals(path.getLast().getFrom());
  }

  /** Whether an array of primitives is named as the type where one of its elements is meant. */
  private static boolean isElement(MismatchedInputException mismatch, Class<?> target) {
    List<JsonMappingException.Reference> path = mismatch.getPath();
    return target.isArray()
        && target.getComponentType().isPrimitive()
        && !path.isEmpty()
        && target.isInstance(path.getLast().getFrom());
  }

  /** A value whose kind may stand there, but which is not one of the type. */
  private static @Nullable String format(InvalidFormatException format, Stop at) {
    Class<?> target = format.getTargetType();
    if (target == null) {
      return null;
    }
    Object value = format.getValue();
    if (at.token == JsonToken.FIELD_NAME) {
      return "expected a key that is " + expected(target) + ", got " + quoted(value);
    }
    if (target.isEnum()) {
      return oneOf(target) + quoted(value);
    }
    String found =
        value instanceof Number number && !at.nan
            ? "the number " + number + (isFloat(target) ? ", which does not fit" : "")
            : found(at);
    return found == null ? null : "expected " + expected(target) + ", got " + found;
  }

  private static boolean isFloat(Class<?> type) {
    return type == float.class || type == Float.class;
  }

  private static String quoted(@Nullable Object value) {
    String text = String.valueOf(value);
    String cut = text.length() <= MAX_QUOTED ? text : text.substring(0, MAX_QUOTED) + "...";
    return value instanceof Number ? "the number " + cut : '"' + cut + '"';
  }

  /**
   * A number that the parser can't give as the type that it was asked for. That is an {@code int}
   * for each smaller type, and for an enum.
   */
  private static @Nullable String range(InputCoercionException range, Stop at) {
    if (range.getTargetType() == null) {
      return null;
    }
    Matcher value = NUMBER.matcher(String.valueOf(range.getOriginalMessage()));
    String number = value.find() ? value.group(1) : null;
    if (at.field != null && at.field.isEnum()) {
      return oneOf(at.field) + (number == null ? "an integer" : "the number " + number);
    }
    return "expected "
        + expected(at.field != null && isNumber(at.field) ? at.field : range.getTargetType())
        + ", got "
        + (number == null ? "an integer" : "the integer " + number)
        + ", which does not fit";
  }

  private static boolean isNumber(Class<?> type) {
    return Number.class.isAssignableFrom(type) && type != Number.class
        || type.isPrimitive() && type != boolean.class && type != char.class;
  }

  private static String oneOf(Class<?> type) {
    return Arrays.stream(type.getEnumConstants())
        .map(Object::toString)
        .collect(
            Collectors.joining(", ", "expected one of ", " (" + type.getSimpleName() + "), got "));
  }

  /** A type that Jackson can't read or write at all. */
  private static @Nullable String definition(InvalidDefinitionException definition, Stop at) {
    String original = String.valueOf(definition.getOriginalMessage());
    JavaType type = definition.getType();
    if (type == null) {
      return null;
    }
    String can = " can't be " + (at.token == null ? "written" : "read");
    Matcher module = MODULE.matcher(original);
    if (module.find()) {
      return type.toCanonical()
          + can
          + " without the module of "
          + module.group(1)
          + ": add it to CborCodec.mapper(), and give the mapper to CborCodec.of";
    }
    String found = found(at);
    if (found != null && original.contains("-argument constructor/factory method")) {
      return "expected " + expected(type.getRawClass()) + ", got " + found;
    }
    if (original.startsWith("No serializer found")) {
      return type.toCanonical()
          + can
          + ": it has no properties; send a record, a bean, or a type that a module serializes";
    }
    if (!original.startsWith("Cannot construct instance of")) {
      return null;
    }
    if (original.contains("abstract types")) {
      return type.toCanonical()
          + can
          + ": it is "
          + (type.isInterface() ? "an interface" : "an abstract class")
          + ", and nothing says which of its types is meant; give it @JsonTypeInfo and"
          + " @JsonSubTypes, or take one of these types";
    }
    return original.contains("no Creators")
        ? type.toCanonical()
            + can
            + ": it has no constructor that Jackson knows; take a record, or give the class one"
            + " without parameters or one with @JsonCreator"
        : null;
  }

  private static String expected(Class<?> type) {
    if (type == boolean.class || type == Boolean.class) {
      return "a boolean";
    }
    if (isFloat(type) || type == double.class || type == Double.class) {
      return "a number (" + type.getSimpleName() + ")";
    }
    if (type == BigDecimal.class) {
      return "a number (BigDecimal)";
    }
    if (type.isPrimitive() && type != char.class || Number.class.isAssignableFrom(type)) {
      return "an integer (" + type.getSimpleName() + ")";
    }
    if (CharSequence.class.isAssignableFrom(type) || type == char[].class) {
      return "a string";
    }
    if (type == byte[].class || ByteBuffer.class.isAssignableFrom(type)) {
      return "bytes";
    }
    if (type.isArray() || Collection.class.isAssignableFrom(type)) {
      return "an array";
    }
    if (Map.class.isAssignableFrom(type)) {
      return "an object";
    }
    if (type.isEnum()) {
      return "a string (" + type.getSimpleName() + ")";
    }
    if (type == char.class || type.getName().startsWith("java.")) {
      return "a value of " + type.getSimpleName();
    }
    return "an object (" + type.getSimpleName() + ")";
  }

  private static @Nullable String found(Stop at) {
    if (at.token == null) {
      return null;
    }
    return switch (at.token) {
      case VALUE_NULL -> "null";
      case VALUE_TRUE, VALUE_FALSE -> "a boolean";
      case VALUE_NUMBER_INT -> "an integer";
      case VALUE_NUMBER_FLOAT -> at.nan ? "NaN or infinity" : "a number with a fraction";
      case VALUE_STRING -> "a string";
      case VALUE_EMBEDDED_OBJECT -> "bytes";
      case START_ARRAY -> "an array";
      case START_OBJECT, FIELD_NAME -> "an object";
      // A field that is needed and was not there: the object, or the array for one, has ended.
      case END_OBJECT, END_ARRAY -> "nothing";
      default -> null;
    };
  }
}
