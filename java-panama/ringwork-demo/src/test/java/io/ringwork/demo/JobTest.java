package io.ringwork.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class JobTest {
  /** As the `argon2` command of the reference implementation has it. */
  private static final String KNOWN =
      "$argon2id$v=19$m=8192,t=1,p=1$c2l4dGVlbiBieXRlcyBvaw$XTK3mX8uTvGw506DfY/Wgfz1aWxNOYBcprlZj5AHx8Q";

  @Test
  void javaHashesAsTheReferenceImplementation() {
    HashJob job = new HashJob(7, 8192, 1, 1);
    job.rust = KNOWN;
    job.java();
    job.check();
  }

  @Test
  void everyWrongHashIsFound() {
    for (String wrong : List.of("", "$2b$10$abc", KNOWN.replace("m=8192", "m=4096"), KNOWN + "A")) {
      HashJob job = new HashJob(7, 8192, 1, 1);
      job.rust = wrong;
      job.java();
      List<String> complaints = new ArrayList<>();
      assertFalse(job.isRight(complaints), wrong);
      assertTrue(complaints.getFirst().contains("'" + wrong + "'"), complaints::toString);
    }
    HashJob other = new HashJob(8, 8192, 1, 1);
    other.rust = KNOWN;
    other.java();
    assertThrows(IllegalStateException.class, other::check);
  }

  @Test
  void everyWrongThumbnailIsFound() {
    byte[] photo = PhotoJob.paint(1);
    byte[] upsideDown = Images.encode(Images.upright(thumbnail(photo), 3), 85);
    byte[] sideways = Images.encode(Images.upright(thumbnail(photo), 6), 85);
    for (byte[] wrong : List.of(new byte[0], new byte[] {1, 2, 3}, upsideDown, sideways)) {
      PhotoJob job = new PhotoJob(1, photo);
      job.rust = wrong;
      job.java();
      assertFalse(job.isRight(new ArrayList<>()));
    }
    PhotoJob job = new PhotoJob(1, photo);
    job.rust = Images.encode(thumbnail(photo), 85);
    job.java();
    assertTrue(job.isRight(new ArrayList<>()));
  }

  /** These are stored sideways, upside down, and sideways the other way. */
  @Test
  void aTurnedPhotoIsSeenUpright() {
    for (int number : new int[] {2, 5, 7}) {
      PhotoJob job = new PhotoJob(number, PhotoJob.paint(number));
      job.java();
      BufferedImage seen = Images.decode(job.java);
      BufferedImage painted = Landscape.paint(number, seen.getWidth() * 8, seen.getHeight() * 8);
      double difference = Images.meanDifference(seen, Images.shrink(painted, PhotoJob.SIZE));
      assertTrue(difference < 8, number + ": " + difference);
    }
  }

  @Test
  void theFirstPhotoHasTwelveMegapixels() {
    BufferedImage first = Images.decode(PhotoJob.paint(0));
    assertEquals(12_000_000, first.getWidth() * first.getHeight());
  }

  private static BufferedImage thumbnail(byte[] photo) {
    return Images.shrink(Images.decode(photo), PhotoJob.SIZE);
  }
}
