//! The other side of the cases `uds_SIZE`: a process that returns each message on a Unix socket.
//!
//! `ringwork-bench uds-echo SOCKET SIZE`, started by the Java side (`UnixSocket`). It takes one
//! connection and ends with it; or at the end of its input, if no peer comes.

use std::io::{ErrorKind, Read as _, Result, Write as _};
use std::os::unix::net::UnixListener;
use std::path::Path;

/// Says `ready`, then returns messages of `size` bytes until the connection ends.
pub fn serve(path: &Path, size: usize) -> Result<()> {
    let listener = UnixListener::bind(path)?;
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0); // the process that started it is gone
    });
    println!("ready");
    let (mut socket, _) = listener.accept()?;
    let mut message = vec![0; size];
    loop {
        match socket.read_exact(&mut message) {
            Ok(()) => socket.write_all(&message)?,
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}
