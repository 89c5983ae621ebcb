package io.ringwork;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.codeUnits;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.domain.JavaType;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import io.ringwork.internal.segment.Mapped;
import java.io.IOException;
import java.lang.module.ModuleFinder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Which package may use which, and what users of the module see. */
class ArchitectureTest {
  private static final int MAX_PARAMETERS = 6;
  private static final String[] EXPORTED = {"io.ringwork", "io.ringwork.stock"};

  /** Each is entered once for a task: its way in, its wait, its end; or once for a batch. */
  private static final Set<String> STEPS =
      Set.of(
          "Submitter.submit",
          "Submitter.claim",
          "Batch.flush",
          "Publications.write",
          "Waiting.waitHelping",
          "TaskEnder.end",
          "TaskEnder.endBroken",
          "ResultReader.decode");

  private static JavaClasses all;

  @BeforeAll
  static void read() {
    all =
        new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("io.ringwork");
    assertTrue(all.size() > 100, "the client's classes are on the class path");
  }

  @Test
  void arrowsPointDown() {
    layeredArchitecture()
        .consideringOnlyDependenciesInAnyPackage("io.ringwork..")
        .layer("stock")
        .definedBy("io.ringwork.stock")
        .layer("client")
        .definedBy("io.ringwork")
        .layer("process")
        .definedBy("io.ringwork.internal.process")
        .layer("queue")
        .definedBy("io.ringwork.internal.queue")
        .layer("wait")
        .definedBy("io.ringwork.internal.wait")
        .layer("segment")
        .definedBy("io.ringwork.internal.segment")
        .layer("base")
        .definedBy("io.ringwork.internal")
        .whereLayer("stock")
        .mayNotBeAccessedByAnyLayer()
        .whereLayer("client")
        .mayOnlyBeAccessedByLayers("stock")
        .whereLayer("process")
        .mayOnlyBeAccessedByLayers("client")
        .whereLayer("queue")
        .mayOnlyBeAccessedByLayers("client")
        .whereLayer("wait")
        .mayOnlyBeAccessedByLayers("client", "process")
        .whereLayer("segment")
        .mayOnlyBeAccessedByLayers("client", "process", "queue", "wait")
        .ensureAllClassesAreContainedInArchitecture()
        .check(all);
  }

  @Test
  void packagesMakeNoCircle() {
    slices().matching("(io.ringwork..)").should().beFreeOfCycles().check(all);
  }

  /** Nested classes count as the one that they are in. */
  @Test
  void internalClassesMakeNoCircle() {
    slices()
        .assignedFrom(
            new SliceAssignment() {
              @Override
              public SliceIdentifier getIdentifierOf(JavaClass type) {
                return resideInAPackage("io.ringwork.internal..").test(type)
                    ? SliceIdentifier.of(outermost(type).getName())
                    : SliceIdentifier.ignore();
              }

              @Override
              public String getDescription() {
                return "internal classes";
              }
            })
        .should()
        .beFreeOfCycles()
        .check(all);
  }

  private static JavaClass outermost(JavaClass type) {
    return type.getEnclosingClass().map(ArchitectureTest::outermost).orElse(type);
  }

  /** A type becomes public on purpose: with its place in the list by subject. */
  @Test
  void thePublicTypesAreThoseThatThePackageLists() throws IOException {
    String listed = Files.readString(Path.of("src/main/java/io/ringwork/package-info.java"));
    Set<String> named =
        Pattern.compile("io\\.ringwork\\.([A-Z]\\w+)")
            .matcher(listed)
            .results()
            .map(found -> found.group(1))
            .collect(Collectors.toSet());
    Set<String> there =
        all.stream()
            .filter(type -> type.getPackageName().equals("io.ringwork"))
            .filter(type -> type.isTopLevelClass())
            .filter(type -> type.getModifiers().contains(JavaModifier.PUBLIC))
            .map(JavaClass::getSimpleName)
            .collect(Collectors.toSet());
    assertEquals(there, named);
  }

  @Test
  void theModuleExportsTheApiAlone() {
    Set<String> exported =
        ModuleFinder.of(classesOf(Ringwork.class))
            .findAll()
            .iterator()
            .next()
            .descriptor()
            .exports()
            .stream()
            .map(java.lang.module.ModuleDescriptor.Exports::source)
            .collect(Collectors.toSet());
    assertEquals(Set.of(EXPORTED), exported);
  }

  /** Else a user would meet a type that the module keeps from him. */
  @Test
  void theApiNamesNoInternalType() {
    classes()
        .that(resideInAnyPackage(EXPORTED))
        .and()
        .arePublic()
        .should(nameOnlyTypesOfTheApi())
        .check(all);
  }

  /** Constructors count, too, but for those of public records: a handler has its parameters. */
  @Test
  void noMethodHasMoreThanSixParameters() {
    codeUnits()
        .that(describe("do not make a public record", unit -> !isOfPublicRecord(unit)))
        .should(haveFewParameters())
        .check(all);
  }

