//! The table of docs/lab/2026-11-contention-model.md, and what must hold of the model.

use super::*;

const SOCKET: Machine = Machine {
    name: "one socket, 70 ns",
    near: 70,
    far: 70,
    node: 128,
};
const NEAR: Machine = Machine {
    name: "110 ns",
    near: 110,
    far: 110,
    node: 128,
};
const FAR: Machine = Machine {
    name: "450 ns",
    near: 450,
    far: 450,
    node: 128,
};
const TWO: Machine = Machine {
    name: "two nodes, 110/450 ns",
    near: 110,
    far: 450,
    node: 32,
};

fn scenario(who: Who, producers: usize, lanes: usize) -> Scenario {
    Scenario {
        machine: SOCKET,
        who,
        producers,
        lanes,
        task_ns: 0,
        counters: Counters::TwoLines,
        backs_off: true,
        warm: 1000,
        tasks: 3000,
    }
}

fn print(scenario: Scenario) -> Outcome {
    let outcome = run(scenario);
    let (hot, used) = outcome.hottest();
    let mut kinds: Vec<_> = outcome.tally.iter().collect();
    kinds.sort_by_key(|(_, tally)| std::cmp::Reverse(tally.transfers));
    let most: Vec<String> = kinds
        .iter()
        .take(4)
        .map(|(kind, tally)| format!("{kind} {:.1}", outcome.each(tally.transfers)))
        .collect();
    println!(
        "| {} | {:?} {} + {} | {} | {:?}{} | {:.2} | {:.0} | {:.1} | {hot} {:.0} % | {:.0} % | {} |",
        scenario.machine.name,
        scenario.who,
        scenario.producers,
        scenario.lanes,
        scenario.task_ns,
        scenario.counters,
        if scenario.backs_off {
            ""
        } else {
            ", no back-off"
        },
        outcome.rate(),
        outcome.transfers(),
        outcome.retries(),
        100.0 * used,
        100.0 * outcome.poller,
        most.join(", "),
    );
    outcome
}

#[test]
#[ignore = "the whole table: tools/model contention table"]
fn contention_table() {
    let all = [1, 2, 4, 8, 16, 32];
    let runs: [(Machine, &[u64], &[usize]); 4] = [
        (SOCKET, &[0, 1_000, 100_000], &all),
        (TWO, &[0, 1_000], &all),
        (NEAR, &[0], &[1, 8, 32]),
        (FAR, &[0], &[1]),
    ];
    for (machine, times, halves) in runs {
        for who in [Who::Threads, Who::Clients] {
            for task_ns in times {
                for half in halves {
                    let task_ns = *task_ns;
                    print(Scenario {
                        machine,
                        task_ns,
                        ..scenario(who, *half, *half)
                    });
                }
            }
        }
    }
}

#[test]
#[ignore = "what changes would bring: tools/model contention table"]
fn contention_table_of_changes() {
    for who in [Who::Threads, Who::Clients] {
        for half in [1, 8, 32] {
            for counters in [
                Counters::OneLine,
                Counters::TwoLines,
                Counters::Drained,
                Counters::None,
            ] {
                print(Scenario {
                    counters,
                    ..scenario(who, half, half)
                });
            }
            print(Scenario {
                backs_off: false,
                ..scenario(who, half, half)
            });
        }
    }
}

#[test]
fn contention_is_counted_the_same_each_time() {
    let scenario = scenario(Who::Threads, 4, 4);
    let (one, two) = (run(scenario), run(scenario));
    assert_eq!(format!("{one:?}"), format!("{two:?}"));
}

#[test]
fn contention_of_one_client_and_one_lane() {
    let outcome = print(scenario(Who::Clients, 1, 1));
    let each = |kind| outcome.each(outcome.of(kind).transfers);
    // Each reader fetches it, each writer takes it; a line is written by one side.
    for line in ["slot: A", "slot: B", "slot: R"] {
        assert!((1.9..=2.1).contains(&each(line)), "{line}: {}", each(line));
    }
    // The lane's own, as long as no other lane serves the slot.
    assert!(each("slot: S") < 0.2, "{}", each("slot: S"));
    // Eight cells a line, and both sides work in batches; the lane is often as fast as the client.
    assert!(each("injector cells") < 1.3 && each("completion cells") < 1.0);
    // A lane's look and a drain's CAS, once for at most 16.
    assert!(each("completion head") < 0.3);
    assert!(each("injector head") < 0.1, "no other core looks at it");
}

#[test]
fn contention_for_the_head_is_less_where_hints_are_taken_in_batches() {
    let head = |task_ns| {
        let outcome = print(Scenario {
            task_ns,
            ..scenario(Who::Clients, 1, 2)
        });
        outcome.each(outcome.of("injector head").transfers)
    };
    // Each lane fetches it and takes it, for one hint or for eight.
    let (batches, single) = (head(0), head(100_000));
    assert!(single > 1.5, "{single}");
    assert!(batches < single / 2.0, "{batches} and {single}");
}

#[test]
fn contention_for_one_line_bounds_the_pool() {
    for (who, half) in [(Who::Threads, 8), (Who::Clients, 2), (Who::Clients, 16)] {
        let outcome = print(scenario(who, half, half));
        for (kind, tally) in &outcome.tally {
            assert!(tally.busiest <= outcome.elapsed + SOCKET.near, "{kind}");
            // Where a line is fetched by many at once, each occupies it for an eighth.
            assert!(
                tally.most * SOCKET.near / 8 <= outcome.elapsed + SOCKET.near,
                "{kind}"
            );
        }
    }
}

#[test]
fn contention_of_many_clients_is_for_the_injector() {
    let (few, many) = (
        print(scenario(Who::Clients, 2, 2)),
        print(scenario(Who::Clients, 16, 16)),
    );
    assert!(
        many.hottest().0.starts_with("injector"),
        "{:?}",
        many.hottest()
    );
    assert!(many.hottest().1 > 0.9 && many.retries() > 2.0 * few.retries());
    assert!(
        many.rate() < few.rate(),
        "one ring for all gets no faster with more of them"
    );
}

#[test]
fn contention_is_less_where_losers_of_a_race_wait() {
    let with = print(scenario(Who::Clients, 8, 8));
    let without = print(Scenario {
        backs_off: false,
        ..scenario(Who::Clients, 8, 8)
    });
    assert!(with.retries() < without.retries());
    assert!(with.rate() > 1.1 * without.rate());
}
