package io.ringwork.internal.process;

import io.ringwork.internal.Failpoints;
import io.ringwork.internal.segment.EntryWord;
import io.ringwork.internal.segment.Geometry;
import io.ringwork.internal.segment.Layout;
import io.ringwork.internal.segment.SharedMemory;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A client entry that this process holds: mapping, lock, and the way to give them up. See {@link
 * LockFiles} for when a lock file may be opened.
 */
public final class Attachment {
  private static final System.Logger LOG = System.getLogger("io.ringwork");

  /** A supervisor that has not looked for so long is told to be stopped, or starved. */
  private static final long LATE_SECONDS = 5;

  /** Why a pool has ended whose header does not say it. */
  public static final String SUPERVISOR_GONE = "its supervisor is gone (killed, or crashed)";

  private static final int UNMAP_TRIES = 1_000;

  /** The counters of an entry, in the order of their values at the attach. */
  private static final int[] COUNTERS = {
    Layout.CLIENT_SUBMITTED,
    Layout.CLIENT_REJECTED,
    Layout.CLIENT_COMPLETED,
    Layout.CLIENT_FAILED,
    Layout.CLIENT_TIMED_OUT,
    Layout.CLIENT_CANCELLED,
    Layout.CLIENT_REJECTED_NO_SLOT,
    Layout.CLIENT_REJECTED_IN_FLIGHT,
    Layout.CLIENT_REJECTED_DEADLINE,
    Layout.CLIENT_REJECTED_RING,
    Layout.CLIENT_REJECTED_ARENA,
    Layout.CLIENT_REJECTED_TOO_LARGE,
    Layout.CLIENT_REJECTED_STATE,
  };

  public final String name;
  public final SharedMemory memory;
  public final Geometry geometry;
  public final int index;
  private final MappedSegment segment;
  private final FileChannel lockFile;
  private final FileChannel supervisorLock;
  private final long generation;

  /** Guards the descriptor of {@link #nudge}: a number that is closed may be another file's. */
  private final Object nudging = new Object();

  /** The file of the supervisor's lock, opened when first needed. */
  private @Nullable RandomAccessFile nudged;

  private boolean nudgeable = true;

  private Attachment(
      MappedSegment segment,
      int index,
      FileChannel lockFile,
      FileChannel supervisorLock,
      long generation) {
    this.name = segment.files().name();
    this.segment = segment;
    this.memory = segment.memory();
    this.geometry = segment.geometry();
    this.index = index;
    this.lockFile = lockFile;
    this.supervisorLock = supervisorLock;
    this.generation = generation;
  }

  /**
   * Takes a free entry.
   *
   * @param clientName what the entry says that its client is called
   * @param patient whether the caller tries again soon when an entry is about to be free
   * @return null if none is free, and one is about to be
   * @throws Refusal if none is left, or the supervisor is gone
   */
  public static @Nullable Attachment register(
      MappedSegment segment, String clientName, boolean patient) {
    PoolFiles files = segment.files();
    Geometry geometry = segment.geometry();
    synchronized (LockFiles.JVM_WIDE) {
      FileChannel supervisor = null;
      Attachment attachment = null;
      try {
        supervisor = LockFiles.open(files.supervisorLock(geometry.epoch()));
        if (LockFiles.isFree(supervisor)) {
          throw LockFiles.noSupervisor(files);
        }
        for (int index = 0; index < geometry.applicationClients() && attachment == null; index++) {
          attachment = tryEntry(segment, index, clientName, supervisor);
        }
      } catch (IOException e) {
        throw Refusal.absent(
            "pool '" + files.name() + "': can't take a lock: " + e + "; was it just replaced?", e);
      } finally {
        if (attachment == null) {
          LockFiles.closeQuietly(supervisor);
        }
      }
      if (attachment == null && patient && isAnyLeaving(segment.memory(), geometry)) {
        return null;
      }
      if (attachment == null) {
        throw new Refusal(
            (geometry.applicationClients() == 1
                    ? "the one client entry"
                    : "all " + geometry.applicationClients() + " client entries")
                + " of pool '"
                + files.name()
                + (geometry.applicationClients() == 1 ? "' is" : "' are")
                + " taken: close a client, or raise --clients",
            null);
      }
      return attachment;
    }
  }

