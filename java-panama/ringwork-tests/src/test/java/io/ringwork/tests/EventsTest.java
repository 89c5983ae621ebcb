package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.ClosedException;
import io.ringwork.Codec;
import io.ringwork.CodecException;
import io.ringwork.Event;
import io.ringwork.EventReader;
import io.ringwork.EventSubscription;
import io.ringwork.NotPublishedException;
import io.ringwork.NotPublishedException.Reason;
import io.ringwork.Ringwork;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Flow;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Events between real processes. */
class EventsTest {
  private static final Duration NOW = Duration.ZERO;

  private static Ringwork launch(String... arguments) {
    return Ringwork.launch(Pools.stock("EventsTest").arguments(arguments));
  }

  private static Event next(EventReader reader) throws InterruptedException {
    return reader.next(Await.PATIENCE).orElseThrow(() -> new AssertionError("no event came"));
  }

  /** Keeps what it is told, and asks for as many events as it is told to. */
  private static class Collector implements Flow.Subscriber<Event> {
    final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
    final CountDownLatch ended = new CountDownLatch(1);
    final AtomicInteger inside = new AtomicInteger();
    final AtomicBoolean overlapped = new AtomicBoolean();
    private final long first;
    volatile EventSubscription subscription;
    volatile Throwable error;
    volatile String thread;

    Collector(long first) {
      this.first = first;
    }

    @Override
    public void onSubscribe(Flow.Subscription subscription) {
      this.subscription = (EventSubscription) subscription;
      if (first != 0) {
        subscription.request(first);
      }
    }

    @Override
    public void onNext(Event event) {
      if (inside.getAndIncrement() != 0) {
        overlapped.set(true);
      }
      thread = Thread.currentThread().getName();
      events.add(event);
      inside.getAndDecrement();
    }

    @Override
    public void onError(Throwable failed) {
      error = failed;
      ended.countDown();
    }

    @Override
    public void onComplete() {
      ended.countDown();
    }

    Event take() throws InterruptedException {
      Event event = events.poll(Await.PATIENCE.toSeconds(), TimeUnit.SECONDS);
      assertTrue(event != null, () -> "no event came; the error is " + error);
      return event;
    }

    void awaitEnd() throws InterruptedException {
      assertTrue(ended.await(Await.PATIENCE.toSeconds(), TimeUnit.SECONDS), "it has not ended");
    }
  }

  @Test
  void whatIsPublishedIsReadByAllThatListen() throws Exception {
    try (Ringwork pool = launch();
        Ringwork other = Ringwork.connect(pool.name())) {
      EventReader paid = pool.eventReader("order.paid");
      EventReader orders = other.eventReader("order.*");
      EventReader parts = other.eventReader("*.lost");
      long before = System.nanoTime();
      pool.publish("order.paid", Codec.UTF8, "4711 €");
      pool.publish("order.lost", Codec.LONG, -3L);
      pool.publish("order.bytes", Codec.BYTES, new byte[] {1, 2, 3});
      Event event = next(paid);
      assertEquals("order.paid", event.topic());
      assertEquals("4711 €", event.read(Codec.UTF8));
      assertEquals(Codec.UTF8_ID, event.codec());
      assertEquals(Event.Kind.CLIENT, event.publisher().kind());
      assertTrue(event.nanoTime() >= before && event.age().compareTo(Duration.ofMinutes(5)) < 0);
      assertEquals(event, next(orders));
      assertEquals(-3L, next(orders).read(Codec.LONG));
      assertArrayEquals(new byte[] {1, 2, 3}, next(orders).read(Codec.BYTES));
      assertEquals("order.lost", next(parts).topic());
      assertEquals(Optional.empty(), paid.next(NOW));
      CodecException wrong = assertThrows(CodecException.class, () -> event.read(Codec.LONG));
      Pools.assertSays(wrong, "order.paid", "UTF-8 text", "64-bit integer");
    }
  }

