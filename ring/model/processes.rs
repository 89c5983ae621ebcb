//! What the processes of several models do alike.

use super::sim::{Event, Sim};
use crate::RingError;
use crate::client::Client;
use crate::reaper::{self, DeadOwners};

/// Takes an entry; another process may have it, or have had it and not be reaped yet.
pub(super) fn register(sim: &Sim) -> Client {
    loop {
        match Client::register(sim.pool.segment()) {
            Ok(client) => return client,
            Err(RingError::TableFull { .. }) => crate::os::sync::retry(),
            Err(error) => panic!("{error}"),
        }
    }
}

/// A supervisor that reaps clients and does nothing else.
pub(super) fn reap_clients(sim: &Sim) {
    let segment = sim.pool.segment();
    let dead_owners = DeadOwners::new(&segment).expect("no files here");
    while sim.wait_event() != Event::Exit {
        for client in dead_owners.dead_clients(&segment) {
            reaper::reap_client(&segment, client);
        }
    }
}