  /**
   * Whether an entry is being reaped, or will be: its client has left it with tasks in flight, or
   * its process is gone. (Its lock must not be looked at: see the class comment.)
   */
  private static boolean isAnyLeaving(SharedMemory memory, Geometry geometry) {
    int me = (int) ProcessHandle.current().pid();
    for (int index = 0; index < geometry.applicationClients(); index++) {
      long entry = geometry.client(index);
      long word = memory.getLongAcquire(entry + Layout.CLIENT_WORD);
      int process = memory.getInt(entry + Layout.CLIENT_PID);
      if (EntryWord.state(word) != Layout.ENTRY_ACTIVE
          || process != me && ProcessHandle.of(Integer.toUnsignedLong(process)).isEmpty()) {
        return true;
      }
    }
    return false;
  }

  private static @Nullable Attachment tryEntry(
      MappedSegment segment, int index, String clientName, FileChannel supervisor)
      throws IOException {
    SharedMemory memory = segment.memory();
    Geometry geometry = segment.geometry();
    long entry = geometry.client(index);
    long word = memory.getLongAcquire(entry + Layout.CLIENT_WORD);
    if (EntryWord.state(word) != Layout.ENTRY_FREE) {
      return null;
    }
    FileChannel lockFile = LockFiles.open(segment.files().clientLock(geometry.epoch(), index));
    boolean taken = false;
    try {
      // Under the lock only a reaper changes the word, and a reaper leaves FREE alone.
      if (lockFile.tryLock() == null
          || EntryWord.state(memory.getLongAcquire(entry + Layout.CLIENT_WORD))
              != Layout.ENTRY_FREE) {
        return null;
      }
      if (Failpoints.ON) Failpoints.hit("entry.locked");
      long generation = EntryWord.generation(memory.getLongAcquire(entry + Layout.CLIENT_WORD)) + 1;
      fill(memory, entry, clientName);
      if (Failpoints.ON) Failpoints.hit("client.filled");
      memory.setLongRelease(
          entry + Layout.CLIENT_WORD, EntryWord.of(generation, Layout.ENTRY_ACTIVE));
      if (Failpoints.ON) Failpoints.hit("client.active");
      taken = true;
      return new Attachment(segment, index, lockFile, supervisor, generation);
    } catch (OverlappingFileLockException ours) {
      return null; // held by this JVM all the same: a peer has damaged the word
    } finally {
      if (!taken) {
        LockFiles.closeQuietly(lockFile);
      }
    }
  }

  /** Text in UTF-8, cut between two characters to a size, with 0 behind it. */
  static byte[] padded(String text, int size) {
    ByteBuffer out = ByteBuffer.allocate(size);
    // It stops where the next character does not fit.
    StandardCharsets.UTF_8
        .newEncoder()
        .onMalformedInput(CodingErrorAction.REPLACE)
        .onUnmappableCharacter(CodingErrorAction.REPLACE)
        .encode(CharBuffer.wrap(text.replace('\0', ' ')), out, true);
    return out.array();
  }

  private static void fill(SharedMemory memory, long entry, String clientName) {
    byte[] name = padded(clientName, Layout.CLIENT_NAME_SIZE);
    for (int at = 0; at < name.length; at += 8) {
      long word = ByteBuffer.wrap(name).order(ByteOrder.LITTLE_ENDIAN).getLong(at);
      memory.setLong(entry + Layout.CLIENT_NAME + at, word);
    }
    memory.setInt(entry + Layout.CLIENT_PID, (int) ProcessHandle.current().pid());
    memory.setInt(entry + Layout.CLIENT_KIND, Layout.CLIENT_KIND_JAVA);
    memory.setLong(entry + Layout.CLIENT_ATTACHED_NS, System.nanoTime());
    memory.setInt(entry + Layout.CLIENT_WAITING, 0);
    memory.setInt(entry + Layout.CLIENT_OVERFLOW, 0);
    for (int n = 0; n < COUNTERS.length; n++) {
      // They only grow: what this client counts is what they have grown by.
      memory.setLong(entry + Layout.CLIENT_BASES + 8L * n, memory.getLong(entry + COUNTERS[n]));
    }
  }

