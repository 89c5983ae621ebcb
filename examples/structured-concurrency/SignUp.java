import io.ringwork.LaunchConfig;
import io.ringwork.Ringwork;
import io.ringwork.stock.Digest;
import io.ringwork.stock.PasswordHash;
import io.ringwork.stock.StockTasks;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.StructuredTaskScope;
import java.util.concurrent.StructuredTaskScope.Subtask;

/** Two tasks of one sign-up in a scope: both succeed, or the one that still runs is cancelled. */
final class SignUp {
  record Account(String password, String avatar) {}

  /** A thread for each task; a call whose thread is interrupted cancels its task. */
  static Account signUp(Ringwork pool, String password, byte[] photo) throws InterruptedException {
    try (var scope = StructuredTaskScope.open()) {
      PasswordHash slow = PasswordHash.argon2id(password.getBytes(StandardCharsets.UTF_8));
      Subtask<String> hash = scope.fork(() -> pool.call(StockTasks.PASSWORD_HASH, slow));
      Subtask<String> digest =
          scope.fork(() -> pool.call(StockTasks.DIGEST_HEX, Digest.sha256(photo)));
      scope.join(); // if one fails it interrupts the other, waits for its end, and throws
      return new Account(hash.get(), digest.get());
    }
  }

  /** Arguments: the binary {@code ringwork}, if it is not on the path. */
  public static void main(String[] arguments) throws InterruptedException {
    LaunchConfig config = LaunchConfig.DEFAULT;
    if (arguments.length > 0) {
      config = config.binary(Path.of(arguments[0]));
    }
    try (Ringwork pool = Ringwork.launch(config)) {
      Account account = signUp(pool, "correct horse", new byte[] {1, 2, 3});
      System.out.println("password " + account.password().substring(0, 9));
      System.out.println("avatar " + account.avatar().substring(0, 8));
    }
  }
}
