package io.ringwork.tests;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.Codec;
import io.ringwork.RemoteFailureException;
import io.ringwork.Ringwork;
import io.ringwork.TaskType;
import io.ringwork.stock.PasswordHash;
import io.ringwork.stock.PasswordRehash;
import io.ringwork.stock.PasswordVerify;
import io.ringwork.stock.StockTasks;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Base64;
import java.util.concurrent.TimeUnit;
import org.bouncycastle.crypto.generators.Argon2BytesGenerator;
import org.bouncycastle.crypto.generators.OpenBSDBCrypt;
import org.bouncycastle.crypto.params.Argon2Parameters;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** password.hash and password.verify: published vectors, and Bouncy Castle both ways. */
class StockPasswordTest {
  /** password.hash with a salt of our choice, which the typed request has no field for. */
  private static final TaskType<byte[], String> HASH_WITH_SALT =
      TaskType.of("password.hash", new RawCodec(Codec.PARAMS_ID), Codec.UTF8);

  private static Ringwork pool;

  @BeforeAll
  static void launch() {
    pool = Ringwork.launch(Pools.stock("StockPasswordTest"));
  }

  @AfterAll
  static void close() {
    pool.close();
  }

  private static String hash(PasswordHash request) throws Exception {
    return pool.submit(StockTasks.PASSWORD_HASH, request).get(20, TimeUnit.SECONDS);
  }

  private static boolean verify(String password, String hash) throws Exception {
    return pool.submit(
            StockTasks.PASSWORD_VERIFY, new PasswordVerify(password.getBytes(UTF_8), hash))
        .get(20, TimeUnit.SECONDS);
  }

  private static byte[] params(String json, String body) {
    byte[] head = json.getBytes(UTF_8);
    byte[] tail = body.getBytes(UTF_8);
    return ByteBuffer.allocate(4 + head.length + tail.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(head.length)
        .put(head)
        .put(tail)
        .array();
  }

  /** From test.c of the reference implementation (phc-winner-argon2), version 1.3. */
  @ParameterizedTest
  @CsvSource({
    "password,65536,2,1,c29tZXNhbHQ,CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    "password,256,2,1,c29tZXNhbHQ,nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    "password,256,2,2,c29tZXNhbHQ,bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
    "password,65536,1,1,c29tZXNhbHQ,9qWtwbpyPd3vm1rB1GThgPzZ3/ydHL92zKL+15XZypg",
    "password,65536,4,1,c29tZXNhbHQ,kCXUjmjvc5XMqQedpMTsOv+zyJEf5PhtGiUghW9jFyw",
    "differentpassword,65536,2,1,c29tZXNhbHQ,C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94",
    "password,65536,2,1,ZGlmZnNhbHQ,vfMrBczELrFdWP0ZsfhWsRPaHppYdP3MVEMIVlqoFBw"
  })
  void argon2idVectorsOfTheReferenceImplementation(
      String password, int memory, int iterations, int lanes, String salt, String hash)
      throws Exception {
    String json =
        "{\"memory_kib\":%d,\"iterations\":%d,\"parallelism\":%d,\"salt_base64\":\"%s\"}"
            .formatted(memory, iterations, lanes, salt);
    String expected =
        "$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s".formatted(memory, iterations, lanes, salt, hash);
    assertEquals(expected, pool.call(HASH_WITH_SALT, params(json, password)));
    assertTrue(verify(password, expected));
    assertFalse(verify(password + "x", expected));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 20})
  void argon2idOfOursIsVerifiedByBouncyCastle(int length) throws Exception {
    byte[] password = Pools.randomBytes(length);
    String phc = hash(PasswordHash.argon2id(password, 256, 3, 2));
    String[] parts = phc.split("\\$");
    assertEquals("argon2id", parts[1]);
    assertEquals("v=19", parts[2]);
    assertEquals("m=256,t=3,p=2", parts[3]);
    byte[] expected = Base64.getDecoder().decode(parts[5]);
    byte[] salt = Base64.getDecoder().decode(parts[4]);
    assertTrue(
        Arrays.equals(expected, bouncyCastle(password, salt, 256, 3, 2, expected.length)), phc);
  }

