/** The peers of {@code make bench} that are Java programs; not an API. */
@NullMarked
package io.ringwork.peers;

import org.jspecify.annotations.NullMarked;
