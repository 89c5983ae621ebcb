//! What the machine can do at best, between two processes, over the same kind of mapping.
//!
//! Owns a scratch segment and a peer process (this program again, see [`serve`]) that answers on
//! it: by spinning on a cache line, or on a slot's lines, by a futex, or over a Unix socket. The
//! peer sleeps on a futex between two measurements, so it disturbs no other case.
//!
//! Ping and pong are words in slots of the scratch segment that no other process uses, 384 bytes
//! apart: one cache line crosses to the peer, another comes back. The one that measures spins
//! without a pause, which is some 20 ns faster here; the peer with one, which is faster too.

use hdrhistogram::Histogram;
use ringwork_ring::format::layout::{SLOT_REQUEST, SLOT_RESULT};
use ringwork_ring::queue::wait::{futex_wait, futex_wake};
use ringwork_ring::records::Slot;
use ringwork_ring::testing::{RawWords, Steps};
use ringwork_ring::{Codec, PoolConfig, PoolDir, Segment, Status};
use std::error::Error;
use std::hint::black_box;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Slots used as words: spin ping and pong, futex ping and pong, the peer's orders, the last
/// order that it has carried out.
const PING: u32 = 0;
const PONG: u32 = 1;
const FUTEX_PING: u32 = 2;
const FUTEX_PONG: u32 = 3;
const ORDER: u32 = 4;
const CARRIED_OUT: u32 = 5;
/// The slots used as such, from here on; their generation counts.
const TASKS: u32 = 6;
/// Tasks under way in a window.
const WINDOW: u32 = 1024;
/// Hints that a lane takes at once, and a client.
const TAKEN: (usize, usize) = (8, 64);
/// Orders, in the low bits; the rest counts them.
const ORDER_BITS: u32 = 3;
const SPIN: u32 = 1;
const FUTEX: u32 = 2;
const UDS: u32 = 3;
const SLOT: u32 = 4;
const SLOTS: u32 = 5;
const LEAVE: u32 = 0;
/// What ends a spinning or futex measurement, in place of the next ping.
const STOP: u32 = u32::MAX;
/// A message over the socket, as long as a task's request; of this value it ends the measurement.
type Message = [u8; 64];
const LAST: Message = [0xff; 64];
/// The socket, in the segment's directory.
const SOCKET: &str = "uds.sock";
/// A sleeper looks again this often, so that a dead partner is noticed.
const PATIENCE: Duration = Duration::from_secs(1);
/// Longer round trips are counted as this one.
const LONGEST_NS: u64 = 60_000_000_000;
/// Round trips of one sample of the probe.
const PROBE_BATCH: u32 = 32;

/// The scratch segment and the peer.
pub struct Limits {
    segment: Segment,
    peer: Child,
    socket: UnixStream,
    orders: u32,
    _locks: ringwork_ring::segment::SupervisorLocks,
}

fn word(segment: &Segment, slot: u32) -> &AtomicU32 {
    segment.raw32(segment.geometry().slot_at(slot))
}

