package io.ringwork.benches;

import io.ringwork.CompletionMode;
import io.ringwork.LaunchConfig;
import io.ringwork.Ringwork;
import io.ringwork.WaitStrategy;
import java.nio.file.Path;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;

/** The cases by name, and how the pools that they measure are set up. */
final class Cases {
  private static final int CORES = Runtime.getRuntime().availableProcessors();

  private Cases() {}

  /** A case of the suite rtt by its name, of another one by the suite's name and its own. */
  static Case named(String name) {
    if (name.startsWith("payload/uds_")) {
      int size = Payload.sizeIn(name);
      return new Payload(size, () -> new UnixSocket(size));
    }
    if (name.startsWith("payload/ringwork_copy_")) {
      return new Payload(
          Payload.sizeIn(name), () -> new Echoes.OnRingwork(oneLane(WaitStrategy.SPIN, "spin")));
    }
    if (name.startsWith("payload/ringwork_zero_")) {
      return new ZeroCopy(Payload.sizeIn(name), () -> benchPool(1, WaitStrategy.SPIN, "spin"));
    }
    if (name.startsWith("allocation/")) {
      String api = name.substring(name.indexOf('/') + 1);
      return new Allocation(api, () -> oneLane(WaitStrategy.SPIN, "spin"));
    }
    if (name.startsWith("tail/")) {
      return tail(name.substring(name.indexOf('/') + 1));
    }
    if (name.startsWith("scale/")) {
      return scale(name.substring(name.indexOf('/') + 1).split("_"));
    }
    return switch (name) {
      case "throughput/ringwork_1p1l" ->
          Throughput.ofFutures(() -> new Echoes.OnRingwork(window(1)));
      case "throughput/ringwork_1p2l" ->
          Throughput.ofFutures(() -> new Echoes.OnRingwork(window(2)));
      case "throughput/ringwork_batch" ->
          Throughput.ofChunks(() -> new Echoes.OnRingwork(window(1)));
      case "throughput/ringwork_submit_all" ->
          Throughput.ofBatches(() -> new Echoes.OnRingwork(window(1)));
      case "start/embedded" -> new Start(false);
      case "start/connect" -> new Start(true);
      case "throughput/fork_join_pool" ->
          Throughput.ofFutures(() -> new Echoes.OnExecutor(new ForkJoinPool(1)));
      case "throughput/thread_pool" ->
          Throughput.ofFutures(() -> new Echoes.OnExecutor(Executors.newFixedThreadPool(1)));
      case "throughput/virtual_threads" ->
          Throughput.ofFutures(
              () -> new Echoes.OnExecutor(Executors.newVirtualThreadPerTaskExecutor()));
      case "ringwork_spin" ->
          new RoundTrip(() -> new Echoes.OnRingwork(oneLane(WaitStrategy.SPIN, "spin")));
      case "ringwork_spin_raw" ->
          new RoundTrip(() -> new Echoes.OnRawCall(oneLane(WaitStrategy.SPIN, "spin")));
      case "ringwork_park" ->
          new RoundTrip(() -> new Echoes.OnRingwork(oneLane(WaitStrategy.PARK, "park")));
      case "ringwork_future_executor" ->
          new RoundTrip(
              () -> new Echoes.OnRingworkExecutor(oneLane(WaitStrategy.ADAPTIVE, "adaptive")));
      case "fork_join_pool" -> new RoundTrip(() -> new Echoes.OnExecutor(new ForkJoinPool(1)));
      case "thread_pool" ->
          new RoundTrip(() -> new Echoes.OnExecutor(Executors.newFixedThreadPool(1)));
      case "virtual_threads" ->
          new RoundTrip(() -> new Echoes.OnExecutor(Executors.newVirtualThreadPerTaskExecutor()));
      case "ffm_in_process" -> new RoundTrip(InProcess::new);
      case "idle" -> new Idle();
      default -> cpuLoad(name);
    };
  }

