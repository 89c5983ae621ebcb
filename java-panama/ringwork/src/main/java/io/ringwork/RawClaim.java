package io.ringwork;

interface RawClaim { java.lang.foreign.MemorySegment request(); void length(long n); void codec(int id); TaskFuture<ResultLease> submit(); void close(); }