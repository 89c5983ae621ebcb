package io.ringwork.peers;

import io.ringwork.benches.Case;
import io.ringwork.benches.OpenLoop;
import io.ringwork.benches.Payload;
import io.ringwork.benches.RoundTrip;
import io.ringwork.benches.Throughput;
import java.nio.file.Path;

/**
 * A case named by the argument, driven by {@code ringwork-bench}; or, after the word {@code
 * partner}, the other side of one, started by the case.
 */
public final class Main {
  /** A directory on tmpfs that is the case's alone; the runner removes it. */
  private static final Path SCRATCH = Path.of(System.getProperty("bench.scratch", "."));

  private Main() {}

  /**
   * Runs a case or a partner.
   *
   * @param args the name of a case, or {@code partner} and a name
   * @throws Exception if the partner fails
   */
  public static void main(String[] args) throws Exception {
    if (args.length == 2 && args[0].equals("partner")) {
      Partner.serve(role(args[1]));
    } else if (args.length == 1) {
      io.ringwork.benches.Main.drive(() -> named(args[0]));
    } else {
      System.err.println("usage: CASE, by `make bench`");
      System.exit(2);
    }
  }

  /** A case of the suite rtt by its name, of another one by the suite's name and its own. */
  private static Case named(String name) throws Exception {
    String suite = name.contains("/") ? name.substring(0, name.indexOf('/')) : "rtt";
    if (suite.equals("payload")) {
      GrpcUds.Server server = GrpcUds.Server.start(SCRATCH);
      return new Payload(Payload.sizeIn(name), () -> new GrpcUds(server));
    }
    if (name.startsWith("tail/aeron_ipc_")) {
      Partner driver = Partner.inJava("aeron_driver");
      Partner echo = Partner.inJava("aeron_echo");
      return OpenLoop.ofPipe(OpenLoop.rateIn(name), () -> new AeronIpc(SCRATCH, driver, echo));
    }
    return switch (name) {
      case "throughput/aeron_ipc" -> {
        Partner driver = Partner.inJava("aeron_driver");
        Partner echo = Partner.inJava("aeron_echo");
        yield Throughput.ofPipe(() -> new AeronIpc(SCRATCH, driver, echo));
      }
      case "throughput/grpc_uds" -> {
        GrpcUds.Server server = GrpcUds.Server.start(SCRATCH);
        yield Throughput.ofFutures(() -> new GrpcUds(server));
      }
      case "agrona_rings" -> {
        Partner echo = Partner.inJava("agrona_echo");
        yield new RoundTrip(() -> new AgronaRings(SCRATCH, echo));
      }
      case "aeron_ipc" -> {
        Partner driver = Partner.inJava("aeron_driver");
        Partner echo = Partner.inJava("aeron_echo");
        yield new RoundTrip(() -> new AeronIpc(SCRATCH, driver, echo));
      }
      case "grpc_uds" -> {
        GrpcUds.Server server = GrpcUds.Server.start(SCRATCH);
        yield new RoundTrip(() -> new GrpcUds(server));
      }
      default -> throw new IllegalArgumentException("no case " + name);
    };
  }

  private static Partner.Role role(String name) {
    return switch (name) {
      case "agrona_echo" -> AgronaEcho::open;
      case "aeron_driver" -> AeronDriver::open;
      case "aeron_echo" -> AeronEcho::open;
      default -> throw new IllegalArgumentException("no partner " + name);
    };
  }
}
