package io.ringwork.cbor;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.BeanDescription;
import com.fasterxml.jackson.databind.DeserializationConfig;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.JsonDeserializer;
import com.fasterxml.jackson.databind.deser.BeanDeserializerModifier;
import com.fasterxml.jackson.databind.deser.std.DelegatingDeserializer;
import com.fasterxml.jackson.databind.type.ArrayType;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Refuses bytes where text is expected, and text where bytes are. Jackson's own deserializers make
 * one of the other by Base64, which JSON needs and CBOR does not.
 */
final class TextIsNoBytes extends BeanDeserializerModifier {
  private static final long serialVersionUID = 1L;

  @Override
  public JsonDeserializer<?> modifyDeserializer(
      DeserializationConfig config, BeanDescription described, JsonDeserializer<?> reader) {
    Class<?> type = described.getBeanClass();
    if (type == String.class || type == CharSequence.class) {
      return without(JsonToken.VALUE_EMBEDDED_OBJECT, reader);
    }
    return ByteBuffer.class.isAssignableFrom(type)
        ? without(JsonToken.VALUE_STRING, reader)
        : reader;
  }

  @Override
  public JsonDeserializer<?> modifyArrayDeserializer(
      DeserializationConfig config,
      ArrayType type,
      BeanDescription described,
      JsonDeserializer<?> reader) {
    if (type.hasRawClass(char[].class)) {
      return without(JsonToken.VALUE_EMBEDDED_OBJECT, reader);
    }
    return type.hasRawClass(byte[].class) ? without(JsonToken.VALUE_STRING, reader) : reader;
  }

  /** A deserializer of a user's module keeps its own rules. */
  private static JsonDeserializer<?> without(JsonToken token, JsonDeserializer<?> reader) {
    return reader.getClass().getName().startsWith("com.fasterxml.jackson.databind.")
        ? new Without(token, reader)
        : reader;
  }

  private static final class Without extends DelegatingDeserializer {
    private static final long serialVersionUID = 1L;

    private final JsonToken token;

    Without(JsonToken token, JsonDeserializer<?> reader) {
      super(reader);
      this.token = token;
    }

    @Override
    protected JsonDeserializer<?> newDelegatingInstance(JsonDeserializer<?> reader) {
      return new Without(token, reader);
    }

    @Override
    public Object deserialize(JsonParser parser, DeserializationContext context)
        throws IOException {
      return parser.hasToken(token)
          ? context.handleUnexpectedToken(handledType(), parser)
          : super.deserialize(parser, context);
    }
  }
}
