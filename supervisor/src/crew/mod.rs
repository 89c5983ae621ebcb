//! The workers of a pool: seats, filled again after a death, replaced one by one.
//!
//! Three kinds of members: the current one of a seat; its successor, started while the current one
//! still serves; and leavers, which finish their tasks and go. A worker that is well is never
//! stopped: it is told to leave, once its successor is ready, or at once where the tables have no
//! room for two.

mod backoff;
pub(crate) mod death_report;
mod deaths;
mod health;
mod quarantine;
mod renewal;
mod room;
pub(crate) mod seat;

use crate::console::Console;
use crate::crew::death_report::DeathReport;
use crate::crew::health::Health;
use crate::crew::room::{Room, free_lanes};
use crate::crew::seat::{Member, Seat, Settings};
use crate::error::SupervisorError;
use crate::lifecycle::{self, Topic};
use crate::process::Process;
use ringwork_ring::Segment;
use ringwork_ring::format::layout::PoolCounter;
use ringwork_ring::format::states::{self, LaneKind};
use ringwork_ring::{Cause, CauseDetail};
use std::time::{Duration, Instant};

const QUICK_LOOK: Duration = Duration::from_millis(2);
const SLOW_LOOK: Duration = Duration::from_millis(20);
/// How soon to look again for room in the tables.
const ROOM_LOOK: Duration = Duration::from_millis(100);

/// What a member is to its seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MemberKind {
    Current(usize),
    Successor(usize),
    Leaver,
}

/// All workers.
#[derive(Debug)]
pub(crate) struct Crew {
    pub(crate) seats: Vec<Seat>,
    pub(crate) leavers: Vec<Member>,
    pub(crate) settings: Settings,
    /// What to go back to when the workers of a reload do not get ready.
    pub(crate) former: Option<Settings>,
    pub(crate) health: Health,
    /// How the last reload failed, until it is told.
    pub(crate) reload_failure: Option<String>,
    /// Whether an I/O worker has ever been ready.
    io_proven: bool,
    room: Room,
}

impl Crew {
    /// Seats for the I/O workers, and for the most workers beside them, of which the first ones are
    /// open.
    pub(crate) fn new(
        settings: Settings,
        embedded: bool,
        io: u32,
        (open, max): (u32, u32),
    ) -> Self {
        let io = (0..io).map(|_| Seat::new(LaneKind::Io, true));
        let others = (0..max).map(|seat| Seat::new(LaneKind::Cpu, seat < open));
        Self {
            seats: io.chain(others).collect(),
            io_proven: false,
            room: Room::default(),
            leavers: Vec::new(),
            settings,
            former: None,
            health: Health::of(embedded),
            reload_failure: None,
        }
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = &Member> {
        self.seats
            .iter()
            .flat_map(Seat::members)
            .chain(&self.leavers)
    }

    pub(crate) fn members_mut(&mut self) -> impl Iterator<Item = &mut Member> {
        self.seats
            .iter_mut()
            .flat_map(Seat::members_mut)
            .chain(&mut self.leavers)
    }

    /// The running processes.
    pub(crate) fn processes(&self) -> impl Iterator<Item = &Process> {
        self.members().map(|member| &member.process)
    }

    /// Entry and process id of each.
    pub(crate) fn ids(&self) -> impl Iterator<Item = (u32, u32)> {
        self.members()
            .map(|member| (member.entry, member.process.id()))
    }

    /// How many workers have registered their lanes and are to stay.
    pub(crate) fn ready(&self) -> usize {
        let staying = self.seats.iter().flat_map(Seat::members);
        staying.filter(|member| member.is_ready()).count()
    }

    /// How many of them have lanes of a kind.
    pub(crate) fn ready_of(&self, kind: LaneKind) -> usize {
        let staying = self.seats.iter().flat_map(Seat::members);
        let ready = staying.filter(|member| member.kind == kind && member.is_ready());
        ready.count()
    }

    /// How many seats are for I/O workers: the first ones.
    pub(crate) fn io_seats(&self) -> usize {
        let io = self.seats.iter().filter(|seat| seat.kind == LaneKind::Io);
        io.count()
    }

    /// Whether there is a worker for each kind of tasks.
    pub(crate) fn serves(&self) -> bool {
        self.ready_of(LaneKind::Cpu) > 0
            && (self.io_seats() == 0 || self.ready_of(LaneKind::Io) > 0)
    }

    /// Whether a worker of a kind has ever been ready.
    pub(crate) fn is_proven(&self, kind: LaneKind) -> bool {
        match kind {
            LaneKind::Cpu => self.health.proven,
            LaneKind::Io => self.io_proven,
        }
    }

    /// How soon to look whether the workers that were started have registered; `None`: all have.
    pub(crate) fn look_again_in(&self) -> Option<Duration> {
        let starting = self.processes().filter(|process| process.ready.is_none());
        let youngest = starting.map(|process| process.started.elapsed()).min()?;
        // The stock worker takes a few milliseconds; one that loads a model must not cost a core.
        Some(if youngest < Duration::from_millis(250) {
            QUICK_LOOK
        } else {
            SLOW_LOOK
        })
    }

    /// When the next seat is to be filled, or the next appointed end comes.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let halted = self.health.halt().is_some();
        let replacing = self.is_replacing();
        let seats = self.seats.iter().filter(|_| !halted);
        seats
            .filter(|seat| match &seat.current {
                None => seat.open && seat.successor.is_none(),
                Some(current) => seat.to_replace.is_some() && current.is_ready() && !replacing,
            })
            .map(|seat| seat.due)
            .chain(self.health.look_at())
            .chain(self.members().filter_map(Member::end_due))
            .min()
    }

