package io.ringwork.benches;

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
    return switch (name) {
      case "throughput/fork_join_pool" ->
          Throughput.ofFutures(() -> new Echoes.OnExecutor(new ForkJoinPool(1)));
      case "throughput/thread_pool" ->
          Throughput.ofFutures(() -> new Echoes.OnExecutor(Executors.newFixedThreadPool(1)));
      case "throughput/virtual_threads" ->
          Throughput.ofFutures(
              () -> new Echoes.OnExecutor(Executors.newVirtualThreadPerTaskExecutor()));
      case "ringwork_spin" ->
          new RoundTrip(() -> new Echoes.OnRingwork(oneLane(WaitStrategy.SPIN, "spin")));
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
      case "java_pool_pbkdf2" -> new CpuLoad<>(new Pbkdf2(), () -> new JavaSide(javaPool()));
      case "ringwork_pbkdf2" -> new CpuLoad<>(new Pbkdf2(), Cases::ringworkSide);
      case "java_pool_bcrypt" -> new CpuLoad<>(new Bcrypt(), () -> new JavaSide(javaPool()));
      case "ringwork_bcrypt" -> new CpuLoad<>(new Bcrypt(), Cases::ringworkSide);
      case "java_pool_images" -> new CpuLoad<>(images(), () -> new JavaSide(javaPool()));
      case "ringwork_images" -> new CpuLoad<>(images(), Cases::ringworkSide);
      case "idle" -> new Idle();
      default -> throw new IllegalArgumentException("no case " + name);
    };
  }

  private static Ringwork oneLane(WaitStrategy strategy, String lanes) {
    return Ringwork.launch(
        LaunchConfig.DEFAULT.workers(1).lanes(1).arguments("--wait", lanes).waitStrategy(strategy));
  }

  /** As many lanes as the Java pool has threads, each in a process of its own. */
  private static RingworkSide ringworkSide() {
    Path worker = Path.of(System.getProperty("bench.worker"));
    return new RingworkSide(
        Ringwork.launch(LaunchConfig.DEFAULT.workers(CORES).lanes(1).worker(worker)));
  }

  private static ExecutorService javaPool() {
    return Executors.newFixedThreadPool(CORES);
  }

  private static Thumbnails images() {
    return new Thumbnails(Path.of(System.getProperty("bench.out"), "photos"));
  }
}
