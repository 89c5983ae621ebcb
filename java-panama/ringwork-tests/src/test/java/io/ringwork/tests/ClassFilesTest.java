package io.ringwork.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.Ringwork;
import io.ringwork.cbor.CborCodec;
import io.ringwork.micrometer.RingworkMetrics;
import io.ringwork.opentelemetry.RingworkTelemetry;
import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.lang.invoke.MethodType;
import java.net.URI;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * That the published class files run on Java 21: their version, and that each member of the JDK
 * that they name exists in the JVM of this test. The suite runs on 21, too; what a newer JDK has
 * added is found there even in code that no other test reaches.
 */
class ClassFilesTest {
  private static final int JAVA_21 = 65;
  private static final Set<String> ANY_SIGNATURE =
      Set.of("java.lang.invoke.MethodHandle", "java.lang.invoke.VarHandle");

  @ParameterizedTest
  @ValueSource(
      classes = {Ringwork.class, CborCodec.class, RingworkMetrics.class, RingworkTelemetry.class})
  void areOfJava21WithoutThePreviewMark(Class<?> published) throws Exception {
    List<ClassFile> files = classFiles(published);
    assertTrue(files.stream().anyMatch(file -> file.name.endsWith("/module-info.class")));
    for (ClassFile file : files) {
      assertEquals(JAVA_21, file.major, file.name);
      assertEquals(0, file.minor, file.name + " is marked as using preview features");
    }
  }

  @ParameterizedTest
  @ValueSource(
      classes = {Ringwork.class, CborCodec.class, RingworkMetrics.class, RingworkTelemetry.class})
  void nameOnlyWhatThisJvmHas(Class<?> published) throws Exception {
    Set<String> missing = new TreeSet<>();
    int checked = 0;
    for (ClassFile file : classFiles(published)) {
      for (Member member : file.members) {
        if (member.owner.startsWith("java/")) {
          checked++;
          if (!member.exists()) {
            missing.add(file.name + " names " + member);
          }
        }
      }
    }
    assertEquals(Set.of(), missing);
    assertTrue(checked > 10, "members of the JDK that were checked: " + checked);
  }

  @Test
  void aMemberOfAnotherJdkWouldBeFound() {
    // Java 22 has made the base offset a parameter; 21 has `allocateArray` for it.
    String arena = "java/lang/foreign/SegmentAllocator";
    String both = "(JJ)Ljava/lang/foreign/MemorySegment;";
    assertTrue(new Member(arena, "allocate", both, true).exists());
    assertEquals(
        Runtime.version().feature() >= 22,
        new Member(
                arena,
                "allocate",
                "(Ljava/lang/foreign/MemoryLayout;J)Ljava/lang/foreign/MemorySegment;",
                true)
            .exists());
  }

  private static List<ClassFile> classFiles(Class<?> published) throws Exception {
    URI source = published.getProtectionDomain().getCodeSource().getLocation().toURI();
    Path path = Path.of(source);
    if (Files.isDirectory(path)) {
      return classFilesUnder(path);
    }
    try (FileSystem jar = FileSystems.newFileSystem(path)) {
      return classFilesUnder(jar.getPath("/"));
    }
  }

  private static List<ClassFile> classFilesUnder(Path root) throws IOException {
    List<ClassFile> files = new ArrayList<>();
    try (Stream<Path> all = Files.walk(root)) {
      for (Path path : all.filter(file -> file.toString().endsWith(".class")).toList()) {
        files.add(ClassFile.read("/" + root.relativize(path), Files.readAllBytes(path)));
      }
    }
    return files;
  }

  /** A reference from a class file's constant pool. */
  private record Member(String owner, String name, String descriptor, boolean method) {
    boolean exists() {
      try {
        Class<?> type = Class.forName(owner.replace('/', '.'), false, null);
        if (!method) {
          return has(type, candidate -> hasField(candidate));
        }
        if (ANY_SIGNATURE.contains(type.getName())) {
          return true; // of any descriptor; the names are those of Java 9
        }
        MethodType wanted =
            MethodType.fromMethodDescriptorString(
                descriptor, ClassFilesTest.class.getClassLoader());
        return name.equals("<init>")
            ? Arrays.stream(type.getDeclaredConstructors())
                .anyMatch(made -> wanted.parameterList().equals(List.of(made.getParameterTypes())))
            : has(type, candidate -> hasMethod(candidate, wanted));
      } catch (ClassNotFoundException | TypeNotPresentException absent) {
        return false;
      }
    }

    private boolean hasField(Class<?> type) {
      return Arrays.stream(type.getDeclaredFields())
          .anyMatch(
              field ->
                  field.getName().equals(name)
                      && field.getType().descriptorString().equals(descriptor));
    }

    private boolean hasMethod(Class<?> type, MethodType wanted) {
      return Arrays.stream(type.getDeclaredMethods())
          .anyMatch(
              found ->
                  found.getName().equals(name)
                      && found.getReturnType() == wanted.returnType()
                      && wanted.parameterList().equals(List.of(found.getParameterTypes())));
    }

    /** Whether the type, or one that it extends or implements, is as asked. */
    private static boolean has(Class<?> type, Predicate<Class<?>> asked) {
      if (asked.test(type) || type.isInterface() && asked.test(Object.class)) {
        return true;
      }
      Class<?> parent = type.getSuperclass();
      return parent != null && has(parent, asked)
          || Arrays.stream(type.getInterfaces()).anyMatch(above -> has(above, asked));
    }
  }

  /** The head and the constant pool of a class file (JVMS 4.1, 4.4). */
  private record ClassFile(String name, int major, int minor, List<Member> members) {
    static ClassFile read(String name, byte[] bytes) throws IOException {
      DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
      assertEquals(0xCAFEBABE, in.readInt(), name);
      int minor = in.readUnsignedShort();
      int major = in.readUnsignedShort();
      int count = in.readUnsignedShort();
      String[] texts = new String[count];
      int[][] indices = new int[count][];
      for (int i = 1; i < count; i++) {
        int tag = in.readUnsignedByte();
        switch (tag) {
          case 1 -> texts[i] = in.readUTF();
          case 3, 4 -> in.skipBytes(4); // int, float
          case 5, 6 -> { // long, double: two entries
            in.skipBytes(8);
            i++;
          }
          case 7, 8, 16, 19, 20 -> indices[i] = new int[] {tag, in.readUnsignedShort(), 0};
          case 9, 10, 11, 12, 17, 18 ->
              indices[i] = new int[] {tag, in.readUnsignedShort(), in.readUnsignedShort()};
          case 15 -> in.skipBytes(3); // a method handle: its reference stands by itself
          default -> throw new IOException(name + ": constant of the unknown kind " + tag);
        }
      }
      List<Member> members = new ArrayList<>();
      for (int[] entry : indices) {
        if (entry != null && entry[0] >= 9 && entry[0] <= 11) {
          int[] type = indices[entry[2]];
          members.add(
              new Member(
                  texts[indices[entry[1]][1]], texts[type[1]], texts[type[2]], entry[0] != 9));
        }
      }
      return new ClassFile(name, major, minor, members);
    }
  }
}
