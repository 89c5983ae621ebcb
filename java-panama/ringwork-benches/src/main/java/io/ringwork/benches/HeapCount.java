package io.ringwork.benches;

import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.util.HashMap;
import java.util.Map;
import javax.management.JMException;
import javax.management.ObjectName;

/**
 * Counts the objects that something makes, of any class and on any thread: the JVM's class
 * histogram, with the garbage, before and after. A collection in between would spoil it, so that is
 * looked for. The JVM's own fillers of heap space are no objects.
 */
final class HeapCount {
  private static final String FILLER = "jdk.internal.vm.Filler";
  private static final int TRIES = 5;

  /** What is counted. */
  interface Work {
    void run() throws Exception;
  }

  private HeapCount() {}

  /** The objects that some work makes; without those of the counting. */
  static long of(Work work) throws Exception {
    return count(work) - count(() -> {});
  }

  private static long count(Work work) throws Exception {
    for (int n = 0; n < TRIES; n++) {
      System.gc();
      long collections = collections();
      String before = histogram();
      work.run();
      String after = histogram();
      if (collections() == collections) {
        return made(instances(before), instances(after));
      }
    }
    throw new IllegalStateException("a collection came between in each of " + TRIES + " tries");
  }

  private static long collections() {
    long count = 0;
    for (GarbageCollectorMXBean collector : ManagementFactory.getGarbageCollectorMXBeans()) {
      count += collector.getCollectionCount();
    }
    return count;
  }

  private static String histogram() throws JMException {
    return (String)
        ManagementFactory.getPlatformMBeanServer()
            .invoke(
                new ObjectName("com.sun.management:type=DiagnosticCommand"),
                "gcClassHistogram",
                new Object[] {new String[] {"-all"}},
                new String[] {String[].class.getName()});
  }

  /** Lines such as {@code " 1: 4021 287344 [B (java.base@25)"}. */
  private static Map<String, Long> instances(String histogram) {
    Map<String, Long> counts = new HashMap<>();
    for (String line : histogram.split("\n")) {
      String[] words = line.trim().split("\\s+");
      if (words.length >= 4 && words[0].endsWith(":") && !words[3].startsWith(FILLER)) {
        counts.merge(words[3], Long.valueOf(words[1]), Long::sum);
      }
    }
    return counts;
  }

  private static long made(Map<String, Long> before, Map<String, Long> after) {
    long made = 0;
    for (Map.Entry<String, Long> entry : after.entrySet()) {
      made += entry.getValue() - before.getOrDefault(entry.getKey(), 0L);
    }
    return made;
  }
}
