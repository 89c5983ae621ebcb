package io.ringwork;

/**
 * What a user does about payloads that find no room: texts for the messages of failures.
 *
 * <p>Which remedy helps depends on what chose the size of the segment: this JVM, which launched the
 * pool, or the command that serves it.
 */
final class Sizing {
  private static final long MIB = 1 << 20;

  /**
   * The largest payloads, each with the smallest segment whose default classes carry it, in MiB: as
   * in ring/src/format/config.rs.
   */
  static final int[][] CARRIES = {
    {16, 62}, {20, 128}, {50, 640}, {100, 1280}, {200, 2560}, {500, 6400}, {1000, 12_800}
  };

  private Sizing() {}

  /** Names an option of the pool as its user would set it. */
  static String option(boolean launched, String method, String option) {
    return launched
        ? "LaunchConfig." + method + "(..)"
        : option + " of the `ringwork serve` that serves the pool";
  }

  private static String segmentSize(boolean launched) {
    return option(launched, "segmentSize", "--segment-size");
  }

  /** What gives a pool blocks of a size that it has not. */
  static String largerBlocks(boolean launched, long size) {
    for (int[] row : CARRIES) {
      if (size <= row[0] * MIB) {
        return "set "
            + segmentSize(launched)
            + " to "
            + row[1]
            + " MiB ("
            + row[1] * MIB
            + " bytes) or more, or larger classes with --arena";
      }
    }
    return "no segment size has such blocks, --arena has up to 1 GiB: send it in parts";
  }

  /** What gives a pool more blocks at a time. */
  static String moreBlocks(boolean launched, long segmentSize) {
    return "raise "
        + segmentSize(launched)
        + ", which is "
        + (segmentSize + MIB - 1) / MIB
        + " MiB now, or the counts in --arena";
  }
}
