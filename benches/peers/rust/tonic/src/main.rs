//! The server of the cases `grpc_*`: one unary method that returns what it is given.
//!
//! Owns the Unix socket named by its argument. Started by the Java side of the case
//! (benches/peers/java, `GrpcUds`); says `ready` when it listens and ends at the end of its input.
//!
//! tonic as its documentation shows it: `Server::builder()` on tokio's default runtime, over a
//! `UnixListener`. A message is its raw bytes, by a codec of our own: protobuf would copy them once
//! more on either side, and would need protoc to build. The windows of HTTP/2 are widened to the
//! largest payload, as its documentation advises for large messages.

#![forbid(unsafe_code)]

use bytes::{Buf as _, BufMut as _, Bytes};
use std::convert::Infallible;
use std::error::Error;
use std::future::Ready;
use std::task::{Context, Poll};
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, NamedService};
use tonic::{Request, Response, Status};

/// Larger messages than the largest payload are refused.
const LARGEST: usize = 17 << 20;
/// Of a stream and of a connection.
const WINDOW: u32 = 17 << 20;

/// Messages as they are.
#[derive(Debug, Default)]
struct RawBytes;

impl Codec for RawBytes {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = RawBytes;
    type Decoder = RawBytes;

    fn encoder(&mut self) -> RawBytes {
        RawBytes
    }

    fn decoder(&mut self) -> RawBytes {
        RawBytes
    }
}

impl Encoder for RawBytes {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(item);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::default()
    }
}

impl Decoder for RawBytes {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

/// The method.
struct Echo;

impl Service<Request<Bytes>> for Echo {
    type Response = Response<Bytes>;
    type Error = Status;
    type Future = Ready<Result<Response<Bytes>, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        std::future::ready(Ok(Response::new(request.into_inner())))
    }
}

/// What tonic's generated code would be for a service of that one method.
#[derive(Debug, Clone)]
struct EchoServer;

impl NamedService for EchoServer {
    const NAME: &'static str = "ringwork.Echo";
}

impl Service<http::Request<tonic::body::Body>> for EchoServer {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        Box::pin(async move {
            if request.uri().path() != "/ringwork.Echo/Call" {
                return Ok(Status::unimplemented("no such method").into_http());
            }
            let mut grpc = Grpc::new(RawBytes).max_decoding_message_size(LARGEST);
            Ok(grpc.unary(Echo, request).await)
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Some(path) = std::env::args().nth(1) else {
        return Err("usage: ringwork-peer-tonic SOCKET, by `make bench`".into());
    };
    let listener = UnixListener::bind(&path)?;
    println!("ready");
    tonic::transport::Server::builder()
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .add_service(EchoServer)
        .serve_with_incoming_shutdown(UnixListenerStream::new(listener), end_of_input())
        .await?;
    Ok(())
}

/// Waits for the end of the input: the case has ended, or was killed.
async fn end_of_input() {
    let mut input = tokio::io::stdin();
    let mut buffer = [0_u8; 64];
    while matches!(input.read(&mut buffer).await, Ok(1..)) {}
    // tokio's standard input is read by a thread that can't be ended, and a client may stay.
    std::process::exit(0);
}
