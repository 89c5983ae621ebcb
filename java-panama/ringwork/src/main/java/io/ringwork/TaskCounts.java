package io.ringwork;

/**
 * What clients have counted of their tasks. The numbers only grow.
 *
 * @param submitted tasks that were submitted
 * @param completed of these, those whose result was received
 * @param failed those whose failure was received
 * @param timedOut those whose deadline passed first
 * @param cancelled those that were cancelled
 * @param rejected tasks that were not taken
 */
public record TaskCounts(
    long submitted, long completed, long failed, long timedOut, long cancelled, Rejected rejected) {

  /**
   * Tasks that were not taken, by {@link RejectedException.Reason}.
   *
   * @param noSlot {@link RejectedException.Reason#NO_SLOT}
   * @param tooManyInFlight {@link RejectedException.Reason#TOO_MANY_IN_FLIGHT}
   * @param deadline {@link RejectedException.Reason#DEADLINE_UNREACHABLE}, and tasks whose deadline
   *     had passed at the submit
   * @param ringFull {@link RejectedException.Reason#RING_FULL}
   * @param arenaExhausted {@link RejectedException.Reason#ARENA_EXHAUSTED}
   * @param payloadTooLarge {@link RejectedException.Reason#PAYLOAD_TOO_LARGE}
   * @param unavailable all others: the pool was draining, or had no worker
   */
  public record Rejected(
      long noSlot,
      long tooManyInFlight,
      long deadline,
      long ringFull,
      long arenaExhausted,
      long payloadTooLarge,
      long unavailable) {
    /**
     * All of them.
     *
     * @return the sum
     */
    public long total() {
      return noSlot
          + tooManyInFlight
          + deadline
          + ringFull
          + arenaExhausted
          + payloadTooLarge
          + unavailable;
    }
  }
}
