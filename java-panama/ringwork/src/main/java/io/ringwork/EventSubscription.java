package io.ringwork;

import java.util.concurrent.Flow;

/** What a subscriber of {@link Ringwork#events(String)} is given by {@code onSubscribe}. */
public interface EventSubscription extends Flow.Subscription {
  /**
   * What the subscriber has passed. May be called from any thread, also after the end.
   *
   * @return the numbers until now
   */
  Event.Passed passed();
}
