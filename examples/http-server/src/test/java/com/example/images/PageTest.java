package com.example.images;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.opentelemetry.api.OpenTelemetry;
import io.ringwork.CompletionMode;
import io.ringwork.LaunchConfig;
import io.ringwork.Ringwork;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The upload page in a real browser, where there is a Chromium. */
@Timeout(180)
class PageTest {
  @TempDir private Path profile;

  private static Optional<Path> chromium() {
    return Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
        .flatMap(
            folder ->
                List.of("chromium", "chromium-browser", "google-chrome").stream()
                    .map(name -> Path.of(folder, name)))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /** It paints twelve pictures, and shows twelve thumbnails. */
  @Test
  void thumbnailsCome() throws Exception {
    Optional<Path> browser = chromium();
    assumeTrue(browser.isPresent(), "there is no Chromium on the PATH");
    Path directory = Files.createTempDirectory(Path.of("/dev/shm"), "ringwork-example-");
    try {
      opened(browser.get(), directory);
    } finally {
      Files.delete(directory); // Empty: the pool has left nothing.
    }
  }

  private void opened(Path browser, Path directory) throws Exception {
    LaunchConfig config =
        LaunchConfig.DEFAULT
            .directory(directory)
            .log(LaunchConfig.Log.DISCARD)
            .completion(CompletionMode.INLINE);
    try (ImageServer server =
        new ImageServer(
            Ringwork.launch(config),
            Routes.all(),
            ImageServer.Threads.EVENT_LOOP,
            OpenTelemetry.noop(),
            0)) {
      String page = page(browser, "http://localhost:" + server.port() + "/#samples");
      assertTrue(page.contains("12 of 12 done: "), page);
      assertEquals(12, count("class=\"done\"", page), page);
      assertEquals(12, count("<img src=\"blob:", page), page);
      assertEquals(8, count("256 × 192", page), page);
      assertEquals(4, count("192 × 256", page), page);
    }
  }

  private static long count(String what, String page) {
    return Pattern.compile(Pattern.quote(what)).matcher(page).results().count();
  }

  /** The page as it is when its scripts have nothing left to do. */
  private String page(Path browser, String address) throws Exception {
    Process process =
        new ProcessBuilder(
                browser.toString(),
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--virtual-time-budget=60000",
                "--user-data-dir=" + profile,
                "--dump-dom",
                address)
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    try {
      CompletableFuture<String> page = CompletableFuture.supplyAsync(() -> read(process));
      return page.get(120, TimeUnit.SECONDS);
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly().waitFor();
    }
  }

  private static String read(Process process) {
    try {
      return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
