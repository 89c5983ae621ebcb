//! Requests over HTTP, byte by byte, as tests of a server want them.

use crate::LIMIT;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Status line and headers, in small letters.
    pub head: String,
    /// The body as text.
    pub body: String,
    /// The body.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// Its body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", self.body))
    }
}

/// A connection.
#[derive(Debug)]
pub struct Connection<S: Read + Write>(BufReader<S>);

/// Opens a connection to `http://ADDRESS`.
///
/// # Panics
/// When no server is there.
#[must_use]
pub fn connect(address: &str) -> Connection<TcpStream> {
    let address = address.strip_prefix("http://").unwrap_or(address);
    let stream = TcpStream::connect(address).expect("a server listens");
    stream.set_read_timeout(Some(LIMIT)).expect("a timeout");
    stream.set_write_timeout(Some(LIMIT)).expect("a timeout");
    Connection(BufReader::new(stream))
}

/// Opens a connection to `unix:PATH`.
///
/// # Panics
/// When no server is there.
#[must_use]
pub fn connect_unix(address: &str) -> Connection<UnixStream> {
    let path = address.strip_prefix("unix:").unwrap_or(address);
    let stream = UnixStream::connect(path).expect("a server listens");
    stream.set_read_timeout(Some(LIMIT)).expect("a timeout");
    Connection(BufReader::new(stream))
}

impl<S: Read + Write> Connection<S> {
    /// Writes these bytes as they are.
    ///
    /// # Panics
    /// When the server is gone.
    pub fn send(&mut self, bytes: &str) {
        self.0.get_mut().write_all(bytes.as_bytes()).expect("sent");
    }

    /// The same; `false` when the server is gone.
    #[must_use]
    pub fn try_send(&mut self, bytes: &str) -> bool {
        self.0.get_mut().write_all(bytes.as_bytes()).is_ok()
    }

    /// Reads a line, without its end; `None` when the server has closed.
    #[must_use]
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.0.read_line(&mut line) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(line.trim_end().to_owned()),
        }
    }

    /// Reads status and headers; `None` when the server closes before.
    #[must_use]
    pub fn head(&mut self) -> Option<Answer> {
        let mut head = String::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            head.push_str(&line.to_lowercase());
            head.push('\n');
        }
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Answer {
            status,
            head,
            body: String::new(),
            bytes: Vec::new(),
        })
    }

    /// Reads an answer whose length is told, as a whole or for each piece; `None` when the server
    /// closes before.
    #[must_use]
    pub fn answer(&mut self) -> Option<Answer> {
        let mut answer = self.head()?;
        let told = |name| answer.head.lines().find_map(|line| line.strip_prefix(name));
        let mut body = Vec::new();
        if let Some(length) = told("content-length: ") {
            body.resize(length.parse().ok()?, 0);
            self.0.read_exact(&mut body).ok()?;
        } else {
            told("transfer-encoding: chunked")?;
            self.read_pieces(&mut body)?;
        }
        answer.body = String::from_utf8_lossy(&body).into_owned();
        answer.bytes = body;
        Some(answer)
    }

    /// Reads pieces, each after a line with its length, until an empty one.
    fn read_pieces(&mut self, body: &mut Vec<u8>) -> Option<()> {
        loop {
            let length = usize::from_str_radix(&self.line()?, 16).ok()?;
            let before = body.len();
            body.resize(before + length, 0);
            self.0.read_exact(&mut body[before..]).ok()?;
            self.line()?;
            if length == 0 {
                return Some(());
            }
        }
    }
}

/// GETs a path, with more header lines, each ended by CR LF.
///
/// # Panics
/// When there is no answer.
#[must_use]
pub fn get_with(address: &str, path: &str, headers: &str) -> Answer {
    let mut connection = connect(address);
    let host = match headers.contains("Host:") {
        true => "",
        false => "Host: localhost\r\n",
    };
    connection.send(&format!("GET {path} HTTP/1.1\r\n{host}{headers}\r\n"));
    connection.answer().expect("an answer")
}

/// GETs a path.
///
/// # Panics
/// When there is no answer.
#[must_use]
pub fn get(address: &str, path: &str) -> Answer {
    get_with(address, path, "")
}

/// The bytes of a request that submits a task, with more header lines, each ended by CR LF.
#[must_use]
pub fn task(handler: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST /tasks/{handler} HTTP/1.1\r\nHost: localhost\r\nX-Ringwork: 1\r\nContent-Length: {length}\r\n\
         {headers}\r\n{body}"
    )
}

/// Submits a task, with more header lines, each ended by CR LF.
///
/// # Panics
/// When there is no answer.
#[must_use]
pub fn post(address: &str, handler: &str, headers: &str, body: &str) -> Answer {
    let mut connection = connect(address);
    connection.send(&task(handler, headers, body));
    connection.answer().expect("an answer")
}

/// The status of the answer to a request that is sent as it is; `None` when there is no answer.
#[must_use]
pub fn status_of(address: &str, request: &str) -> Option<u16> {
    let mut connection = connect(address);
    connection.send(request);
    connection.answer().map(|answer| answer.status)
}
