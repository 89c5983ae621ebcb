//! Random bytes of the kernel's, without a file.

use std::io;

/// Fills `bytes` with random bytes of the kernel's: getrandom(2), which opens no file. So a
/// confined worker may call it, and a statically linked one; the crate of that name looks for the
/// call by its symbol, finds none in a static binary, and turns to a file that the sandbox refuses.
///
/// # Errors
/// When the kernel has none: before 3.17, or where a filter refuses the call.
pub fn random(bytes: &mut [u8]) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        // SAFETY: `rest` is writable for its length, and lives.
        let filled = unsafe { libc::getrandom(rest.as_mut_ptr().cast(), rest.len(), 0) };
        match usize::try_from(filled) {
            Ok(filled) => rest = &mut rest[filled..],
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn random_bytes_fill_the_whole_room_and_differ() {
        // More than the 256 bytes that one call surely fills.
        let (mut first, mut second) = ([0; 4096], [0; 4096]);
        super::random(&mut first).unwrap();
        super::random(&mut second).unwrap();
        assert_ne!(first, second);
        assert_ne!(first[first.len() - 64..], [0; 64]);
        super::random(&mut []).unwrap();
    }
}
