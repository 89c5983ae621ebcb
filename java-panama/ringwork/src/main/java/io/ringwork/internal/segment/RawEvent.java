package io.ringwork.internal.segment;

/**
 * An event as it was published.
 *
 * @param position the number of those before it
 * @param nanoTime when it was published, as {@link System#nanoTime()}
 * @param publisher the process, as an event's word has it
 * @param topic the place of its topic in the table
 * @param codec how its bytes are to be read, as the publisher wrote it
 * @param bytes what was published
 */
public record RawEvent(
    long position, long nanoTime, int publisher, int topic, int codec, byte[] bytes) {}