/// A slot as the measurement of its lines uses it.
struct Task<'s> {
    // Found once: what looks it up again with each access costs the window a quarter.
    slot: Slot<'s>,
    request: [&'s AtomicU64; 8],
    result: [&'s AtomicU64; 8],
}

impl<'s> Task<'s> {
    fn of(segment: &'s Segment, index: u32) -> Self {
        let slot = TASKS + index;
        let at = segment.geometry().slot_at(slot);
        let part = |field: usize| std::array::from_fn(|n| segment.raw64(at + field + 8 * n));
        Self {
            slot: segment.slot(slot),
            request: part(SLOT_REQUEST),
            result: part(SLOT_RESULT),
        }
    }

    fn window(segment: &'s Segment) -> Vec<Self> {
        (0..WINDOW).map(|index| Self::of(segment, index)).collect()
    }

    /// The generation of its next task: generations go on from one measurement to the next.
    fn next(&self) -> u64 {
        self.slot.published().generation() + 1
    }

    fn submit(&self, count: u64) {
        for word in self.request {
            word.store(count, Ordering::Relaxed);
        }
        self.slot.publish(count);
    }

    fn is_done(&self, count: u64) -> bool {
        self.slot.ended_acquire().generation() == count
    }

    /// What a lane does: claims it, copies, ends it; false when it is not queued.
    fn run(&self) -> bool {
        let Some(claimed) = self.slot.take(0) else {
            return false;
        };
        for (result, request) in self.result.iter().zip(self.request) {
            result.store(request.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        self.slot.end(claimed.done(Status::Ok.into(), Codec::Bytes));
        true
    }

    /// Whether the result is the request.
    fn is_right(&self, count: u64) -> bool {
        self.result
            .iter()
            .all(|word| word.load(Ordering::Relaxed) == count)
    }
}

/// Fetches the lines that the other side has written in parallel.
fn touch(tasks: &[Task<'_>], which: &[u32]) {
    let read = which.iter().fold(0, |read, at| {
        let task = &tasks[*at as usize];
        [task.slot.ended_word(), task.result[7]]
            .iter()
            .fold(read, |read, word| read ^ word.load(Ordering::Relaxed))
    });
    black_box(read);
}

/// As [`touch`], of what a client has written.
fn touch_requests(tasks: &[Task<'_>], which: &[u32]) {
    let read = which.iter().fold(0, |read, at| {
        let task = &tasks[*at as usize];
        [task.slot.published_word(), task.request[7]]
            .iter()
            .fold(read, |read, word| read ^ word.load(Ordering::Relaxed))
    });
    black_box(read);
}

impl Limits {
    /// Makes the segment and starts the peer.
    pub fn start() -> Result<Self, Box<dyn Error>> {
        let dir = PoolDir::new(&format!("bench-limits-{}", std::process::id()))?;
        let config = PoolConfig::default()
            .clients(1)
            .slots(2 * WINDOW)
            .segment_size(4 << 20);
        let (segment, locks) = Segment::create(&dir, &config)?;
        let path = dir.path().join(SOCKET);
        let listener = UnixListener::bind(&path)?;
        let mut peer = Command::new(std::env::current_exe()?)
            .arg("peer")
            .arg(dir.path())
            .spawn()?;
        let socket = match accept(&listener, &mut peer) {
            Ok(socket) => socket,
            Err(error) => {
                segment.remove()?;
                return Err(error);
            }
        };
        // No other process is to connect, and the next one of this program binds the same name.
        std::fs::remove_file(path)?;
        let mut limits = Self {
            segment,
            peer,
            socket,
            orders: 0,
            _locks: locks,
        };
        limits.spin(Duration::from_millis(200))?; // the kernel puts the two on two cores
        Ok(limits)
    }

    fn order(&mut self, kind: u32) {
        for slot in [PING, PONG, FUTEX_PING, FUTEX_PONG] {
            word(&self.segment, slot).store(0, Ordering::SeqCst);
        }
        self.orders += 1;
        let order = word(&self.segment, ORDER);
        order.store(self.orders << ORDER_BITS | kind, Ordering::SeqCst);
        futex_wake(order, 1);
    }

    /// Ends a measurement and waits until the peer sleeps again.
    fn end(&mut self, ping: u32) -> Result<(), Box<dyn Error>> {
        let ping = word(&self.segment, ping);
        ping.store(STOP, Ordering::Release);
        futex_wake(ping, 1);
        let start = Instant::now();
        while word(&self.segment, CARRIED_OUT).load(Ordering::Acquire) >> ORDER_BITS != self.orders
        {
            if start.elapsed() > PATIENCE {
                return self.check_peer();
            }
            std::thread::yield_now();
        }
        Ok(())
    }

    fn check_peer(&mut self) -> Result<(), Box<dyn Error>> {
        match self.peer.try_wait()? {
            None => Ok(()),
            Some(status) => Err(format!("the peer process ended: {status}").into()),
        }
    }

    /// The first round trip by spinning: the peer must wake first.
    fn begin_spin(&mut self) -> Result<(), Box<dyn Error>> {
        self.order(SPIN);
        let start = Instant::now();
        word(&self.segment, PING).store(1, Ordering::Release);
        while word(&self.segment, PONG).load(Ordering::Acquire) != 1 {
            if start.elapsed() > PATIENCE {
                self.check_peer()?;
            }
            std::thread::yield_now(); // until it has a core of its own
        }
        Ok(())
    }

    /// Round trips of a raw cache line, each one timed, for `time`.
    pub fn spin(&mut self, time: Duration) -> Result<Histogram<u64>, Box<dyn Error>> {
        self.begin_spin()?;
        let (ping, pong) = (word(&self.segment, PING), word(&self.segment, PONG));
        let mut histogram = Histogram::new_with_bounds(1, LONGEST_NS, 3)?;
        let mut n = 1_u32;
        let end = Instant::now() + time;
        loop {
            n += 1;
            let start = Instant::now();
            ping.store(n, Ordering::Release);
            while pong.load(Ordering::Acquire) != n {}
            let now = Instant::now();
            histogram.saturating_record((now - start).as_nanos() as u64);
            if now >= end {
                break;
            }
        }
        self.end(PING)?;
        Ok(histogram)
    }

    /// Round trips of what every task must move, and no more, each one timed, for `time`: 64 bytes
    /// into a slot, its published word, the compare-and-swap that claims a task, 64 bytes back, and
    /// its ended word. No hint, no handler, no other field, and each side watches the other's word.
    pub fn slot(&mut self, time: Duration) -> Result<Histogram<u64>, Box<dyn Error>> {
        self.order(SLOT);
        let start = Instant::now();
        let first = Task::of(&self.segment, 0).next();
        Task::of(&self.segment, 0).submit(first);
        while !Task::of(&self.segment, 0).is_done(first) {
            if start.elapsed() > PATIENCE {
                self.check_peer()?;
            }
            std::thread::yield_now(); // until it is awake and has a core of its own
        }
        let task = Task::of(&self.segment, 0);
        let mut histogram = Histogram::new_with_bounds(1, LONGEST_NS, 3)?;
        let end = Instant::now() + time;
        for count in first + 1.. {
            let start = Instant::now();
            task.submit(count);
            while !task.is_done(count) {}
            let right = task.is_right(count);
            let now = Instant::now();
            if !right {
                return Err("the slot returned something else".into());
            }
            histogram.saturating_record((now - start).as_nanos() as u64);
            if now >= end {
                break;
            }
        }
        self.end(PING)?;
        Ok(histogram)
    }

    /// Tasks a second, for `time`, when [`WINDOW`] are under way, of what a task must move and no
    /// more: as in [`Self::slot`], and a hint in the injector ring and one in the completion ring.
    pub fn slots(&mut self, time: Duration) -> Result<f64, Box<dyn Error>> {
        self.order(SLOTS);
        let segment = &self.segment;
        let tasks = Task::window(segment);
        let (hints, ends) = (segment.injector(0), segment.completion_ring(0));
        let submit = |at: u32, count: u64| {
            tasks[at as usize].submit(count);
            hints.enqueue(at).map_err(|_| "the ring is full")
        };
        let mut counts: Vec<u64> = tasks.iter().map(Task::next).collect();
        (0..WINDOW).try_for_each(|at| submit(at, counts[at as usize]))?;
        let mut taken = [0; TAKEN.1];
        let mut under_way = WINDOW;
        let mut done = 0_u64;
        // From the first answer: the peer must wake first.
        let mut start = Instant::now();
        let mut heard = start;
        let mut rate = None;
        while under_way > 0 {
            let now = Instant::now();
            let peeked = ends.peek(&mut taken);
            if peeked.count == 0 || !ends.take(peeked) {
                if now - heard > PATIENCE {
                    return Err("the peer does not answer".into());
                }
                continue;
            }
            heard = now;
            if done == 0 {
                start = now;
            }
            let is_last = now - start >= time;
            if is_last {
                rate.get_or_insert(done as f64 / (now - start).as_secs_f64());
            }
            let ended = &taken[..peeked.count];
            touch(&tasks, ended);
            for at in ended {
                let count = &mut counts[*at as usize];
                if !tasks[*at as usize].is_right(*count) {
                    return Err("a slot returned something else".into());
                }
                done += 1;
                if is_last {
                    under_way -= 1;
                } else {
                    *count += 1;
                    submit(*at, *count)?;
                }
            }
        }
        self.end(PING)?;
        Ok(rate.unwrap_or_default())
    }

    /// The raw probe: the median over `time` of the mean of [`PROBE_BATCH`]
    /// round trips, in nanoseconds; without any clock in between.
    pub fn probe(&mut self, time: Duration) -> Result<f64, Box<dyn Error>> {
        self.begin_spin()?;
        let (ping, pong) = (word(&self.segment, PING), word(&self.segment, PONG));
        let mut samples = Vec::with_capacity(8192);
        let mut n = 1_u32;
        let end = Instant::now() + time;
        let mut start = Instant::now();
        while start < end {
            for _ in 0..PROBE_BATCH {
                n += 1;
                ping.store(n, Ordering::Release);
                while pong.load(Ordering::Acquire) != n {}
            }
            let now = Instant::now();
            samples.push((now - start).as_nanos() as f64 / f64::from(PROBE_BATCH));
            start = now;
        }
        self.end(PING)?;
        samples.sort_by(f64::total_cmp);
        Ok(samples[samples.len() / 2])
    }

    /// Round trips by two futexes, each one timed, for `time`: both sides sleep in between.
    pub fn futex(&mut self, time: Duration) -> Result<Histogram<u64>, Box<dyn Error>> {
        self.order(FUTEX);
        let (ping, pong) = (
            word(&self.segment, FUTEX_PING),
            word(&self.segment, FUTEX_PONG),
        );
        let mut histogram = Histogram::new_with_bounds(1, LONGEST_NS, 3)?;
        let end = Instant::now() + time;
        let mut n = 0_u32;
        loop {
            n += 1;
            let start = Instant::now();
            ping.store(n, Ordering::Release);
            futex_wake(ping, 1);
            while pong.load(Ordering::Acquire) != n {
                futex_wait(pong, n - 1, PATIENCE);
            }
            let now = Instant::now();
            if n > 100 {
                histogram.saturating_record((now - start).as_nanos() as u64);
            }
            if now >= end {
                break;
            }
        }
        self.end(FUTEX_PING)?;
        Ok(histogram)
    }

    /// Round trips of 64 bytes over a Unix stream socket, each one timed, for `time`: both sides
    /// block in `read`.
    pub fn uds(&mut self, time: Duration) -> Result<Histogram<u64>, Box<dyn Error>> {
        self.order(UDS);
        let mut histogram = Histogram::new_with_bounds(1, LONGEST_NS, 3)?;
        let end = Instant::now() + time;
        let (mut message, mut answer): (Message, Message) = ([0; 64], [0; 64]);
        let mut n = 0_u64;
        loop {
            n += 1;
            message[..8].copy_from_slice(&n.to_le_bytes());
            let start = Instant::now();
            self.socket.write_all(&message)?;
            self.socket.read_exact(&mut answer)?;
            let now = Instant::now();
            if answer != message {
                return Err("the socket returned something else".into());
            }
            if n > 100 {
                histogram.saturating_record((now - start).as_nanos() as u64);
            }
            if now >= end {
                break;
            }
        }
        self.socket.write_all(&LAST)?;
        self.end(PING)?;
        Ok(histogram)
    }
}

/// Waits for the peer to connect.
fn accept(listener: &UnixListener, peer: &mut Child) -> Result<UnixStream, Box<dyn Error>> {
    listener.set_nonblocking(true)?;
    loop {
        match listener.accept() {
            Ok((socket, _)) => {
                socket.set_nonblocking(false)?;
                return Ok(socket);
            }
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error.into()),
            Err(_) => {}
        }
        if let Some(status) = peer.try_wait()? {
            return Err(format!("the peer process ended: {status}").into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

impl Drop for Limits {
    fn drop(&mut self) {
        self.order(LEAVE);
        // A measurement that has failed has left the peer at it.
        for ping in [PING, FUTEX_PING] {
            let ping = word(&self.segment, ping);
            ping.store(STOP, Ordering::Release);
            futex_wake(ping, 1);
        }
        let _ = self.socket.shutdown(Shutdown::Both);
        let _ = self.peer.wait();
        let _ = self.segment.remove();
    }
}

/// The peer: answers on the segment in `dir` until it is told to leave, or its parent is gone.
pub fn serve(dir: &Path) -> Result<(), Box<dyn Error>> {
    let segment = Segment::attach(&PoolDir::at(dir)?)?;
    let mut socket = UnixStream::connect(dir.join(SOCKET))?;
    let mut seen = 0;
    while segment.supervisor_lives()? {
        let order = word(&segment, ORDER).load(Ordering::Acquire);
        if order == seen {
            futex_wait(word(&segment, ORDER), seen, PATIENCE);
            continue;
        }
        seen = order;
        match order & ((1 << ORDER_BITS) - 1) {
            SPIN => answer_spinning(&segment),
            SLOT => answer_in_slot(&segment),
            SLOTS => answer_in_slots(&segment),
            FUTEX => answer_by_futex(&segment),
            UDS => answer_by_socket(&mut socket)?,
            _ => break,
        }
        word(&segment, CARRIED_OUT).store(seen, Ordering::Release);
    }
    Ok(())
}

fn answer_spinning(segment: &Segment) {
    let (ping, pong) = (word(segment, PING), word(segment, PONG));
    let mut seen = 0;
    let mut idle = 0_u64;
    loop {
        let now = ping.load(Ordering::Acquire);
        if now == STOP {
            return;
        }
        if now != seen {
            seen = now;
            idle = 0;
            pong.store(black_box(now), Ordering::Release);
        }
        idle += 1;
        if idle > 1 << 32 {
            return; // the other side is dead
        }
        std::hint::spin_loop();
    }
}

fn answer_in_slot(segment: &Segment) {
    let task = Task::of(segment, 0);
    let stop = word(segment, PING);
    let mut idle = 0_u64;
    while stop.load(Ordering::Relaxed) != STOP && idle < 1 << 32 {
        idle += 1;
        if task.run() {
            idle = 0;
        } else {
            std::hint::spin_loop();
        }
    }
}

fn answer_in_slots(segment: &Segment) {
    let tasks = Task::window(segment);
    let (hints, ends) = (segment.injector(0), segment.completion_ring(0));
    let stop = word(segment, PING);
    let mut idle = 0_u64;
    let mut taken = [0; TAKEN.0];
    while stop.load(Ordering::Relaxed) != STOP && idle < 1 << 32 {
        idle += 1;
        let peeked = hints.peek(&mut taken);
        if peeked.count == 0 || !hints.take(peeked) {
            std::hint::spin_loop();
            continue;
        }
        idle = 0;
        let now = &taken[..peeked.count];
        touch_requests(&tasks, now);
        for at in now {
            tasks[*at as usize].run();
            let _ = ends.enqueue(*at); // never full: it has room for twice the slots
        }
    }
}

fn answer_by_futex(segment: &Segment) {
    let (ping, pong) = (word(segment, FUTEX_PING), word(segment, FUTEX_PONG));
    let mut seen = 0;
    let mut quiet = 0;
    while quiet < 5 {
        let now = ping.load(Ordering::Acquire);
        if now == STOP {
            return;
        }
        if now == seen {
            let start = Instant::now();
            futex_wait(ping, seen, PATIENCE);
            quiet += u32::from(start.elapsed() >= PATIENCE);
            continue;
        }
        (seen, quiet) = (now, 0);
        pong.store(now, Ordering::Release);
        futex_wake(pong, 1);
    }
}

/// The other side's end is an error here, which ends the peer.
fn answer_by_socket(socket: &mut UnixStream) -> std::io::Result<()> {
    let mut message: Message = [0; 64];
    loop {
        socket.read_exact(&mut message)?;
        if message == LAST {
            return Ok(());
        }
        socket.write_all(&message)?;
    }
}