  @Test
  void whatCanNotBePublishedSaysWhy() throws Exception {
    try (Ringwork pool = launch("--events", "64")) {
      EventReader all = pool.eventReader("a");
      pool.publish("a", Codec.BYTES, new byte[224]);
      assertEquals(224, next(all).bytes().length);
      NotPublishedException large =
          assertThrows(
              NotPublishedException.class, () -> pool.publish("a", Codec.BYTES, new byte[225]));
      assertEquals(Reason.TOO_LARGE, large.reason());
      Pools.assertSays(large, "224 bytes", "result of a task");
      String text = "x".repeat(225);
      assertThrows(NotPublishedException.class, () -> pool.publish("a", Codec.UTF8, text));
      for (String bad : List.of("", ".", "a.", "a b", "a*", "x".repeat(113), "ü".repeat(57))) {
        IllegalArgumentException refused =
            assertThrows(
                IllegalArgumentException.class, () -> pool.publish(bad, Codec.LONG, 1L), bad);
        Pools.assertSays(refused, "order.paid", "112 bytes");
      }
      for (String bad : List.of("", "a.", "a*", "**", "x".repeat(113))) {
        Pools.assertSays(
            assertThrows(IllegalArgumentException.class, () -> pool.events(bad), bad), "worker.*");
        assertThrows(IllegalArgumentException.class, () -> pool.eventReader(bad), bad);
      }
      CodecException failed =
          assertThrows(CodecException.class, () -> pool.publish("a", new BadCodec(), "b"));
      Pools.assertSays(failed, "the event of a", "no way");
      NotPublishedException full =
          assertThrows(
              NotPublishedException.class,
              () -> {
                for (int n = 0; n < 300; n++) {
                  pool.publish("topic." + n, Codec.LONG, 1L);
                }
              });
      assertEquals(Reason.NO_TOPIC, full.reason());
      assertEquals(Optional.empty(), all.next(NOW), "nothing of all that was published");
      pool.publish("a", Codec.UTF8, "ü".repeat(112));
      assertEquals("ü".repeat(112), next(all).read(Codec.UTF8));
    }
  }

  private static final class BadCodec implements Codec<String> {
    @Override
    public int id() {
      return 200;
    }

    @Override
    public long maxSize(String value) {
      return 8;
    }

    @Override
    public void encode(String value, ByteBuffer target) {
      throw new IllegalArgumentException("no way");
    }

    @Override
    public String decode(ByteBuffer source) {
      return "";
    }
  }

  @Test
  void aPoolWithoutEventsSaysSo() throws Exception {
    try (Ringwork pool = launch("--events", "0")) {
      NotPublishedException none =
          assertThrows(NotPublishedException.class, () -> pool.publish("a", Codec.LONG, 1L));
      assertEquals(Reason.NO_EVENTS, none.reason());
      assertThrows(NotPublishedException.class, () -> pool.eventReader("*"));
      Collector collector = new Collector(1);
      FutureTask<Void> refused =
          new FutureTask<>(
              () ->
                  pool.events("*")
                      .subscribe(
                          new Flow.Subscriber<>() {
                            @Override
                            public void onSubscribe(Flow.Subscription subscription) {
                              subscription.request(1);
                            }

                            @Override
                            public void onNext(Event event) {
                              collector.onNext(event);
                            }

                            @Override
                            public void onError(Throwable failed) {
                              collector.onError(failed);
                            }

                            @Override
                            public void onComplete() {
                              collector.onComplete();
                            }
                          }),
              null);
      refused.run();
      collector.awaitEnd();
      assertInstanceOf(NotPublishedException.class, collector.error);
    }
  }

  @Test
  void aWorkerThatDiesIsAnEvent() throws Exception {
    try (Ringwork pool = launch()) {
      assertTrue(pool.awaitReady(Await.PATIENCE));
      EventReader deaths = pool.eventReader("worker.died");
      Proc.signal("KILL", Pools.workers(pool).getFirst().pid());
      Event death = next(deaths);
      assertEquals(Event.Kind.SUPERVISOR, death.publisher().kind());
      String json = death.read(Codec.UTF8);
      assertTrue(json.contains("\"requeued\":0") && json.contains("\"worker\":"), json);
      assertEquals(0, deaths.passed().lost());
    }
  }

  @Test
  void theCommandPrintsWhatJavaPublishes() throws Exception {
    try (Ringwork pool = launch();
        Child command =
            Child.ringwork(
                "events", pool.name(), "--kept", "--topic", "order.*", "--count", "1", "--json")) {
      pool.publish("order.paid", Codec.UTF8, "4711");
      assertEquals(0, command.awaitExit(Await.PATIENCE), command::output);
      String line = command.output();
      assertTrue(line.contains("\"topic\":\"order.paid\"") && line.contains("4711"), line);
    }
  }

