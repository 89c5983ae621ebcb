//! Ways in for the fuzz targets (`fuzz/`), to code that is otherwise private. Not an API.

#[cfg(feature = "ops")]
use super::ops::request;
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

/// What is answered over HTTP to these bytes by the endpoint of a pool whose handlers give back what
/// they are sent.
#[cfg(feature = "ops")]
#[must_use]
pub fn http(sent: &[u8]) -> Vec<u8> {
    ringwork_ops::fuzz::conversation(sent, Box::new(Echo))
}

/// Handlers that are called as the codec of their request.
#[cfg(feature = "ops")]
struct Echo;

#[cfg(feature = "ops")]
impl ringwork_ops::Submitter for Echo {
    fn max_body(&self) -> usize {
        64 << 10
    }

    fn submit(&self, task: ringwork_ops::TaskRequest) -> ringwork_ops::TaskEnd {
        let of_handler = task.handler.parse().ok();
        let request = request::encode(task.kind, of_handler, task.params.as_deref(), task.body);
        let result = request.map(|request| request::shown(request, task.wants_json));
        Box::pin(async { result })
    }
}
