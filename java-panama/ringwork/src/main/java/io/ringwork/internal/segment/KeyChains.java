package io.ringwork.internal.segment;

import io.ringwork.internal.Failpoints;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The tasks of this client that have keys: which one is the last of its key, and which one is
 * behind another. Section 20 of docs/internals/protocol.md.
 *
 * <p>Used by {@link SlotTable}, from any thread, under the lock of this object. No thread waits for
 * another one while it has it, and beyond the tables, which are made for the first key, nothing is
 * allocated. Invariant: a task is here from before it is published until its slot may be used
 * again, so the key line of each task that is the last of its key is that task's.
 */
public final class KeyChains {
  private static final int NONE = -1;

  private final SharedMemory memory;

  /** Where the line of this client's first slot is. */
  private final long lines;

  /** The index of this client's first slot. */
  private final int first;

  private final int count;

  /** Has a lane told of the task of a slot whose hint is this thread's to write. */
  private IntConsumer hints = i -> {};

  /**
   * The hash of each slot's key, 0 for a task without one. Plain for threads that end a task: they
   * have seen it published.
   */
  private long @Nullable [] hashes;

  private long[] generations = {};
  private int[] behind = {};
  private int[] ahead = {};
  private boolean[] fails = {};

  /** By a hash: a slot + 1, or 0. A task whose place is taken is in the next one that is free. */
  private int[] last = {};

  /** Odd and random: which keys meet in a place is not for those to choose that choose keys. */
  private final long spread = ThreadLocalRandom.current().nextLong() | 1;

  private int shift;

  KeyChains(SharedMemory memory, Geometry.Section lines, int first, int count) {
    this.memory = memory;
    this.first = first;
    this.count = count;
    this.lines = lines.at() + (long) first * Layout.KEY_STRIDE;
  }

  /** Sets what has a lane told of a task, given its slot; before the first submit. */
  public void hintBy(IntConsumer consumer) {
    hints = consumer;
  }

  private long line(int i) {
    return lines + (long) i * Layout.KEY_STRIDE;
  }

  /** A word of a key line: a generation, and {@link #name} of a slot, or what stands for none. */
  private static long word(long generation, long name) {
    return generation << Layout.KEY_GENERATION_SHIFT | name;
  }

  /** By what the words of key lines name a slot. */
  private long name(int i) {
    return first + i + 1L;
  }

  // ---- its tables, under the lock

  private long[] tables() {
    long[] made = hashes;
    if (made == null) {
      int places = Integer.highestOneBit(Math.max(count, 2)) << 2;
      shift = Long.SIZE - Integer.numberOfTrailingZeros(places);
      last = new int[places];
      generations = new long[count];
      behind = new int[count];
      ahead = new int[count];
      fails = new boolean[count];
      Arrays.fill(behind, NONE);
      Arrays.fill(ahead, NONE);
      made = new long[count];
      hashes = made;
    }
    return made;
  }

  private int home(long hash) {
    return (int) (hash * spread >>> shift);
  }

  /** The place of a key's last task, or where it belongs if there is none. */
  private int place(long[] all, long hash) {
    int at = home(hash);
    while (last[at] != 0 && all[last[at] - 1] != hash) {
      at = at + 1 & last.length - 1;
    }
    return at;
  }

  /** Empties a place, and closes the gap in the row that it was in. */
  private void empty(long[] all, int place) {
    int mask = last.length - 1;
    int gap = place;
    for (int at = gap + 1 & mask; last[at] != 0; at = at + 1 & mask) {
      int home = home(all[last[at] - 1]);
      if ((at - home & mask) >= (at - gap & mask)) {
        last[gap] = last[at];
        gap = at;
      }
    }
    last[gap] = 0;
  }

  // ---- a submit, under the lock

