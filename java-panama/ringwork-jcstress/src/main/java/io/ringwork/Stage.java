package io.ringwork;

import io.ringwork.internal.segment.Geometry;
import io.ringwork.internal.segment.Geometry.Section;
import io.ringwork.internal.segment.Geometry.SizeClass;
import io.ringwork.internal.segment.HintRing;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.PayloadArena;
import io.ringwork.internal.segment.Place;
import io.ringwork.internal.segment.PublishedWord;
import io.ringwork.internal.segment.SharedMemory;
import io.ringwork.internal.segment.SlotTable;
import io.ringwork.internal.segment.StateWord;
import io.ringwork.internal.wait.Futex;
import io.ringwork.internal.wait.LaneWaker;
import io.ringwork.internal.wait.PollerRole;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What one execution of a test plays on: the words of a tiny segment in direct memory, the client's
 * own objects over them, and the peers' steps as the Rust side does them.
 *
 * <p>The memory is allocated once in a JVM and handed out in windows, since the framework makes
 * millions of states: far more windows than states live at a time.
 */
final class Stage {
  private static final int WINDOW = 4096;
  private static final int WINDOWS = 1 << 15;

  private static final long CLIENT = 0;
  private static final long SLOTS = 512;
  private static final long COMPLETIONS = 1280;
  private static final long OWNERS = 1664;
  private static final long BLOCKS = 1728;
  private static final long LANES = 2304;
  private static final long INJECTORS = 2816;
  private static final long KEY_LINES = 3584;
  private static final long KEY_BUCKETS = 3712;
  private static final long OWN = 4032;

  static final int RING = 2;
  static final int SLOT_COUNT = 2;
  static final int BLOCK_SIZE = 128;

  /** How often a step looks for what another one may do meanwhile: not for long. */
  static final int LOOKS = 256;

  private static final MemorySegment ALL = Arena.global().allocate((long) WINDOW * WINDOWS, WINDOW);
  private static final AtomicInteger NEXT = new AtomicInteger();
  private static final Arena ARENA = Arena.global();

  private static final Geometry GEOMETRY = geometry(List.of());

  /** With key lines. */
  private static final Geometry KEYED =
      geometry(
          List.of(
              new Section(Layout.SECTION_KEY_LINES, 1, 2 * Layout.KEY_STRIDE, KEY_LINES),
              new Section(Layout.SECTION_KEY_BUCKETS, 1, Layout.BUCKET_STRIDE, KEY_BUCKETS)));

  private static Geometry geometry(List<Section> sections) {
    return new Geometry(
        WINDOW,
        1,
        new Geometry.Counts(1, SLOT_COUNT, 1, 1, 1, 0),
        new Geometry.Tables(CLIENT, CLIENT, LANES, SLOTS, CLIENT, sections),
        new Geometry.Rings(INJECTORS, RING, COMPLETIONS, RING),
        new SizeClass[] {new SizeClass(BLOCK_SIZE, 2, 1, OWNERS, BLOCKS)});
  }

  static final TaskType<byte[], byte[]> TYPE = TaskType.of("jcstress", Codec.BYTES, Codec.BYTES);

  /** Counts the executions: tests take their variants from it. */
  final int number;

  final SharedMemory memory;
  private final SharedMemory own;

  Stage() {
    number = NEXT.getAndIncrement() & Integer.MAX_VALUE;
    MemorySegment mine = ALL.asSlice((long) WINDOW * (number & WINDOWS - 1), WINDOW);
    mine.fill((byte) 0);
    memory = SharedMemory.of(ARENA, mine);
    own = SharedMemory.of(ARENA, mine.asSlice(OWN, PollerRole.OWN_BYTES));
  }

  // ---- the client's objects

  PayloadArena arena() {
    return new PayloadArena(memory, GEOMETRY.classes());
  }

  SlotTable<TaskFuture<?>> slots() {
    return new SlotTable<>(memory, GEOMETRY, arena(), 0, CorruptSegmentException::new);
  }

  /** Slots whose tasks may have keys. */
  SlotTable<TaskFuture<?>> keyedSlots() {
    return new SlotTable<>(memory, KEYED, arena(), 0, CorruptSegmentException::new);
  }

  HintRing completions() {
    return new HintRing(memory, COMPLETIONS, RING, CorruptSegmentException::new);
  }

