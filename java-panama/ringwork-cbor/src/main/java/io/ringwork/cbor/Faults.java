package io.ringwork.cbor;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.exc.InvalidFormatException;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import java.io.IOException;
import java.util.Collection;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Says of what Jackson can't read or write where it is, and both types in words, as workers do. */
final class Faults {
  private Faults() {}

  /**
   * The same fault; Jackson's own exception is its cause.
   *
   * @param token at which the parser stopped; null where something is written
   */
  static IOException told(JacksonException failed, @Nullable JsonToken token) {
    String where = failed instanceof JsonMappingException mapping ? place(mapping) : "";
    return new IOException(
        where.isEmpty() ? what(failed, token) : where + ": " + what(failed, token), failed);
  }

  private static String place(JsonMappingException failed) {
    StringBuilder place = new StringBuilder();
    for (JsonMappingException.Reference step : failed.getPath()) {
      if (step.getFieldName() == null) {
        place.append('[').append(step.getIndex()).append(']');
      } else {
        place.append(place.isEmpty() ? "" : ".").append(step.getFieldName());
      }
    }
    return place.toString();
  }

  private static String what(JacksonException failed, @Nullable JsonToken token) {
    if (failed instanceof MismatchedInputException mismatch
        && !(mismatch instanceof InvalidFormatException)
        && mismatch.getTargetType() != null) {
      String expected = expected(mismatch.getTargetType());
      String found = found(token);
      if (found != null && !found.equals(expected)) {
        return "expected " + expected + ", got " + found;
      }
    }
    Throwable cause = failed.getCause();
    return cause instanceof JacksonException inner && !(cause instanceof JsonMappingException)
        ? inner.getOriginalMessage()
        : failed.getOriginalMessage();
  }

  private static String expected(Class<?> type) {
    if (type == boolean.class || type == Boolean.class) {
      return "a boolean";
    }
    if (type == float.class
        || type == double.class
        || type == Float.class
        || type == Double.class) {
      return "a number (" + type.getSimpleName() + ")";
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
    return (type.isEnum() ? "a string (" : "an object (") + type.getSimpleName() + ")";
  }

  private static @Nullable String found(@Nullable JsonToken token) {
    if (token == null) {
      return null;
    }
    return switch (token) {
      case VALUE_NULL -> "null";
      case VALUE_TRUE, VALUE_FALSE -> "a boolean";
      case VALUE_NUMBER_INT -> "an integer";
      case VALUE_NUMBER_FLOAT -> "a number with a fraction";
      case VALUE_STRING -> "a string";
      case VALUE_EMBEDDED_OBJECT -> "bytes";
      case START_ARRAY -> "an array";
      case START_OBJECT, FIELD_NAME -> "an object";
      default -> null;
    };
  }
}
