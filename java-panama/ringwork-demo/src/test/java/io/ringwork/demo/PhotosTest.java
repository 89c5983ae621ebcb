package io.ringwork.demo;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PhotosTest {
  @Test
  void theSeriesHasRealSizesAndDistinctNames() {
    Set<String> names = new HashSet<>();
    int large = 0;
    int turned = 0;
    for (int i = 0; i < Photos.COUNT; i++) {
      Photos.Spec spec = Photos.spec(i);
      int pixels = spec.width() * spec.height();
      assertTrue(pixels >= 2_000_000 && pixels <= 12_000_000, spec.name());
      large += pixels == 12_000_000 ? 1 : 0;
      turned += spec.orientation() != Exif.UPRIGHT ? 1 : 0;
      names.add(spec.name());
    }
    assertEquals(120, names.size());
    assertTrue(large >= 10, large + " photos of 12 megapixels");
    assertTrue(turned >= 20, turned + " photos with an orientation");
  }

  @Test
  void theSameSpecGivesTheSameBytes() {
    Photos.Spec spec = new Photos.Spec(7, 160, 120, 1);
    assertArrayEquals(Photos.draw(spec), Photos.draw(spec));
  }

  @Test
  void differentPhotosDiffer() {
    BufferedImage a = Thumbnailer.decode(Photos.draw(new Photos.Spec(0, 160, 120, 1)));
    BufferedImage b = Thumbnailer.decode(Photos.draw(new Photos.Spec(7, 160, 120, 1)));
    assertTrue(Verify.meanDifference(a, b) > 5);
  }

  @ParameterizedTest
  @ValueSource(ints = {3, 6, 8})
  void aTurnedPhotoLooksLikeTheUprightOne(int orientation) {
    byte[] upright = Photos.draw(new Photos.Spec(4, 160, 120, 1));
    byte[] turned = Photos.draw(new Photos.Spec(4, 160, 120, orientation));
    assertEquals(orientation, Exif.orientation(turned));
    BufferedImage seen = Exif.upright(Thumbnailer.decode(turned), orientation);
    assertEquals(160, seen.getWidth());
    assertTrue(Verify.meanDifference(Thumbnailer.decode(upright), seen) < 3);
  }
}
