package com.example.images;

import io.netty.channel.ChannelHandlerContext;
import io.opentelemetry.context.Context;

/**
 * Tasks that are called by a virtual thread each, which waits for the result without a carrier. An
 * interrupt ends the wait and cancels the task.
 */
final class VirtualThreadExchange extends Exchange {
  /** The thread of the request that waits for its reply, or null. */
  private Thread thread;

  VirtualThreadExchange(ImageServer server) {
    super(server);
  }

  @Override
  <Q, R> void start(ChannelHandlerContext context, Routes.Job<Q, R> job, boolean keepAlive) {
    Context request = Context.current(); // a new thread has none
    thread = Thread.startVirtualThread(request.wrap(() -> answer(context, job, keepAlive)));
  }

  private void answer(ChannelHandlerContext context, Routes.Job<?, ?> job, boolean keepAlive) {
    Reply reply = run(job);
    Runnable send =
        () -> {
          thread = null;
          finish(context, reply, keepAlive);
        };
    context.executor().execute(Context.current().wrap(send));
  }

  /** Code as of a servlet: it calls, and has the result or an exception. */
  private <Q, R> Reply run(Routes.Job<Q, R> job) {
    try {
      return job.reply().apply(server.pool().call(job.type(), job.request(), job.options()));
    } catch (InterruptedException senderHasGone) {
      return Reply.senderHasGone();
    } catch (RuntimeException failure) {
      return Reply.of(failure);
    }
  }

  @Override
  void cancel() {
    if (thread != null) {
      thread.interrupt();
    }
  }
}
