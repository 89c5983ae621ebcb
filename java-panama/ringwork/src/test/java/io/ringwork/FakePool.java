package io.ringwork;

import io.ringwork.internal.process.PoolFiles;
import io.ringwork.internal.segment.EntryWord;
import io.ringwork.internal.segment.Geometry;
import io.ringwork.internal.segment.HintRing;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.PayloadArena;
import io.ringwork.internal.segment.PublishedWord;
import io.ringwork.internal.segment.SharedMemory;
import io.ringwork.internal.segment.SlotTable;
import io.ringwork.internal.segment.StateWord;
import io.ringwork.internal.wait.Futex;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * A pool without Rust: writes a segment by the layout, holds the supervisor's lock, and plays the
 * lanes on threads of this JVM, by the protocol. Tests can also claim tasks by hand and do wrong.
 */
final class FakePool implements AutoCloseable {
  static final int LANES = 4;
  private static final AtomicLong COUNTER = new AtomicLong();

  /** What a lane does with a task. */
  interface Handler {
    void run(FakeTask task) throws Exception;
  }

  final Path base;
  final String name = "fake-" + COUNTER.incrementAndGet();
  final SharedMemory memory;
  final Geometry geometry;
  final PayloadArena arena;
  final HintRing[] injectors;
  private final FileChannel file;
  private final FileChannel supervisor;
  private final List<Thread> lanes = new ArrayList<>();
  private volatile boolean stopping;

  /** Whether lanes note the time of a claim, as real ones do: then clients learn run times. */
  volatile boolean stamps;

  FakePool(Path base, int clients, int slots) throws IOException {
    this(base, clients, slots, 3);
  }

  FakePool(Path base, int clients, int slots, int classes) throws IOException {
    this(base, clients, slots, classes, false);
  }

  /** One that takes tasks with keys; its lanes know nothing of them. */
  static FakePool keyed(Path base, int slots) throws IOException {
    return new FakePool(base, 1, slots, 3, true);
  }