    /// Whether an entry of the worker table belongs to a child.
    pub(crate) fn owns(&self, entry: u32) -> bool {
        self.members().any(|member| member.entry == entry)
    }

    /// Kills the child at an entry; `false` when there is none, or it is killed already.
    /// `detail` is what the clients of its tasks are told.
    pub(crate) fn kill(&mut self, entry: u32, why: &str, detail: CauseDetail) -> bool {
        let member = self.members_mut().find(|member| member.entry == entry);
        match member {
            Some(member) if member.process.killed.is_none() => {
                member.process.killed_for = Some(detail);
                member.process.kill(why);
                true
            }
            _ => false,
        }
    }

    /// Asks the child at an entry to stop, and kills it when it does not in time; `false` when
    /// there is none, or that is under way.
    pub(crate) fn stop(&mut self, entry: u32, why: &str, detail: CauseDetail) -> bool {
        let grace = self.settings.kill_grace;
        let member = self.members_mut().find(|member| member.entry == entry);
        member.is_some_and(|member| member.stop(grace, why, detail))
    }

    /// Fills the empty seats whose pause is over, and replaces workers one by one.
    pub(crate) fn fill(&mut self, segment: &Segment) -> Result<(), SupervisorError> {
        let now = Instant::now();
        if self.health.recover() {
            tracing::info!(
                event = "pool.recovered",
                "the crash storm is over: workers that die are replaced again"
            );
            lifecycle::publish(segment, Topic::PoolRecovered, &[], None);
        }
        for number in 0..self.seats.len() {
            let seat = &mut self.seats[number];
            // A successor whose seat is empty is the current one.
            if seat.current.is_none() {
                seat.current = seat.successor.take();
                seat.to_replace = None;
            }
            let is_due = seat.due <= now || self.health.halt().is_some();
            let kind = seat.kind;
            let is_empty = seat.open && seat.current.is_none();
            if is_empty && is_due && self.health.may_start(now, self.starting(kind)) {
                let entry = self.find_room(segment, kind);
                self.seats[number].no_room = entry.is_none();
                match entry {
                    Some(entry) => self.start(segment, entry, MemberKind::Current(number))?,
                    // The table is full of leaving workers and of workers that joined by
                    // themselves: look again later.
                    None => self.seats[number].due = now + ROOM_LOOK,
                }
            }
        }
        self.look_at_room(segment);
        self.replace_marked(segment)
    }

    /// How many workers of a kind are not ready yet.
    fn starting(&self, kind: LaneKind) -> usize {
        let starting = self.members().filter(|member| !member.is_ready());
        starting.filter(|member| member.kind == kind).count()
    }

    /// One step in replacing workers that serve: one successor at a time.
    fn replace_marked(&mut self, segment: &Segment) -> Result<(), SupervisorError> {
        let now = Instant::now();
        for number in 0..self.seats.len() {
            let seat = &mut self.seats[number];
            let Some(why) = seat.to_replace.clone() else {
                continue;
            };
            // A current one that is still starting stays: it may be about to take tasks.
            if seat.successor.as_ref().is_some_and(Member::is_ready)
                && let Some(current) = seat.current.take_if(|current| current.is_ready())
            {
                seat.current = seat.successor.take();
                seat.to_replace = None;
                self.tell_to_leave(current, segment, &why);
            }
        }
        if self.is_replacing() || self.health.halt().is_some() {
            return Ok(());
        }
        let next = self.seats.iter().position(|seat| {
            seat.to_replace.is_some()
                && seat.due <= now
                && seat.current.as_ref().is_some_and(Member::is_ready)
        });
        let Some(number) = next else {
            return Ok(());
        };
        if let Some(entry) = self.find_room(segment, self.seats[number].kind) {
            return self.start(segment, entry, MemberKind::Successor(number));
        }
        // No room for two: the old one first. Only one at a time, lest the pool stands empty.
        self.seats[number].due = now + ROOM_LOOK;
        if self.leavers.is_empty()
            && let Some(current) = self.seats[number].current.take()
        {
            let why = self.seats[number].to_replace.take().unwrap_or_default();
            self.tell_to_leave(current, segment, &why);
        }
        Ok(())
    }

