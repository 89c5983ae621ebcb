package io.ringwork.internal.segment;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The topics of events: a table of names that publishers fill. By CAS on an id, so a record whose
 * writer died half-way is written again, to the same text, by the next.
 */
public final class TopicTable {
  /** What {@link #place} says of a name that is none. */
  public static final int BAD_NAME = -1;

  /** What {@link #place} says when the table is full. */
  public static final int FULL = -2;

  private static final int LONGEST = Layout.TOPIC_NAME_MAX;

  private final SharedMemory memory;
  private final Geometry.@Nullable Section section;

  /** A topic's place never changes, so it is looked for once. No larger than the table. */
  private final Map<String, Integer> known = new ConcurrentHashMap<>();

  public TopicTable(SharedMemory memory, Geometry geometry) {
    this.memory = memory;
    section = geometry.section(Layout.SECTION_TOPICS);
  }

  /** The place of a topic, which is entered if it is new; or why it has none, below 0. */
  public int place(String name) {
    Integer place = known.get(name);
    return place != null ? place : find(name);
  }

  private int find(String name) {
    if (!isName(name)) {
      return BAD_NAME;
    }
    byte[] text = name.getBytes(StandardCharsets.UTF_8);
    long id = NameId.of(text);
    for (int place = 0; section != null && place < section.count(); place++) {
      long at = section.record(place);
      long found = memory.getLongAcquire(at + Layout.TOPIC_ID);
      if (found == 0 && memory.casLong(at + Layout.TOPIC_ID, 0, id)) {
        found = id;
      }
      // Another publisher may have taken it meanwhile, for the same topic.
      if (found == id || memory.getLongAcquire(at + Layout.TOPIC_ID) == id) {
        if (memory.getIntAcquire(at + Layout.TOPIC_NAME_LEN) == 0) {
          memory.put(at + Layout.TOPIC_NAME, text);
          memory.setIntRelease(at + Layout.TOPIC_NAME_LEN, text.length);
        }
        known.put(name, place);
        return place;
      }
    }
    return FULL;
  }

  /** The name of the topic at a place; null if none is there. */
  public @Nullable String name(int place) {
    if (section == null || place < 0 || place >= section.count()) {
      return null;
    }
    long at = section.record(place);
    int length = memory.getIntAcquire(at + Layout.TOPIC_NAME_LEN);
    return length <= 0
        ? null
        : new String(
            memory.bytes(at + Layout.TOPIC_NAME, Math.min(length, LONGEST)),
            StandardCharsets.UTF_8);
  }

  /** Whether a topic may be called so: letters, digits, - and _, in parts with dots between. */
  static boolean isName(String name) {
    return isShort(name) && Arrays.stream(name.split("\\.", -1)).allMatch(TopicTable::isPart);
  }

  static boolean isPart(String part) {
    return !part.isEmpty() && part.codePoints().allMatch(TopicTable::isPlain);
  }

  static boolean isShort(String name) {
    return name.length() <= LONGEST && name.getBytes(StandardCharsets.UTF_8).length <= LONGEST;
  }

  private static boolean isPlain(int c) {
    return c == '-'
        || c == '_'
        || Character.isAlphabetic(c)
        || Character.isDigit(c)
        || Character.getType(c) == Character.LETTER_NUMBER
        || Character.getType(c) == Character.OTHER_NUMBER;
  }
}
