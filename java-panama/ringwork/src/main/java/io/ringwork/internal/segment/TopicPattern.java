package io.ringwork.internal.segment;

import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The topics that a pattern names. {@code *} stands for one part of a name, and as the last part
 * for all that follow.
 */
public final class TopicPattern {
  private final String[] parts;

  /** By the place in a table: the name of the topic there, if it is wanted. */
  private final Map<Integer, Optional<String>> known = new ConcurrentHashMap<>();

  /**
   * A pattern.
   *
   * @throws IllegalArgumentException if no name of a topic can be as it says
   */
  public TopicPattern(String pattern) {
    parts = pattern.split("\\.", -1);
    boolean possible =
        Arrays.stream(parts).allMatch(part -> part.equals("*") || TopicTable.isPart(part));
    if (!possible || !TopicTable.isShort(pattern)) {
      throw new IllegalArgumentException(
          "\""
              + pattern
              + "\" is no pattern of topics: it has parts of letters, digits, - and _ with dots between"
              + " them, such as worker.died, and * in place of any, such as worker.*");
    }
  }

  /** The same for another table. */
  public TopicPattern(TopicPattern other) {
    parts = other.parts;
  }

  /** Whether a name is as the pattern says. */
  public boolean matches(String name) {
    String[] names = name.split("\\.", -1);
    int last = parts.length - 1;
    for (int n = 0; n <= last; n++) {
      if (n >= names.length) {
        return false;
      }
      if (n == last && parts[n].equals("*")) {
        return true;
      }
      if (!parts[n].equals("*") && !parts[n].equals(names[n])) {
        return false;
      }
    }
    return names.length == parts.length;
  }

  /** The name of the topic at a place of a table, if it is wanted; a name never changes. */
  public @Nullable String wanted(TopicTable topics, int place) {
    Optional<String> seen = known.get(place);
    if (seen == null) {
      String name = topics.name(place);
      if (name == null) {
        return null;
      }
      seen = Optional.of(name).filter(this::matches);
      known.put(place, seen);
    }
    return seen.orElse(null);
  }
}
