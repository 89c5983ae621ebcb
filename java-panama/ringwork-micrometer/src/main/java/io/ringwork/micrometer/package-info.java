/**
 * Micrometer for Ringwork: {@link io.ringwork.micrometer.RingworkMetrics} are meters of a pool,
 * {@link io.ringwork.micrometer.RingworkObservations} an observation of each task.
 */
@NullMarked
package io.ringwork.micrometer;

import org.jspecify.annotations.NullMarked;
