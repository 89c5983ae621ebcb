package io.ringwork;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a codec throws, or gives, is the end of its own task, and of nothing else. */
@Timeout(60)
class BadCodecTest {
  @TempDir Path base;

  /** A codec that fails for the request "bad", at one place and in one way. */
  private static final class Bad implements Codec<String> {
    private final String place;
    private final String how;

    Bad(String how) {
      this.place = how.substring(0, how.indexOf(' '));
      this.how = how.substring(how.indexOf(' ') + 1);
    }

    private boolean fails(String at, String value) {
      if (!at.equals(place) || !value.equals("bad")) {
        return false;
      }
      switch (how) {
        case "runtime" -> throw new IllegalArgumentException("boom");
        case "index" -> throw new IndexOutOfBoundsException("boom");
        case "state" -> throw new IllegalStateException("boom");
        case "error" -> throw new Error("boom");
        case "assertion" -> throw new AssertionError("boom");
        case "memory" -> throw new OutOfMemoryError("boom");
        case "linkage" -> throw new NoClassDefFoundError("boom");
        case "stack" -> deep(0);
        case "checked" -> Bad.<RuntimeException>sneak(new Exception("boom"));
        default -> {
          return true; // gives null
        }
      }
      return true;
    }

    private static int deep(int n) {
      return n < 0 ? 0 : 1 + deep(n + 1);
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void sneak(Throwable thrown) throws T {
      throw (T) thrown;
    }

    @Override
    public int id() {
      return 0;
    }

    @Override
    public long maxSize(String value) {
      fails("size", value);
      return place.equals("unknown") && value.equals("bad") ? UNKNOWN_SIZE : 100;
    }

    @Override
    public ByteBuffer encode(String value) {
      return fails("unknown", value) ? null : ByteBuffer.wrap(value.getBytes());
    }

    @Override
    public void encode(String value, ByteBuffer target) {
      fails("encode", value);
      target.put(value.getBytes());
    }

    @Override
    public String decode(ByteBuffer source) {
      byte[] bytes = new byte[source.remaining()];
      source.get(bytes);
      return new String(bytes);
    }
  }

  private static void assertFailed(Future<?> future) {
    ExecutionException failed =
        assertThrows(ExecutionException.class, () -> future.get(30, TimeUnit.SECONDS));
    CodecException told = assertInstanceOf(CodecException.class, failed.getCause());
    assertFalse(told.mayHaveRun(), told::toString);
    assertTrue(told.getMessage().contains("can't be encoded"), told::getMessage);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "size runtime",
        "size state",
        "size error",
        "size stack",
        "size memory",
        "size checked",
        "unknown null",
        "unknown runtime",
        "unknown error",
        "unknown stack",
        "unknown checked",
        "encode runtime",
        "encode index",
        "encode state",
        "encode error",
        "encode assertion",
        "encode stack",
        "encode memory",
        "encode linkage",
        "encode checked"
      })
  void itsFailureIsTheFutures(String how) throws Exception {
    try (FakePool pool = new FakePool(base, 1, 64).echo();
        Ringwork client = pool.connect()) {
      TaskType<String, String> type = TaskType.of("echo", new Bad(how), new Bad("no where"));
      assertFailed(client.submit(type, "bad"));
      List<TaskFuture<String>> futures = client.submitAll(type, List.of("a", "bad", "b"));
      assertEquals("a", futures.get(0).get(30, TimeUnit.SECONDS));
      assertFailed(futures.get(1));
      assertEquals("b", futures.get(2).get(30, TimeUnit.SECONDS));
      assertThrows(CodecException.class, () -> client.call(type, "bad"));
      assertFailed(client.submitChunk(type, List.of("a", "bad", "b")));
      Await.until(() -> client.info().freeSlots() == 64);
      assertEquals(0, pool.blocksInUse());
    }
  }

  @org.junit.jupiter.api.Test
  void anErrorOfAFallbackIsTheFutures() throws Exception {
    Function<byte[], byte[]> fallback =
        request -> {
          throw new AssertionError("of the fallback");
        };
    TaskType<byte[], byte[]> type = EndingsTest.ECHO.fallback(fallback);
    TaskOptions here = TaskOptions.DEFAULT.backpressure(Backpressure.callerRuns());
    try (FakePool pool = new FakePool(base, 1, 1);
        Ringwork client = pool.connect()) {
      TaskFuture<byte[]> first = client.submit(type, new byte[1]);
      ExecutionException failed =
          assertThrows(
              ExecutionException.class, () -> client.submit(type, new byte[1], here).get());
      assertInstanceOf(AssertionError.class, failed.getCause());
      pool.take().echo();
      first.get(30, TimeUnit.SECONDS);
    }
  }
}
