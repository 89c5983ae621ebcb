package io.ringwork;

interface RawLease { java.lang.foreign.MemorySegment segment(); int codec(); void close(); }