use super::*;
use crate::format::config::{ArenaClass, PoolConfig};
use crate::format::states::{Codec, Status};
use crate::format::words::Place;
use crate::segment::slices::Slices;
use crate::testing::SmallPool;

const SLOTS: u32 = 65_536;

#[test]
fn a_look_at_very_many_pending_tasks_takes_in_a_part_of_them() {
    let config = PoolConfig::default().clients(1).slots(SLOTS);
    let pool = SmallPool::of(&config.arena(vec![ArenaClass::new(1024, 4)]));
    let (segment, client) = (&pool.segment, pool.client());
    let options = TaskOptions::default().priority(0);
    let tickets: Vec<_> = (0..SLOTS)
        .map(|_| client.submit("x", b"", &options).unwrap())
        .collect();
    // Each task has ended, and no hint says so.
    for ticket in &tickets {
        let slot = segment.slot(ticket.slot);
        let claimed = slot.claim(slot.waiting().unwrap(), 0).unwrap();
        slot.set_result(Place::new(0, 0));
        slot.end_release(claimed.done(Status::Ok.into(), Codec::Bytes));
    }
    let taken_in = || {
        let table = lock(&client.table);
        let ready = |place: &&SlotUse| matches!(place, SlotUse::Ready(..));
        table.places.iter().filter(ready).count() as u32
    };
    let mut looks = 0;
    let a_look = Slices::of_a_client().a_look(SLOTS);
    while taken_in() < SLOTS {
        client.look_at_pool();
        looks += 1;
        assert_eq!(taken_in(), SLOTS.min(looks * a_look));
    }
    for ticket in tickets {
        assert!(matches!(ticket.try_take(), Some(Outcome::Completed { .. })));
    }
}