  @Test
  void argon2idOfBouncyCastleIsVerifiedByOurs() throws Exception {
    byte[] salt = Pools.randomBytes(16);
    Base64.Encoder base64 = Base64.getEncoder().withoutPadding();
    byte[] hash = bouncyCastle("gr\u00fc\u00df dich".getBytes(UTF_8), salt, 512, 2, 1, 24);
    String phc =
        "$argon2id$v=19$m=512,t=2,p=1$%s$%s"
            .formatted(base64.encodeToString(salt), base64.encodeToString(hash));
    assertTrue(verify("gr\u00fc\u00df dich", phc));
    assertFalse(verify("gr\u00fcss dich", phc));
  }

  @Test
  void defaultsAreThoseThatOwaspNames() throws Exception {
    byte[] password = "hunter2".getBytes(UTF_8);
    String first = hash(PasswordHash.argon2id(password));
    assertTrue(first.startsWith("$argon2id$v=19$m=19456,t=2,p=1$"), first);
    assertNotEquals(first, hash(PasswordHash.argon2id(password)), "the salt must be fresh");
    assertTrue(verify("hunter2", first));
  }

  /** From jBCrypt's TestBCrypt (the same as OpenBSD's), and from crypt_blowfish. */
  @ParameterizedTest
  @CsvSource(
      value = {
        "'',$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.",
        "a,$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe",
        "abc,$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i",
        "abcdefghijklmnopqrstuvwxyz,"
            + "$2a$06$.rCVZVOThsIa97pEDOxvGuRRgzG64bvtJ0938xuqzv18d3ZpQhstC",
        "U*U,$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
      })
  void bcryptVectors(String password, String hash) throws Exception {
    assertTrue(verify(password, hash));
    assertTrue(verify(password, hash.replace("$2a$", "$2b$")));
    assertFalse(verify(password + "x", hash));
  }

  @Test
  void bcryptBothWaysWithBouncyCastle() throws Exception {
    String ours = hash(PasswordHash.bcrypt("s\u00e9same".getBytes(UTF_8), 5));
    assertTrue(ours.startsWith("$2b$05$"), ours);
    assertTrue(OpenBSDBCrypt.checkPassword(ours, "s\u00e9same".getBytes(UTF_8)));
    assertFalse(OpenBSDBCrypt.checkPassword(ours, "sesame".getBytes(UTF_8)));
    for (String version : new String[] {"2a", "2b", "2y"}) {
      String theirs =
          OpenBSDBCrypt.generate(version, "s\u00e9same".getBytes(UTF_8), Pools.randomBytes(16), 5);
      assertTrue(verify("s\u00e9same", theirs), theirs);
      assertFalse(verify("sesame", theirs), theirs);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "plain text;password.malformed_hash;argon2",
        "'';password.malformed_hash;",
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ;password.malformed_hash;cut off",
        "$argon2id$v=19$m=256,t=2$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4r;password.malformed_hash;p",
        "$argon2id$v=19$m=256,t=2,p=1$c29t!XNhbHQ$nf65EOgLrQMR/uIPnA4r;"
            + "password.malformed_hash;salt",
        "$2b$06$tooShort;password.malformed_hash;60",
        "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4;"
            + "password.cost_too_high;",
        "$2b$31$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.;password.cost_too_high;"
      })
  void hashStringsThatAreNone(String hash, String code, String says) throws Exception {
    RemoteFailureException error =
        Pools.failure(
            RemoteFailureException.class,
            pool.submit(StockTasks.PASSWORD_VERIFY, new PasswordVerify("x".getBytes(UTF_8), hash)));
    assertEquals(code, error.code());
    Pools.assertSays(error, "password.verify", says == null ? "" : says);
    assertFalse(error.getMessage().contains("nf65EOgLr"), "a hash is in the message");
    Pools.assertUsable(pool);
  }

