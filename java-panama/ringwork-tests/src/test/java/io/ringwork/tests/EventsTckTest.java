package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.Codec;
import io.ringwork.Event;
import io.ringwork.Ringwork;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.reactivestreams.tck.TestEnvironment;
import org.reactivestreams.tck.flow.FlowPublisherVerification;
import org.testng.ITestNGListener;
import org.testng.TestListenerAdapter;
import org.testng.TestNG;
import org.testng.annotations.AfterClass;
import org.testng.annotations.AfterMethod;
import org.testng.annotations.BeforeClass;

/**
 * The suite of Reactive Streams over the publisher of events, with a real pool behind it. A pool
 * ends when it is closed and not after some number of events, so tests of short streams close a
 * client of their own behind the last one.
 */
@Timeout(300)
class EventsTckTest {
  /** For an event that must come, on a machine that is busy; and for one that must not. */
  private static final long COMES_MILLIS = 5_000;

  private static final long STAYS_AWAY_MILLIS = 100;

  @Test
  void onTheThreadOfTheClient() {
    run(OnItsThread.class);
  }

  @Test
  void onAnExecutor() {
    run(OnAnExecutor.class);
  }

  private static void run(Class<?> suite) {
    TestListenerAdapter results = new TestListenerAdapter();
    TestNG tests = new TestNG(false);
    tests.setVerbose(0);
    tests.setTestClasses(new Class<?>[] {suite});
    tests.addListener((ITestNGListener) results);
    tests.run();
    results.getFailedTests().forEach(failed -> failed.getThrowable().printStackTrace());
    Set<String> failed = names(results.getFailedTests());
    Set<String> skipped = names(results.getSkippedTests());
    assertEquals(Set.of(), failed);
    assertTrue(
        skipped.stream().noneMatch(name -> name.startsWith("required_")),
        "no rule is left out: " + skipped);
    assertTrue(results.getPassedTests().size() >= 25, results.getPassedTests().size() + " passed");
  }

  private static Set<String> names(List<org.testng.ITestResult> results) {
    return results.stream().map(result -> result.getName()).collect(Collectors.toSet());
  }

  /** The publisher, on the client's own thread. */
  public static class OnItsThread extends FlowPublisherVerification<Event> {
    private final Queue<Ringwork> clients = new ConcurrentLinkedQueue<>();
    Ringwork pool;

    /** With patience: the machine does other things, too. */
    public OnItsThread() {
      super(new TestEnvironment(COMES_MILLIS, STAYS_AWAY_MILLIS, STAYS_AWAY_MILLIS));
    }

    /** Starts the pool. */
    @BeforeClass
    public void launch() {
      pool = Ringwork.launch(Pools.stock("EventsTckTest").clients(64));
    }

    /** Ends it. */
    @AfterClass
    public void close() {
      pool.close();
    }

    /** Ends what the test has left open. */
    @AfterMethod
    public void closeClients() {
      clients.forEach(Ringwork::close);
      clients.clear();
    }

    Flow.Publisher<Event> events(Ringwork of) {
      return of.events("tck");
    }

    private Ringwork connect() {
      Ringwork own = Ringwork.connect(pool.name());
      clients.add(own);
      return own;
    }

    /** Publishes once somebody has subscribed, as many as were asked for; then it is over. */
    @Override
    public Flow.Publisher<Event> createFlowPublisher(long elements) {
      Ringwork own = connect();
      Flow.Publisher<Event> events = events(own);
      return subscriber -> {
        if (subscriber == null) {
          events.subscribe(subscriber);
        } else {
          events.subscribe(new Counted(own, subscriber, elements));
        }
      };
    }

    /** One whose client is closed: it subscribes, and fails at once. */
    @Override
    public Flow.Publisher<Event> createFailedFlowPublisher() {
      Ringwork own = connect();
      Flow.Publisher<Event> events = events(own);
      own.close();
      return events;
    }
  }

  /** The publisher, on threads of the user's. */
  public static class OnAnExecutor extends OnItsThread {
    private final ExecutorService executor = Executors.newFixedThreadPool(3);

    @Override
    Flow.Publisher<Event> events(Ringwork of) {
      return of.events("tck", executor);
    }

    @Override
    @AfterClass
    public void close() {
      super.close();
      executor.shutdown();
    }
  }

  /**
   * Passes all signals on as they come, and has as many events published as there is demand for, so
   * that none is overwritten before a slow test has asked for it.
   */
  private record Counted(
      Ringwork client, Flow.Subscriber<? super Event> to, AtomicLong left, AtomicLong given)
      implements Flow.Subscriber<Event> {
    Counted(Ringwork client, Flow.Subscriber<? super Event> to, long elements) {
      this(client, to, new AtomicLong(elements), new AtomicLong(elements));
    }

    @Override
    public void onSubscribe(Flow.Subscription subscription) {
      to.onSubscribe(subscription);
      if (left.get() == 0) {
        closeLater();
        return;
      }
      // As many as the ring keeps at once; each that is given makes room for another.
      long first = Math.min(left.get(), 32);
      left.addAndGet(-first);
      for (long n = 0; n < first; n++) {
        client.publish("tck", Codec.LONG, n);
      }
    }

    @Override
    public void onNext(Event event) {
      to.onNext(event);
      if (left.getAndDecrement() > 0) {
        client.publish("tck", Codec.LONG, 0L);
      }
      if (given.decrementAndGet() == 0) {
        closeLater();
      }
    }

    private void closeLater() {
      Thread.ofVirtual().start(client::close);
    }

    @Override
    public void onError(Throwable failed) {
      to.onError(failed);
    }

    @Override
    public void onComplete() {
      to.onComplete();
    }
  }
}
