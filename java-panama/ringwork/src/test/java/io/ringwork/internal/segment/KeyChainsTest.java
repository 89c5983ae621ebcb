package io.ringwork.internal.segment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The tables of keys against a plain model of them, and the hash against known values. */
class KeyChainsTest {
  private static final int SLOTS = 24;
  private static final int FIRST = 48;

  /** Which keys meet in a place of the table is random, so more than one table is tried. */
  private static final int TABLES = 20;

  private static final int STEPS = 3_000;
  private static final long DONE = Layout.KIND_DONE;

  @Test
  void aKeyHasTheHashOfTheSharedList() throws Exception {
    List<String> lines = Files.readAllLines(Path.of("../../ring/key-hashes.txt"));
    assertTrue(lines.size() >= 10, "a list of known values");
    for (String line : lines) {
      String[] parts = line.split(" ");
      byte[] key = HexFormat.of().parseHex(parts[0]);
      assertEquals(Long.parseUnsignedLong(parts[1], 16), OrderKey.hash(key), parts[0]);
    }
  }

  /** Tasks of few keys come and go in random order, as slots come home. */
  @Test
  void eachTaskIsBehindTheLastOneOfItsKeyThatIsNotHome() {
    for (int seed = 0; seed < TABLES; seed++) {
      new Play(seed).run();
    }
  }

  private static final class Play {
    private final Random random;
    private final SharedMemory memory;
    private final KeyChains chains;
    private final List<Integer> hinted = new ArrayList<>();
    private final long[] generations = new long[SLOTS];
    private final long[] keys = new long[SLOTS];

    /** What is behind each task, if neither is home. */
    private final Map<Integer, Integer> behind = new HashMap<>();

    /** The last task of each key, unless that is home: then all before it have ended, too. */
    private final Map<Long, Integer> last = new HashMap<>();

    Play(int seed) {
      random = new Random(seed);
      long bytes = (long) (FIRST + SLOTS) * Layout.KEY_STRIDE;
      memory = SharedMemory.of(Arena.global(), Arena.global().allocate(bytes, 128));
      Geometry.Section lines = new Geometry.Section(Layout.SECTION_KEY_LINES, 36, 128, 0);
      chains = new KeyChains(memory, lines, FIRST, SLOTS);
      chains.hintBy(hinted::add);
    }

    void run() {
      int[] free = random.ints(0, SLOTS).distinct().limit(SLOTS).toArray();
      int left = SLOTS;
      for (int step = 0; step < STEPS; step++) {
        boolean submits = left == SLOTS || left > 0 && random.nextBoolean();
        if (submits) {
          submit(free[--left]);
        } else {
          free[left] = end(free, left);
          left++;
        }
      }
    }

    private void submit(int i) {
      // Of few keys, and of many: 0 is none.
      long key = 1 + random.nextInt(random.nextBoolean() ? 3 : 40);
      keys[i] = key;
      generations[i]++;
      Integer before = last.put(key, i);
      synchronized (chains) {
        chains.enter(i, generations[i], key, false);
        boolean linked = chains.link(i);
        assertEquals(before != null, linked);
      }
      assertTrue(chains.has(i) && chains.holds(i, generations[i]));
      long named = before == null ? 0 : name(before, generations[before]);
      assertEquals(named, memory.getLong(line(i) + Layout.KEY_BEFORE));
      if (before != null) {
        assertEquals(name(i, generations[before]), memory.getLong(line(before) + Layout.KEY_NEXT));
        behind.put(before, i);
      }
    }

    /** Ends any task that is not home; those of a key need not come home in their order. */
    private int end(int[] free, int left) {
      boolean[] home = new boolean[SLOTS];
      for (int n = 0; n < left; n++) {
        home[free[n]] = true;
      }
      int i = random.nextInt(SLOTS);
      while (home[i]) {
        i = (i + 1) % SLOTS;
      }
      hinted.clear();
      chains.ended(i, generations[i], StateWord.of(generations[i], 0, 0, DONE));
      Integer next = behind.remove(i);
      assertEquals(next == null ? List.of() : List.of(next), hinted);
      behind.values().remove(i);
      last.remove(keys[i], i);
      return i;
    }

    private static long line(int i) {
      return (long) (FIRST + i) * Layout.KEY_STRIDE;
    }

    private static long name(int i, long generation) {
      return generation << Layout.KEY_GENERATION_SHIFT | FIRST + i + 1;
    }
  }
}
