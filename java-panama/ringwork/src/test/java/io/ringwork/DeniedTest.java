package io.ringwork;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.ringwork.internal.wait.Futex;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** That each of the two surefire executions tests what it is meant to. */
class DeniedTest {
  @Test
  @Tag("denied-only")
  void noFutexWhenNativeAccessIsDenied() throws Exception {
    assertFalse(Futex.awaitLinked());
    assertFalse(Futex.available());
    Futex.wake(0);
  }

  @Test
  void aFutexOtherwise() throws Exception {
    assertTrue(Futex.awaitLinked());
    assertTrue(Futex.available());
  }

  @Test
  void handlerIdsAreFnv() {
    // From the FNV reference test suite.
    assertEquals(0x85944171f73967e8L, TaskType.idOf("foobar"));
  }
}
