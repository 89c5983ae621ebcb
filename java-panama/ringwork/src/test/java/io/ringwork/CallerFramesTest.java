package io.ringwork;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.wait.Poller;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a call throws has the frames of the thread that called, whichever thread found out. */
@Tag("denied-too")
@Timeout(60)
class CallerFramesTest {
  /** Threads that wait in different ways; a virtual one, and PARK, leave the finding to others. */
  enum Caller {
    PLATFORM(WaitStrategy.ADAPTIVE),
    SPINNING(WaitStrategy.SPIN),
    PARKING(WaitStrategy.PARK),
    VIRTUAL(WaitStrategy.ADAPTIVE);

    final WaitStrategy strategy;

    Caller(WaitStrategy strategy) {
      this.strategy = strategy;
    }

    void start(Runnable task) {
      if (this == VIRTUAL) {
        Thread.ofVirtual().start(task);
      } else {
        Thread.ofPlatform().daemon().start(task);
      }
    }
  }

  @TempDir Path base;
  FakePool pool;
  Ringwork client;

  @BeforeEach
  void open() throws IOException {
    pool = new FakePool(base, 1, 16);
  }

  @AfterEach
  void close() throws IOException {
    if (client != null) {
      client.close();
    }
    pool.close();
  }

  /** Everything that a call can end with, by what a lane does with the task. */
  private static Stream<Consumer<FakeTask>> endings() {
    return Stream.of(
        task -> task.fail(Layout.STATUS_FAILED, "code", "no", "src/lib.rs:1:1"),
        task -> task.fail(Layout.STATUS_PANICKED, "", "panic", ""),
        task -> task.fail(Layout.STATUS_CODEC, "", "bad", ""),
        task -> task.fail(Layout.STATUS_RESULT_TOO_LARGE, "", "big", ""),
        task -> task.fail(Layout.STATUS_ARENA_EXHAUSTED, "", "full", ""),
        task -> task.fail(Layout.STATUS_NO_WORKER | Layout.STATUS_NOT_RUN, "", "none", ""),
        task -> task.fail(Layout.STATUS_NO_WORKER, "", "none", ""),
        task -> task.fail(Layout.STATUS_CANCELLED, "", "stop", ""),
        task -> task.fail(Layout.STATUS_EXPIRED, "", "late", ""),
        task -> task.fail(77, "", "unknown", ""),
        task -> task.crash(Layout.CAUSE_SIGNAL | 9),
        task -> task.complete(SubmitTest.bytes(3), Codec.LONG_ID), // not to be decoded
        task -> task.complete(SubmitTest.bytes(8), Codec.UTF8_ID));
  }

  private Throwable thrown(Caller caller, Callable<?> call) throws Exception {
    FutureTask<Throwable> result =
        new FutureTask<>(() -> assertThrows(Throwable.class, () -> fromHere(call)));
    caller.start(result);
    return result.get();
  }

  /** The frame that is looked for. */
  private static Object fromHere(Callable<?> call) throws Exception {
    return call.call();
  }

  private static int frame(Throwable thrown, String method) {
    List<String> methods =
        Arrays.stream(thrown.getStackTrace()).map(StackTraceElement::getMethodName).toList();
    return methods.indexOf(method);
  }

  private static void assertCallersFrames(Throwable thrown) {
    int own = frame(thrown, "fromHere");
    assertTrue(own >= 0, () -> "no frame of the caller: " + text(thrown));
    List<String> classes =
        Arrays.stream(thrown.getStackTrace()).map(StackTraceElement::getClassName).toList();
    int finder = classes.indexOf(Poller.class.getName());
    int helper = frame(thrown, "forCaller");
    assertTrue(finder < 0 || own < finder, () -> "the caller's come first: " + text(thrown));
    assertEquals(-1, helper, () -> text(thrown));
  }

  private static String text(Throwable thrown) {
    java.io.StringWriter text = new java.io.StringWriter();
    thrown.printStackTrace(new java.io.PrintWriter(text));
    return text.toString();
  }

  @ParameterizedTest
  @EnumSource
  void ofCall(Caller caller) throws Exception {
    client = Ringwork.connect(pool.config().waitStrategy(caller.strategy));
    for (Consumer<FakeTask> ending : endings().toList()) {
      FutureTask<Throwable> result =
          new FutureTask<>(
              () ->
                  assertThrows(
                      RingworkException.class,
                      () -> fromHere(() -> client.call(EndingsTest.NUMBER, 5L))));
      caller.start(result);
      ending.accept(pool.take());
      assertCallersFrames(result.get());
    }
  }

  @ParameterizedTest
  @EnumSource
  void ofInvoke(Caller caller) throws Exception {
    client = Ringwork.connect(pool.config().waitStrategy(caller.strategy));
    FutureTask<Throwable> result =
        new FutureTask<>(
            () -> {
              try (RawCall call = client.rawCall("number")) {
                call.claim(8);
                return assertThrows(
                    RemoteFailureException.class, () -> fromHere(() -> call.invoke(8)));
              }
            });
    caller.start(result);
    pool.take().fail(Layout.STATUS_FAILED, "code", "no", "");
    assertCallersFrames(result.get());
  }

