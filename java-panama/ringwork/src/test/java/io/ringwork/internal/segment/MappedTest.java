package io.ringwork.internal.segment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

/** What the guard lets through, and what it keeps. */
class MappedTest {
  private static SharedMemory memory(boolean gone) {
    Arena arena = Arena.ofShared();
    SharedMemory memory = SharedMemory.of(arena, arena.allocate(64, 8));
    if (gone) {
      memory.unmap();
    }
    return memory;
  }

  @Test
  void whatWorksIsDone() throws IOException {
    SharedMemory memory = memory(false);
    assertTrue(Mapped.run(memory, m -> m.setLong(0, 7)));
    assertTrue(Mapped.run(memory, 8L, (m, at) -> m.setLong(at, 9)));
    assertNull(Mapped.fault(memory, m -> m.setLong(16, 1)));
    assertEquals(7L, Mapped.get(memory, 0L, SharedMemory::getLong, -1L));
    assertTrue(Mapped.test(memory, m -> m.getLong(8) == 9));
    assertEquals(7, Mapped.count(memory, m -> (int) m.getLong(0)));
    Mapped.add(memory, 0, 3);
    long sum =
        Mapped.getOrThrow(
            memory, m -> m.getLong(0), (m, e) -> new UnsupportedOperationException(e));
    assertEquals(10, sum);
    assertFalse(Mapped.isGone(memory, new IllegalStateException()));
    Mapped.rethrowIfGone(memory, new IOException()); // not ours
    memory.unmap();
  }

  @Test
  void anUnmappedMemoryIsTold() {
    SharedMemory memory = memory(true);
    assertFalse(Mapped.run(memory, m -> m.setLong(0, 7)));
    assertFalse(Mapped.run(memory, 8L, (m, at) -> m.setLong(at, 9)));
    assertInstanceOf(IllegalStateException.class, Mapped.fault(memory, m -> m.setLong(0, 1)));
    assertEquals(-1L, Mapped.get(memory, 0L, SharedMemory::getLong, -1L));
    assertFalse(Mapped.test(memory, m -> m.getLong(8) == 0));
    assertEquals(0, Mapped.count(memory, m -> (int) m.getLong(0) + 1));
    Mapped.add(memory, 0, 3);
    UnsupportedOperationException told =
        assertThrows(
            UnsupportedOperationException.class,
            () ->
                Mapped.getOrThrow(
                    memory, m -> m.getLong(0), (m, e) -> new UnsupportedOperationException(e)));
    assertNotNull(told.getCause());
    IOException codecs = new IOException();
    assertTrue(Mapped.isGone(memory, codecs));
    assertSame(
        codecs,
        assertThrows(IllegalStateException.class, () -> Mapped.rethrowIfGone(memory, codecs))
            .getCause());
  }

  /** The fault of a truncated file, which may surface after the access. */
  @Test
  void aTruncatedFileIsTold() {
    SharedMemory memory = memory(false);
    InternalError fault =
        new InternalError("a fault occurred in an unsafe memory access operation");
    Mapped.Access<SharedMemory, RuntimeException> late =
        m -> {
          throw fault;
        };
    assertFalse(Mapped.run(memory, late));
    assertSame(fault, Mapped.fault(memory, late));
    assertTrue(Mapped.isGone(memory, fault));
    assertSame(fault, assertThrows(InternalError.class, () -> Mapped.rethrowIfGone(memory, fault)));
    memory.unmap();
  }

  @Test
  void whatIsNotTheMemorysGoesThrough() {
    SharedMemory memory = memory(false);
    assertThrows(
        IndexOutOfBoundsException.class, () -> Mapped.run(memory, m -> m.setLong(1 << 20, 1)));
    assertThrows(
        InterruptedException.class,
        () ->
            Mapped.run(
                memory,
                m -> {
                  throw new InterruptedException();
                }));
    memory.unmap();
  }
}
