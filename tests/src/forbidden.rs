//! What a handler in a sandbox must be refused, tried for real.
//!
//! The handler `test.forbidden` does what its request names and reports how it
//! went; `tests/sandbox.rs` has it try everything, in a sandbox and outside.

use nix::sys::signal::kill;
use nix::unistd::Pid;
use ringwork_worker::{Builder, TaskContext, TaskError};
use socket2::{Domain, MsgHdr, Protocol, Socket, Type};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::Command;

/// Adds the handler. The request is `WHAT` or `WHAT ARGUMENT`.
#[must_use]
pub fn handlers(worker: Builder) -> Builder {
    worker
        .task("test.forbidden", |_: &TaskContext<'_>, request: String| {
            let (what, argument) = request.split_once(' ').unwrap_or((&request, ""));
            attempt(what, argument)
                .map_err(|error| TaskError::new("test.refused", format!("{request}: {error}")))
        })
        .task("test.unwraps", |_: &TaskContext<'_>, path: String| {
            let file = File::open(path).unwrap();
            Ok::<_, TaskError>(file.metadata()?.len() as i64)
        })
}

fn done<T>(_: T) -> String {
    "done".to_owned()
}

fn attempt(what: &str, argument: &str) -> io::Result<String> {
    match what {
        "read" => fs::read_to_string(argument),
        "list" => fs::read_dir(argument).map(|entries| entries.count().to_string()),
        "write" => fs::write(argument, "x").map(done),
        "append" => OpenOptions::new().append(true).open(argument).map(done),
        "truncate" => OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(argument)
            .map(done),
        "remove" => fs::remove_file(argument).map(done),
        "rename" => fs::rename(argument, format!("{argument}.x")).map(done),
        "mkdir" => fs::create_dir(argument).map(done),
        "chmod" => fs::set_permissions(argument, Permissions::from_mode(0o600)).map(done),
        "tcp" => TcpStream::connect(argument).map(done),
        // What connects and is no `connect` of TCP.
        "mptcp" => Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::from(262))).map(done),
        "first" => {
            let address: SocketAddr = argument.parse().map_err(io::Error::other)?;
            let address = address.into();
            let bytes = [io::IoSlice::new(b"x")];
            let message = MsgHdr::new().with_addr(&address).with_buffers(&bytes);
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            let msg_fastopen = 0x2000_0000;
            socket.sendmsg(&message, msg_fastopen).map(done)
        }
        "listen" => TcpListener::bind("127.0.0.1:0").map(done),
        "udp" => UdpSocket::bind("127.0.0.1:0").map(done),
        "unix" => UnixStream::connect(argument).map(done),
        "datagram" => UnixDatagram::pair().map(done),
        "exec" => Command::new("/bin/true").status().map(done),
        "kill" => {
            let pid = argument.parse().map_err(io::Error::other)?;
            // Signal 0: whether one could be sent.
            kill(Pid::from_raw(pid), None)
                .map(done)
                .map_err(io::Error::from)
        }
        "outlive" => nix::sys::prctl::set_pdeathsig(None)
            .map(done)
            .map_err(io::Error::from),
        "limits" => {
            use rustix::process::{Resource, getrlimit, setrlimit};
            setrlimit(Resource::Core, getrlimit(Resource::Core))
                .map(done)
                .map_err(io::Error::from)
        }
        // What stays allowed.
        "thread" => std::thread::Builder::new()
            .spawn(|| "done".to_owned())
            .map(|thread| thread.join().unwrap_or_default()),
        "stat" => fs::metadata(argument).map(|meta| meta.len().to_string()),
        "pair" => UnixStream::pair().map(done),
        "memory" => {
            let memory = vec![1_u8; 64 << 20];
            Ok(memory.len().to_string())
        }
        _ => Err(io::Error::other("no such thing")),
    }
}
