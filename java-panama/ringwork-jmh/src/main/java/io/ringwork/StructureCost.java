package io.ringwork;

import io.ringwork.internal.segment.FreeList;
import io.ringwork.internal.segment.HintRing;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.PayloadArena;
import io.ringwork.internal.segment.PublishedWord;
import io.ringwork.internal.segment.SlotTable;
import io.ringwork.internal.segment.StateWord;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * The client's structures: no other thread touches them, so all lines stay in this core's cache.
 * What a contended line costs on top is a matter of the machine: `make bench SUITE=rtt`.
 *
 * <p>The state is that of an idle client: rings empty, slots and blocks free. Each operation leaves
 * it so.
 */
@State(Scope.Thread)
public class StructureCost extends ComponentBench {
  /** As many as a lane or the poller takes at a time. */
  private static final int BATCH = 8;

  private static final TaskType<byte[], byte[]> TYPE = TaskType.of("jmh", Codec.BYTES, Codec.BYTES);

  private final int[] one = new int[1];
  private final int[] batch = new int[BATCH];
  private final FreeList free = new FreeList(BenchMemory.SLOTS);
  private final BenchMemory segment = new BenchMemory();
  private final HintRing ring = segment.ring();
  private final PayloadArena arena = segment.arena();
  private final SlotTable<TaskFuture<?>> slots = segment.slots();
  private final long owner = PayloadArena.requestOwner(1, 1);
  private TaskFuture<byte[]> future;

  /** One future for all tasks, as a {@link RawCall} has; without a client, as no task ends. */
  @Setup
  public void open() {
    future = new TaskFuture<>(null, TYPE, 0, null);
  }

  /** Gives the memory back. */
  @TearDown
  public void close() {
    segment.close();
  }

  /**
   * A hint into the ring and out of it.
   *
   * @return the hint
   */
  @Benchmark
  public int hintRing() {
    check(ring.offer(7) && ring.poll(one) == 1, "the hint went in and out");
    return one[0];
  }

  /**
   * Eight hints, one after the other, taken by one compare-and-swap; the time is that of one hint.
   *
   * @return the last
   */
  @Benchmark
  @OperationsPerInvocation(BATCH)
  public int hintRingByEight() {
    boolean in = true;
    for (int hint = 0; hint < BATCH; hint++) {
      in &= ring.offer(hint);
    }
    check(in && ring.poll(batch) == BATCH, "eight hints went in and out");
    return batch[BATCH - 1];
  }

  /**
   * A slot popped and pushed.
   *
   * @return the slot
   */
  @Benchmark
  public int freeList() {
    int slot = free.pop();
    check(slot >= 0, "a slot is free");
    free.push(slot);
    return slot;
  }

  /**
   * A block taken and freed.
   *
   * @return its reference
   */
  @Benchmark
  public long payloadArena() {
    long reference = arena.take(BenchMemory.BLOCK, owner);
    check(reference != 0, "a block is free");
    arena.free(reference, owner);
    return reference;
  }

  /**
   * The client's share of a slot's life: popped, filled, published, and, without a lane in between,
   * taken, freed and pushed.
   *
   * @return what the ended word would be
   */
  @Benchmark
  public long slotTable() {
    int slot = slots.free.pop();
    check(slot >= 0, "a slot is free");
    long run = PublishedWord.of(1, 0, Codec.BYTES_ID);
    long published = slots.fill(slot, TYPE.handlerId, Layout.INLINE, run, 0, 0);
    future.slot = slot;
    future.generation = slots.generation(slot);
    slots.publish(slot, published, future);
    check(slots.take(slot, future), "nobody else ended it");
    long word = StateWord.of(future.generation, 0, 0, Layout.KIND_DONE);
    slots.release(slot, word, 0);
    return word;
  }

  /**
   * What each task asks when it has no observers and nothing is recorded.
   *
   * @return true
   */
  @Benchmark
  public boolean observersOff() {
    return Observers.NONE.isOff();
  }
}
