package io.ringwork.internal.segment;

import io.ringwork.internal.Failpoints;
import io.ringwork.internal.Traceparent;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The slots of this client: their shared words, and what this process knows of them. What stands
 * for a task in this process, its future, is kept here and not looked into.
 *
 * <p>Who may touch entry {@code i} of the private arrays: the thread that popped the slot from the
 * {@link #free} list, until it publishes QUEUED; then the thread that <em>ends</em> the task, until
 * it pushes the slot back. Exactly one thread ends a task:
 *
 * <ul>
 *   <li>the thread that takes it back, by winning the CAS QUEUED → FREE on the state word ({@link
 *       #withdraw}),
 *   <li>or, once the word is DONE or CRASHED, which only this client moves on, the thread that wins
 *       the CAS of {@code pending[i]} from the future to null ({@link #take}).
 * </ul>
 *
 * <p>If the future is that of a raw call, only the thread that waits in it does either, since that
 * object stands for one task after the other: it alone withdraws, takes, or, when it gives up a
 * task that runs, puts another future in its place ({@link #replace}).
 *
 * <p>The two exclude each other, since a word that left QUEUED by a claim never is QUEUED again but
 * through the reaper, and never DONE once it is FREE. A future's generation says which task it
 * awaits, so a thread that slept between reading a future and a word finds another generation, or
 * loses its CAS.
 *
 * @param <P> what stands for a task that is pending
 */
public final class SlotTable<P> {
  private static final VarHandle PENDING = MethodHandles.arrayElementVarHandle(Object[].class);

  /** A claim, the reaper and a retry may come between, but not so often. */
  private static final int MAX_TRIES = 1 << 16;

  /** What {@link #popCounted} returns when as many tasks of the type are in flight as may be. */
  public static final int TOO_MANY = -3;

  /** What {@link #withdraw} found. */
  public enum Withdrawal {
    /** It was queued and is FREE now; the caller has ended the task. */
    WITHDRAWN,
    /** The same, and an earlier attempt has died. */
    WITHDRAWN_AFTER_ATTEMPT,
    /** A lane runs it. */
    RUNNING,
    /** Its result is there, or it is no longer that task. */
    ENDED
  }

  public final int count;
  public final FreeList free;

  /** Slots that only urgent tasks may take: a sixteenth. */
  public final int reserve;

  private final SharedMemory memory;
  private final PayloadArena arena;
  private final int first;
  private final long base;
  private final Object[] pending;
  private final long[] generation;
  private final long[] requestReference;
  private final boolean[] traced;
  private final @Nullable ByteBuffer[] requests;
  private final @Nullable ByteBuffer[] results;

  /** The counts of tasks whose type has a limit, by handler. */
  public final Map<String, InFlight> inFlight = InFlight.table();

  /**
   * Which count each slot is part of; made for the first task whose type has a limit. Plain: a
   * thread that frees such a slot has seen it published, or has popped it.
   */
  private @Nullable InFlight @Nullable [] counted;

  /**
   * The slots of an entry that was just registered.
   *
   * @param damage what is thrown if one is not FREE
   */
  public SlotTable(
      SharedMemory memory, Geometry geometry, PayloadArena arena, int client, Damage damage) {
    this.memory = memory;
    this.arena = arena;
    this.count = geometry.slotsPerClient();
    this.reserve = count / 16;
    this.first = client * count;
    this.base = geometry.slotsOf(client);
    this.pending = new Object[count];
    this.generation = new long[count];
    this.requestReference = new long[count];
    this.traced = new boolean[count];
    this.requests = new ByteBuffer[count];
    this.results = new ByteBuffer[count];
    for (int i = 0; i < count; i++) {
      long word = state(i);
      if (StateWord.kind(word) != Layout.KIND_FREE) {
        throw damage.of(
            "slot " + (first + i) + " of a free client entry is in use: restart the pool", false);
      }
      generation[i] = StateWord.generation(word);
      traced[i] = true; // what an earlier client left there is not known
    }
    this.free = new FreeList(count);
  }

  public long at(int i) {
    return base + (long) i * Layout.SLOT_STRIDE;
  }

  /** The index in the whole table, as hints carry it. */
  public int global(int i) {
    return first + i;
  }

  /** The local index of a hint's slot, or -1 if it is none of ours. */
  public int local(int global) {
    int i = global - first;
    return i >= 0 && i < count ? i : -1;
  }

  /** pairs with the release of a lane's DONE: the result fields are visible. */
  public long state(int i) {
    return memory.getLongAcquire(at(i));
  }

  public long generation(int i) {
    return generation[i];
  }

  @SuppressWarnings("unchecked") // only what publish and replace were given
  public @Nullable P pending(int i) {
    return (P) PENDING.getAcquire(pending, i);
  }

  /** Where the request of a slot is: in it, or in a block. */
  public long requestAt(int i, long reference) {
    return reference == 0 ? at(i) + Layout.SLOT_REQUEST : arena.at(reference);
  }

  /** Where the result of a slot is: in it, or in a block. */
  public long resultAt(int i, long reference) {
    return reference == 0 ? at(i) + Layout.SLOT_RESULT : arena.at(reference);
  }

  // ---- filling, by the thread that popped the slot

  /**
   * Takes a slot for a task of a handler of which only so many may be in flight.
   *
   * @param keep how many free slots it must leave to others
   * @return the slot; {@link FreeList#EMPTY}, {@link FreeList#CLOSED}, or {@link #TOO_MANY}
   */
  public int popCounted(String handler, int most, int keep) {
    InFlight entered = InFlight.enter(inFlight, handler, most);
    if (entered == null) {
      return TOO_MANY;
    }
    int i = free.pop(keep);
    if (i < 0) {
      entered.leave();
    } else {
      counts()[i] = entered;
    }
    return i;
  }

  private @Nullable InFlight[] counts() {
    @Nullable InFlight[] made = counted;
    if (made == null) {
      synchronized (inFlight) {
        made = counted;
        if (made == null) {
          made = new InFlight[count];
          counted = made;
        }
      }
    }
    return made;
  }

  /** The slot's task is no longer counted: the slot comes home, or is lost for good. */
  public void uncount(int i) {
    @Nullable InFlight[] counts = counted;
    if (counts != null) {
      InFlight entered = counts[i];
      if (entered != null) {
        counts[i] = null;
        entered.leave();
      }
    }
  }

  /** A window on the inline request, limited to a length. */
  public ByteBuffer inlineRequest(int i, int length) {
    ByteBuffer buffer = requests[i];
    if (buffer == null) {
      buffer = memory.buffer(at(i) + Layout.SLOT_REQUEST, Layout.INLINE);
      requests[i] = buffer;
    }
    return buffer.order(ByteOrder.LITTLE_ENDIAN).position(0).limit(length);
  }

  /** A read-only window on the inline result, limited to a length. */
  public ByteBuffer inlineResult(int i, int length) {
    ByteBuffer buffer = results[i];
    if (buffer == null) {
      buffer = memory.readOnlyBuffer(at(i) + Layout.SLOT_RESULT, Layout.INLINE);
      results[i] = buffer;
    }
    return buffer.order(ByteOrder.LITTLE_ENDIAN).position(0).limit(length);
  }

  /**
   * The first half of filling: whose task it is, and which. Plain stores, as those of {@link
   * #fillRequest}, published by {@link #publish}.
   *
   * @param deadline by System.nanoTime; 0 for none
   */
  public void fillTask(int i, long handlerId, long deadline, byte @Nullable [] trace) {
    long at = at(i);
    memory.setLong(at + Layout.SLOT_DEADLINE, deadline);
    memory.setLong(at + Layout.SLOT_HANDLER, handlerId);
    memory.setLong(at + Layout.SLOT_TASK_ID, taskId(i, generation[i]));
    memory.setLong(at + Layout.SLOT_PROGRESS, 0);
    if (trace != null) {
      memory.put(at + Layout.SLOT_TRACEPARENT, trace);
      traced[i] = true;
    } else if (traced[i]) {
      memory.fill(at + Layout.SLOT_TRACEPARENT, Traceparent.SIZE, (byte) 0);
      traced[i] = false;
    }
  }

  /**
   * The second half: the request, which is in the slot, or in the block that it has {@linkplain
   * #reserved reserved}, and how it is to be run.
   *
   * @param submittedNs when it was submitted, by System.nanoTime; 0 if that is not noted
   */
  public void fillRequest(
      int i, int length, int requestCodec, int priority, int attempts, long submittedNs) {
    long at = at(i);
    memory.setLong(at + Layout.SLOT_REQUEST_REF, requestReference[i]);
    memory.setInt(at + Layout.SLOT_REQUEST_LEN, length);
    boolean stamped = submittedNs != 0;
    memory.setInt(at + Layout.SLOT_ATTEMPTS, RunWord.of(attempts, stamped, priority, requestCodec));
    if (stamped) {
      memory.setLong(at + Layout.SLOT_SUBMITTED_NS, submittedNs);
    }
  }

  /** The codec of a result, as a lane has written it. */
  public int resultCodec(int i) {
    return RunWord.resultCodec(memory.getInt(at(i) + Layout.SLOT_ATTEMPTS));
  }

  /** Whether the task of a slot has time stamps. */
  public boolean isStamped(int i) {
    return RunWord.isStamped(memory.getInt(at(i) + Layout.SLOT_ATTEMPTS));
  }

  /**
   * How long ago the task of a slot was claimed, if it is stamped.
   *
   * @return the time in nanoseconds; 0 if the lane has noted what can't be
   */
  public long sinceClaim(int i) {
    long claimed = memory.getLong(at(i) + Layout.SLOT_CLAIMED_NS);
    boolean possible = claimed - memory.getLong(at(i) + Layout.SLOT_SUBMITTED_NS) >= 0;
    return possible ? Math.max(0, System.nanoTime() - claimed) : 0;
  }

  /** Unique for a client without a counter of its own. */
  public long taskId(int i, long g) {
    return g << 20 | global(i);
  }

  /** FREE → QUEUED: the task is the lanes' from here on. */
  public void publish(int i, P future) {
    PENDING.setRelease(pending, i, future);
    // pairs with the acquire of a lane's claim: it sees the request fields.
    memory.setLongRelease(at(i), StateWord.queued(generation[i]));
    if (Failpoints.ON) Failpoints.hit("submit.queued");
  }

  /** Notes the block of a slot that was popped and will be filled later. */
  public void reserve(int i, long reference) {
    requestReference[i] = reference;
  }

  /** The block of a slot that is reserved; 0 for none. */
  public long reserved(int i) {
    return requestReference[i];
  }

  /** Gives a slot back that a user had claimed. */
  public void giveClaimBack(int i, long reference) {
    if (Failpoints.ON) Failpoints.hit("raw.returning");
    giveBack(i, reference);
  }

  /** Gives a slot back that was popped but not published. */
  public void giveBack(int i, long reference) {
    requestReference[i] = 0;
    arena.free(reference, PayloadArena.requestOwner(global(i), generation[i]));
    pushFree(i);
  }

  // ---- ending

  /** Tries QUEUED → FREE for a task. Once it is withdrawn the slot is given back already. */
  public Withdrawal withdraw(int i, long g) {
    for (int tries = 0; tries < MAX_TRIES; tries++) {
      long word = state(i);
      if (StateWord.generation(word) != g || StateWord.ended(word)) {
        return Withdrawal.ENDED;
      }
      long kind = StateWord.kind(word);
      if (kind == Layout.KIND_CLAIMED) {
        return Withdrawal.RUNNING;
      }
      if (kind != Layout.KIND_QUEUED) {
        return Withdrawal.ENDED;
      }
      if (memory.casLong(at(i), word, StateWord.free(StateWord.next(g)))) {
        if (Failpoints.ON) Failpoints.hit("cancel.withdrawn");
        PENDING.setRelease(pending, i, (Object) null);
        recycle(i, g);
        return StateWord.attempt(word) > 0
            ? Withdrawal.WITHDRAWN_AFTER_ATTEMPT
            : Withdrawal.WITHDRAWN;
      }
    }
    return Withdrawal.RUNNING; // the word changes for ever: it means nothing
  }

  /**
   * Asks the handler to give up; a word of an older generation asks no task. A caller that was
   * paused and comes a generation late must not wipe out the word of the slot's next task: the word
   * only grows.
   */
  public void requestCancel(int i, long generation) {
    long at = at(i) + Layout.SLOT_CANCEL;
    long asked = Layout.CANCEL_BIT | generation;
    long seen = memory.getLong(at);
    while (Long.compareUnsigned(seen, asked) < 0 && !memory.casLong(at, seen, asked)) {
      seen = memory.getLong(at);
    }
    if (Failpoints.ON) Failpoints.hit("cancel.asked");
  }

  /** Takes the right to end a task that is DONE or CRASHED; false if another thread has it. */
  public boolean take(int i, P future) {
    return PENDING.compareAndSet(pending, i, future, (Object) null);
  }

  /** Puts another future in the place of one that only the caller ends. */
  public void replace(int i, P other) {
    PENDING.setRelease(pending, i, other);
    // The caller looks at the word next: a thread whose hint it does not see yet comes after the
    // fence.
    VarHandle.fullFence();
  }

  /**
   * Fetches the lines that a lane has written, to read them soon; what is in them means nothing.
   */
  public long fetchResultLines(int i) {
    return memory.getLong(at(i)) + memory.getLong(at(i) + Layout.SLOT_RESULT);
  }

  /**
   * Fetches the lines of the state word and of the request for writing, while the result's line,
   * which the lane has written too, is still on its way. Deadline and request of a task that has
   * ended mean nothing.
   */
  public void fetchRequestLines(int i) {
    memory.setLong(at(i) + Layout.SLOT_DEADLINE, 0);
    memory.setLong(at(i) + Layout.SLOT_REQUEST, 0);
  }

  /** Frees the slot and both blocks of a task that was taken; the word is its last. */
  public void release(int i, long word, long resultReference) {
    if (Failpoints.ON) Failpoints.hit("poll.read");
    if (resultReference != 0) {
      arena.free(
          resultReference,
          PayloadArena.resultOwner(global(i), StateWord.generation(word), StateWord.attempt(word)));
    }
    markFree(i, word);
    pushFree(i);
  }

  /**
   * The first half of {@link #release} for a task without a result block: the slot is FREE, but on
   * no list, so only the caller can have it filled again, and the result in it stays until {@link
   * #pushFree}. The state word's line is then on its way while the result's is fetched, not
   * afterwards.
   */
  public void markFree(int i, long word) {
    long g = StateWord.generation(word);
    freeRequest(i, g);
    generation[i] = StateWord.next(g);
    if (Failpoints.ON) Failpoints.hit("poll.blocks_freed");
    memory.setLongRelease(at(i), StateWord.free(generation[i]));
    if (Failpoints.ON) Failpoints.hit("poll.freed");
  }

  /** The second half of {@link #release}. */
  public void pushFree(int i) {
    uncount(i);
    free.push(i);
  }

  /** As {@link #pushFree(int)} for several. */
  public void pushFree(int[] many, int n) {
    if (counted != null) {
      for (int h = 0; h < n; h++) {
        uncount(many[h]);
      }
    }
    free.pushMany(many, n);
  }

  private void recycle(int i, long g) {
    freeRequest(i, g);
    generation[i] = StateWord.next(g);
    pushFree(i);
  }

  private void freeRequest(int i, long g) {
    long reference = requestReference[i];
    if (reference != 0) {
      requestReference[i] = 0;
      arena.free(reference, PayloadArena.requestOwner(global(i), g));
    }
  }
}