  /**
   * Enters a task that is about to be published, and fills its line in.
   *
   * @param failsKey whether those behind it are not to run if it fails
   */
  void enter(int i, long g, long hash, boolean failsKey) {
    long[] all = tables();
    int place = place(all, hash);
    int before = last[place] - 1;
    long line = line(i);
    // pairs with the acquire of a lane's look at it: a lane that finds this task here sees what was
    // noted for the task behind the one before it in this slot.
    memory.setLongRelease(line + Layout.KEY_NEXT, word(g, 0));
    // pairs with a lane's fence between its look at a flag of the line and its look at that word:
    // whose flag it was.
    VarHandle.releaseFence();
    memory.setLong(line + Layout.KEY_HASH, hash);
    memory.setLong(
        line + Layout.KEY_BEFORE, before < 0 ? 0 : word(generations[before], name(before)));
    memory.setInt(line + Layout.KEY_FLAGS, failsKey ? Layout.KEY_FAILS : 0);
    memory.setInt(line + Layout.KEY_POISONED, 0);
    if (Failpoints.ON) Failpoints.hit("key.filled");
    all[i] = hash;
    generations[i] = g;
    fails[i] = failsKey;
    last[place] = i + 1;
    ahead[i] = before;
    if (before >= 0) {
      behind[before] = i;
    }
  }

  /**
   * Notes a task that was published in the line of the one before it.
   *
   * @return whether the end of that one leads to its hint: there is one, and it has not ended
   */
  boolean link(int i) {
    int before = ahead[i];
    if (before < 0) {
      return false;
    }
    long g = generations[before];
    boolean linked = memory.casLong(line(before) + Layout.KEY_NEXT, word(g, 0), word(g, name(i)));
    if (Failpoints.ON) Failpoints.hit("key.linked");
    return linked;
  }

  /** Takes a task out: nothing is behind it, or what is learns of it from its caller. */
  void forget(int i) {
    long[] all = hashes;
    if (all == null || all[i] == 0) {
      return;
    }
    int place = place(all, all[i]);
    if (last[place] == i + 1) {
      empty(all, place);
    }
    all[i] = 0;
    if (ahead[i] >= 0) {
      behind[ahead[i]] = NONE;
      ahead[i] = NONE;
    }
    if (behind[i] >= 0) {
      ahead[behind[i]] = NONE;
      behind[i] = NONE;
    }
  }

  /** Whether the task of a slot has a key, and is not over. */
  synchronized boolean holds(int i, long g) {
    long[] all = hashes;
    return all != null && all[i] != 0 && generations[i] == g;
  }

  // ---- an end

  /** Whether the task of a slot has a key; for the thread that ends it. */
  boolean has(int i) {
    long[] all = hashes;
    return all != null && all[i] != 0;
  }

  /**
   * The task of a slot has ended, and the slot is about to be used again: what is behind it learns
   * whether it may run, and gets its hint if it has none yet.
   *
   * @param ended the slot's ended word
   */
  void ended(int i, long g, long ended) {
    int next = end(i, g, ended);
    if (next >= 0) {
      hints.accept(next);
    }
  }

  /** The slot of the task behind it, if its hint is this thread's to write; or -1. */
  private synchronized int end(int i, long g, long ended) {
    int next = behind[i];
    boolean failed = poisons(ended, g, fails[i]);
    forget(i);
    if (next < 0) {
      return NONE;
    }
    if (failed) {
      memory.setInt(line(next) + Layout.KEY_POISONED, 1);
    }
    if (Failpoints.ON) Failpoints.hit("key.poisoned");
    long at = line(i) + Layout.KEY_NEXT;
    boolean mine = memory.casLong(at, word(g, name(next)), word(g, Layout.KEY_NEXT_TAKEN));
    if (Failpoints.ON) Failpoints.hit("key.next_taken");
    return mine ? next : NONE;
  }

  /**
   * Whether an end keeps those behind the task from running. What was cancelled, or expired, is
   * skipped.
   */
  private static boolean poisons(long ended, long g, boolean failsKey) {
    if (StateWord.generation(ended) != g) {
      return false;
    }
    if (StateWord.kind(ended) == Layout.KIND_CRASHED) {
      return failsKey;
    }
    return switch (StateWord.status(ended) & ~Layout.STATUS_NOT_RUN) {
      case Layout.STATUS_KEY_POISONED -> true;
      case Layout.STATUS_OK, Layout.STATUS_CANCELLED, Layout.STATUS_EXPIRED -> false;
      default -> failsKey;
    };
  }
}
