package io.ringwork.cbor;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.exc.InputCoercionException;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.KeyDeserializer;
import com.fasterxml.jackson.databind.deser.std.NumberDeserializers;
import com.fasterxml.jackson.databind.deser.std.StdDeserializer;
import com.fasterxml.jackson.databind.module.SimpleModule;
import java.io.IOException;
import java.math.BigDecimal;
import org.jspecify.annotations.Nullable;

/**
 * Refuses numbers that do not fit their type: for a {@code float}, of which Jackson by itself makes
 * infinity; from 128 to 255 for a {@code byte}, of which it makes a negative number; NaN and
 * infinity for a {@code BigDecimal}, of which it says no more than that they are malformed. It
 * brings the rule that text is no bytes, too.
 */
final class NumbersThatFit extends SimpleModule {
  private static final long serialVersionUID = 1L;

  NumbersThatFit() {
    super("io.ringwork.cbor");
    addDeserializer(float.class, new Single(float.class, 0f));
    addDeserializer(Float.class, new Single(Float.class, null));
    addDeserializer(float[].class, new Singles());
    addDeserializer(byte.class, new Small(byte.class, (byte) 0));
    addDeserializer(Byte.class, new Small(Byte.class, null));
    addKeyDeserializer(Byte.class, new SmallKey());
    addDeserializer(BigDecimal.class, new Decimal());
    setDeserializerModifier(new TextIsNoBytes());
  }

  private static float narrowed(double value, Class<?> type, DeserializationContext context)
      throws IOException {
    float single = (float) value;
    if (Float.isInfinite(single) && Double.isFinite(value)) {
      context.handleWeirdNumberValue(type, value, "it does not fit");
    }
    return single;
  }

  private static final class Single extends NumberDeserializers.FloatDeserializer {
    private static final long serialVersionUID = 1L;

    Single(Class<Float> type, @Nullable Float forNull) {
      super(type, forNull);
    }

    @Override
    public Float deserialize(JsonParser parser, DeserializationContext context) throws IOException {
      return parser.currentToken().isNumeric()
          ? narrowed(parser.getDoubleValue(), handledType(), context)
          : super.deserialize(parser, context);
    }
  }

  private static final class Singles extends StdDeserializer<float[]> {
    private static final long serialVersionUID = 1L;

    Singles() {
      super(float[].class);
    }

    @Override
    public float[] deserialize(JsonParser parser, DeserializationContext context)
        throws IOException {
      double[] values = context.readValue(parser, double[].class);
      float[] singles = new float[values.length];
      for (int n = 0; n < values.length; n++) {
        singles[n] = narrowed(values[n], float.class, context);
      }
      return singles;
    }
  }

  private static boolean fits(int value) {
    return value == (byte) value;
  }

  private static final class Small extends NumberDeserializers.ByteDeserializer {
    private static final long serialVersionUID = 1L;

    Small(Class<Byte> type, @Nullable Byte forNull) {
      super(type, forNull);
    }

    @Override
    public Byte deserialize(JsonParser parser, DeserializationContext context) throws IOException {
      if (parser.hasToken(JsonToken.VALUE_NUMBER_INT)) {
        Number value = parser.getNumberValue();
        if (!(value instanceof Integer) || !fits(value.intValue())) {
          throw new InputCoercionException(
              parser,
              "Numeric value (" + value + ") out of range of `byte`",
              JsonToken.VALUE_NUMBER_INT,
              byte.class);
        }
      }
      return super.deserialize(parser, context);
    }
  }

  private static final class SmallKey extends KeyDeserializer {
    @Override
    public Object deserializeKey(String key, DeserializationContext context) throws IOException {
      try {
        return Byte.valueOf(key);
      } catch (NumberFormatException none) {
        return context.handleWeirdKey(Byte.class, key, "no integer from -128 to 127");
      }
    }
  }

  private static final class Decimal extends NumberDeserializers.BigDecimalDeserializer {
    private static final long serialVersionUID = 1L;

    @Override
    public BigDecimal deserialize(JsonParser parser, DeserializationContext context)
        throws IOException {
      if (parser.hasToken(JsonToken.VALUE_NUMBER_FLOAT) && parser.isNaN()) {
        return (BigDecimal)
            context.handleWeirdNumberValue(
                BigDecimal.class, parser.getNumberValue(), "it does not fit");
      }
      return super.deserialize(parser, context);
    }
  }
}
