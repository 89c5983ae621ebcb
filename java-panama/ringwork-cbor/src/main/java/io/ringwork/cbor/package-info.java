/** {@link io.ringwork.cbor.CborCodec}: requests and results as CBOR. */
@NullMarked
package io.ringwork.cbor;

import org.jspecify.annotations.NullMarked;
