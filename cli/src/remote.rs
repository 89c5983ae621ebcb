//! A pool that is looked at over HTTP: by its address in place of its name.

use super::exit::{FAILED, Failure, NO_POOL};
use ringwork_ops::client::{Url, get};
use ringwork_supervisor::HttpOptions;
use std::path::Path;
use std::time::Duration;

/// How long a pool may take for an answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// A pool, and what it asks of those that look.
#[derive(Debug)]
pub(super) struct RemotePool {
    url: Url,
    token: Option<String>,
}

impl RemotePool {
    /// The pool at this address; `None` when it is a name.
    pub(super) fn named(name: &str, token: Option<&Path>) -> Result<Option<Self>, Failure> {
        if !name.contains(':') {
            return match token {
                Some(_) => Err(Failure::usage(format!(
                    "--http-token-file goes with an address such as http://127.0.0.1:9464, and {name} is a name"
                ))),
                None => Ok(None),
            };
        }
        let mut options = HttpOptions::default();
        options.http_token_file = token.map(Path::to_path_buf);
        Ok(Some(Self {
            url: name.parse().map_err(Failure::usage)?,
            token: options.token().map_err(Failure::usage)?,
        }))
    }

    /// What it answers for a path.
    pub(super) fn get(&self, path: &str, accept: &str) -> Result<String, Failure> {
        let answer = get(&self.url, path, accept, self.token.as_deref(), PATIENCE);
        let answer = answer.map_err(|why| Failure::new(NO_POOL, why))?;
        match answer.status {
            200 => Ok(answer.body),
            status => Err(Failure::new(
                FAILED,
                format!("{} answers {status}: {}", self.url, answer.why()),
            )),
        }
    }
}