    /// Whether a successor is on its way.
    fn is_replacing(&self) -> bool {
        self.seats.iter().any(|seat| seat.successor.is_some())
    }

    pub(crate) fn tell_to_leave(&mut self, mut member: Member, segment: &Segment, why: &str) {
        member.tell_to_leave(segment, why);
        self.leavers.push(member);
    }

    /// Replaces the current worker of a seat when a successor is ready.
    pub(crate) fn mark_for_replacement(&mut self, number: usize, why: &str) {
        let seat = &mut self.seats[number];
        if seat.to_replace.is_none() && seat.current.is_some() {
            tracing::info!(
                event = "worker.replaced",
                "worker in seat {number} is to be replaced: {why}"
            );
            seat.to_replace = Some(why.to_owned());
        }
    }

    /// Opens one more seat; `false` when all are open.
    pub(crate) fn grow(&mut self) -> bool {
        let closed = self.seats.iter_mut().find(|seat| !seat.open);
        closed
            .map(|seat| {
                seat.open = true;
                seat.due = Instant::now();
            })
            .is_some()
    }

    /// Closes a seat: its worker leaves after its tasks.
    pub(crate) fn shrink(&mut self, number: usize, segment: &Segment, why: &str) {
        let seat = &mut self.seats[number];
        seat.open = false;
        seat.to_replace = None;
        for member in seat.current.take().into_iter().chain(seat.successor.take()) {
            self.tell_to_leave(member, segment, why);
        }
    }

    /// Entries of the lane table that a worker takes, as far as it is known.
    fn entries_of(&self, kind: LaneKind) -> u32 {
        self.room.entries(self.settings.lanes(kind), kind)
    }

    /// An entry for another worker whose lanes find room, too.
    fn find_room(&self, segment: &Segment, kind: LaneKind) -> Option<u32> {
        let to_come: u32 = self.members().map(Member::lanes_to_come).sum();
        if free_lanes(segment) < self.entries_of(kind) + to_come {
            return None;
        }
        (0..segment.geometry().max_workers)
            .filter(|entry| !self.owns(*entry))
            .find(|entry| segment.worker(*entry).word_acquire().is_free())
    }

    /// Looks which seats stay empty for want of room.
    fn look_at_room(&mut self, segment: &Segment) {
        let lacks = |seat: &&Seat| seat.no_room && seat.open && seat.current.is_none();
        let lacking = self.seats.iter().filter(lacks);
        let kinds: Vec<LaneKind> = lacking.map(|seat| seat.kind).collect();
        let needed = kinds.first().map_or(0, |kind| self.entries_of(*kind));
        let any_leaves = !self.leavers.is_empty();
        self.room.look(segment, kinds.len(), needed, any_leaves);
    }

    /// What is wrong when a seat has no worker since the tables have no room.
    pub(crate) fn lack_of_room(&self) -> Option<&str> {
        self.room.lack()
    }

    /// The kind of lanes that a member has.
    pub(crate) fn lanes_of(&self, kind: MemberKind) -> LaneKind {
        match kind {
            MemberKind::Current(number) | MemberKind::Successor(number) => self
                .seats
                .get(number)
                .map_or(LaneKind::Cpu, |seat| seat.kind),
            MemberKind::Leaver => LaneKind::Cpu,
        }
    }