  /** passlib 1.7.4 and Python's hashlib made them. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "$scrypt$ln=10,r=8,p=2$MDEyMzQ1Njc4OWFiY2RlZg$bEaCAiyRYDARuNXGlQE7Plyz+/JVlfoIQ0KBQ3KtPwI",
        "$pbkdf2-sha256$29000$8PHy8/T19vf4.fr7/P3./w$YEsryuQeLpX.S7h/44VEsbkSPUZOYT9iuY71Ms.KDi0",
        "$pbkdf2-sha512$25$$fZykkPVY0ux0343yTQruxqgWX6BYRWinwGiO/syMxA338ow5UtraSgH4zJphXLajOFmYR9"
            + "75wSCoLuOuM1Txyw"
      })
  void hashesOfOtherLibrariesAreVerified(String hash) throws Exception {
    assertTrue(verify("password", hash));
    assertFalse(verify("passwort", hash));
    assertTrue(
        pool.call(
            StockTasks.PASSWORD_NEEDS_REHASH,
            PasswordRehash.of(hash, PasswordHash.argon2id(new byte[0]))));
  }

  @Test
  void limitsAndTruncationAreTheCallers() throws Exception {
    PasswordVerify eighty =
        new PasswordVerify(
            "x".repeat(80).getBytes(UTF_8),
            "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i");
    assertEquals("password.too_long", refusal(eighty));
    assertTrue(pool.call(StockTasks.PASSWORD_VERIFY, eighty.withAllowTruncation(true)));
    PasswordVerify dear =
        new PasswordVerify(new byte[1], hash(PasswordHash.argon2id(new byte[1], 64, 1, 1)));
    assertTrue(pool.call(StockTasks.PASSWORD_VERIFY, dear.withMaxMemoryKib(64)));
    assertEquals("password.cost_too_high", refusal(dear.withMaxMemoryKib(63)));
    PasswordVerify bcrypt =
        new PasswordVerify("x".getBytes(UTF_8), hash(PasswordHash.bcrypt("x".getBytes(UTF_8), 5)));
    assertTrue(pool.call(StockTasks.PASSWORD_VERIFY, bcrypt.withMaxCost(5)));
    assertEquals("password.cost_too_high", refusal(bcrypt.withMaxCost(4)));
    PasswordVerify pbkdf2 =
        new PasswordVerify(
            "password".getBytes(UTF_8),
            "$pbkdf2-sha256$25$$98g8uU8XTYwfwixcz.LspRmecLe9niViI3XFclkdYaM");
    assertTrue(pool.call(StockTasks.PASSWORD_VERIFY, pbkdf2.withMaxIterations(25)));
    assertEquals("password.cost_too_high", refusal(pbkdf2.withMaxIterations(24)));
    assertFalse(eighty.toString().contains("$2b$"), "the hash is shown");
  }

  private static String refusal(PasswordVerify request) {
    return Pools.failure(
            RemoteFailureException.class, pool.submit(StockTasks.PASSWORD_VERIFY, request))
        .code();
  }

  @Test
  void aWeakerHashNeedsARehash() throws Exception {
    PasswordHash wanted = PasswordHash.argon2id("x".getBytes(UTF_8), 128, 2, 1);
    String hash = hash(wanted);
    assertFalse(pool.call(StockTasks.PASSWORD_NEEDS_REHASH, PasswordRehash.of(hash, wanted)));
    assertTrue(
        pool.call(
            StockTasks.PASSWORD_NEEDS_REHASH,
            PasswordRehash.of(hash, PasswordHash.argon2id(new byte[0]))));
    assertTrue(
        pool.call(
            StockTasks.PASSWORD_NEEDS_REHASH,
            PasswordRehash.of(hash, PasswordHash.bcrypt(new byte[0], 4))));
  }

  @Test
  void whatBcryptWouldIgnoreIsRefused() {
    assertEquals(
        "password.too_long",
        Pools.failure(
                RemoteFailureException.class,
                pool.submit(
                    StockTasks.PASSWORD_HASH, PasswordHash.bcrypt(Pools.randomBytes(73), 4)))
            .code());
    assertEquals(
        "password.contains_nul",
        Pools.failure(
                RemoteFailureException.class,
                pool.submit(StockTasks.PASSWORD_HASH, PasswordHash.bcrypt(new byte[3], 4)))
            .code());
  }

  @Test
  void aCostOutOfRangeIsRefusedWithTheRange() {
    RemoteFailureException error =
        Pools.failure(
            RemoteFailureException.class,
            pool.submit(
                StockTasks.PASSWORD_HASH, PasswordHash.argon2id(new byte[1], 2 << 20, 1, 1)));
    assertEquals("password.invalid_params", error.code());
    Pools.assertSays(error, "1048576");
  }

  private static byte[] bouncyCastle(
      byte[] password, byte[] salt, int memory, int iterations, int lanes, int length) {
    Argon2BytesGenerator generator = new Argon2BytesGenerator();
    generator.init(
        new Argon2Parameters.Builder(Argon2Parameters.ARGON2_id)
            .withVersion(Argon2Parameters.ARGON2_VERSION_13)
            .withMemoryAsKB(memory)
            .withIterations(iterations)
            .withParallelism(lanes)
            .withSalt(salt)
            .build());
    byte[] hash = new byte[length];
    generator.generateBytes(password, hash);
    return hash;
  }
}
