package io.ringwork.stock;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.ToLongFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The records send what docs/reference/handlers.md documents, no less and no more: names, and the
 * values of enums. That the page says what the handlers take is tested beside them
 * (handlers/src/lib.rs).
 */
class ParametersTest {
  /**
   * A record and the handler that it is for.
   *
   * @param handler the handler's name
   * @param type the record
   * @param bodies how many components are the body, and no parameter
   * @param json what is sent; several where the task type adds something
   */
  record Case<T extends Record>(
      String handler, Class<T> type, int bodies, List<Function<T, Json>> json) {
    @Override
    public String toString() {
      return handler;
    }

    Map<String, String> sent(Object value) {
      Map<String, String> sent = new HashMap<>();
      for (Function<T, Json> of : json) {
        sent.putAll(parse(of.apply(type.cast(value)).toString()));
      }
      return sent;
    }
  }

  static List<Case<?>> cases() {
    return List.of(
        new Case<>("password.hash", PasswordHash.class, 1, List.of(PasswordHash::parameters)),
        new Case<>("password.verify", PasswordVerify.class, 1, List.of(PasswordVerify::parameters)),
        new Case<>(
            "password.needs_rehash", PasswordRehash.class, 0, List.of(PasswordRehash::parameters)),
        new Case<>("image.resize", ImageResize.class, 1, List.of(ImageResize::parameters)),
        new Case<>("image.thumbnail", ImageResize.class, 1, List.of(ImageResize::parameters)),
        new Case<Digest>(
            "digest",
            Digest.class,
            1,
            List.of(digest -> digest.parameters("hex"), digest -> digest.parameters("raw"))),
        new Case<>("compress", Compress.class, 1, List.of(Compress::parameters)),
        new Case<>("decompress", Decompress.class, 1, List.of(Decompress::parameters)));
  }

  /** Parameters that the task type sets, and no component of the record. */
  private static final Map<String, Set<String>> OF_THE_TYPE = Map.of("digest", Set.of("encoding"));

  /** Parameters that others say as well: a size is a width and a height that are equal. */
  private static final Map<String, Set<String>> SAID_OTHERWISE =
      Map.of("image.thumbnail", Set.of("size"));

  /** Second spellings. */
  private static final Set<String> ALIASES = Set.of("\"center\"");

  private static final Pattern PAIR =
      Pattern.compile("\"([a-z0-9_]+)\":(\"[^\"]*\"|[-0-9.]+|true|false)");

  private static Map<String, String> parse(String json) {
    Map<String, String> pairs = new HashMap<>();
    Matcher matcher = PAIR.matcher(json);
    while (matcher.find()) {
      pairs.put(matcher.group(1), matcher.group(2));
    }
    return pairs;
  }

  /** Handler, parameter, what the page says about it. */
  private static Map<String, Map<String, String>> documented() throws IOException {
    Map<String, Map<String, String>> handlers = new TreeMap<>();
    Map<String, String> parameters = new LinkedHashMap<>();
    for (String line : Files.readAllLines(Path.of("../../docs/reference/handlers.md"))) {
      if (line.matches("[a-z]+(\\.[a-z_]+)?")) {
        parameters = new LinkedHashMap<>();
        handlers.put(line, parameters);
      } else if (line.matches(" {4}[a-z][a-z0-9_]* .*")) {
        String[] parts = line.strip().split("\\s+", 2);
        parameters.put(parts[0], parts[1]);
      }
    }
    handlers.values().removeIf(Map::isEmpty);
    return handlers;
  }

  @Test
  void eachHandlerOnThePageHasARecord() throws IOException {
    assertEquals(
        cases().stream().map(Case::handler).collect(Collectors.toCollection(TreeSet::new)),
        documented().keySet());
  }

  @ParameterizedTest
  @MethodSource("cases")
  void theRecordSendsWhatThePageSays(Case<?> of) throws IOException {
    Set<String> sent = new TreeSet<>(of.sent(filled(of.type, Map.of())).keySet());
    Set<String> documented = new TreeSet<>(documented().get(of.handler).keySet());
    assertEquals(
        of.type.getRecordComponents().length - of.bodies,
        sent.size() - OF_THE_TYPE.getOrDefault(of.handler, Set.of()).size(),
        () -> of.type.getSimpleName() + " has components that it does not send: " + sent);
    documented.removeAll(SAID_OTHERWISE.getOrDefault(of.handler, Set.of()));
    assertEquals(
        documented, sent, () -> of.type.getSimpleName() + " beside docs/reference/handlers.md");
  }

