package io.ringwork.peers;

import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.unix.DomainSocketAddress;
import io.ringwork.benches.Echo;
import io.ringwork.benches.Submitter;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * gRPC from grpc-java over a Unix socket to a tonic server (benches/peers/rust/tonic): unary calls,
 * one channel that is used again, Netty's epoll transport with one event loop. Messages are raw
 * bytes, by a marshaller of our own on both sides: protobuf would only add to the time.
 */
final class GrpcUds implements Echo, Submitter {
  private static final int LARGEST = 17 << 20;

  private static final MethodDescriptor<byte[], byte[]> CALL =
      MethodDescriptor.<byte[], byte[]>newBuilder()
          .setType(MethodDescriptor.MethodType.UNARY)
          .setFullMethodName("ringwork.Echo/Call")
          .setRequestMarshaller(new RawBytes())
          .setResponseMarshaller(new RawBytes())
          .build();

  private final EventLoopGroup loops =
      new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
  private final ManagedChannel channel;

  GrpcUds(Server server) {
    channel =
        NettyChannelBuilder.forAddress(new DomainSocketAddress(server.socket().toFile()))
            .eventLoopGroup(loops)
            .channelType(EpollDomainSocketChannel.class, DomainSocketAddress.class)
            .usePlaintext()
            .directExecutor() // advised where callbacks don't block: here they complete a future
            .overrideAuthority("localhost") // a path is none, and hyper refuses it
            .maxInboundMessageSize(LARGEST)
            .flowControlWindow(LARGEST)
            .build();
  }

  /** The server's process, for all rounds: without calls it waits and uses no core. */
  record Server(Path socket, Partner process) {
    static Server start(Path scratch) throws IOException {
      Path socket = scratch.resolve("grpc.sock");
      String program = System.getenv("RINGWORK_BENCH_GRPC_SERVER");
      return new Server(socket, new Partner(List.of(program, socket.toString())));
    }
  }

  @Override
  public byte[] call(byte[] request) {
    return ClientCalls.blockingUnaryCall(channel, CALL, CallOptions.DEFAULT, request);
  }

  @Override
  public Future<byte[]> submit(byte[] request) {
    return ClientCalls.futureUnaryCall(channel.newCall(CALL, CallOptions.DEFAULT), request);
  }

  @Override
  public void close() {
    try {
      channel.shutdownNow().awaitTermination(10, TimeUnit.SECONDS);
      loops.shutdownGracefully(0, 10, TimeUnit.SECONDS).await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Messages as they are. */
  private static final class RawBytes implements MethodDescriptor.Marshaller<byte[]> {
    @Override
    public InputStream stream(byte[] value) {
      return new ByteArrayInputStream(value);
    }

    @Override
    public byte[] parse(InputStream stream) {
      try {
        byte[] message = new byte[stream.available()]; // gRPC's streams know their length
        if (stream.readNBytes(message, 0, message.length) < message.length || stream.read() >= 0) {
          throw new IOException("a message of another length than announced");
        }
        return message;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
