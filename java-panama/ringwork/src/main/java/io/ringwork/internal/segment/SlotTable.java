package io.ringwork.internal.segment;

import io.ringwork.internal.Failpoints;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The slots of this client: their shared words, and what this process knows of them. What stands
 * for a task in this process, its future, is kept here and not looked into.
 *
 * <p>Who may touch entry {@code i} of the private arrays: the thread that popped the slot from the
 * {@link #free} list, until it publishes the task; then the thread that <em>ends</em> the task,
 * until it pushes the slot back. Exactly one thread ends a task:
 *
 * <ul>
 *   <li>the thread that takes it back, by winning the CAS of the claim word to WITHDRAWN ({@link
 *       #withdraw}),
 *   <li>or, once the ended word is of its generation, which then stays until this client publishes
 *       another task, the thread that wins the CAS of {@code pending[i]} from the future to null
 *       ({@link #take}).
 * </ul>
 *
 * <p>If the future is that of a raw call, only the thread that waits in it does either, since that
 * object stands for one task after the other: it alone withdraws, takes, or, when it gives up a
 * task that runs, puts another future in its place ({@link #replace}).
 *
 * <p>The two exclude each other, since a claim word that was moved on by a lane waits for a lane
 * again through the reaper alone, and no lane claims or ends what is WITHDRAWN. A future's
 * generation says which task it awaits, so a thread that slept between reading a future and a word
 * finds another generation, or loses its CAS. Nothing is stored when a result was taken: the next
 * task of the slot is the next generation.
 *
 * @param <P> what stands for a task that is pending
 */
public final class SlotTable<P> {
  private static final VarHandle PENDING = MethodHandles.arrayElementVarHandle(Object[].class);

  /** A claim, the reaper and a retry may come between, but not so often. */
  private static final int MAX_TRIES = 1 << 16;

  /** Bytes of an inline result in the line of the ended word, and where the rest begins. */
  private static final int SECOND_LINE = Layout.SLOT_ENDED + 64;

  private static final int FIRST_LINE = SECOND_LINE - Layout.SLOT_RESULT;

  /** What {@link #popCounted} returns when as many tasks of the type are in flight as may be. */
  public static final int TOO_MANY = -3;

  /** What {@link #withdraw} found. */
  public enum Withdrawal {
    /** No lane had claimed it, and none will; the caller has ended the task. */
    WITHDRAWN,
    /** The same, and an earlier attempt has died. */
    WITHDRAWN_AFTER_ATTEMPT,
    /**
     * It has a key and is left out when its turn comes: no lane runs it. It keeps its slot until
     * then.
     */
    SKIPPED,
    /** The same, and an earlier attempt has died. */
    SKIPPED_AFTER_ATTEMPT,
    /** A lane runs it. */
    RUNNING,
    /** Its result is there, or it is no longer that task. */
    ENDED
  }

  /** How a task with a key was published. */
  public enum Queued {
    /** Its hint is in the ring. */
    HINTED,
    /** It is behind another task, whose end leads to its hint. */
    BEHIND,
    /** Not at all: the ring had no room for its hint. The slot was given back. */
    FULL
  }

  public final int count;
  public final FreeList free;

  /** Null if the pool takes no tasks with keys. */
  public final @Nullable KeyChains keys;

  /** Slots that only urgent tasks may take: a sixteenth. */
  public final int reserve;

  private final SharedMemory memory;
  private final PayloadArena arena;
  private final int first;
  private final long base;
  private final Object[] pending;
  private final long[] generation;
  private final long[] requestReference;
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
   * @param damage what is thrown if one is not at rest
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
    this.requests = new ByteBuffer[count];
    this.results = new ByteBuffer[count];
    for (int i = 0; i < count; i++) {
      long last = lastGeneration(i);
      if (!isAtRest(i, last)) {
        throw damage.of(
            "slot " + (first + i) + " of a free client entry is in use: restart the pool", false);
      }
      generation[i] = StateWord.next(last);
    }
    this.free = new FreeList(count);
    Geometry.Section lines = geometry.keyLines();
    this.keys = lines == null ? null : new KeyChains(memory, lines, first, count);
  }

  /**
   * The generation of the last task. A reaper that left the slot half retired has said in the claim
   * word that two more count as used.
   */
  private long lastGeneration(int i) {
    long published = PublishedWord.generation(published(i));
    long retired = StateWord.next(StateWord.next(published));
    return claim(i) == StateWord.withdrawn(retired) ? retired : published;
  }

  /** Whether the last task that was published in a slot has ended, or was taken back. */
  private boolean isAtRest(int i, long last) {
    long ended = ended(i);
    return StateWord.generation(ended) == last && StateWord.ended(ended)
        || claim(i) == StateWord.withdrawn(last);
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

  /** The published word of a slot. */
  public long published(int i) {
    // pairs with the release of publish: of another thread, or of a client before this one.
    return memory.getLongAcquire(at(i) + Layout.SLOT_PUBLISHED);
  }

  /**
   * How the slot's last task has ended: DONE or CRASHED in its generation. A thread that awaits a
   * task looks at no other word.
   */
  public long ended(int i) {
    // pairs with the release of a lane's or reaper's end: the result fields are visible.
    return memory.getLongAcquire(at(i) + Layout.SLOT_ENDED);
  }

  /** Which lane has claimed which task of the slot last, and what became of it. */
  public long claim(int i) {
    // pairs with the release of the CAS that wrote it.
    return memory.getLongAcquire(at(i) + Layout.SLOT_CLAIM);
  }

  /** Whether a task that was published waits for a lane, by a claim word that was just read. */
  public static boolean waits(long claim, long g) {
    long claimed = StateWord.generation(claim);
    return claimed == g
        ? StateWord.kind(claim) == Layout.KIND_REQUEUED
        : StateWord.isOlder(claimed, g);
  }

  /** Whether a lane has claimed a task, or has died over it: only a lane or a reaper ends it. */
  private static boolean isRun(long claim, long g) {
    long kind = StateWord.kind(claim);
    return StateWord.generation(claim) == g
        && (kind == Layout.KIND_CLAIMED || kind == Layout.KIND_CRASHED);
  }

  /** Whether a task waits for a lane. */
  public boolean isQueued(int i, long g) {
    return PublishedWord.generation(published(i)) == g && waits(claim(i), g);
  }

  /** Whether a lane has claimed a task, or it has even ended. */
  public boolean isClaimed(int i, long g) {
    return isRun(claim(i), g);
  }

  /**
   * Which of the slot's words can't be while a task is pending: that is damaged, and may never end.
   *
   * @return the word, marked by a kind that there is not; 0 if all are possible
   */
  public long impossible(int i, long g) {
    long published = published(i);
    long claim = claim(i);
    long ended = ended(i);
    boolean wrong = PublishedWord.generation(published) != g;
    long word = published;
    if (!wrong) {
      word = claim;
      wrong = !canBeClaim(claim, g);
    }
    if (!wrong) {
      word = ended;
      wrong = !canBeEnd(ended, g);
    }
    return wrong ? word | Layout.STATE_KIND_MASK : 0;
  }

  private static boolean canBeClaim(long claim, long g) {
    long generation = StateWord.generation(claim);
    if (generation != g) {
      return StateWord.isOlder(generation, g);
    }
    long kind = StateWord.kind(claim);
    return kind == Layout.KIND_REQUEUED
        || kind == Layout.KIND_CLAIMED
        || kind == Layout.KIND_CRASHED;
  }

  /** Whether an ended word is possible while a task is pending. */
  public static boolean canBeEnd(long ended, long g) {
    long generation = StateWord.generation(ended);
    return generation == g ? StateWord.ended(ended) : StateWord.isOlder(generation, g);
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

  /** The slot is damaged, and not used again: its task is out of all counts and chains. */
  public void lose(int i) {
    uncount(i); // or its type would be short of one for ever
    leaveChain(i, generation[i]);
  }

  /** The slot's task is no longer counted: the slot comes home, or is lost for good. */
  private void uncount(int i) {
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
   * Writes a task's fields, but for the request's bytes. Plain stores, in as few as it needs;
   * {@link #publish} lets others see them.
   *
   * @param length of the request, which is in the slot, or in the block that it has {@linkplain
   *     #reserved reserved}
   * @param run how it is to be run: {@link PublishedWord#of}
   * @param deadline by System.nanoTime; 0 for none
   * @param submittedNs when it was submitted, by System.nanoTime; 0 if that is not noted
   * @return the word that publishes it
   */
  public long fill(int i, long handlerId, int length, long run, long deadline, long submittedNs) {
    long at = at(i);
    long word = PublishedWord.with(generation[i], run);
    memory.setLong(at + Layout.SLOT_HANDLER, handlerId);
    memory.setLong(at + Layout.SLOT_REQUEST_PLACE, Place.of(requestReference[i], length));
    if (deadline != 0) {
      memory.setLong(at + Layout.SLOT_DEADLINE, deadline);
      word |= Layout.PUBLISHED_DEADLINE;
    }
    if (submittedNs != 0) {
      memory.setLong(at + Layout.SLOT_SUBMITTED_NS, submittedNs);
      word |= Layout.PUBLISHED_STAMPED;
    }
    return word;
  }

  /** Writes a task's trace, and returns the word that publishes it and all that was filled in. */
  public long trace(int i, long word, byte[] trace) {
    memory.put(at(i) + Layout.SLOT_TRACEPARENT, trace);
    return word | Layout.PUBLISHED_TRACED;
  }

  /** Whether the task of a slot has time stamps. */
  public boolean isStamped(int i) {
    long published = memory.getLong(at(i) + Layout.SLOT_PUBLISHED);
    return PublishedWord.has(published, Layout.PUBLISHED_STAMPED);
  }

  /** When the task of a slot was claimed, as its lane has noted it, if it is stamped. */
  public long claimedAt(int i) {
    return memory.getLong(at(i) + Layout.SLOT_CLAIMED_NS);
  }

  /**
   * How long ago the task of a slot was claimed, if it is stamped.
   *
   * @return the time in nanoseconds; 0 if the lane has noted what can't be
   */
  public long sinceClaim(int i) {
    long claimed = claimedAt(i);
    boolean possible = claimed - memory.getLong(at(i) + Layout.SLOT_SUBMITTED_NS) >= 0;
    return possible ? Math.max(0, System.nanoTime() - claimed) : 0;
  }

  /**
   * Makes a task that was filled in the lanes' from here on.
   *
   * @param word what {@link #fill}, or {@link #trace}, returned
   */
  public void publish(int i, long word, P future) {
    PENDING.setRelease(pending, i, future);
    // pairs with the acquire of a lane's look for a task: it sees the request fields.
    memory.setLongRelease(at(i) + Layout.SLOT_PUBLISHED, word);
    if (Failpoints.ON) Failpoints.hit("submit.queued");
  }

  /**
   * As {@link #publish} of a task that has a key, with its hint, which goes into a ring if it is
   * its turn. No second thread submits one meanwhile: a task that is taken back has none behind it.
   *
   * @param failsKey whether those behind it are not to run if it fails
   */
  public Queued publish(int i, long word, P future, long key, boolean failsKey, HintRing ring) {
    KeyChains chains = Objects.requireNonNull(keys, "keys");
    synchronized (chains) {
      long g = generation[i];
      chains.enter(i, g, key, failsKey);
      publish(i, word | Layout.PUBLISHED_KEYED, future);
      if (chains.link(i)) {
        return Queued.BEHIND;
      }
      if (ring.offer(global(i))) {
        return Queued.HINTED;
      }
      long claim = claim(i);
      if (!waits(claim, g) || !casClaim(i, claim, StateWord.withdrawn(g))) {
        return Queued.HINTED; // a lane that watches the slot has it
      }
      PENDING.setRelease(pending, i, (Object) null);
      chains.forget(i);
      toNext(i, g);
    }
    pushFree(i);
    return Queued.FULL;
  }

  private boolean casClaim(int i, long claim, long to) {
    return memory.casLong(at(i) + Layout.SLOT_CLAIM, claim, to);
  }

  /**
   * Whether a task that is pending has a key. Once that was said it is not taken back for want of
   * room any more.
   */
  public boolean isKeyed(int i, long g) {
    long published = published(i);
    return PublishedWord.generation(published) == g
        && PublishedWord.has(published, Layout.PUBLISHED_KEYED)
        && keys != null
        && keys.holds(i, g);
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

  /**
   * Tries to take a task back that no lane has claimed. Once it is withdrawn the slot is given back
   * already. One that has a key is left out in its turn instead, for those behind it wait for that.
   */
  public Withdrawal withdraw(int i, long g) {
    long published = published(i);
    if (PublishedWord.generation(published) != g) {
      return Withdrawal.ENDED; // or it is not published yet: then its submitter sees to it
    }
    if (PublishedWord.has(published, Layout.PUBLISHED_KEYED)) {
      return skip(i, g);
    }
    for (int tries = 0; tries < MAX_TRIES; tries++) {
      long claim = claim(i);
      if (!waits(claim, g)) {
        return runs(i, claim, g) ? Withdrawal.RUNNING : Withdrawal.ENDED;
      }
      if (casClaim(i, claim, StateWord.withdrawn(g))) {
        if (Failpoints.ON) Failpoints.hit("cancel.withdrawn");
        PENDING.setRelease(pending, i, (Object) null);
        toNext(i, g);
        pushFree(i);
        return StateWord.generation(claim) == g && StateWord.attempt(claim) > 0
            ? Withdrawal.WITHDRAWN_AFTER_ATTEMPT
            : Withdrawal.WITHDRAWN;
      }
    }
    return Withdrawal.RUNNING; // the word changes for ever: it means nothing
  }

  private Withdrawal skip(int i, long g) {
    if (!isKeyed(i, g)) {
      return Withdrawal.ENDED; // or its submitter has taken it back for want of room
    }
    ask(i, g, Layout.CANCEL_BIT);
    if (Failpoints.ON) Failpoints.hit("cancel.key_asked");
    // pairs, by the fence in `ask`, with that of a lane behind its claim: what waits still is
    // claimed
    // by a lane that sees what was asked.
    long claim = claim(i);
    if (waits(claim, g)) {
      boolean again = StateWord.generation(claim) == g && StateWord.attempt(claim) > 0;
      return again ? Withdrawal.SKIPPED_AFTER_ATTEMPT : Withdrawal.SKIPPED;
    }
    return runs(i, claim, g) ? Withdrawal.RUNNING : Withdrawal.ENDED;
  }

  private boolean runs(int i, long claim, long g) {
    return isRun(claim, g) && StateWord.generation(ended(i)) != g;
  }

  /**
   * Asks the handler to give up; a word of an older generation asks no task. A caller that was
   * paused and comes a generation late must not wipe out the word of the slot's next task: the word
   * only grows.
   */
  public void requestCancel(int i, long generation) {
    ask(i, generation, Layout.CANCEL_BIT);
    if (Failpoints.ON) Failpoints.hit("cancel.asked");
  }

  /**
   * Asks the lane for the completion hint of a task that was watched, and is no more. The caller
   * looks at the ended word next, for the lane may have looked here before.
   */
  public void requestHint(int i, long generation) {
    ask(i, generation, Layout.HINT_BIT);
    if (Failpoints.ON) Failpoints.hit("watch.asked");
  }

  private void ask(int i, long generation, long what) {
    long at = at(i) + Layout.SLOT_ASKED;
    for (int tries = 0; tries < MAX_TRIES; tries++) {
      long seen = memory.getLong(at);
      long flags = seen & ~Layout.GENERATION_MASK;
      long of = seen & Layout.GENERATION_MASK;
      long word;
      if (flags == 0 || StateWord.isOlder(of, generation)) {
        word = what | generation;
      } else if (of == generation) {
        word = seen | what;
      } else {
        return;
      }
      if (memory.casLong(at, seen, word)) {
        break;
      }
    }
    // pairs with the lane's fence between its store of the ended word and its look here
    VarHandle.fullFence();
  }

  /** Takes the right to end a task that has ended; false if another thread has it. */
  public boolean take(int i, P future) {
    return PENDING.compareAndSet(pending, i, future, (Object) null);
  }

  /** As {@link #take} of a task that only the calling thread ends: no other one competes. */
  public void takeOwn(int i) {
    PENDING.setRelease(pending, i, (Object) null);
  }

  /** Puts another future in the place of one that only the caller ends. */
  public void replace(int i, P other) {
    PENDING.setRelease(pending, i, other);
    // The caller looks at the word next: a thread whose hint it does not see yet comes after the
    // fence.
    VarHandle.fullFence();
  }

  /**
   * Fetches the line that a lane has written first, to read it soon; what is in it means nothing.
   */
  public long fetchEnd(int i) {
    return memory.getLong(at(i) + Layout.SLOT_ENDED);
  }

  /** Fetches the second line of a result that is longer than what the first line holds. */
  public long fetchRest(int i) {
    long at = at(i);
    boolean isLong = Place.length(memory.getLong(at + Layout.SLOT_RESULT_PLACE)) > FIRST_LINE;
    return isLong ? memory.getLong(at + SECOND_LINE) : 0;
  }

  /** Frees the slot and both blocks of a task that was taken; the word is its last. */
  public void release(int i, long word, long resultReference) {
    if (Failpoints.ON) Failpoints.hit("poll.read");
    long g = StateWord.generation(word);
    if (resultReference != 0) {
      arena.free(resultReference, PayloadArena.resultOwner(global(i), g, StateWord.attempt(word)));
    }
    retire(i, g);
    pushFree(i);
  }

  /**
   * The first half of {@link #release} for a task without a result block. The slot is on no list
   * yet, so the result in it stays until {@link #pushFree}.
   */
  public void retire(int i, long g) {
    toNext(i, g);
    if (Failpoints.ON) Failpoints.hit("poll.blocks_freed");
  }

  private void leaveChain(int i, long g) {
    if (keys != null && keys.has(i)) {
      keys.ended(i, g, ended(i));
    }
  }

  private void toNext(int i, long g) {
    leaveChain(i, g);
    long reference = requestReference[i];
    if (reference != 0) {
      requestReference[i] = 0;
      arena.free(reference, PayloadArena.requestOwner(global(i), g));
    }
    generation[i] = StateWord.next(g);
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
}
