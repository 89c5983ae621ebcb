package com.example.images;

import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.opentelemetry.context.Scope;

/**
 * The requests of one connection, one after the other. Its event loop calls every method, so the
 * fields need no lock. How a task is run and waited for is the subclass's: by a callback, or by a
 * virtual thread.
 */
abstract class Exchange extends SimpleChannelInboundHandler<FullHttpRequest> {
  /** The server that it belongs to. */
  final ImageServer server;

  /** Whether a request waits for its reply. */
  private boolean busy;

  Exchange(ImageServer server) {
    this.server = server;
  }

  /**
   * Begins a task; {@link #finish} is called on the event loop when it has ended, in the context in
   * which this is called.
   */
  abstract <Q, R> void start(
      ChannelHandlerContext context, Routes.Job<Q, R> job, boolean keepAlive);

  /** Gives the task up that was begun last, if it is under way. */
  abstract void cancel();

  @Override
  protected final void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
    if (busy) {
      context.close(); // This server takes no second request before the first is answered.
      return;
    }
    boolean keepAlive = HttpUtil.isKeepAlive(request);
    QueryStringDecoder uri = new QueryStringDecoder(request.uri());
    Reply atOnce = server.atOnce(uri.path());
    if (atOnce != null) {
      send(context, atOnce, keepAlive);
      return;
    }
    Routes.Route route = server.routes().get(uri.path());
    if (route == null) {
      send(context, Reply.text(404, "no such path"), keepAlive);
      return;
    }
    Routes.Job<?, ?> job;
    try {
      job = route.job(uri.parameters(), ByteBufUtil.getBytes(request.content()));
    } catch (IllegalArgumentException malformed) {
      send(context, Reply.text(400, String.valueOf(malformed.getMessage())), keepAlive);
      return;
    }
    busy = true;
    server.begun();
    Scope span = server.traces().begin(request, uri.path()).makeCurrent();
    try {
      start(context, job, keepAlive);
    } finally {
      span.close();
    }
  }

  final void finish(ChannelHandlerContext context, Reply reply, boolean keepAlive) {
    busy = false;
    Traces.end(reply);
    server.ended();
    if (context.channel().isActive()) {
      send(context, reply, keepAlive);
    }
  }

  /** The sender has gone: a queued task is dropped, a running one is told. */
  @Override
  public final void channelInactive(ChannelHandlerContext context) {
    cancel();
  }

  @Override
  public final void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    context.close(); // A connection reset, or what is no HTTP; channelInactive follows.
  }

  private void send(ChannelHandlerContext context, Reply reply, boolean keepAlive) {
    var response =
        new DefaultFullHttpResponse(
            HttpVersion.HTTP_1_1,
            HttpResponseStatus.valueOf(reply.status()),
            Unpooled.wrappedBuffer(reply.body()));
    boolean keep = keepAlive && !server.isStopping();
    response
        .headers()
        .set(HttpHeaderNames.CONTENT_TYPE, reply.type())
        .setInt(HttpHeaderNames.CONTENT_LENGTH, reply.body().length);
    if (reply.retryAfter() > 0) {
      response.headers().setInt(HttpHeaderNames.RETRY_AFTER, reply.retryAfter());
    }
    if (keep) {
      context.writeAndFlush(response);
    } else {
      response.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
      context.writeAndFlush(response).addListener(ChannelFutureListener.CLOSE);
    }
  }
}
