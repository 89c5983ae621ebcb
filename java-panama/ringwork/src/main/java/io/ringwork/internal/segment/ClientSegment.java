package io.ringwork.internal.segment;

/**
 * A client's share of a segment: its entry, its slots, the ring of its completions; and the arena,
 * which is everybody's.
 *
 * @param <P> what stands for a task that is pending
 */
public final class ClientSegment<P> {
  public final SharedMemory memory;
  public final Geometry geometry;

  /** Where the entry is. */
  public final long entry;

  public final PayloadArena arena;
  public final SlotTable<P> slots;
  public final SegmentViews views;
  public final HintRing completions;

  /** Where threads wait for slots and blocks. */
  public final Room room = new Room();

  private final Damage damage;

  /**
   * The share of an entry that was just taken.
   *
   * @param damage what is thrown if its words make no sense
   */
  public ClientSegment(SharedMemory memory, Geometry geometry, int client, Damage damage) {
    this.memory = memory;
    this.geometry = geometry;
    this.damage = damage;
    entry = geometry.client(client);
    arena = new PayloadArena(memory, geometry.classes());
    slots = new SlotTable<>(memory, geometry, arena, client, damage);
    views = new SegmentViews(memory, slots, arena);
    completions = ring(geometry.completion(client), geometry.completionCapacity());
  }

  /** The ring of a priority, in which tasks are announced to lanes. */
  public HintRing injector(int priority) {
    return ring(geometry.injector(priority), geometry.injectorCapacity());
  }

  /** The ring of a priority for I/O lanes, which the pool has. */
  public HintRing ioRing(int priority) {
    return ring(geometry.ioRing(priority), geometry.injectorCapacity());
  }

  /**
   * The process of a lane that a slot names, for people only.
   *
   * @return its id; 0 if there is no such lane any more
   */
  public int workerOf(int lane) {
    if (lane >= geometry.maxLanes()) {
      return 0;
    }
    long word = memory.getLongAcquire(geometry.lane(lane) + Layout.LANE_WORD);
    int worker = EntryWord.workerOf(word);
    return EntryWord.state(word) == Layout.ENTRY_ACTIVE && worker < geometry.maxWorkers()
        ? memory.getInt(geometry.worker(worker) + Layout.WORKER_PID)
        : 0;
  }

  private HintRing ring(long at, int capacity) {
    return new HintRing(memory, at, capacity, damage);
  }
}