  /** What it was given and what it was told to have lost are all that was published. */
  @Test
  void whatAReaderLosesIsCountedExactly() throws Exception {
    try (Ringwork pool = launch("--events", "64")) {
      assertTrue(pool.awaitReady(Await.PATIENCE));
      EventReader all = pool.eventReader("*");
      EventReader counts = pool.eventReader("count");
      pool.publish("begin", Codec.LONG, 0L);
      Event begin = next(all);
      while (!begin.topic().equals("begin")) {
        begin = next(all);
      }
      Event.Passed before = all.passed();
      for (long n = 0; n < 1000; n++) {
        pool.publish("count", Codec.LONG, n);
      }
      List<Event> seen = new ArrayList<>();
      for (Optional<Event> e = all.tryNext(); e.isPresent(); e = all.tryNext()) {
        seen.add(e.get());
      }
      Event.Passed after = all.passed();
      assertEquals(seen.getFirst().sequence() - begin.sequence() - 1, after.lost() - before.lost());
      assertEquals(seen.size(), after.received() - before.received());
      assertEquals(
          seen.getLast().sequence() - begin.sequence(),
          after.received() - before.received() + after.lost() - before.lost() + after.skipped());
      assertEquals(
          IntStream.range(0, seen.size()).mapToObj(n -> seen.getFirst().sequence() + n).toList(),
          seen.stream().map(Event::sequence).toList());
      assertTrue(seen.size() >= 56 && seen.size() <= 64, seen.size() + " of 64 cells");
      assertTrue(counts.tryNext().isPresent() && counts.passed().lost() >= 936);
    }
  }

