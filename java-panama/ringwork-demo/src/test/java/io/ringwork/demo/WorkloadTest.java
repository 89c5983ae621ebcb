package io.ringwork.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class WorkloadTest {
  private static final List<Photo> PHOTOS =
      IntStream.range(0, 10)
          .mapToObj(i -> new Photo(i, "photo " + i, 1, 1, 1, new byte[] {(byte) i}))
          .toList();

  /** Answers at once or later, fails, or throws, by the task's number. */
  private static final class FakeSide implements Side {
    private final AtomicInteger asked = new AtomicInteger();

    @Override
    public String name() {
      return "fake";
    }

    @Override
    public CompletableFuture<String> hash(int index) {
      asked.incrementAndGet();
      return switch (index) {
        case 3 -> CompletableFuture.failedFuture(new IllegalStateException("failed"));
        case 5 -> throw new IllegalStateException("refused");
        default -> CompletableFuture.supplyAsync(() -> "hash " + index);
      };
    }

    @Override
    public CompletableFuture<byte[]> thumbnail(Photo photo) {
      asked.incrementAndGet();
      return CompletableFuture.completedFuture(photo.jpeg());
    }
  }

  @Test
  void everyTaskIsAskedForOnceAndEveryOutcomeKept() throws InterruptedException {
    FakeSide side = new FakeSide();
    Workload.Outcome outcome = Workload.run(side, PHOTOS, 30, false);
    assertEquals(40, side.asked.get());
    assertEquals(40, outcome.tasks());
    for (int i = 0; i < 30; i++) {
      String hash = outcome.hashes().get(i);
      if (i == 3 || i == 5) {
        assertNull(hash);
      } else {
        assertEquals("hash " + i, hash);
      }
    }
    for (int i = 0; i < 10; i++) {
      assertEquals(PHOTOS.get(i).jpeg(), outcome.thumbnails().get(i));
    }
    assertEquals(2, outcome.failures().size());
    assertTrue(
        outcome.failures().getFirst().startsWith("password 3: "), outcome.failures()::toString);
  }

  @Test
  void theTableFitsATerminal() throws InterruptedException {
    Workload.Outcome outcome = Workload.run(new FakeSide(), PHOTOS, 30, false);
    String table = Table.of(outcome, outcome);
    assertEquals(7, table.lines().count());
    assertTrue(table.lines().allMatch(line -> line.length() <= 80), table);
    assertTrue(table.contains("1.00x"), table);
  }
}
