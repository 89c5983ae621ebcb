//! Waiting for a condition: never for a time.

use std::time::{Duration, Instant};

/// The longest that any condition is waited for: a bound against hanging, not a claim.
pub const LIMIT: Duration = Duration::from_secs(60);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(2);

/// Looks until there is something.
///
/// # Errors
/// After [`LIMIT`], with what was waited for.
pub fn find<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> Result<T, String> {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if start.elapsed() > LIMIT {
            return Err(format!("{what}: not within {LIMIT:?}"));
        }
        std::thread::sleep(PAUSE);
    }
}

/// Looks until there is something.
///
/// # Panics
/// After [`LIMIT`], naming what was waited for.
#[track_caller]
pub fn wait_for<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    match find(what, look) {
        Ok(found) => found,
        Err(why) => panic!("{why}"),
    }
}

/// Looks until it is so.
///
/// # Panics
/// After [`LIMIT`], naming what was waited for.
#[track_caller]
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    wait_for(what, || is_so().then_some(()));
}