  private FakePool(Path base, int clients, int slots, int classes, boolean keys)
      throws IOException {
    try {
      Futex.awaitLinked(); // so that each test knows whether there is one
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
    this.base = base;
    Files.setPosixFilePermissions(base, PosixFilePermissions.fromString("rwx------"));
    Path dir = Files.createDirectory(base.resolve(name), FakeSegment.PRIVATE_DIR);
    long epoch = 0x1234_5678_9abcL + COUNTER.get();
    PoolFiles files = new PoolFiles(base, name);
    for (int c = 0; c < clients; c++) {
      Files.createFile(files.clientLock(epoch, c), FakeSegment.PRIVATE_FILE);
    }
    Files.createFile(files.supervisorLock(epoch), FakeSegment.PRIVATE_FILE);
    supervisor =
        FileChannel.open(
            files.supervisorLock(epoch), StandardOpenOption.READ, StandardOpenOption.WRITE);
    if (supervisor.tryLock() == null) {
      throw new IOException("supervisor lock is taken");
    }
    Files.createFile(dir.resolve("segment"), FakeSegment.PRIVATE_FILE);
    file = FileChannel.open(files.segment(), StandardOpenOption.READ, StandardOpenOption.WRITE);
    memory =
        FakeSegment.write(file, new FakeSegment.Size(clients, slots, LANES, classes, keys), epoch);
    try {
      geometry = Geometry.read(memory);
    } catch (Geometry.BadHeader bad) {
      throw new AssertionError(bad);
    }
    arena = new PayloadArena(memory, geometry.classes());
    injectors = new HintRing[geometry.priorities()];
    for (int p = 0; p < injectors.length; p++) {
      injectors[p] =
          new HintRing(
              memory,
              geometry.injector(p),
              geometry.injectorCapacity(),
              CorruptSegmentException::new);
    }
  }

  ConnectConfig config() {
    return ConnectConfig.of(name)
        .directory(base)
        .closeTimeout(java.time.Duration.ofSeconds(5))
        .connectTimeout(java.time.Duration.ofMillis(200));
  }

  Ringwork connect() {
    return Ringwork.connect(config());
  }

  Path supervisorLock() {
    return new PoolFiles(base, name).supervisorLock(geometry.epoch());
  }

  Path segment() {
    return base.resolve(name).resolve("segment");
  }

  // ---- lanes

  /** Starts a lane that runs every task it gets. */
  FakePool lane(Handler handler) {
    Thread lane =
        new Thread(
            () -> {
              while (!stopping) {
                FakeTask task = poll();
                if (task == null) {
                  LockSupport.parkNanos(20_000);
                  continue;
                }
                try {
                  handler.run(task);
                } catch (Exception e) {
                  task.fail(Layout.STATUS_FAILED, "exception", e.toString(), "");
                }
              }
            },
            "fake-lane");
    lane.setDaemon(true);
    lane.start();
    lanes.add(lane);
    return this;
  }

  FakePool echo() {
    return lane(FakeTask::echo);
  }

  /** Claims the next task, or null if there is none. */
  FakeTask poll() {
    int[] hint = new int[1];
    for (HintRing ring : injectors) {
      while (ring.poll(hint) == 1) {
        FakeTask task = FakeTask.claim(this, hint[0]);
        if (task != null) {
          return task;
        }
      }
    }
    return null;
  }

  /** Claims the next task, waiting for it. */
  FakeTask take() {
    return Await.value(this::poll);
  }

  /** Claims the task of the only client, waiting for it; null if its future was done before. */
  FakeTask take(TaskFuture<?> future) {
    FakeTask[] taken = new FakeTask[1];
    Await.until(() -> (taken[0] = poll()) != null || future.isDone());
    return taken[0];
  }

  long slot(int slot) {
    return geometry.slotsOf(0) + (long) slot * Layout.SLOT_STRIDE;
  }

  /** The key line of a slot. */
  long keyLine(int slot) {
    return geometry.keyLines().at() + (long) slot * Layout.KEY_STRIDE;
  }

  long client(int index) {
    return geometry.client(index);
  }

  /** Puts a completion hint into a client's ring and wakes its poller. */
  void hint(int slot) {
    offer(slot);
    wake(slot / geometry.slotsPerClient());
  }

  /** As {@link #hint} of a lane that has not come to wake the poller. */
  void offer(int slot) {
    int client = slot / geometry.slotsPerClient();
    HintRing ring =
        new HintRing(
            memory,
            geometry.completion(client),
            geometry.completionCapacity(),
            CorruptSegmentException::new);
    if (!ring.offer(slot)) {
      memory.setIntOpaque(client(client) + Layout.CLIENT_OVERFLOW, 1);
    }
  }

  void wake(int client) {
    java.lang.invoke.VarHandle.fullFence();
    long entry = client(client);
    if (memory.getIntAcquire(entry + Layout.CLIENT_WAITING) == 1
        && memory.casInt(entry + Layout.CLIENT_WAITING, 1, 0)) {
      memory.addInt(entry + Layout.CLIENT_WAKE, 1);
      Futex.wake(memory.address(entry + Layout.CLIENT_WAKE));
    }
  }

  /** How many completion hints a client was sent. */
  long hints(int client) {
    return memory.getLongAcquire(geometry.completion(client) + Layout.RING_TAIL);
  }

  /** Owner words that are not 0. */
  long blocksInUse() {
    long used = 0;
    for (Geometry.SizeClass c : geometry.classes()) {
      for (int b = 0; b < c.count(); b++) {
        used += memory.getLongAcquire(c.owners() + 8L * b) != 0 ? 1 : 0;
      }
    }
    return used;
  }

  /** Slots whose last task has not ended. */
  long slotsInUse() {
    long used = 0;
    for (int s = 0; s < geometry.maxClients() * geometry.slotsPerClient(); s++) {
      used += isAtRest(slot(s)) ? 0 : 1;
    }
    return used;
  }

  /** Whether the last task that was published in a slot has ended, or was taken back. */
  private boolean isAtRest(long at) {
    long ended = memory.getLongAcquire(at + Layout.SLOT_ENDED);
    long last = last(at);
    return StateWord.generation(ended) == last && StateWord.ended(ended)
        || memory.getLongAcquire(at + Layout.SLOT_CLAIM) == StateWord.withdrawn(last);
  }

  private long last(long at) {
    return PublishedWord.generation(memory.getLongAcquire(at + Layout.SLOT_PUBLISHED));
  }

  long counter(int client, int counter) {
    return memory.getLong(client(client) + counter);
  }

  /** What the reaper does for a client that left: waits for its lanes, then frees everything. */
  void reap(int client) {
    long entry = client(client) + Layout.CLIENT_WORD;
    if (EntryWord.state(memory.getLongAcquire(entry)) == Layout.ENTRY_FREE) {
      return;
    }
    int slots = geometry.slotsPerClient();
    for (int s = client * slots; s < (client + 1) * slots; s++) {
      long at = slot(s);
      Await.until(
          () -> {
            long claim = memory.getLongAcquire(at + Layout.SLOT_CLAIM);
            if (SlotTable.waits(claim, last(at))) {
              memory.casLong(at + Layout.SLOT_CLAIM, claim, StateWord.withdrawn(last(at)));
            }
            return isAtRest(at);
          });
      retire(at);
    }
    for (Geometry.SizeClass c : geometry.classes()) {
      for (int b = 0; b < c.count(); b++) {
        long word = memory.getLongAcquire(c.owners() + 8L * b);
        if (word != 0 && (word >>> Layout.OWNER_SLOT_SHIFT & 0xf_ffff) / slots == client) {
          memory.casLong(c.owners() + 8L * b, word, 0);
        }
      }
    }
    memory.setLongRelease(entry, memory.getLong(entry) & ~0xffL);
  }

  /** Leaves out the generation that the client may have been about to publish. */
  private void retire(long at) {
    long next = StateWord.next(StateWord.next(last(at)));
    memory.setLongRelease(at + Layout.SLOT_CLAIM, StateWord.withdrawn(next));
    memory.setLongRelease(at + Layout.SLOT_PUBLISHED, PublishedWord.with(next, 0));
  }

  void state(int state) {
    memory.setIntOpaque(Layout.H_POOL_STATE, state);
    for (int c = 0; c < geometry.maxClients(); c++) {
      wake(c);
    }
  }

  /** The supervisor dies: its lock becomes free, nothing else changes. */
  void die() throws IOException {
    supervisor.close();
  }

  void stopLanes() {
    stopping = true;
    for (Thread lane : lanes) {
      Await.until(() -> !lane.isAlive());
    }
  }

  @Override
  public void close() throws IOException {
    stopLanes();
    supervisor.close();
    file.close();
    memory.unmap();
  }
}