  /** Also of many that publish at once, while one reads. */
  @Test
  void manyPublishersAndAReaderAgree() throws Exception {
    int threads = 4;
    int each = 20_000;
    try (Ringwork pool = launch("--events", "1024");
        Ringwork other = Ringwork.connect(pool.name())) {
      EventReader all = other.eventReader("*");
      pool.publish("load", Codec.LONG, -1L);
      Event begin = next(all);
      while (!begin.topic().equals("load")) {
        begin = next(all);
      }
      Event.Passed before = all.passed();
      List<Thread> publishers = new ArrayList<>();
      for (int t = 0; t < threads; t++) {
        Ringwork from = t % 2 == 0 ? pool : other;
        long number = t;
        publishers.add(
            Thread.ofPlatform()
                .start(
                    () -> {
                      for (long n = 0; n < each; n++) {
                        from.publish("load", Codec.LONG, number << 32 | n);
                      }
                    }));
      }
      FutureTask<Void> end =
          new FutureTask<>(
              () -> {
                for (Thread publisher : publishers) {
                  publisher.join();
                }
                pool.publish("end", Codec.LONG, 0L);
                return null;
              });
      Thread.ofVirtual().start(end);
      long[] last = {-1, -1, -1, -1};
      Event event = next(all);
      for (; !event.topic().equals("end"); event = next(all)) {
        if (event.topic().equals("load")) {
          long value = event.read(Codec.LONG);
          int number = (int) (value >>> 32);
          assertTrue((value & 0xffffffffL) > last[number], "in the order of each publisher");
          last[number] = value & 0xffffffffL;
        }
      }
      end.get();
      Event.Passed after = all.passed();
      assertEquals(
          event.sequence() - begin.sequence(),
          after.received()
              + after.lost()
              + after.skipped()
              - before.received()
              - before.lost()
              - before.skipped());
      assertTrue(event.sequence() - begin.sequence() > threads * (long) each);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void demandIsKept(boolean onExecutor) throws Exception {
    try (ExecutorService executor =
            Executors.newFixedThreadPool(2, Thread.ofPlatform().name("mine-", 0).factory());
        Ringwork pool = launch("--events", "1024")) {
      Flow.Publisher<Event> events =
          onExecutor ? pool.events("count", executor) : pool.events("count");
      Collector none = new Collector(0);
      Collector two = new Collector(2);
      Collector all = new Collector(Long.MAX_VALUE);
      List.of(none, two, all).forEach(events::subscribe);
      for (long n = 0; n < 500; n++) {
        pool.publish("count", Codec.LONG, n);
      }
      for (long n = 0; n < 500; n++) {
        assertEquals(n, all.take().read(Codec.LONG));
      }
      assertTrue(all.thread.startsWith(onExecutor ? "mine-" : "ringwork-events"), all.thread);
      assertEquals(0L, two.take().read(Codec.LONG));
      assertEquals(1L, two.take().read(Codec.LONG));
      none.subscription.request(1);
      assertEquals(0L, none.take().read(Codec.LONG));
      two.subscription.request(3);
      for (long n = 2; n < 5; n++) {
        assertEquals(n, two.take().read(Codec.LONG));
      }
      for (long n = 1; n < 100; n++) {
        none.subscription.request(1);
        assertEquals(n, none.take().read(Codec.LONG));
      }
      // All are delivered by the same thread, or told in the order of what it does.
      pool.publish("count", Codec.LONG, 500L);
      assertEquals(500L, all.take().read(Codec.LONG));
      assertEquals(0, none.events.size() + two.events.size(), "no more than was asked for");
      for (Collector collector : List.of(none, two, all)) {
        assertTrue(!collector.overlapped.get() && collector.error == null);
      }
      assertEquals(0, all.subscription.passed().lost());
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aRequestOfNothingIsAnError(boolean onExecutor) throws Exception {
    try (ExecutorService executor = Executors.newSingleThreadExecutor();
        Ringwork pool = launch()) {
      for (long bad : new long[] {-1, Long.MIN_VALUE}) {
        Collector collector = new Collector(bad);
        (onExecutor ? pool.events("*", executor) : pool.events("*")).subscribe(collector);
        collector.awaitEnd();
        assertInstanceOf(IllegalArgumentException.class, collector.error);
        Pools.assertSays(collector.error, "3.9");
      }
      Collector zero = new Collector(1);
      pool.events("none").subscribe(zero);
      zero.subscription.request(0);
      zero.awaitEnd();
      assertInstanceOf(IllegalArgumentException.class, zero.error);
    }
  }

  @Test
  void cancelAndThrowDisturbNobodyElse() throws Exception {
    try (Ringwork pool = launch()) {
      Collector cancels = new Collector(Long.MAX_VALUE);
      AtomicInteger thrown = new AtomicInteger();
      Collector throwing =
          new Collector(Long.MAX_VALUE) {
            @Override
            public void onNext(Event event) {
              thrown.incrementAndGet();
              throw new IllegalStateException("a subscriber's fault");
            }
          };
      Collector stays = new Collector(Long.MAX_VALUE);
      Flow.Publisher<Event> events = pool.events("count");
      events.subscribe(cancels);
      events.subscribe(throwing);
      events.subscribe(stays);
      assertThrows(NullPointerException.class, () -> events.subscribe(null));
      pool.publish("count", Codec.LONG, 1L);
      assertEquals(1L, cancels.take().read(Codec.LONG));
      assertEquals(1L, stays.take().read(Codec.LONG));
      cancels.subscription.cancel();
      cancels.subscription.cancel();
      cancels.subscription.request(-1); // after the end it is nothing
      for (long n = 2; n < 300; n++) {
        pool.publish("count", Codec.LONG, n);
        assertEquals(n, stays.take().read(Codec.LONG));
      }
      assertEquals(1, thrown.get());
      assertEquals(0, cancels.events.size());
      Executor refuses =
          task -> {
            throw new RejectedExecutionException("none of mine");
          };
      pool.events("count", refuses).subscribe(new Collector(1));
      pool.publish("count", Codec.LONG, 300L);
      assertEquals(300L, stays.take().read(Codec.LONG));
      assertTrue(cancels.error == null && throwing.error == null && stays.error == null);
      assertEquals(1, cancels.ended.getCount() * throwing.ended.getCount());
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theEndOfThePoolComes(boolean onExecutor) throws Exception {
    String name = "EventsTest-end" + onExecutor;
    try (ExecutorService executor = Executors.newSingleThreadExecutor();
        Child served = Child.serve(name);
        Ringwork pool = Ringwork.connect(name)) {
      Collector all = new Collector(Long.MAX_VALUE);
      Collector idle = new Collector(0);
      EventReader reader = pool.eventReader("pool.*");
      for (Collector collector : List.of(all, idle)) {
        (onExecutor ? pool.events("pool.closed", executor) : pool.events("pool.closed"))
            .subscribe(collector);
      }
      served.terminate();
      assertEquals(0, served.awaitExit(Await.PATIENCE));
      assertEquals("pool.closed", all.take().topic());
      all.awaitEnd();
      assertEquals(null, all.error);
      List<String> topics = new ArrayList<>();
      assertThrows(
          ClosedException.class,
          () -> {
            for (; ; ) {
              topics.add(next(reader).topic());
            }
          });
      assertEquals("pool.closed", topics.getLast());
      assertEquals(1, idle.ended.getCount(), "it has not asked for the last event yet");
      idle.subscription.request(1);
      assertEquals("pool.closed", idle.take().topic());
      idle.subscription.request(Long.MAX_VALUE);
      idle.awaitEnd();
      assertEquals(null, idle.error);
      assertThrows(ClosedException.class, () -> pool.publish("a", Codec.LONG, 1L));
    }
  }

  @Test
  void aSupervisorThatIsKilledIsAnError() throws Exception {
    String name = "EventsTest-killed";
    try (Child served = Child.serve(name);
        Ringwork pool = Ringwork.connect(name)) {
      Collector all = new Collector(Long.MAX_VALUE);
      pool.events("*").subscribe(all);
      served.kill();
      all.awaitEnd();
      assertInstanceOf(ClosedException.class, all.error);
      Pools.assertSays(all.error, name, "supervisor");
    }
    try (Child clean = Child.ringwork("clean")) {
      assertEquals(0, clean.awaitExit(Await.PATIENCE), clean::output);
    }
  }

  /** Those that wait are told, the thread ends, and a subscriber may close the client itself. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void closeEndsAll(boolean inCallback) throws Exception {
    Ringwork pool = launch();
    String thread = "ringwork-events-" + pool.name();
    assertEquals(List.of(), Proc.threads(thread), "no thread before the first subscriber");
    Collector all =
        new Collector(Long.MAX_VALUE) {
          @Override
          public void onNext(Event event) {
            pool.close();
          }
        };
    Collector idle = new Collector(0);
    pool.events("count").subscribe(all);
    pool.events("count").subscribe(idle);
    EventReader reader = pool.eventReader("nothing");
    FutureTask<Optional<Event>> waits = new FutureTask<>(() -> reader.next(Await.PATIENCE));
    Thread.ofVirtual().start(waits);
    assertEquals(List.of(thread), Proc.threads(thread));
    if (inCallback) {
      pool.publish("count", Codec.LONG, 1L);
    } else {
      pool.close();
    }
    all.awaitEnd();
    idle.awaitEnd();
    assertTrue(all.error == null && idle.error == null);
    Pools.assertSays(assertThrows(ExecutionException.class, waits::get).getCause(), "closed");
    pool.close();
    Await.until("the thread ends", () -> Proc.threads(thread).isEmpty());
    assertThrows(ClosedException.class, () -> pool.publish("a", Codec.LONG, 1L));
    assertThrows(ClosedException.class, () -> pool.eventReader("a"));
    assertEquals(Optional.empty(), reader.tryNext());
  }

  /** An interrupt ends a wait; an event ends it, too, on a virtual thread. */
  @Test
  void aReaderWaits() throws Exception {
    try (Ringwork pool = launch()) {
      EventReader reader = pool.eventReader("count");
      FutureTask<Optional<Event>> waits = new FutureTask<>(() -> reader.next(Await.PATIENCE));
      Thread thread = Thread.ofVirtual().start(waits);
      Await.until("it waits", () -> thread.getState() == Thread.State.TIMED_WAITING);
      pool.publish("other", Codec.LONG, 1L);
      pool.publish("count", Codec.LONG, 2L);
      assertEquals(2L, waits.get().orElseThrow().read(Codec.LONG));
      assertEquals(Optional.empty(), reader.next(Duration.ofMillis(20)));
      FutureTask<Optional<Event>> again = new FutureTask<>(() -> reader.next(Await.PATIENCE));
      Thread interrupted = Thread.ofPlatform().start(again);
      Await.until("it waits", () -> interrupted.getState() == Thread.State.TIMED_WAITING);
      interrupted.interrupt();
      assertInstanceOf(
          InterruptedException.class,
          assertThrows(ExecutionException.class, again::get).getCause());
    }
  }

  /** Threads that publish while the client closes leave no cell that nobody clears. */
  @Test
  void closeWaitsForThoseThatPublish() throws Exception {
    try (Ringwork pool = launch("--events", "64")) {
      EventReader all = pool.eventReader("load");
      for (int round = 0; round < 20; round++) {
        Ringwork other = Ringwork.connect(pool.name());
        CountDownLatch begun = new CountDownLatch(2);
        List<FutureTask<Void>> loads = new ArrayList<>();
        for (int t = 0; t < 2; t++) {
          FutureTask<Void> load =
              new FutureTask<>(
                  () -> {
                    for (long n = 0; ; n++) {
                      other.publish("load", Codec.LONG, n);
                      if (n == 1000) {
                        begun.countDown();
                      }
                    }
                  });
          loads.add(load);
          Thread.ofPlatform().start(load);
        }
        begun.await();
        other.close();
        for (FutureTask<Void> load : loads) {
          assertInstanceOf(
              ClosedException.class, assertThrows(ExecutionException.class, load::get).getCause());
        }
      }
      while (all.tryNext().isPresent()) {
        // up to the present
      }
      long skipped = all.passed().skipped();
      for (long n = 0; n < 640; n++) {
        pool.publish("load", Codec.LONG, n);
        assertEquals(n, next(all).read(Codec.LONG));
      }
      assertEquals(skipped, all.passed().skipped(), "each cell is used again");
    }
  }
}
