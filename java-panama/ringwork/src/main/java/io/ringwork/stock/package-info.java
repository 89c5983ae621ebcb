/** Task types of the handlers that the stock worker has. */
@NullMarked
package io.ringwork.stock;

import org.jspecify.annotations.NullMarked;