  /** Whether the memory has shrunk under us: touching what is gone is an InternalError at best. */
  public boolean isTruncated() {
    try {
      return !segment.place().sealed() && segment.file().size() != geometry.segmentSize();
    } catch (IOException e) {
      LOG.log(Level.DEBUG, "can't look at the segment of " + name, e);
      return false;
    }
  }

  /** Whether the supervisor's death is proved: its lock is free. */
  public boolean supervisorIsGone() {
    synchronized (LockFiles.JVM_WIDE) {
      try {
        return LockFiles.isFree(supervisorLock);
      } catch (IOException e) {
        LOG.log(Level.DEBUG, "can't probe the supervisor of " + name, e);
        return false;
      }
    }
  }

  /**
   * Asks the supervisor to wake a lane, where this process can't call the futex. The supervisor
   * watches its directory for changes of files: the file of its lock, which is empty, is given the
   * length 0 once more. That needs no native access, takes no memory and never blocks. Not through
   * a channel, which an interrupt of the calling thread would close.
   *
   * <p>Where it does not work, the supervisor's tick wakes the lane, 10 to 100 ms later.
   */
  public void nudge() {
    synchronized (nudging) {
      if (!nudgeable) {
        return;
      }
      try {
        RandomAccessFile file = nudged;
        if (file == null) {
          file =
              new RandomAccessFile(segment.files().supervisorLock(geometry.epoch()).toFile(), "rw");
          nudged = file;
        }
        file.setLength(0);
      } catch (IOException | RuntimeException e) {
        nudgeable = false;
        LOG.log(Level.DEBUG, "can't ask the supervisor of " + name + " to wake lanes", e);
      }
    }
  }

  private void endNudges() {
    synchronized (nudging) {
      nudgeable = false;
      if (nudged != null) {
        try {
          nudged.close();
        } catch (IOException e) {
          LOG.log(Level.DEBUG, "close failed", e);
        }
      }
    }
  }

  /**
   * Gives everything up: the mapping before the lock.
   *
   * @param allHome whether all slots are in the free list, which is closed
   */
  public void release(boolean allHome) {
    if (Failpoints.ON) Failpoints.hit("client.leaving");
    boolean unmapped = false;
    try {
      mark(allHome ? Layout.ENTRY_FREE : Layout.ENTRY_LEAVING);
      if (Failpoints.ON) Failpoints.hit("client.left");
      if (allHome) {
        LockFiles.closeQuietly(segment.file());
      }
      unmapped = unmap();
      if (Failpoints.ON) Failpoints.hit("client.unmapped");
    } finally {
      synchronized (LockFiles.JVM_WIDE) {
        if (unmapped || allHome) {
          LockFiles.closeQuietly(lockFile);
        } else { // a late writer must not meet the next owner of these slots
          mark(Layout.ENTRY_ACTIVE);
        }
        LockFiles.closeQuietly(supervisorLock);
        LockFiles.closeQuietly(segment.file());
        endNudges();
      }
    }
  }

  /** The state of the entry, which only its owner and, once the lock is free, the reaper write. */
  private void mark(int state) {
    try {
      memory.setLongRelease(
          geometry.client(index) + Layout.CLIENT_WORD, EntryWord.of(generation, state));
    } catch (InternalError truncated) {
      LOG.log(Level.DEBUG, "the segment of " + name + " was truncated", truncated);
    }
  }

  /** Outside the monitor, for it may take a while; false if the memory is still in use. */
  private boolean unmap() {
    for (int tries = 0; ; tries++) {
      try {
        memory.unmap();
        return true;
      } catch (IllegalStateException held) {
        if (tries == UNMAP_TRIES) {
          LOG.log(
              Level.WARNING,
              "the segment of " + name + " stays mapped: a leased result is still in use",
              held);
          return false;
        }
        LockSupport.parkNanos(1_000_000);
      }
    }
  }

  // ---- for people

