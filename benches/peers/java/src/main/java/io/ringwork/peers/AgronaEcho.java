package io.ringwork.peers;

import io.ringwork.peers.AgronaRings.Rings;
import java.nio.file.Path;
import org.agrona.IoUtil;
import org.agrona.concurrent.MessageHandler;

/** The other side of {@link AgronaRings}. */
final class AgronaEcho extends Partner.Spinning {
  private final Rings rings;

  private AgronaEcho(Rings rings) {
    this.rings = rings;
  }

  static AgronaEcho open(Path directory) {
    Path file = AgronaRings.file(directory);
    AgronaEcho echo = new AgronaEcho(Rings.in(IoUtil.mapExistingFile(file.toFile(), "rings")));
    echo.start();
    return echo;
  }

  @Override
  public void run() {
    MessageHandler handler =
        (type, buffer, index, length) -> AgronaRings.forward(rings.back(), buffer, index, length);
    while (isOpen()) {
      if (rings.there().read(handler) == 0) {
        Thread.onSpinWait();
      }
    }
  }

  @Override
  public void close() {
    super.close();
    rings.close();
  }
}
