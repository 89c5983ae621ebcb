package io.ringwork.internal.process;

import io.ringwork.internal.segment.Geometry;
import io.ringwork.internal.segment.SharedMemory;
import java.nio.channels.FileChannel;

/**
 * A segment that is mapped and whose header was checked; no entry of it is taken.
 *
 * @param place where it was found
 * @param file kept to see whether it is truncated; a memfd can't be
 */
public record MappedSegment(
    PoolFiles files, SegmentFile place, FileChannel file, SharedMemory memory, Geometry geometry) {}