  @ParameterizedTest
  @MethodSource("cases")
  void enumsHaveTheValuesOnThePage(Case<?> of) throws IOException {
    Map<String, String> page = documented().get(of.handler);
    for (RecordComponent component : of.type.getRecordComponents()) {
      if (!component.getType().isEnum()) {
        continue;
      }
      List<Map<String, String>> all = new ArrayList<>();
      for (Object constant : component.getType().getEnumConstants()) {
        all.add(of.sent(filled(of.type, Map.of(component.getName(), constant))));
      }
      ToLongFunction<String> kinds = key -> all.stream().map(m -> m.get(key)).distinct().count();
      String name =
          page.keySet().stream()
              .max(Comparator.comparingLong(kinds))
              .filter(key -> kinds.applyAsLong(key) > 1)
              .orElseGet(() -> fail(component + " changes nothing that is documented"));
      Set<String> values = new TreeSet<>();
      boolean left = false;
      for (Map<String, String> sent : all) {
        String value = sent.get(name);
        left |= value == null;
        assertTrue(value == null || values.add(value), () -> component + " sends it twice");
      }
      Set<String> documented = alternatives(page.get(name));
      assertFalse(documented.isEmpty(), () -> name + " has no alternatives on the page");
      Set<String> missing = new HashSet<>(documented);
      missing.removeAll(values);
      missing.removeAll(ALIASES);
      values.removeAll(documented);
      assertEquals(Set.of(), values, () -> name + ": not on the page");
      // A default is left out of the request.
      assertTrue(missing.size() <= (left ? 1 : 0), () -> name + ": no constant for " + missing);
    }
  }

  /** {@code "a" (so) | "b"; default "a"}: a and b, in their quotes. */
  private static Set<String> alternatives(String text) {
    String first = text.split(";")[0];
    Set<String> found = new TreeSet<>();
    if (first.contains("|")) {
      Pattern.compile("\"[a-z0-9-]+\"").matcher(first).results().forEach(r -> found.add(r.group()));
    }
    return found;
  }

  /**
   * A record without any default in it, but for what is given; where the record refuses that, with
   * other constants, and at last with false.
   */
  private static Object filled(Class<? extends Record> type, Map<String, Object> given) {
    RecordComponent[] components = type.getRecordComponents();
    Class<?>[] types =
        Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
    Throwable refusal = null;
    for (boolean truth : new boolean[] {true, false}) {
      for (int constant = 1; constant < 4; constant++) {
        int from = constant;
        Object[] values =
            Arrays.stream(components)
                .map(c -> given.getOrDefault(c.getName(), value(type, c, from, truth)))
                .toArray();
        try {
          return type.getDeclaredConstructor(types).newInstance(values);
        } catch (InvocationTargetException e) {
          refusal = e.getCause();
        } catch (ReflectiveOperationException e) {
          return fail(type.toString(), e);
        }
      }
    }
    return fail(type + " refuses all values of this test with " + given, refusal);
  }

  private static Object value(
      Class<?> record, RecordComponent component, int constant, boolean truth) {
    if (component.getName().equals("algorithm")) {
      return record == Digest.class ? "hmac-sha512" : "bcrypt";
    }
    return value(component.getType(), constant, truth);
  }

  private static Object value(Class<?> type, int constant, boolean truth) {
    if (type == int.class || type == Integer.class) {
      return 7;
    } else if (type == long.class || type == Long.class) {
      return 7L;
    } else if (type == double.class || type == Double.class) {
      return 0.5;
    } else if (type == boolean.class || type == Boolean.class) {
      return truth;
    } else if (type == String.class) {
      return "#102030";
    } else if (type == byte[].class) {
      return new byte[] {1};
    } else if (type.isEnum()) {
      Object[] constants = type.getEnumConstants();
      return constants[Math.max(1, constants.length - constant)];
    }
    return fail("this test has no value of " + type);
  }
}
