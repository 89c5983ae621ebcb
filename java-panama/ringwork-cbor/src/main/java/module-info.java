/**
 * CBOR for Ringwork tasks, by Jackson.
 *
 * <p>A module whose records or classes travel opens their package to {@code
 * com.fasterxml.jackson.databind}.
 */
module io.ringwork.cbor {
  requires transitive io.ringwork;
  requires transitive com.fasterxml.jackson.core;
  requires transitive com.fasterxml.jackson.databind;
  requires transitive com.fasterxml.jackson.dataformat.cbor;
  requires com.fasterxml.jackson.datatype.jdk8;
  requires static org.jspecify;

  exports io.ringwork.cbor;
}