  @ParameterizedTest
  @EnumSource
  void ofTheDeadline(Caller caller) throws Exception {
    client = Ringwork.connect(pool.config().waitStrategy(caller.strategy));
    TaskOptions soon = TaskOptions.DEFAULT.timeout(Duration.ofMillis(20));
    Throwable late = thrown(caller, () -> client.call(EndingsTest.NUMBER, 1L, soon));
    assertInstanceOf(TaskTimeoutException.class, late);
    assertCallersFrames(late);
  }

  @ParameterizedTest
  @EnumSource
  void ofTheEndOfThePool(Caller caller) throws Exception {
    client = Ringwork.connect(pool.config().waitStrategy(caller.strategy));
    FutureTask<Throwable> result =
        new FutureTask<>(
            () ->
                assertThrows(
                    ClosedException.class,
                    () -> fromHere(() -> client.call(EndingsTest.NUMBER, 5L))));
    caller.start(result);
    pool.take();
    pool.memory.setInt(Layout.H_POOL_STATE, Layout.POOL_CLOSED);
    assertCallersFrames(result.get());
  }

  @ParameterizedTest
  @EnumSource
  void ofGetAndJoin(Caller caller) throws Exception {
    client = Ringwork.connect(pool.config().waitStrategy(caller.strategy));
    for (boolean join : new boolean[] {false, true}) {
      TaskFuture<Long> future = client.submit(EndingsTest.NUMBER, 5L);
      FutureTask<Throwable> result =
          new FutureTask<>(
              () ->
                  assertThrows(
                      Exception.class, () -> fromHere(() -> join ? future.join() : future.get())));
      caller.start(result);
      pool.take().fail(Layout.STATUS_FAILED, "code", "no", "");
      assertCallersFrames(result.get());
      assertInstanceOf(RemoteFailureException.class, result.get().getCause());
    }
  }

  @Test
  void ofAResultOfAChunk() throws Exception {
    Throwable found =
        new FutureTaskOf<>(() -> new RemoteFailureException("x", "code", "no", "", true)).value();
    ChunkResult<Long> results =
        new ChunkResult<>(
            new Object[] {new Outcome.Failure(assertInstanceOf(RuntimeException.class, found))});
    for (int n = 0; n < 2; n++) {
      Throwable thrown =
          assertThrows(RemoteFailureException.class, () -> fromHere(() -> results.get(0)));
      assertCallersFrames(thrown);
      assertEquals(found.getMessage(), thrown.getMessage());
      assertCallersFrames(
          assertThrows(RemoteFailureException.class, () -> fromHere(results::values)));
    }
  }

  /** Runs something on a thread of its own. */
  private record FutureTaskOf<T>(Callable<T> callable) {
    T value() throws Exception {
      FutureTask<T> task = new FutureTask<>(callable);
      Thread.ofPlatform().daemon().start(task);
      return task.get();
    }
  }

  @Test
  void theCopyTellsTheSame() throws Exception {
    Throwable cause = new IOException("broken");
    for (Class<?> type : RingworkException.class.getPermittedSubclasses()) {
      for (Constructor<?> constructor : type.getDeclaredConstructors()) {
        if (Modifier.isPrivate(constructor.getModifiers())
            && type != WorkerCrashedException.class) {
          continue;
        }
        Object[] arguments =
            Arrays.stream(constructor.getParameterTypes()).map(t -> example(t, cause)).toArray();
        constructor.setAccessible(true);
        RingworkException found = (RingworkException) constructor.newInstance(arguments);
        RingworkException copy = found.again();
        assertNotSame(found, copy);
        assertEquals(type, copy.getClass());
        assertEquals(found.getMessage(), copy.getMessage());
        assertEquals(found.getCause(), copy.getCause());
        assertEquals(found.mayHaveRun(), copy.mayHaveRun());
        for (Field field : type.getDeclaredFields()) {
          field.setAccessible(true);
          assertEquals(field.get(found), field.get(copy), field.toString());
        }
      }
    }
  }

  private static Object example(Class<?> type, Throwable cause) {
    if (type == int.class) {
      return 2;
    }
    if (type == boolean.class) {
      return true;
    }
    if (type == Throwable.class) {
      return cause;
    }
    return type.isEnum() ? type.getEnumConstants()[1] : "text";
  }

  /** What several tasks may end with is never thrown itself, not even by its maker. */
  @Test
  void whatIsSharedIsCopied() {
    RingworkException shared = new CodecException("lost", true, null).shared();
    RuntimeException thrown = RingworkException.ofCall(shared);
    assertNotSame(shared, thrown);
    assertInstanceOf(CodecException.class, thrown);
    assertEquals("lost", thrown.getMessage());
  }
}
