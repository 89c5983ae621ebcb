package io.ringwork.internal;

/** How many processors this process may use; read once. */
public final class Cores {
  /** Whether a client, its poller and a lane have not a core each. */
  public static final boolean FEW = Runtime.getRuntime().availableProcessors() <= 2;

  /** Whether only one thread runs at a time. */
  public static final boolean ONE = Runtime.getRuntime().availableProcessors() == 1;

  private Cores() {}
}