  /** The state that the header says. */
  public int poolState() {
    return memory.getIntAcquire(Layout.H_POOL_STATE);
  }

  /** The segment's file, or the descriptor in /proc. */
  public Path path() {
    return segment.place().path();
  }

  /** The names of the handlers that workers have, or had, in order. */
  public List<String> handlers() {
    List<String> handlers = new ArrayList<>();
    for (int h = 0; h < geometry.handlerCapacity(); h++) {
      long at = geometry.handlers() + (long) h * Layout.HANDLER_STRIDE;
      int ready = memory.getIntAcquire(at + Layout.HANDLER_READY);
      String name =
          ready == Layout.HANDLER_LISTED || ready == Layout.HANDLER_FORMER
              ? handlerName(memory, geometry, h)
              : null;
      if (name != null) {
        handlers.add(name);
      }
    }
    handlers.sort(null);
    return handlers;
  }

  /** The name at a place of the handler table, also of a handler that is gone; null if none is. */
  public static @Nullable String handlerName(SharedMemory memory, Geometry geometry, int place) {
    long at = geometry.handlers() + (long) place * Layout.HANDLER_STRIDE;
    if (memory.getIntAcquire(at + Layout.HANDLER_READY) == Layout.HANDLER_UNWRITTEN) {
      return null;
    }
    int length = memory.getInt(at + (Layout.HANDLER_NAME_LEN & ~3)) >>> 16 & 0xff;
    return new String(
        memory.bytes(at + Layout.HANDLER_NAME, Math.min(length, Layout.HANDLER_NAME_MAX)),
        StandardCharsets.UTF_8);
  }

  /** How many counters an entry has. */
  public static int counters() {
    return COUNTERS.length;
  }

  /**
   * Adds the counters of an entry to sums, in the order of {@link #COUNTERS}.
   *
   * @param sinceAttach whether only what its client has counted itself is meant
   */
  public static void addCounters(
      SharedMemory memory, long entry, boolean sinceAttach, long[] sums) {
    for (int n = 0; n < COUNTERS.length; n++) {
      long base = sinceAttach ? memory.getLong(entry + Layout.CLIENT_BASES + 8L * n) : 0;
      sums[n] += memory.getLong(entry + COUNTERS[n]) - base;
    }
  }

  /** The process id of the supervisor. */
  public int supervisorPid() {
    return memory.getInt(Layout.H_SUPERVISOR_PID);
  }

  /** How many lanes there are. */
  public int lanes() {
    return active(geometry.lanes() + Layout.LANE_WORD, geometry.maxLanes(), Layout.LANE_STRIDE);
  }

  /** How many workers there are. */
  public int workers() {
    return active(
        geometry.workers() + Layout.WORKER_WORD, geometry.maxWorkers(), Layout.WORKER_STRIDE);
  }

  /**
   * How the pool stands at one moment.
   *
   * @param state what its header says
   * @param dead whether it has lost its supervisor, which the header can't say
   * @param ready whether it takes tasks, has a supervisor that runs, which replaces workers that
   *     die, and not only stopped workers
   * @param reason why it is not ready, closed or failed; empty when nothing is known
   */
  public record Standing(int state, boolean dead, boolean ready, String reason) {}

  /** How the pool stands now; asks for the supervisor's lock once, if it says that it lives. */
  public Standing standing() {
    int state = poolState();
    if (state < Layout.POOL_CLOSED && supervisorIsGone()) {
      return new Standing(state, true, false, SUPERVISOR_GONE);
    }
    boolean serving = isServing();
    String hindrance = serving ? hindrance() : "";
    String told = explained(state, reason());
    String reason =
        told.isEmpty() || hindrance.isEmpty() ? told + hindrance : told + "; " + hindrance;
    return new Standing(state, false, serving && hindrance.isEmpty(), reason);
  }

  /** A pool that is not serving is so for a reason, also where its header has none. */
  private static String explained(int state, String reason) {
    return switch (state) {
      case Layout.POOL_STARTING -> reason.isEmpty() ? "starting: no worker is ready yet" : reason;
      case Layout.POOL_DRAINING ->
          "draining: "
              + (reason.isEmpty()
                  ? "it was asked to stop, takes no new tasks, and ends with those it has"
                  : reason);
      default -> reason;
    };
  }

