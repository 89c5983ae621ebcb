//! The steps of a process: what each access does, and what it does no more once the process is
//! dead.

use super::{Sim, State};
use crate::model::pool::Class;
use crate::model::shim::{AtomicU32, Engine, Place, Rmw};
use core::sync::atomic::Ordering;
use std::path::Path;

impl Engine for Sim {
    fn load(&self, place: Place, _: Ordering) -> u64 {
        if self.is_dead() {
            return 0;
        }
        if self.pool.class(place.addr) == Class::Word {
            self.reused.footprint.check(place);
            self.step();
            self.note_place("reads", place, place.read());
        }
        place.read()
    }

    fn store(&self, place: Place, value: u64, _: Ordering) {
        if self.is_dead() {
            return;
        }
        if self.pool.class(place.addr) == Class::Word {
            self.reused.footprint.check(place);
            self.step();
            self.note_place("writes", place, value);
        }
        place.write(value);
    }

    fn compare_exchange(
        &self,
        place: Place,
        expected: u64,
        new: u64,
        _: (Ordering, Ordering),
    ) -> Result<u64, u64> {
        if self.is_dead() {
            return Err(0);
        }
        if self.pool.class(place.addr) == Class::Word {
            self.reused.footprint.check(place);
            self.step();
        }
        let seen = place.read();
        if seen != expected {
            self.note_place("fails to swap", place, new);
            return Err(seen);
        }
        self.note_place("swaps in", place, new);
        place.write(new);
        Ok(seen)
    }

    fn rmw(&self, place: Place, op: Rmw, operand: u64, _: Ordering) -> u64 {
        if self.is_dead() {
            return 0;
        }
        if self.pool.class(place.addr) == Class::Word {
            self.reused.footprint.check(place);
            self.step();
        }
        let seen = place.read();
        place.write(op.apply(seen, operand));
        self.note_place("changes", place, place.read());
        seen
    }

    fn fence(&self, _: Ordering) {}

    fn pause(&self) {
        if !self.is_dead() {
            self.processes.borrow_mut()[self.current.get()].state = State::Paused;
            self.suspend();
        }
    }

    fn futex_wait(&self, word: &AtomicU32, seen: u32) {
        if !self.step() {
            return;
        }
        let place = Place {
            addr: word.as_ptr() as usize,
            size: 4,
        };
        if place.read() == u64::from(seen) {
            self.note_place("sleeps on", place, seen.into());
            self.processes.borrow_mut()[self.current.get()].state = State::Futex(place.addr);
            self.suspend();
        }
    }

    fn futex_wake(&self, word: &AtomicU32, count: i32) {
        if !self.step() {
            return;
        }
        let asleep = State::Futex(word.as_ptr() as usize);
        let mut processes = self.processes.borrow_mut();
        for process in processes
            .iter_mut()
            .filter(|p| p.state == asleep)
            .take(count as usize)
        {
            process.state = State::Ready;
        }
    }

    fn bytes(&self, _: usize, _: usize, _: bool) {}

    fn now_ns(&self) -> u64 {
        self.now.get()
    }

    fn slept(&self) {
        if !self.is_dead() {
            self.now.set(self.now.get() + 400_000_000);
        }
    }

    fn lock_take(&self, path: &Path) -> bool {
        if !self.step() {
            return false;
        }
        let mut locks = self.locks.borrow_mut();
        let taken = !locks.contains_key(path);
        if taken {
            locks.insert(path.to_path_buf(), Some(self.current.get()));
        }
        drop(locks);
        self.note(format_args!("locks {}: {taken}", path.display()));
        taken
    }

    fn lock_release(&self, path: &Path) {
        if self.step() {
            self.note(format_args!("unlocks {}", path.display()));
            self.locks.borrow_mut().remove(path);
        }
    }

    fn lock_held(&self, path: &Path) -> bool {
        self.step() && self.locks.borrow().contains_key(path)
    }

    fn survives_panics(&self) -> bool {
        true
    }
}
