//! One look at the pool for all that ask within a quarter of a second.

use crate::Unreadable;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a look is good for.
pub(crate) const FRESH: Duration = Duration::from_millis(250);

/// The last look of one kind.
#[derive(Debug, Default)]
pub(crate) struct Cached(Mutex<Option<(Instant, Arc<str>)>>);

impl Cached {
    /// The last look, if it is fresh; else another one.
    pub(crate) fn get(
        &self,
        look: impl FnOnce() -> Result<String, Unreadable>,
    ) -> Result<Arc<str>, Unreadable> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, text)) = &*last
            && at.elapsed() < FRESH
        {
            return Ok(Arc::clone(text));
        }
        let text: Arc<str> = look()?.into();
        *last = Some((Instant::now(), Arc::clone(&text)));
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_ask_at_the_same_time_share_a_look_and_an_error_is_not_kept() {
        let cached = Cached::default();
        assert!(cached.get(|| Err(Unreadable("gone".into()))).is_err());
        let mut looks = 0;
        let start = Instant::now();
        for _ in 0..100 {
            let _ = cached.get(|| {
                looks += 1;
                Ok("x".into())
            });
        }
        // A machine that pauses this thread costs a look each time.
        let most = 1 + start.elapsed().as_millis() / FRESH.as_millis();
        assert!((1..=most).contains(&looks), "{looks} looks");
    }
}
