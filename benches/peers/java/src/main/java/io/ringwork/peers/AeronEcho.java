package io.ringwork.peers;

import io.aeron.Aeron;
import io.aeron.ExclusivePublication;
import io.aeron.Image;
import io.aeron.Subscription;
import io.aeron.logbuffer.BufferClaim;
import io.aeron.logbuffer.FragmentHandler;
import io.aeron.logbuffer.Header;
import java.nio.file.Path;
import org.agrona.DirectBuffer;

/** The other side of {@link AeronIpc}: returns each message on the stream back. */
final class AeronEcho extends Partner.Spinning implements FragmentHandler {
  private final Aeron aeron;
  private final Subscription subscription;
  private final ExclusivePublication publication;
  private final BufferClaim claim = new BufferClaim();

  private AeronEcho(Path directory) {
    aeron = AeronIpc.connect(directory);
    subscription = aeron.addSubscription(AeronIpc.CHANNEL, AeronIpc.THERE);
    publication = aeron.addExclusivePublication(AeronIpc.CHANNEL, AeronIpc.BACK);
  }

  static AeronEcho open(Path directory) {
    AeronEcho echo = new AeronEcho(directory);
    echo.start();
    return echo;
  }

  @Override
  public void run() {
    Image image = AeronIpc.firstImage(subscription);
    while (isOpen()) {
      if (image.poll(this, AeronIpc.FRAGMENTS) == 0) {
        Thread.onSpinWait();
      }
    }
  }

  @Override
  public void onFragment(DirectBuffer buffer, int offset, int length, Header header) {
    while (publication.tryClaim(length, claim) < 0) {
      if (!isOpen()) {
        return;
      }
      Thread.onSpinWait();
    }
    claim.buffer().putBytes(claim.offset(), buffer, offset, length);
    claim.commit();
  }

  @Override
  public void close() {
    super.close();
    aeron.close();
  }
}
