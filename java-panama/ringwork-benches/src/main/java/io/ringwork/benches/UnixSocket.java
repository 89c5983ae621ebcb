package io.ringwork.benches;

import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A Unix stream socket to a Rust process that returns each message (benches/src/uds.rs): the JDK's
 * blocking channel and a direct buffer that is made once. Both sides know the size of a message, so
 * there is no framing.
 */
final class UnixSocket implements Echo {
  private final Path socket = Path.of(System.getenv("RINGWORK_BENCH_SOCKET"));
  private final Process server;
  private final SocketChannel channel;
  private final ByteBuffer buffer;

  UnixSocket(int size) throws IOException {
    Files.deleteIfExists(socket);
    server =
        new ProcessBuilder(
                System.getenv("RINGWORK_BENCH_SELF"),
                "uds-echo",
                socket.toString(),
                Integer.toString(size))
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    if (!"ready".equals(server.inputReader().readLine())) {
      throw new IOException("the echo did not start");
    }
    channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    channel.connect(UnixDomainSocketAddress.of(socket));
    buffer = ByteBuffer.allocateDirect(size);
  }

  @Override
  public byte[] call(byte[] request) throws IOException {
    buffer.clear().put(request).flip();
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
    buffer.clear();
    while (buffer.hasRemaining()) {
      if (channel.read(buffer) < 0) {
        throw new EOFException("the echo ended");
      }
    }
    byte[] answer = new byte[request.length];
    buffer.flip().get(answer);
    return answer;
  }

  @Override
  public void close() {
    try {
      channel.close(); // which ends the server
      server.waitFor();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
