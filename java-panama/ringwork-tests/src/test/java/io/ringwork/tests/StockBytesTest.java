package io.ringwork.tests;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdOutputStream;
import io.ringwork.Codec;
import io.ringwork.RemoteFailureException;
import io.ringwork.Ringwork;
import io.ringwork.stock.Compress;
import io.ringwork.stock.Decompress;
import io.ringwork.stock.Digest;
import io.ringwork.stock.StockTasks;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.bouncycastle.crypto.digests.Blake3Digest;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** digest, compress, decompress, echo and sleep: vectors, and other implementations both ways. */
class StockBytesTest {
  private static Ringwork pool;

  @BeforeAll
  static void launch() {
    pool = Ringwork.launch(Pools.stock("StockBytesTest"));
  }

  @AfterAll
  static void close() {
    pool.close();
  }

  /** FIPS 180-4. */
  @ParameterizedTest
  @CsvSource({
    "'',e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "abc,ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq,"
        + "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
  })
  void sha256Vectors(String text, String hex) throws Exception {
    Digest request = Digest.sha256(text.getBytes(UTF_8));
    assertEquals(hex, pool.call(StockTasks.DIGEST_HEX, request));
    assertArrayEquals(HexFormat.of().parseHex(hex), pool.call(StockTasks.DIGEST, request));
  }