  HintRing injector() {
    return new HintRing(memory, INJECTORS, RING, CorruptSegmentException::new);
  }

  /** A ring of another capacity, over free words, all at one lap: nothing is in it. */
  HintRing ring(int capacity, long position) {
    memory.setLong(INJECTORS + Layout.RING_HEAD, position);
    memory.setLong(INJECTORS + Layout.RING_TAIL, position);
    int shift = Integer.numberOfTrailingZeros(capacity);
    for (long p = position - capacity; p < position; p++) {
      long lap = (p >> shift) + 1 & 0xffff_ffffL;
      memory.setLong(INJECTORS + Layout.RING_CELLS + 8 * (p & capacity - 1), lap << 32);
    }
    return sameRing(capacity);
  }

  /** Another process's view of that ring. */
  HintRing sameRing(int capacity) {
    return new HintRing(memory, INJECTORS, capacity, CorruptSegmentException::new);
  }

  static {
    try {
      Futex.awaitLinked(); // else the waits without a futex are tested
    } catch (InterruptedException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /** What there is to do, as Completer sees it; no task is taken in here. */
  private final class Announced implements PollerRole.Work {
    private final HintRing ring = completions();

    @Override
    public boolean hasWork() {
      return !ring.isEmpty() || memory.getIntAcquire(CLIENT + Layout.CLIENT_OVERFLOW) != 0;
    }

    @Override
    public int drain() {
      return 0;
    }

    @Override
    public int drainForPoller() {
      return 0;
    }

    @Override
    public boolean isDraining() {
      return false;
    }

    @Override
    public void want() {}

    @Override
    public boolean takeWanted() {
      return false;
    }
  }

  LaneWaker waker() {
    return new LaneWaker(memory, GEOMETRY, () -> {});
  }

  PollerRole role(SlotTable<TaskFuture<?>> slots) {
    PollerRole role = new PollerRole(memory, slots.free, new Announced(), CLIENT, own);
    role.adoptFutex();
    return role;
  }

  /** A future that awaits the task of a slot that was popped. */
  static TaskFuture<byte[]> future(SlotTable<TaskFuture<?>> slots, int slot) {
    TaskFuture<byte[]> future = new TaskFuture<>(null, TYPE, 0, null);
    future.slot = slot;
    future.generation = slots.generation(slot);
    return future;
  }

  /** Fills a request of so many bytes in, and publishes it. */
  static void publish(SlotTable<TaskFuture<?>> slots, TaskFuture<?> future, int length) {
    slots.publish(future.slot, fill(slots, future.slot, length), future);
  }

  /** As the first half of that: the word that publishes it. */
  static long fill(SlotTable<TaskFuture<?>> slots, int slot, int length) {
    return slots.fill(slot, TYPE.handlerId, length, PublishedWord.of(1, 0, 0), 0, 0);
  }

  // ---- words that tests look at

  static long slot(int i) {
    return SLOTS + (long) i * Layout.SLOT_STRIDE;
  }

  long owner(int block) {
    return memory.getLongAcquire(OWNERS + 8L * block);
  }

  /** Gives a taker a chance to come in between; not for long. */
  void awaitTaken(int block) {
    for (int i = 0; i < 64 && owner(block) == 0; i++) {
      Thread.onSpinWait();
    }
  }

  void freeByStore(int block) {
    memory.setLongRelease(OWNERS + 8L * block, 0);
  }

  static long block(int block) {
    return BLOCKS + (long) block * BLOCK_SIZE;
  }

  static long waiting() {
    return CLIENT + Layout.CLIENT_WAITING;
  }

  int wakes() {
    return memory.getIntVolatile(CLIENT + Layout.CLIENT_WAKE);
  }

  int laneWakes() {
    return memory.getIntVolatile(LANES + Layout.LANE_WAKE);
  }

  // ---- a lane's steps, with the orders of ring/src

  /** Claims what is queued for the first time; the claim word after it, or 0. */
  long claim(int slot) {
    long published = memory.getLongAcquire(slot(slot) + Layout.SLOT_PUBLISHED);
    long claim = memory.getLongAcquire(slot(slot) + Layout.SLOT_CLAIM);
    long generation = PublishedWord.generation(published);
    if (!SlotTable.waits(claim, generation)) {
      return 0;
    }
    long claimed = StateWord.of(generation, 0, 0, Layout.KIND_CLAIMED);
    return memory.casLong(slot(slot) + Layout.SLOT_CLAIM, claim, claimed) ? claimed : 0;
  }

  /** Ends what was claimed, as done. */
  void end(int slot, long claimed) {
    memory.setLongRelease(slot(slot) + Layout.SLOT_ENDED, done(claimed));
  }

  /** Ends what was claimed, with a status. */
  void endAs(int slot, long claimed, int status) {
    long generation = StateWord.generation(claimed);
    int ending = StateWord.ending(status, 0);
    memory.setLongRelease(
        slot(slot) + Layout.SLOT_ENDED, StateWord.of(generation, ending, 0, Layout.KIND_DONE));
  }

  private static long keyLine(int slot) {
    return KEY_LINES + (long) slot * Layout.KEY_STRIDE;
  }

  /** Behind the end of a task with a key: whether the lane hints the one behind it. */
  boolean takesNext(int slot, long claimed) {
    long at = keyLine(slot) + Layout.KEY_NEXT;
    long own = StateWord.generation(claimed) << Layout.KEY_GENERATION_SHIFT;
    for (; ; ) {
      long seen = memory.getLongAcquire(at);
      long next = seen & Layout.KEY_SLOT_MASK;
      if ((seen & ~Layout.KEY_SLOT_MASK) != own || next == Layout.KEY_NEXT_TAKEN) {
        return false;
      }
      if (memory.casLong(at, seen, own | Layout.KEY_NEXT_TAKEN)) {
        return next != 0;
      }
    }
  }

  /** As {@link #takesNext}, wrongly: the word may have changed since it was seen. */
  boolean takesNextByLook(int slot, long claimed) {
    long at = keyLine(slot) + Layout.KEY_NEXT;
    long own = StateWord.generation(claimed) << Layout.KEY_GENERATION_SHIFT;
    long next = memory.getLongAcquire(at) & Layout.KEY_SLOT_MASK;
    memory.setLongRelease(at, own | Layout.KEY_NEXT_TAKEN);
    return next != 0 && next != Layout.KEY_NEXT_TAKEN;
  }

  /** Whether a task is behind one, which has ended, that has failed its key. */
  boolean isPoisoned(int prior, long generation, int slot) {
    long ended = memory.getLongAcquire(slot(prior) + Layout.SLOT_ENDED);
    if (StateWord.generation(ended) == generation) {
      boolean fails = memory.getInt(keyLine(prior) + Layout.KEY_FLAGS) == Layout.KEY_FAILS;
      VarHandle.acquireFence();
      long next = memory.getLongAcquire(keyLine(prior) + Layout.KEY_NEXT);
      if (next >>> Layout.KEY_GENERATION_SHIFT == generation) {
        return fails;
      }
    }
    return memory.getInt(keyLine(slot) + Layout.KEY_POISONED) != 0;
  }

  /** The ended word of what was claimed. */
  static long done(long claimed) {
    return StateWord.of(StateWord.generation(claimed), 0, 0, Layout.KIND_DONE);
  }

  /** Writes a result of 8 bytes. */
  void putResult(int slot, long value) {
    memory.setLong(slot(slot) + Layout.SLOT_RESULT, value);
    memory.setLong(slot(slot) + Layout.SLOT_RESULT_PLACE, Place.of(0, 8));
  }

  int requestLength(int slot) {
    return (int) memory.getLong(slot(slot) + Layout.SLOT_REQUEST_PLACE);
  }

  int resultLength(int slot) {
    return (int) memory.getLong(slot(slot) + Layout.SLOT_RESULT_PLACE);
  }

  /** The completion hint, then the wake of a poller that waits. */
  void announce(HintRing ring, int slot) {
    ring.offer(slot);
    VarHandle.fullFence();
    if (memory.getInt(waiting()) != 0 && memory.casInt(waiting(), 1, 0)) {
      memory.addInt(CLIENT + Layout.CLIENT_WAKE, 1);
    }
  }

  /** The lane's idle bit, then its last look at the ring: true if it sleeps. */
  boolean lanePrepareSleep(HintRing ring) {
    setIdle();
    VarHandle.fullFence();
    return ring.isEmpty();
  }

  void setIdle() {
    memory.casLong(Layout.H_IDLE, 0, 1);
  }
}
