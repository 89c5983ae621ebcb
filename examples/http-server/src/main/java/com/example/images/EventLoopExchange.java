package com.example.images;

import io.netty.channel.ChannelHandlerContext;
import io.opentelemetry.context.Context;
import io.ringwork.TaskFuture;

/** Tasks whose replies are sent by callbacks on the event loop: no thread waits. */
final class EventLoopExchange extends Exchange {
  /** The task of the request that waits for its reply, or null. */
  private TaskFuture<?> pending;

  EventLoopExchange(ImageServer server) {
    super(server);
  }

  @Override
  <Q, R> void start(ChannelHandlerContext context, Routes.Job<Q, R> job, boolean keepAlive) {
    TaskFuture<R> future = server.pool().submit(job.type(), job.request(), job.options());
    pending = future;
    // The event loop sends the reply: no other thread is woken for it. The context of the request
    // is current where the task completes, and the wrapper takes it along.
    future.whenCompleteAsync(
        (result, failure) -> {
          pending = null;
          Reply reply = failure == null ? job.reply().apply(result) : Reply.of(failure);
          finish(context, reply, keepAlive);
        },
        Context.taskWrapping(context.executor()));
  }

  @Override
  void cancel() {
    if (pending != null) {
      pending.cancel(true);
    }
  }
}
