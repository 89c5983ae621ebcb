/**
 * What all parts of the client use: threads, durations, failpoints. Not an API, as all packages
 * below: the module does not export them.
 */
@NullMarked
package io.ringwork.internal;

import org.jspecify.annotations.NullMarked;
