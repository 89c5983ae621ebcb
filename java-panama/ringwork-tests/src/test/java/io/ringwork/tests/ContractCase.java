package io.ringwork.tests;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.ringwork.Codec;
import io.ringwork.OnFailure;
import io.ringwork.Priority;
import io.ringwork.TaskOptions;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** One case of tests/contract.json; tests/README.md says what the keys mean. */
record ContractCase(
    String name, String handler, Payload request, @Nullable Options options, Expected expected) {

  /** The whole file. A key that is not known here is an error: it would go unchecked. */
  record Contract(Pool pool, List<ContractCase> cases) {
    static Contract read(Path file) throws IOException {
      return JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .build()
          .readValue(file.toFile(), Contract.class);
    }
  }

  record Pool(int workers, int lanes, long overrunGraceMs) {}

  record Payload(
      String codec,
      @Nullable String hex,
      @Nullable String utf8,
      @Nullable Long i64,
      @Nullable Integer pattern) {
    int codecId() {
      return idOf(codec);
    }

    byte[] bytes(String marker) {
      return payload(hex, utf8 == null ? null : utf8.replace("{marker}", marker), i64, pattern);
    }
  }

  record Options(
      @Nullable Long timeoutMs,
      @Nullable Integer priority,
      @Nullable Integer attempts,
      @Nullable String traceparent,
      boolean occupy,
      @Nullable String cancel,
      @Nullable String key,
      @Nullable Integer keySize,
      @Nullable String onFailure,
      @Nullable Behind behind) {
    static final Options NONE =
        new Options(null, null, null, null, false, null, null, null, null, null);
  }

  /** A task that the same client submits before the case's own. */
  record Behind(
      String handler, Payload request, @Nullable String onFailure, @Nullable String key) {}

  record Expected(
      String outcome,
      @Nullable String codec,
      @Nullable String hex,
      @Nullable String utf8,
      @Nullable Long i64,
      @Nullable Integer pattern,
      @Nullable String status,
      @Nullable String code,
      @Nullable List<String> messageContains,
      @Nullable String locationContains,
      @Nullable Integer signal,
      @Nullable Integer exit,
      @Nullable Integer attempts,
      @Nullable String reason,
      @JsonProperty("may_have_run") @Nullable Boolean mayHaveRun,
      @Nullable String marker) {
    byte[] bytes() {
      return payload(hex, utf8, i64, pattern);
    }

    int codecId() {
      return codec == null ? Codec.BYTES_ID : idOf(codec);
    }
  }

  Options chosen() {
    return options == null ? Options.NONE : options;
  }

  TaskOptions taskOptions() {
    Options chosen = chosen();
    TaskOptions result = TaskOptions.DEFAULT;
    if (chosen.timeoutMs != null) {
      result = result.timeout(Duration.ofMillis(chosen.timeoutMs));
    }
    if (chosen.priority != null) {
      result = result.priority(Priority.values()[chosen.priority]);
    }
    if (chosen.attempts != null) {
      result = result.attempts(chosen.attempts);
    }
    if (chosen.key != null) {
      result = result.key(chosen.key);
    }
    if (chosen.keySize != null) {
      result = result.key("k".repeat(chosen.keySize));
    }
    result = onFailure(result, chosen.onFailure);
    return chosen.traceparent == null ? result : result.traceparent(chosen.traceparent);
  }

  /** Of the task that comes before it. */
  TaskOptions optionsBefore() {
    Behind before = Objects.requireNonNull(chosen().behind);
    String key = before.key == null ? chosen().key : before.key;
    return onFailure(TaskOptions.DEFAULT.key(String.valueOf(key)), before.onFailure);
  }

  private static TaskOptions onFailure(TaskOptions options, @Nullable String name) {
    return name == null
        ? options
        : options.onFailure(OnFailure.valueOf(name.toUpperCase(Locale.ROOT)));
  }

  private static int idOf(String codec) {
    return switch (codec) {
      case "bytes" -> Codec.BYTES_ID;
      case "utf8" -> Codec.UTF8_ID;
      case "i64" -> Codec.LONG_ID;
      case "cbor" -> Codec.CBOR_ID;
      case "params" -> Codec.PARAMS_ID;
      default -> throw new IllegalArgumentException("codec " + codec);
    };
  }

  private static byte[] payload(
      @Nullable String hex, @Nullable String utf8, @Nullable Long i64, @Nullable Integer pattern) {
    if (hex != null) {
      return HexFormat.of().parseHex(hex);
    }
    if (utf8 != null) {
      return utf8.getBytes(StandardCharsets.UTF_8);
    }
    if (i64 != null) {
      return ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(i64).array();
    }
    byte[] bytes = new byte[pattern == null ? 0 : pattern];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (i % 251);
    }
    return bytes;
  }
}
