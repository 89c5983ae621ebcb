//! Ways in for the fuzz targets (`fuzz/`), to code that is otherwise private. Not an API.

use super::{cbor, effective, options, view};
use ringwork_ring::{Geometry, Segment};

/// The segment as `ringwork stat --json` prints it.
///
/// # Errors
/// When the supervisor's lock can't be looked at.
pub fn stat(segment: &Segment) -> Result<String, String> {
    let view = view::pool(segment).map_err(|error| error.to_string())?;
    serde_json::to_string(&view).map_err(|error| error.to_string())
}

/// What follows from a configuration file: the configuration as `--print-config` prints it, and
/// the segment's geometry.
///
/// # Errors
/// What `ringwork serve` would say to the file.
pub fn configuration(text: &str) -> Result<(String, Geometry), String> {
    let config = options::parse(text)?;
    let geometry = config.validate().map_err(|error| error.to_string())?;
    Ok((effective::printed(&config, &geometry)?, geometry))
}

/// A CBOR item as `ringwork submit` shows it.
#[must_use]
pub fn cbor_text(bytes: &[u8]) -> Option<String> {
    cbor::to_text(bytes)
}

/// The CBOR item of JSON that is given to `ringwork submit`.
///
/// # Errors
/// When it is no JSON.
pub fn cbor_from_json(json: &str) -> Result<Vec<u8>, String> {
    cbor::from_json(json)
}