    fn start(
        &mut self,
        segment: &Segment,
        entry: u32,
        kind: MemberKind,
    ) -> Result<(), SupervisorError> {
        let lanes = self.lanes_of(kind);
        match Member::spawn(&self.settings, entry, (lanes, self.entries_of(lanes))) {
            Ok(member) => {
                ringwork_ring::failpoint!("serve.worker_started");
                segment.count(PoolCounter::WorkersStarted, 1);
                let fields = [
                    ("worker", entry.into()),
                    ("pid", member.process.id().into()),
                ];
                lifecycle::publish(segment, Topic::WorkerStarted, &fields, None);
                match kind {
                    MemberKind::Current(number) => self.seats[number].current = Some(member),
                    MemberKind::Successor(number) => self.seats[number].successor = Some(member),
                    MemberKind::Leaver => self.leavers.push(member),
                }
                Ok(())
            }
            Err(error) => {
                let why = format!("could not be started: {error}");
                if !self.is_proven(lanes) && self.health.boot_deaths == 0 {
                    return Err(SupervisorError::Worker {
                        program: self.settings.command.program.clone(),
                        why,
                    });
                }
                let report = DeathReport::not_started(&self.settings.command, why);
                self.boot_death(kind, self.settings.generation, &report, segment)
            }
        }
    }

    /// Notes the workers that have registered.
    pub(crate) fn note_ready(&mut self, segment: &Segment) {
        let generation = self.settings.generation;
        let (mut any, mut renewed, mut io) = (false, false, false);
        let mut taken = Vec::new();
        for member in self.members_mut() {
            if member.note_ready(segment) {
                if member.generation == generation {
                    taken.push((member.kind, member.entries()));
                }
                any |= member.kind == LaneKind::Cpu;
                io |= member.kind == LaneKind::Io;
                renewed |= member.generation == generation;
            }
        }
        for (kind, entries) in taken {
            self.room.note(kind, entries);
        }
        self.io_proven |= io;
        if any || io {
            self.health.ready(any);
        }
        if renewed {
            self.former = None;
        }
    }

    /// Kills workers that have not registered in time, and those whose appointed end has come.
    pub(crate) fn kill_slow(&mut self) {
        let limit = self.settings.start_timeout;
        for member in self.members_mut() {
            let process = &mut member.process;
            if process.ready.is_none()
                && process.killed.is_none()
                && process.started.elapsed() > limit
            {
                process.kill(&format!(
                    "it did not register within {limit:?}: is it a Ringwork worker? \
                     (one that needs longer: --start-timeout)"
                ));
            }
            member.end_if_due();
        }
    }

    /// Passes on the output of all workers.
    pub(crate) fn pass_output(&mut self, console: &mut dyn Console) {
        for member in self.members_mut() {
            let entry = member.entry;
            let mut pass = |line: &str| console.worker_line(entry, line);
            member.process.pass_output(&mut pass);
        }
    }

    /// Whether any has exited.
    pub(crate) fn has_exited(&mut self) -> bool {
        self.members_mut()
            .any(|member| member.process.exit().is_some())
    }

    /// Those that have exited, taken out of their places.
    pub(crate) fn take_exited(&mut self) -> Vec<(MemberKind, Member, Cause)> {
        let mut dead = Vec::new();
        let mut take = |kind, member: &mut Option<Member>| {
            if let Some(exit) = member.as_mut().and_then(|member| member.process.exit())
                && let Some(member) = member.take()
            {
                dead.push((kind, member, exit));
            }
        };
        for (number, seat) in self.seats.iter_mut().enumerate() {
            take(MemberKind::Current(number), &mut seat.current);
            take(MemberKind::Successor(number), &mut seat.successor);
        }
        for leaver in std::mem::take(&mut self.leavers) {
            let mut leaver = Some(leaver);
            take(MemberKind::Leaver, &mut leaver);
            self.leavers.extend(leaver);
        }
        dead
    }

    /// Whether all that could still be tried has been: no worker lives, and none will be started.
    pub(crate) fn is_lost(&self) -> Option<String> {
        let halt = self.health.halt()?;
        let nobody = self.members().next().is_none();
        (halt.kind == states::Health::Boot && nobody).then(|| halt.why.clone())
    }

    /// Asks all workers to leave.
    pub(crate) fn terminate(&mut self) {
        self.members_mut()
            .for_each(|member| member.process.terminate());
    }

    /// Lets go of those that have exited; `true` when none is left.
    pub(crate) fn drop_exited(&mut self, console: &mut dyn Console) -> bool {
        for (_, mut member, _) in self.take_exited() {
            let entry = member.entry;
            let mut pass = |line: &str| console.worker_line(entry, line);
            member.process.last_lines(&mut pass);
        }
        self.members().next().is_none()
    }

    /// Kills all that are left, all at once, and waits for them.
    pub(crate) fn kill_all(&mut self, why: &str) {
        self.members_mut()
            .for_each(|member| member.process.kill(why));
        self.leavers.clear();
        for seat in &mut self.seats {
            (seat.current, seat.successor) = (None, None);
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.kill_all("the supervisor ends");
    }
}
