package io.ringwork;

/** What becomes of the result of a task. */
enum ResultKind {
  /** It is decoded by the type's codec. */
  VALUE,
  /** It is read in place, by a {@link ResultLease} or a {@link RawCall}. */
  LEASE,
  /** It is one of many in a block, with a head for each: a {@link ChunkResult}. */
  CHUNK
}
