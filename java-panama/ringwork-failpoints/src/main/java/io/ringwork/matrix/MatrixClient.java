package io.ringwork.matrix;

import io.ringwork.internal.Failpoints;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The JVM of the kill matrix: keeps tasks in flight in the pools that it is told to, and is the
 * victim if a point is armed.
 *
 * <p>Each line of standard input is a command, answered by one line: {@code open ID DIRECTORY NAME
 * stay|cycle}, {@code stop ID}, {@code serve ID COUNT}, {@code close ID}, {@code arm POINT ACTION
 * COUNT MARK}, {@code points}. Commands of different sessions run beside each other. It ends with
 * its input.
 */
public final class MatrixClient {
  private static final Map<String, Session> SESSIONS = new ConcurrentHashMap<>();

  private MatrixClient() {}

  /**
   * Runs until standard input ends.
   *
   * @param args none
   * @throws Exception if standard input fails
   */
  public static void main(String[] args) throws Exception {
    say("up " + ProcessHandle.current().pid());
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String[] words = line.split(" ");
      switch (words[0]) {
        case "points" -> say("points " + String.join(" ", Failpoints.POINTS));
        case "arm" -> {
          Failpoints.arm(words[1], words[2], Integer.parseInt(words[3]), Path.of(words[4]));
          say("armed " + words[1]);
        }
        default -> Thread.ofPlatform().daemon().start(() -> answer(words));
      }
    }
    System.exit(0);
  }

  private static void answer(String[] words) {
    String id = words[1];
    try {
      String answer =
          switch (words[0]) {
            case "open" -> {
              boolean cycles = words[4].equals("cycle");
              Session session = new Session(Path.of(words[2]), words[3], cycles);
              SESSIONS.put(id, session);
              yield session.open();
            }
            case "stop" -> SESSIONS.get(id).stop();
            case "serve" -> SESSIONS.get(id).serve(Integer.parseInt(words[2]));
            case "close" -> SESSIONS.remove(id).close();
            default -> throw new IllegalArgumentException("no command " + words[0]);
          };
      say(words[0] + " " + id + " " + answer);
    } catch (Throwable failed) {
      say(words[0] + " " + id + " failed " + failed.toString().replace('\n', ' '));
      failed.printStackTrace();
    }
  }

  private static void say(String line) {
    synchronized (MatrixClient.class) {
      System.out.println(line);
      System.out.flush();
    }
  }
}
