/**
 * OpenTelemetry for Ringwork: {@link io.ringwork.opentelemetry.RingworkTelemetry} is given to a
 * client as its observer.
 */
@NullMarked
package io.ringwork.opentelemetry;

import org.jspecify.annotations.NullMarked;
