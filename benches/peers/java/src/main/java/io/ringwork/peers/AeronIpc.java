package io.ringwork.peers;

import io.aeron.Aeron;
import io.aeron.ExclusivePublication;
import io.aeron.Image;
import io.aeron.Subscription;
import io.aeron.logbuffer.BufferClaim;
import io.aeron.logbuffer.FragmentHandler;
import io.aeron.logbuffer.Header;
import io.ringwork.benches.Echo;
import io.ringwork.benches.Pipe;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.Consumer;
import org.agrona.DirectBuffer;

/**
 * Aeron over IPC: this JVM, the echo's JVM and a media driver. As its documentation advises for the
 * lowest latency: exclusive publications, messages written in place ({@code tryClaim}), the image
 * polled directly, both sides spin, bounds checks off (a JVM option).
 */
final class AeronIpc implements Echo, Pipe, FragmentHandler {
  static final String CHANNEL = "aeron:ipc";
  static final int THERE = 1001;
  static final int BACK = 1002;
  static final int FRAGMENTS = 256;
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final Partner driver;
  private final Partner echo;
  private final Aeron aeron;
  private final ExclusivePublication publication;
  private final Image image;
  private final BufferClaim claim = new BufferClaim();
  private final byte[] answer = new byte[64];
  private final FragmentHandler eachAnswer = this::onAnswer;
  private Consumer<byte[]> answers = ignored -> {};

  AeronIpc(Path scratch, Partner driver, Partner echo) throws IOException {
    this.driver = driver;
    this.echo = echo;
    Path directory = scratch.resolve("aeron");
    driver.open(directory);
    echo.open(directory);
    aeron = connect(directory);
    Subscription subscription = aeron.addSubscription(CHANNEL, BACK);
    publication = aeron.addExclusivePublication(CHANNEL, THERE);
    image = firstImage(subscription);
    long start = System.nanoTime();
    while (!publication.isConnected()) {
      await(start, "no subscriber");
    }
  }

  static Aeron connect(Path directory) {
    return Aeron.connect(new Aeron.Context().aeronDirectoryName(directory.toString()));
  }

  static Image firstImage(Subscription subscription) {
    long start = System.nanoTime();
    while (subscription.imageCount() == 0) {
      await(start, "no publisher");
    }
    return subscription.imageAtIndex(0);
  }

  private static void await(long start, String what) {
    if (System.nanoTime() - start > PATIENCE.toNanos()) {
      throw new IllegalStateException("Aeron: " + what);
    }
    Thread.yield();
  }

  @Override
  public byte[] call(byte[] request) {
    while (!offer(request)) {
      Thread.onSpinWait();
    }
    while (image.poll(this, FRAGMENTS) == 0) {
      // Without a pause, as the limit's own client: here it is faster; the echo is with one.
    }
    return answer;
  }

  @Override
  public boolean offer(byte[] request) {
    if (publication.tryClaim(request.length, claim) < 0) {
      return false;
    }
    claim.buffer().putBytes(claim.offset(), request);
    claim.commit();
    return true;
  }

  @Override
  public int poll(Consumer<byte[]> answers) {
    this.answers = answers;
    return image.poll(eachAnswer, FRAGMENTS);
  }

  private void onAnswer(DirectBuffer buffer, int offset, int length, Header header) {
    onFragment(buffer, offset, length, header);
    answers.accept(answer);
  }

  @Override
  public void onFragment(DirectBuffer buffer, int offset, int length, Header header) {
    buffer.getBytes(offset, answer, 0, length);
  }

  @Override
  public void close() {
    try {
      aeron.close();
      echo.close();
      driver.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
