package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * That the Java snippets of README and documents compile against the client as it is. A snippet is
 * the body of a method of a subclass of {@link DocumentsFixture}, behind the imports below and its
 * own; {@code { ... }} stands for any block.
 */
class DocumentsTest {
  private static final Path ROOT = Path.of(System.getProperty("ringwork.documents"));
  private static final String IMPORTS =
      """
      import io.ringwork.*;
      import io.ringwork.cbor.*;
      import io.ringwork.stock.*;
      import java.lang.foreign.*;
      import java.time.*;
      import java.util.*;
      import java.util.concurrent.*;
      import com.fasterxml.jackson.databind.ObjectMapper;
      import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
      import static java.nio.charset.StandardCharsets.UTF_8;
      """
          .replace("\n", " ");

  /** One snippet: its document, the line before its first one, and its text. */
  private record Snippet(String document, int before, List<String> lines) {
    String className() {
      return "Snippet_" + document.replaceAll("[^A-Za-z0-9]", "_") + "_" + before;
    }

    /** As a class, its lines where they are in the document. */
    String source() {
      StringBuilder imports = new StringBuilder(IMPORTS);
      StringBuilder body = new StringBuilder();
      for (String line : lines) {
        boolean isImport = line.startsWith("import ");
        imports.append(isImport ? line : "");
        String text = isImport ? "" : line.replaceFirst("^static final ", "final ");
        body.append(text.replaceAll("\\{ (\\.\\.\\.|…) }", "{}")).append('\n');
      }
      return "\n".repeat(before - 1)
          + ("package io.ringwork.tests; " + imports + " abstract class " + className())
          + " extends DocumentsFixture { void snippet() throws Exception {\n"
          + body
          + "}}\n";
    }

    JavaFileObject file() {
      URI name = URI.create("string:///" + className() + ".java");
      return new SimpleJavaFileObject(name, JavaFileObject.Kind.SOURCE) {
        @Override
        public CharSequence getCharContent(boolean ignoreEncodingErrors) {
          return source();
        }
      };
    }
  }

  private static List<Path> documents() throws IOException {
    List<Path> all = new ArrayList<>(List.of(ROOT.resolve("README.md")));
    for (String tree : List.of("docs", "examples", "benches")) {
      try (Stream<Path> files = Files.walk(ROOT.resolve(tree))) {
        files.filter(file -> file.toString().endsWith(".md")).forEach(all::add);
      }
    }
    return all;
  }

  private static List<Snippet> snippets(Path document) throws IOException {
    List<Snippet> found = new ArrayList<>();
    List<String> lines = Files.readAllLines(document);
    for (int i = 0; i < lines.size(); i++) {
      if (lines.get(i).equals("```java")) {
        int end = i + 1;
        while (!lines.get(end).equals("```")) {
          end++;
        }
        String name = ROOT.relativize(document).toString();
        found.add(new Snippet(name, i + 1, lines.subList(i + 1, end)));
        i = end;
      }
    }
    return found;
  }

  @Test
  void snippetsCompile(@TempDir Path classes) throws Exception {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    assumeTrue(compiler != null, "a runtime without a compiler");
    List<Snippet> snippets = new ArrayList<>();
    for (Path document : documents()) {
      snippets.addAll(snippets(document));
    }
    assertTrue(snippets.size() >= 12, "so many there are at least: " + snippets.size());
    DiagnosticCollector<JavaFileObject> found = new DiagnosticCollector<>();
    List<String> options =
        List.of(
            "-proc:none", "-d", classes.toString(), "-cp", System.getProperty("java.class.path"));
    List<JavaFileObject> files = snippets.stream().map(Snippet::file).toList();
    compiler.getTask(null, null, found, options, null, files).call();
    List<String> errors =
        found.getDiagnostics().stream()
            .filter(diagnostic -> diagnostic.getKind() == Diagnostic.Kind.ERROR)
            .map(
                error ->
                    (error.getSource() == null ? "" : error.getSource().getName())
                        + (" line " + error.getLineNumber() + ": ")
                        + error.getMessage(Locale.ROOT))
            .toList();
    assertEquals(List.of(), errors);
  }

  /** The program of the README, by the command below it but for the class path, which is ours. */
  @Test
  void theProgramOfTheReadmeRuns(@TempDir Path folder) throws Exception {
    assumeTrue(ToolProvider.getSystemJavaCompiler() != null, "a runtime without a compiler");
    Path program = folder.resolve("Hello.java");
    Files.write(program, snippets(ROOT.resolve("README.md")).getFirst().lines());
    List<String> command =
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Dringwork.binary=" + System.getProperty("ringwork.binary"),
            "-cp",
            System.getProperty("java.class.path"),
            program.toString());
    try (Child jvm = Child.start(Map.of(), command)) {
      assertEquals(0, jvm.awaitExit(Duration.ofMinutes(3)), jvm::output); // javac takes its time
      jvm.awaitLine("a hash", line -> line.contains("$argon2id$v=19$m=19456,t=2,p=1$"));
    }
  }
}
