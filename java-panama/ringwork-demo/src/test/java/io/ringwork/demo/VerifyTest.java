package io.ringwork.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class VerifyTest {
  private static final int SIZE = 40;
  private static final Thumbnailer THUMBNAILER = new Thumbnailer(SIZE, 0.85f);
  private static final List<Photo> PHOTOS = List.of(photo(0, 160, 120), photo(1, 120, 160));

  @Test
  void equalResultsPass() {
    Verify verify = compare(outcome("$h", thumbnail(0), thumbnail(1)));
    assertEquals(List.of(), verify.complaints());
    assertTrue(verify.summary().startsWith("1 + 0 hashes"), verify.summary());
    assertTrue(verify.summary().contains("; 2 thumbnails"), verify.summary());
  }

  @Test
  void everyKindOfWrongResultIsNamed() {
    complains(outcome("$other", thumbnail(0), thumbnail(1)), "password 0: Rust $other, Java $h");
    complains(outcome(null, thumbnail(0), thumbnail(1)), "password 0: Rust null");
    complains(outcome("$h", null, thumbnail(1)), "photo 0: no thumbnail from Rust");
    complains(outcome("$h", thumbnail(0), thumbnail(0)), "photo 1: the thumbnail is 40x30");
    complains(outcome("$h", thumbnail(0), new byte[] {1}), "photo 1: not an image");
    Photo other = photo(5, 160, 120);
    complains(outcome("$h", THUMBNAILER.thumbnail(other.jpeg()), thumbnail(1)), "photo 0: differs");
  }

  @Test
  void theDrillsHashesAreChecked() {
    String right = KillDrill.COST.hash(Workload.password(0), new byte[Argon2.SALT]);
    Verify verify = new Verify();
    verify.drill(
        new KillDrill.Tally(
            List.of(Optional.of(right), Optional.of(right), Optional.empty(), Optional.of("x")),
            1,
            OptionalLong.empty(),
            1,
            0,
            List.of("odd")));
    assertEquals(3, verify.complaints().size());
    assertEquals("odd", verify.complaints().get(0));
    assertTrue(verify.complaints().get(1).startsWith("drill task 1: a wrong hash: $argon2id"));
    assertTrue(verify.complaints().get(2).startsWith("drill task 3: a wrong hash: x"));
    assertTrue(verify.summary().startsWith("0 + 1 hashes"), verify.summary());
  }

  private static void complains(Workload.Outcome rust, String complaint) {
    List<String> complaints = compare(rust).complaints();
    assertEquals(1, complaints.size(), complaints.toString());
    assertTrue(complaints.getFirst().startsWith(complaint), complaints.getFirst());
  }

  private static Verify compare(Workload.Outcome rust) {
    Verify verify = new Verify();
    verify.compare(rust, outcome("$h", thumbnail(0), thumbnail(1)), PHOTOS, SIZE);
    return verify;
  }

  private static Workload.Outcome outcome(
      @Nullable String hash, byte @Nullable [] first, byte @Nullable [] second) {
    AtomicReferenceArray<@Nullable String> hashes = new AtomicReferenceArray<>(1);
    hashes.set(0, hash);
    AtomicReferenceArray<byte @Nullable []> thumbnails = new AtomicReferenceArray<>(2);
    thumbnails.set(0, first);
    thumbnails.set(1, second);
    EventLoop.Stalls stalls = new EventLoop.Stalls(0, 0, 0, 0);
    return new Workload.Outcome("side", 1, hashes, thumbnails, stalls, 0, List.of());
  }

  private static byte[] thumbnail(int index) {
    return THUMBNAILER.thumbnail(PHOTOS.get(index).jpeg());
  }

  private static Photo photo(int index, int width, int height) {
    byte[] jpeg = Photos.draw(new Photos.Spec(index, width, height, 1));
    return new Photo(index, "photo " + index, width, height, 1, jpeg);
  }
}
