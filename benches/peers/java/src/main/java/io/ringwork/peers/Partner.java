package io.ringwork.peers;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Another process of a case: an echo's other side, a media driver, a server. It says {@code ready},
 * answers {@code open DIRECTORY} and {@code close} by {@code ok}, and ends at the end of its input,
 * so also when the case is killed. It is opened for a round and closed after it; its JVM and the
 * compiled code stay, asleep.
 */
final class Partner {
  /** What a partner process does between {@code open} and {@code close}. */
  interface Role {
    /** Starts to serve, on a thread of its own if it takes one. */
    AutoCloseable open(Path directory) throws Exception;
  }

  private final BufferedWriter orders;
  private final BufferedReader answers;

  /** Starts a program; returns when it is ready. */
  Partner(List<String> command) throws IOException {
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    orders = process.outputWriter();
    answers = process.inputReader();
    expect("ready");
    // A peer that spins for its answer would do so for ever.
    process.onExit().thenRun(Partner::failed);
  }

  private static void failed() {
    System.out.println("failed a partner process ended");
    System.out.flush();
    Runtime.getRuntime().halt(1);
  }

  /** A JVM like this one, with the same options. */
  static Partner inJava(String role) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
    command.addAll(List.of("partner", role));
    return new Partner(command);
  }

  void open(Path directory) throws IOException {
    order("open " + directory);
  }

  void close() throws IOException {
    order("close");
  }

  private void order(String order) throws IOException {
    orders.write(order + "\n");
    orders.flush();
    expect("ok");
  }

  private void expect(String answer) throws IOException {
    String line = answers.readLine();
    if (!answer.equals(line)) {
      throw new IOException("the partner process " + (line == null ? "ended" : "said: " + line));
    }
  }

  /** The partner's side: carries out orders from stdin until that ends, then leaves. */
  static void serve(Role role) throws Exception {
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    System.out.println("ready");
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      if (!line.startsWith("open ")) {
        throw new IllegalArgumentException("not understood: " + line);
      }
      AutoCloseable opened = role.open(Path.of(line.substring("open ".length())));
      System.out.println("ok");
      in.readLine(); // "close", or the end
      opened.close();
      System.out.println("ok");
    }
    System.exit(0);
  }

  /** A thread that spins until it is closed. */
  abstract static class Spinning implements AutoCloseable, Runnable {
    private final Thread thread = new Thread(this, "echo");
    private volatile boolean closed;

    final void start() {
      thread.start();
    }

    final boolean isOpen() {
      return !closed;
    }

    @Override
    public void close() {
      closed = true;
      try {
        thread.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
