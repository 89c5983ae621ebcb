package io.ringwork.cbor;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.exc.InputCoercionException;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.core.exc.StreamReadException;
import com.fasterxml.jackson.core.io.JsonEOFException;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.exc.InvalidDefinitionException;
import com.fasterxml.jackson.databind.exc.InvalidFormatException;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import java.io.IOException;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.Collection;
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
  private static final Pattern MODULE = Pattern.compile("add Module \"([^\"]+)\"");

  private Faults() {}

  /** What is said of a result without a byte. */
  static IOException empty(JavaType type) {
    return new IOException("expected " + expected(type.getRawClass()) + ", got an empty result");
  }

  /**
   * The same fault; Jackson's own exception is its cause.
   *
   * @param token at which the parser stopped; null where something is written
   * @param nan whether that is NaN or infinity
   */
  static IOException told(JacksonException failed, @Nullable JsonToken token, boolean nan) {
    Stop at = new Stop(token, nan);
    String where = failed instanceof JsonMappingException mapping ? place(mapping) : "";
    return new IOException(
        where.isEmpty() ? what(failed, at) : where + ": " + what(failed, at), failed);
  }

  /** Where the parser stopped. */
  private record Stop(@Nullable JsonToken token, boolean nan) {}

  /** Of a path that is longer only the first steps are said. */
  private static final int MAX_STEPS = 20;

  private static String place(JsonMappingException failed) {
    StringBuilder place = new StringBuilder();
    List<JsonMappingException.Reference> path = failed.getPath();
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
      case MismatchedInputException mismatch -> mismatch(mismatch, at);
      case InvalidDefinitionException definition -> definition(definition, at);
      case InputCoercionException range -> range(range);
      case StreamConstraintsException limit
          when String.valueOf(limit.getOriginalMessage()).contains("nesting") ->
          "the values are nested too deeply";
      case JsonEOFException end -> "the bytes end in the middle of a value";
      case StreamReadException broken -> "the bytes are no CBOR: " + broken.getOriginalMessage();
      case JsonMappingException mapping
          when String.valueOf(mapping.getOriginalMessage()).startsWith("Null key") ->
          "a map has a null key, and CBOR that serde reads has none";
      default -> null;
    };
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
    return found == null || found.equals(expected)
        ? null
        : "expected " + expected + ", got " + found;
  }

  /** Whether the class is named in which a field is missing; Kotlin's module does not say more. */
  private static boolean isOwner(MismatchedInputException mismatch, Class<?> target) {
    List<JsonMappingException.Reference> path = mismatch.getPath();
    return !path.isEmpty() && target.equals(path.getLast().getFrom());
  }

  /** Whether an array of primitives is named as the type where one of its elements is meant. */
  private static boolean isElement(MismatchedInputException mismatch, Class<?> target) {
    List<JsonMappingException.Reference> path = mismatch.getPath();
    return target.isArray()
        && target.getComponentType().isPrimitive()
        && !path.isEmpty()
        && path.getLast().getFrom() != null
        && path.getLast().getFrom().getClass().isArray();
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
      String names =
          Arrays.stream(target.getEnumConstants())
              .map(Object::toString)
              .collect(Collectors.joining(", "));
      return "expected one of " + names + " (" + target.getSimpleName() + "), got " + quoted(value);
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

  private static @Nullable String range(InputCoercionException range) {
    if (range.getTargetType() == null) {
      return null;
    }
    Matcher value = NUMBER.matcher(String.valueOf(range.getOriginalMessage()));
    return "expected "
        + expected(range.getTargetType())
        + ", got "
        + (value.find() ? "the integer " + value.group(1) : "an integer")
        + ", which does not fit";
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
    return original.startsWith("No serializer found")
        ? type.toCanonical()
            + can
            + ": it has no properties; send a record, a bean, or a type that a module serializes"
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
    if (CharSequence.class.isAssignableFrom(type)) {
      return "a string";
    }
    if (type == byte[].class) {
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
