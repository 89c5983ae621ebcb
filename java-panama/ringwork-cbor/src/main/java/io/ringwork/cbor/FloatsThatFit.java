package io.ringwork.cbor;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.deser.std.NumberDeserializers;
import com.fasterxml.jackson.databind.deser.std.StdDeserializer;
import com.fasterxml.jackson.databind.module.SimpleModule;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Refuses a number that a {@code float} can't hold, of which Jackson by itself makes infinity. */
final class FloatsThatFit extends SimpleModule {
  private static final long serialVersionUID = 1L;

  FloatsThatFit() {
    super("io.ringwork.cbor");
    addDeserializer(float.class, new Single(float.class, 0f));
    addDeserializer(Float.class, new Single(Float.class, null));
    addDeserializer(float[].class, new Singles());
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
}