  /** Whether the pool is ready; as {@link #standing}, for those that ask again and again. */
  public boolean isReady() {
    return isServing() && !supervisorIsGone() && hindrance().isEmpty();
  }

  /**
   * What keeps a pool from being ready that says it serves, as `ringwork stat` has it (`condition`
   * in cli/src/view.rs): its supervisor is stopped or has not looked for long, or all of its
   * workers are stopped. Empty when nothing does.
   */
  private String hindrance() {
    List<String> found = new ArrayList<>();
    String supervisor = supervisorsProblem();
    if (!supervisor.isEmpty()) {
      found.add(supervisor);
    }
    List<String> stopped = new ArrayList<>();
    List<Path> others = new ArrayList<>();
    for (int n = 0; n < geometry.maxWorkers(); n++) {
      long worker = geometry.workers() + (long) n * Layout.WORKER_STRIDE;
      long word = memory.getLongAcquire(worker + Layout.WORKER_WORD);
      if (EntryWord.state(word) != Layout.ENTRY_ACTIVE) {
        continue;
      }
      int pid = memory.getInt(worker + Layout.WORKER_PID);
      Path lock = segment.files().workerLock(geometry.epoch(), n);
      if (StoppedProcess.is(pid, lock)) {
        stopped.add(
            "worker "
                + n
                + " (process "
                + pid
                + ") is stopped: `kill -CONT "
                + pid
                + "` lets it go on");
      } else if (memory.getInt(worker + Layout.WORKER_LANES) > 0) {
        others.add(lock);
      }
    }
    if (!stopped.isEmpty() && others.stream().noneMatch(LockFiles::isHeld)) {
      found.addAll(stopped); // no lane takes a task
    }
    return String.join("; ", found);
  }

  private String supervisorsProblem() {
    int pid = supervisorPid();
    Path lock = segment.files().supervisorLock(geometry.epoch());
    boolean stopped = StoppedProcess.is(pid, lock);
    long silence = supervisorsSilence();
    if (stopped) {
      return "its supervisor (process "
          + pid
          + ") is stopped and has not looked for "
          + silence
          + " s: `kill -CONT "
          + pid
          + "` lets it go on";
    }
    return silence < LATE_SECONDS
        ? ""
        : "its supervisor (process "
            + pid
            + ") has not looked for "
            + silence
            + " s: is it stopped, its container frozen, or the machine overloaded?";
  }

  /**
   * For how many seconds the supervisor has not looked: it sets the time of its pool's name lock
   * each second.
   */
  private long supervisorsSilence() {
    try {
      long beaten = Files.getLastModifiedTime(segment.files().nameLock()).toMillis();
      return Math.max(0, (System.currentTimeMillis() - beaten) / 1000);
    } catch (IOException unknown) {
      return 0;
    }
  }

  /** Whether the header says that tasks are taken and run. */
  public boolean isServing() {
    return memory.getIntAcquire(Layout.H_POOL_STATE) == Layout.POOL_SERVING
        && memory.getIntAcquire(Layout.H_HEALTH) != Layout.HEALTH_STORM;
  }

  /** Why the pool closed, failed or is not ready, by its header; empty when nothing was said. */
  public String reason() {
    int length = memory.getInt(Layout.H_REASON_LEN);
    if (length <= 0 || length > Layout.REASON_SIZE) {
      return "";
    }
    String text = new String(memory.bytes(Layout.H_REASON, length), StandardCharsets.UTF_8);
    // A process that may write the segment must not command a terminal by it.
    return text.replaceAll("[\\p{Cntrl}&&[^\n\t]]", "\ufffd");
  }

  private int active(long words, int count, int stride) {
    int active = 0;
    for (int n = 0; n < count; n++) {
      long word = memory.getLongAcquire(words + (long) n * stride);
      active += EntryWord.state(word) == Layout.ENTRY_ACTIVE ? 1 : 0;
    }
    return active;
  }
}
