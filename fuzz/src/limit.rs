//! How long an input may take, in processor time of this process: a fuzzer that waits for a busy or a
//! frozen machine has found nothing. libFuzzer's own limit is by the clock, so `tools/fuzz` sets it
//! so high that only a target that waits for ever meets it.

use std::sync::Once;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// An input takes milliseconds, and some hundred with the sanitizer.
const SECONDS: i64 = 30;
/// How often an input that runs is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// No input runs.
const IDLE: i64 = i64::MAX;

/// The processor time of the process when the input began.
static BEGAN: AtomicI64 = AtomicI64::new(IDLE);
static WATCH: Once = Once::new();

/// Runs a target. An input that takes too long ends the process, which libFuzzer reports as a crash.
pub fn limited(run: fn(&[u8]), data: &[u8]) {
    WATCH.call_once(|| {
        std::thread::spawn(watch);
    });
    BEGAN.store(processor_seconds(), Ordering::Relaxed);
    run(data);
    BEGAN.store(IDLE, Ordering::Relaxed);
}

fn watch() {
    loop {
        std::thread::sleep(LOOK);
        let taken = processor_seconds().saturating_sub(BEGAN.load(Ordering::Relaxed));
        if taken > SECONDS {
            eprintln!("ERROR: an input has taken more than {SECONDS} s of processor time");
            std::process::abort();
        }
    }
}

fn processor_seconds() -> i64 {
    clock_gettime(ClockId::ProcessCPUTime).tv_sec
}
