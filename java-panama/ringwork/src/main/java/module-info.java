/**
 * The Ringwork client: submits tasks to Rust worker processes over shared memory.
 *
 * <p>Give the module native access ({@code --enable-native-access=io.ringwork}, or {@code
 * ALL-UNNAMED} on the class path), so that it can sleep on a futex; without it the client polls
 * with bounded parking, and says so once.
 */
module io.ringwork {
  requires static org.jspecify;
  requires static jdk.jfr;

  exports io.ringwork;
  exports io.ringwork.stock;
}
