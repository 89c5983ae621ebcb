package io.ringwork.benches;

import java.util.Map;

/** A case of a suite: warmed up once, then measured in rounds with other cases in between. */
public interface Case {
  /**
   * Runs until the code is compiled.
   *
   * @throws Exception if the case can't run
   */
  void warmUp() throws Exception;

  /**
   * Measures. Nothing that was started for it runs on when it returns.
   *
   * @param seconds how long, for cases that are asked for a time
   * @return the metrics of the round
   * @throws Exception if the case can't run, or an answer is wrong
   */
  Map<String, Double> round(double seconds) throws Exception;
}