  /** test_vectors.json of BLAKE3: the input is 0, 1, .. 250, 0, 1, .. */
  @ParameterizedTest
  @CsvSource({
    "0,af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
    "1,2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
    "1024,42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"
  })
  void blake3Vectors(int length, String hex) throws Exception {
    byte[] input = new byte[length];
    for (int i = 0; i < length; i++) {
      input[i] = (byte) (i % 251);
    }
    assertEquals(hex, pool.call(StockTasks.DIGEST_HEX, Digest.blake3(input)));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 55, 56, 64, 65, 1000, 100_000})
  void digestsAgreeWithOtherImplementations(int length) throws Exception {
    byte[] input = Pools.randomBytes(length);
    assertArrayEquals(
        MessageDigest.getInstance("SHA-256").digest(input),
        pool.call(StockTasks.DIGEST, Digest.sha256(input)));
    Blake3Digest blake3 = new Blake3Digest();
    blake3.update(input, 0, length);
    byte[] expected = new byte[32];
    blake3.doFinal(expected, 0);
    assertArrayEquals(expected, pool.call(StockTasks.DIGEST, Digest.blake3(input)));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 64, 128, 129, 100_000})
  void keyedAndLongDigestsAgreeWithJava(int length) throws Exception {
    byte[] input = Pools.randomBytes(length);
    byte[] key = Pools.randomBytes(1 + length % 200);
    assertArrayEquals(
        MessageDigest.getInstance("SHA-512").digest(input),
        pool.call(StockTasks.DIGEST, Digest.sha512(input)));
    assertArrayEquals(
        mac("HmacSHA256", key, input), pool.call(StockTasks.DIGEST, Digest.hmacSha256(input, key)));
    assertEquals(
        HexFormat.of().formatHex(mac("HmacSHA512", key, input)),
        pool.call(StockTasks.DIGEST_HEX, Digest.hmacSha512(input, key)));
  }

  private static byte[] mac(String algorithm, byte[] key, byte[] input) throws Exception {
    Mac mac = Mac.getInstance(algorithm);
    mac.init(new SecretKeySpec(key, algorithm));
    return mac.doFinal(input);
  }

  @ParameterizedTest
  @CsvSource({"0,6", "1,1", "65,9", "1000,0", "300000,6", "500000,9"})
  void gzipBothWaysWithJava(int length, int level) throws Exception {
    byte[] data = compressible(length);
    byte[] ours = pool.call(StockTasks.COMPRESS, new Compress(data, Compress.Format.GZIP, level));
    assertArrayEquals(data, new GZIPInputStream(new ByteArrayInputStream(ours)).readAllBytes());
    ByteArrayOutputStream theirs = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(theirs)) {
      out.write(data);
    }
    theirs.write(pool.call(StockTasks.COMPRESS, Compress.gzip(data)));
    byte[] both = pool.call(StockTasks.DECOMPRESS, new Decompress(theirs.toByteArray(), 0));
    assertEquals(2 * length, both.length);
    assertArrayEquals(data, Arrays.copyOfRange(both, length, 2 * length));
  }

  /** The pool of this test carries less than the 64 MiB that the handler would put out. */
  @Test
  void whatThePoolDoesNotCarryIsRefusedWithTheRemedy() {
    byte[] large = Zstd.compress(new byte[60 << 20]);
    RemoteFailureException error =
        Pools.failure(
            RemoteFailureException.class,
            pool.submit(StockTasks.DECOMPRESS, new Decompress(large, 0)));
    assertEquals("decompress.limit_exceeded", error.code());
    Pools.assertSays(error, "62914560", "--segment-size", "LaunchConfig.segmentSize");
  }

  @Test
  void aDictionaryIsNamed() {
    byte[] frame = {0x28, (byte) 0xb5, 0x2f, (byte) 0xfd, 0x21, 77, 3, 0x19, 0, 0, 'a', 'b', 'c'};
    RemoteFailureException error =
        Pools.failure(
            RemoteFailureException.class,
            pool.submit(StockTasks.DECOMPRESS, new Decompress(frame, 0)));
    assertEquals("decompress.dictionary_needed", error.code());
    Pools.assertSays(error, "id 77");
  }

  private static byte[] compressible(int length) {
    byte[] bytes = Pools.randomBytes(length);
    for (int i = 0; i < length; i++) {
      bytes[i] &= 7;
    }
    return bytes;
  }

  @ParameterizedTest
  @CsvSource({"0,0", "1,3", "64,1", "65,19", "1000,0", "300000,3", "1000000,9"})
  void zstdBothWaysWithZstdJni(int length, int level) throws Exception {
    byte[] data = compressible(length);
    byte[] ours = pool.call(StockTasks.COMPRESS, new Compress(data, level));
    assertArrayEquals(data, Zstd.decompress(ours, length));
    assertEquals(length, Zstd.getFrameContentSize(ours));
    if (length >= 1000) {
      assertTrue(ours.length < length / 2, ours.length + " of " + length);
    }
    byte[] theirs = Zstd.compress(data, 3);
    assertArrayEquals(data, pool.call(StockTasks.DECOMPRESS, new Decompress(theirs, 0)));
    assertArrayEquals(data, pool.call(StockTasks.DECOMPRESS, new Decompress(ours, 0)));
  }

  @Test
  void zstdFramesInARowAndWithoutASize() throws Exception {
    byte[] data = compressible(200_000);
    ByteArrayOutputStream streamed = new ByteArrayOutputStream();
    try (ZstdOutputStream out = new ZstdOutputStream(streamed)) {
      out.write(data);
    }
    streamed.write(Zstd.compress(data));
    byte[] both = pool.call(StockTasks.DECOMPRESS, new Decompress(streamed.toByteArray(), 0));
    assertEquals(2 * data.length, both.length);
    assertArrayEquals(data, Arrays.copyOfRange(both, data.length, both.length));
  }

  @Test
  void aZstdBombIsRefusedAtItsLimit() throws Exception {
    byte[] bomb = Zstd.compress(new byte[32 << 20]);
    RemoteFailureException error =
        Pools.failure(
            RemoteFailureException.class,
            pool.submit(StockTasks.DECOMPRESS, new Decompress(bomb, 1 << 20)));
    assertEquals("decompress.limit_exceeded", error.code());
    Pools.assertSays(error, "limit", "1048576");
    Pools.assertUsable(pool);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2})
  void brokenZstdIsRefused(int kind) throws Exception {
    byte[] good = pool.call(StockTasks.COMPRESS, new Compress(compressible(10_000), 0));
    byte[] broken =
        switch (kind) {
          case 0 -> "not zstd at all".getBytes(UTF_8);
          case 1 -> Arrays.copyOf(good, good.length / 2);
          default -> {
            good[good.length / 2] ^= 0x55;
            yield good;
          }
        };
    RemoteFailureException error =
        Pools.failure(
            RemoteFailureException.class,
            pool.submit(StockTasks.DECOMPRESS, new Decompress(broken, 0)));
    assertEquals("decompress.corrupt", error.code());
    Pools.assertUsable(pool);
  }

  @Test
  void parametersOutOfRangeAreRefusedWithTheRange() {
    IllegalArgumentException error =
        assertThrows(IllegalArgumentException.class, () -> new Compress(new byte[1], 99));
    Pools.assertSays(error, "99", "-7 to 22");
  }

  @Test
  void echoGivesEachCodecBack() throws Exception {
    assertEquals("gr\u00fcn \ud83c\udf33", pool.call(echo(Codec.UTF8), "gr\u00fcn \ud83c\udf33"));
    for (long value : new long[] {0, -1, Long.MIN_VALUE, Long.MAX_VALUE}) {
      assertEquals(value, pool.call(echo(Codec.LONG), value));
    }
  }

  private static <T> io.ringwork.TaskType<T, T> echo(Codec<T> codec) {
    return StockTasks.echo(codec);
  }

  @Test
  void sleepSleeps() throws Exception {
    long start = System.nanoTime();
    long slept = pool.call(StockTasks.SLEEP, 30L);
    assertTrue(slept >= 30 && System.nanoTime() - start >= 30_000_000, slept + " ms");
  }
}
