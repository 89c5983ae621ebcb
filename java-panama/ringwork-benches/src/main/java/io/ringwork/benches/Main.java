package io.ringwork.benches;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;

/**
 * One case in a JVM of its own, driven by {@code ringwork-bench} through stdin and stdout: says
 * {@code ready} when warm, answers {@code round SECONDS} by {@code result name=value ...} or {@code
 * failed why}, and leaves at the end of its input. The peers in benches/peers/java are driven by
 * the same code.
 */
public final class Main {
  private Main() {}

  /**
   * Runs the case named by the only argument.
   *
   * @param args the name of a case
   */
  public static void main(String[] args) {
    if (args.length != 1) {
      System.err.println("usage: ringwork-benches CASE, by `make bench`");
      System.exit(2);
    }
    drive(() -> Cases.named(args[0]));
  }

  /**
   * Makes a case and runs its rounds until the input ends.
   *
   * @param maker makes the case
   */
  public static void drive(Callable<? extends Case> maker) {
    try {
      Case measured = maker.call();
      measured.warmUp();
      System.out.println("ready");
      serve(measured);
    } catch (Throwable failed) { // a wrong answer, too
      fail(failed);
      System.exit(1);
    }
  }

  private static void serve(Case measured) throws Exception {
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String[] words = line.split(" ");
      if (words.length != 2 || !words[0].equals("round")) {
        throw new IllegalArgumentException("not understood: " + line);
      }
      StringBuilder result = new StringBuilder("result");
      Map<String, Double> metrics = measured.round(Double.parseDouble(words[1]));
      new TreeMap<>(metrics)
          .forEach((name, value) -> result.append(' ').append(name).append('=').append(value));
      System.out.println(result);
    }
  }

  private static void fail(Throwable failed) {
    failed.printStackTrace();
    System.out.println("failed " + String.valueOf(failed).replace('\n', ' '));
  }
}
