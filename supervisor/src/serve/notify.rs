//! The service manager (systemd): told when the pool is ready, reloads, stops, and
//! that the supervisor is alive.
//!
//! Called by the supervisor's loop only, so that a supervisor that hangs misses
//! its beat. Without `NOTIFY_SOCKET`, and in an embedded pool, whose owner is the
//! service, every call does nothing.

use sd_notify::NotifyState;
use std::time::{Duration, Instant};

/// The connection to the service manager.
#[derive(Debug)]
pub(crate) struct Notifier {
    on: bool,
    /// Half of the time within which it expects a beat.
    interval: Option<Duration>,
    beaten: Instant,
    stopping: bool,
}

impl Notifier {
    pub(crate) fn new(embedded: bool) -> Self {
        let on = !embedded && std::env::var_os("NOTIFY_SOCKET").is_some();
        Self {
            on,
            interval: sd_notify::watchdog_enabled()
                .filter(|limit| on && !limit.is_zero())
                .map(|limit| limit / 2),
            beaten: Instant::now(),
            stopping: false,
        }
    }

    fn tell(&self, states: &[NotifyState<'_>]) {
        if self.on
            && let Err(error) = sd_notify::notify(states)
        {
            tracing::debug!(
                event = "pool.manager_untold",
                "the service manager can't be told: {error}"
            );
        }
    }

    /// The pool is served, at first or after a reload.
    pub(crate) fn ready(&self, status: &str) {
        self.tell(&[NotifyState::Ready, NotifyState::Status(&one_line(status))]);
    }

    /// A reload begins; [`Notifier::ready`] follows in any case.
    pub(crate) fn reloading(&self) {
        // Without the time systemd takes the message for one of before its request.
        if let Ok(now) = NotifyState::monotonic_usec_now() {
            self.tell(&[
                NotifyState::Reloading,
                now,
                NotifyState::Status("reloading"),
            ]);
        }
    }

    /// The pool drains or ends; told once.
    pub(crate) fn stopping(&mut self) {
        if !std::mem::replace(&mut self.stopping, true) {
            self.tell(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
        }
    }

    /// One line for people.
    pub(crate) fn status(&self, status: &str) {
        self.tell(&[NotifyState::Status(&one_line(status))]);
    }

    /// Gives the sign of life when it is time.
    pub(crate) fn beat(&mut self) {
        if self.next_beat().is_some_and(|next| next.is_zero()) {
            self.beaten = Instant::now();
            self.tell(&[NotifyState::Watchdog]);
        }
    }

    /// How long until the next sign of life is due.
    pub(crate) fn next_beat(&self) -> Option<Duration> {
        self.interval
            .map(|interval| interval.saturating_sub(self.beaten.elapsed()))
    }
}

/// A status is one line: a newline would begin another field.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}
