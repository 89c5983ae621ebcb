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
import io.ringwork.TaskFuture;

/**
 * The requests of one connection, one after the other. Its event loop calls every method, so the
 * fields need no lock.
 */
final class Exchange extends SimpleChannelInboundHandler<FullHttpRequest> {
  private final ImageServer server;

  /** The task of the request that waits for its reply, or null. */
  private TaskFuture<?> pending;

  Exchange(ImageServer server) {
    this.server = server;
  }

  @Override
  protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
    if (pending != null) {
      context.close(); // This server takes no second request before the first is answered.
      return;
    }
    boolean keepAlive = HttpUtil.isKeepAlive(request);
    QueryStringDecoder uri = new QueryStringDecoder(request.uri());
    if (uri.path().equals("/ready")) {
      send(context, server.isReady() ? Reply.text(200, "ready") : Reply.text(503, "no"), keepAlive);
      return;
    }
    Routes.Route route = server.routes().get(uri.path());
    if (route == null) {
      send(context, Reply.text(404, "no such path"), keepAlive);
      return;
    }
    try {
      byte[] body = ByteBufUtil.getBytes(request.content());
      start(context, route.start(server.pool(), uri.parameters(), body), keepAlive);
    } catch (IllegalArgumentException malformed) {
      send(context, Reply.text(400, String.valueOf(malformed.getMessage())), keepAlive);
    }
  }

  private <R> void start(ChannelHandlerContext context, Routes.Work<R> work, boolean keepAlive) {
    server.begun();
    pending = work.future();
    // The event loop sends the reply: no other thread is woken for it.
    work.future()
        .whenCompleteAsync(
            (result, failure) -> {
              pending = null;
              server.ended();
              if (context.channel().isActive()) {
                Reply reply = failure == null ? work.reply().apply(result) : Reply.of(failure);
                send(context, reply, keepAlive);
              }
            },
            context.executor());
  }

  /** The sender has gone: a queued task is dropped, a running one is told. */
  @Override
  public void channelInactive(ChannelHandlerContext context) {
    if (pending != null) {
      pending.cancel(true);
    }
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
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