  /**
   * That the mapping is gone while a thread is at it is caught in one place, {@link Mapped}, which
   * says why. But for the steps of a task whose arguments it can't take without an object.
   */
  @Test
  void oneGuardForTheMapping() {
    codeUnits()
        .that(describe("are no step of a task", unit -> !STEPS.contains(nameOf(unit))))
        .should(leaveTheMappingToItsGuard())
        .check(all.that(describe("are not the guard", type -> !type.isEquivalentTo(Mapped.class))));
  }

  @Test
  void theStepsAreThere() {
    Set<String> found =
        all.stream()
            .flatMap(type -> type.getCodeUnits().stream())
            .filter(ArchitectureTest::catchesUnmapped)
            .map(ArchitectureTest::nameOf)
            .filter(STEPS::contains)
            .collect(Collectors.toSet());
    assertEquals(STEPS, found, "what no longer catches them is to be taken off the list");
  }

  private static Path classesOf(Class<?> type) {
    return Path.of(type.getProtectionDomain().getCodeSource().getLocation().getPath());
  }

  private static boolean isOfPublicRecord(JavaCodeUnit unit) {
    JavaClass type = unit.getOwner();
    return unit.isConstructor()
        && type.isRecord()
        && type.getModifiers().contains(JavaModifier.PUBLIC)
        && List.of(EXPORTED).contains(type.getPackageName());
  }

  private static String nameOf(JavaCodeUnit unit) {
    return unit.getOwner().getSimpleName() + "." + unit.getName();
  }

  private static boolean catchesUnmapped(JavaCodeUnit unit) {
    return unit.getTryCatchBlocks().stream()
        .anyMatch(
            block ->
                block.getCaughtThrowables().stream()
                    .map(JavaClass::getName)
                    .collect(Collectors.toSet())
                    .containsAll(
                        Set.of(
                            IllegalStateException.class.getName(), InternalError.class.getName())));
  }

  private static ArchCondition<JavaCodeUnit> leaveTheMappingToItsGuard() {
    return new ArchCondition<>("leave IllegalStateException | InternalError to Mapped") {
      @Override
      public void check(JavaCodeUnit unit, ConditionEvents events) {
        if (catchesUnmapped(unit)) {
          events.add(
              SimpleConditionEvent.violated(
                  unit, unit.getFullName() + " catches them: have Mapped do it"));
        }
      }
    };
  }

  private static ArchCondition<JavaCodeUnit> haveFewParameters() {
    return new ArchCondition<>("have at most " + MAX_PARAMETERS + " parameters") {
      @Override
      public void check(JavaCodeUnit unit, ConditionEvents events) {
        int count = unit.getRawParameterTypes().size();
        boolean made = unit.getModifiers().contains(JavaModifier.SYNTHETIC);
        if (count > MAX_PARAMETERS && !made) {
          events.add(SimpleConditionEvent.violated(unit, unit.getFullName() + " has " + count));
        }
      }
    };
  }

  private static ArchCondition<JavaClass> nameOnlyTypesOfTheApi() {
    return new ArchCondition<>("name only types of the API where users see them") {
      @Override
      public void check(JavaClass type, ConditionEvents events) {
        Stream<JavaType> above =
            Stream.concat(type.getSuperclass().stream(), type.getInterfaces().stream());
        above.forEach(used -> check(type.getName(), used, events));
        type.getFields().stream()
            .filter(field -> isSeen(field.getModifiers()))
            .forEach(field -> check(field.getFullName(), field.getAllInvolvedRawTypes(), events));
        type.getCodeUnits().stream()
            .filter(unit -> isSeen(unit.getModifiers()))
            .forEach(unit -> check(unit.getFullName(), typesOf(unit), events));
      }

      private void check(String where, Stream<JavaClass> used, ConditionEvents events) {
        used.forEach(each -> check(where, each, events));
      }

      private void check(String where, Set<JavaClass> used, ConditionEvents events) {
        check(where, used.stream(), events);
      }

      private void check(String where, JavaType used, ConditionEvents events) {
        JavaClass raw = used.toErasure().getBaseComponentType();
        boolean ours = resideInAPackage("io.ringwork..").test(raw);
        boolean hidden =
            !List.of(EXPORTED).contains(raw.getPackageName())
                || !raw.getModifiers().contains(JavaModifier.PUBLIC);
        if (ours && hidden) {
          events.add(SimpleConditionEvent.violated(where, where + " names " + raw.getName()));
        }
      }
    };
  }

  private static Stream<JavaClass> typesOf(JavaCodeUnit unit) {
    Stream<JavaType> signature =
        Stream.of(
                Stream.of(unit.getReturnType()),
                unit.getParameterTypes().stream(),
                unit.getTypeParameters().stream())
            .flatMap(types -> types);
    return Stream.concat(
        signature.flatMap(used -> used.getAllInvolvedRawTypes().stream()),
        unit.getExceptionTypes().stream());
  }

  private static boolean isSeen(Set<JavaModifier> modifiers) {
    return (modifiers.contains(JavaModifier.PUBLIC) || modifiers.contains(JavaModifier.PROTECTED))
        && !modifiers.contains(JavaModifier.SYNTHETIC)
        && !modifiers.contains(JavaModifier.BRIDGE);
  }
}