  /** A case of the suite cpu10k: a side and its work, as in ringwork_idle_bcrypt. */
  private static Case cpuLoad(String name) {
    int at = name.lastIndexOf('_') + 1;
    Work<?> work =
        switch (name.substring(at)) {
          case "pbkdf2" -> new Pbkdf2();
          case "bcrypt" -> new Bcrypt();
          case "images" -> images();
          default -> throw new IllegalArgumentException("no case " + name);
        };
    return switch (name.substring(0, at)) {
      case "java_pool_" -> new CpuLoad<>(work, () -> new JavaSide(javaPool()));
      case "ringwork_" -> new CpuLoad<>(work, () -> ringworkSide("adaptive"));
      case "ringwork_idle_" -> new CpuLoad<>(work, () -> ringworkSide("idle"));
      default -> throw new IllegalArgumentException("no case " + name);
    };
  }

  /** A case of the suite tail: what, and its rate in thousands a second. */
  private static Case tail(String name) {
    int rate = OpenLoop.rateIn(name);
    return switch (name.substring(0, name.lastIndexOf('_'))) {
      case "ringwork_spin" ->
          OpenLoop.ofFutures(rate, true, () -> inline(WaitStrategy.SPIN, "spin"));
      case "ringwork_adaptive" ->
          OpenLoop.ofFutures(rate, true, () -> inline(WaitStrategy.ADAPTIVE, "adaptive"));
      case "thread_pool" ->
          OpenLoop.ofFutures(
              rate, false, () -> new Echoes.OnExecutor(Executors.newFixedThreadPool(1)));
      default -> throw new IllegalArgumentException("no case " + name);
    };
  }

  /** Futures are completed by the thread that finds the completion, so it notes the time. */
  private static Echoes.OnRingwork inline(WaitStrategy strategy, String lanes) {
    return new Echoes.OnRingwork(
        Ringwork.launch(
            LaunchConfig.DEFAULT
                .workers(1)
                .lanes(1)
                .slots(8192)
                .arguments("--wait", lanes)
                .completion(CompletionMode.INLINE)
                .waitStrategy(strategy)));
  }

  /** A case of the suite scale: lanes_N_Tus or producers_N. */
  private static Case scale(String[] words) {
    int count = Integer.parseInt(words[1]);
    if (words[0].equals("producers")) {
      return Throughput.ofProducers(count, () -> new Echoes.OnRingwork(window(1)));
    }
    int micros = Integer.parseInt(words[2].replace("us", ""));
    return Throughput.ofFutures(
        () -> new SpinTasks(benchPool(count, WaitStrategy.ADAPTIVE, "adaptive"), micros));
  }

  /** One worker with lanes, and slots for the window; all waits are the defaults. */
  private static Ringwork window(int lanes) {
    return Ringwork.launch(LaunchConfig.DEFAULT.workers(1).lanes(lanes).slots(2048));
  }

  /** The worker with the handlers of the benches. */
  private static Ringwork benchPool(int lanes, WaitStrategy strategy, String wait) {
    return Ringwork.launch(
        LaunchConfig.DEFAULT
            .workers(1)
            .lanes(lanes)
            .slots(2048)
            .worker(Path.of(System.getProperty("bench.worker")))
            .arguments("--wait", wait)
            .waitStrategy(strategy));
  }

  private static Ringwork oneLane(WaitStrategy strategy, String lanes) {
    return Ringwork.launch(
        LaunchConfig.DEFAULT.workers(1).lanes(1).arguments("--wait", lanes).waitStrategy(strategy));
  }

  /**
   * As many lanes as the Java pool has threads, each in a process of its own. Completions hand
   * their results to the event loop and do nothing else, so they need no threads of their own. All
   * tasks have a slot, as they have a place in the Java pool's queue.
   */
  private static RingworkSide ringworkSide(String scheduling) {
    return new RingworkSide(
        Ringwork.launch(
            LaunchConfig.DEFAULT
                .workers(CORES)
                .lanes(1)
                .worker(Path.of(System.getProperty("bench.worker")))
                .completion(CompletionMode.INLINE)
                .slots(16_384)
                .arguments("--scheduling", scheduling)));
  }

  private static ExecutorService javaPool() {
    return Executors.newFixedThreadPool(CORES);
  }

  private static Thumbnails images() {
    return new Thumbnails(Path.of(System.getProperty("bench.out"), "photos"));
  }
}
