//! The configuration file of `ringwork serve`: any text is refused with a reason, or gives a
//! configuration that, printed, means the same again.

use ringwork_cli::fuzz::configuration;

/// Reads the bytes as a configuration file.
///
/// # Panics
/// When what is printed is no configuration, or another one.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match configuration(text) {
        Ok((printed, geometry)) => {
            let (again, same) = configuration(&printed)
                .unwrap_or_else(|error| panic!("{error}\nis what follows from\n{printed}"));
            assert_eq!(geometry, same, "{printed}");
            assert_eq!(again, printed);
        }
        Err(error) => assert!(!error.trim().is_empty()),
    }
}
