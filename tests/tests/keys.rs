//! Tasks with keys between real processes: their order, that no two of a key run at a time, and that
//! others are not held up, whatever becomes of a task.

#![forbid(unsafe_code)]

use ringwork::{Call, Error, OnFailure, Reason, Ringwork, Task, TaskType, block_on};
use ringwork_ring::Segment;
use ringwork_ring::client::TaskOptions;
use ringwork_ring::format::layout::{
    KEY_BEFORE, KEY_GENERATION_SHIFT, KEY_NEXT, KEY_STRIDE, SECTION_KEY_LINES,
};
use ringwork_ring::testing::RawWords;
use ringwork_tests::{Marker, Pool, Serve, io_worker_program, wait_until};
use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

const SPELL: TaskType<str, i64> = TaskType::new("test.spell");
const IO_SPELL: TaskType<str, i64> = TaskType::new("io.spell");
const NEVER: TaskType<(), ()> = TaskType::new("test.never");
const ECHO: TaskType<str, String> = TaskType::new("echo");

fn client(pool: &Pool) -> Ringwork {
    let builder = Ringwork::builder("x").dir(pool.dir().clone());
    builder.connect_blocking().expect("a client entry")
}

fn serve(name: &str) -> Serve {
    Serve::new(name).option("keys", "true").option("lanes", "2")
}

/// A task that notes in a file that it begins and ends.
fn submit(
    rw: &Ringwork,
    file: &Marker,
    (name, milliseconds, end): (&str, u64, &str),
    options: impl FnOnce(Call<'_, str, i64>) -> Call<'_, str, i64>,
) -> Task<i64> {
    let request = format!("{} {name} {milliseconds} {end}", file.text());
    options(rw.call(SPELL, &request)).submit().expect("room")
}

/// What a file says: each task begins when the one before it has ended.
fn tasks_of(file: &Marker) -> Vec<String> {
    let contents = file.contents();
    let lines: Vec<&str> = contents.lines().collect();
    let tasks = lines.chunks(2).map(|pair| match pair {
        [begin, end] => {
            let name = begin.strip_prefix("begin ").expect("a task begins");
            assert!(
                *end == format!("end {name}") || *end == format!("fail {name}"),
                "two tasks of a key run at a time: {contents}"
            );
            name.to_owned()
        }
        _ => panic!("a task has not ended: {contents}"),
    });
    tasks.collect()
}

fn code(error: &Error) -> &str {
    match error {
        Error::Remote { code, .. } => code,
        other => panic!("{other}"),
    }
}

#[test]
fn tasks_of_a_key_run_in_order_and_others_beside_them() {
    let pool = serve("order").start();
    let rw = client(&pool);
    let files: Vec<Marker> = (0..4).map(|_| Marker::new(pool.files())).collect();
    let mut tasks = Vec::new();
    for number in 0..40 {
        for (key, file) in files.iter().enumerate() {
            let name = number.to_string();
            tasks.push(submit(&rw, file, (&name, 1, "ok"), |call| {
                call.key(format!("order-{key}"))
            }));
        }
    }
    for task in tasks {
        assert_eq!(block_on(task).unwrap(), 1);
    }
    let all: Vec<String> = (0..40).map(|number| number.to_string()).collect();
    for file in &files {
        assert_eq!(tasks_of(file), all);
    }
    drop(rw);
    pool.wait_nothing_held(&[]);
}

#[test]
fn two_clients_never_run_tasks_of_a_key_at_a_time() {
    let pool = serve("exclusive").start();
    let file = Marker::new(pool.files());
    let clients = [client(&pool), client(&pool), client(&pool)];
    let mut tasks = Vec::new();
    for number in 0..30 {
        for (of, rw) in clients.iter().enumerate() {
            let name = format!("{of}.{number:02}");
            tasks.push(submit(rw, &file, (&name, 0, "ok"), |call| {
                call.key("shared")
            }));
        }
    }
    for task in tasks {
        assert_eq!(block_on(task).unwrap(), 1);
    }
    let ran = tasks_of(&file);
    assert_eq!(ran.len(), 90);
    drop(clients);
    for of in ["0", "1", "2"] {
        let own: Vec<&String> = ran.iter().filter(|name| name.starts_with(of)).collect();
        assert!(own.is_sorted(), "{own:?}");
    }
    pool.wait_nothing_held(&[]);
}

#[test]
fn a_task_that_never_ends_holds_up_its_key_alone() {
    let pool = serve("never").start();
    let rw = client(&pool);
    let stuck = rw.call(NEVER, &()).key("stuck").submit().unwrap();
    let behind = rw
        .call(ECHO, "behind")
        .key("stuck")
        .timeout(Duration::from_millis(300))
        .submit()
        .unwrap();
    let far_behind = rw.call(ECHO, "far behind").key("stuck").submit().unwrap();
    for number in 0..20 {
        let text = number.to_string();
        let other = rw.call(ECHO, &text).key(format!("other {number}"));
        assert_eq!(other.wait().unwrap(), text);
    }
    match block_on(behind) {
        Err(Error::Timeout { may_have_run }) => assert!(!may_have_run),
        other => panic!("{other:?}"),
    }
    assert_eq!(rw.call(ECHO, "no key").wait().unwrap(), "no key");
    // What is cancelled ends at once, although its turn has not come.
    assert!(matches!(
        far_behind.abort(),
        Err(Error::Cancelled {
            may_have_run: false
        })
    ));
    drop((stuck, rw));
}

#[test]
fn what_is_cancelled_in_mid_chain_is_left_out() {
    let pool = serve("skip").start();
    let rw = client(&pool);
    let file = Marker::new(pool.files());
    let first = submit(&rw, &file, ("first", 300, "ok"), |call| call.key("k"));
    file.wait_started();
    let left_out: Vec<Task<i64>> = (0..3)
        .map(|_| submit(&rw, &file, ("left-out", 0, "ok"), |call| call.key("k")))
        .collect();
    let last = submit(&rw, &file, ("last", 0, "ok"), |call| call.key("k"));
    for task in left_out {
        assert!(matches!(
            task.abort(),
            Err(Error::Cancelled {
                may_have_run: false
            })
        ));
    }
    assert_eq!(block_on(last).unwrap(), 1);
    assert_eq!(block_on(first).unwrap(), 1);
    assert_eq!(tasks_of(&file), ["first", "last"]);
    drop(rw);
    pool.wait_nothing_held(&[]);
}

#[test]
fn a_task_that_is_tried_again_keeps_its_place() {
    let pool = serve("retried").start();
    let rw = client(&pool);
    let file = Marker::new(pool.files());
    let first = submit(&rw, &file, ("first", 20, "die"), |call| {
        call.key("k").attempts(2)
    });
    let second = submit(&rw, &file, ("second", 0, "ok"), |call| call.key("k"));
    assert_eq!(block_on(second).unwrap(), 1);
    assert_eq!(block_on(first).unwrap(), 2);
    assert_eq!(
        file.contents(),
        "begin first\nbegin first\nend first\nbegin second\nend second\n"
    );
    // One that has no attempt left is followed all the same.
    let lost = submit(&rw, &file, ("lost", 20, "die"), |call| call.key("k"));
    let third = submit(&rw, &file, ("third", 0, "ok"), |call| call.key("k"));
    assert_eq!(block_on(third).unwrap(), 1);
    assert!(matches!(block_on(lost), Err(Error::Crashed { .. })));
    drop(rw);
    pool.wait_nothing_held(&[]);
}

#[test]
fn what_is_behind_a_failure_runs_or_does_not_as_it_was_asked() {
    let pool = serve("poison").start();
    let rw = client(&pool);
    for (mode, runs) in [(OnFailure::Continue, true), (OnFailure::FailKey, false)] {
        let file = Marker::new(pool.files());
        let fails = submit(&rw, &file, ("fails", 50, "fail"), |call| {
            call.key("k").on_failure(mode)
        });
        let behind: Vec<Task<i64>> = (0..3)
            .map(|_| submit(&rw, &file, ("behind", 0, "ok"), |call| call.key("k")))
            .collect();
        assert_eq!(code(&block_on(fails).unwrap_err()), "test.failed");
        for task in behind {
            match (runs, block_on(task)) {
                (true, Ok(_)) => {}
                (false, Err(error)) => {
                    assert_eq!(code(&error), "key.poisoned", "{error}");
                    assert!(!error.may_have_run());
                }
                (_, other) => panic!("{mode:?}: {other:?}"),
            }
        }
        assert_eq!(tasks_of(&file).len(), if runs { 4 } else { 1 });
        // What is submitted afterwards is not behind it any more.
        let after = submit(&rw, &file, ("after", 0, "ok"), |call| call.key("k"));
        assert_eq!(block_on(after).unwrap(), 1);
    }
    drop(rw);
    pool.wait_nothing_held(&[]);
}

#[test]
fn a_client_that_is_gone_holds_up_nobody() {
    let pool = serve("gone").start();
    let file = Marker::new(pool.files());
    let rw = client(&pool);
    let running = submit(&rw, &file, ("running", 200, "ok"), |call| call.key("k"));
    file.wait_started();
    let queued: Vec<Task<i64>> = (0..20)
        .map(|_| submit(&rw, &file, ("queued", 0, "ok"), |call| call.key("k")))
        .collect();
    drop((queued, running, rw));
    let other = client(&pool);
    let own = submit(&other, &file, ("own", 0, "ok"), |call| call.key("k"));
    assert_eq!(block_on(own).unwrap(), 1);
    let ran: HashSet<String> = tasks_of(&file).into_iter().collect();
    assert!(ran.contains("running") && ran.contains("own"), "{ran:?}");
    drop(other);
    wait_until("the entries are free", || {
        pool.segment().client(0).word_acquire().is_free()
    });
    pool.wait_nothing_held(&[]);
}

/// Where the key line of a slot is.
fn key_line(segment: &Segment, slot: u32) -> usize {
    let mut sections = segment.geometry().sections.iter();
    let lines = sections.find(|place| place.section.kind == SECTION_KEY_LINES);
    lines.expect("the pool takes keys").offset + KEY_STRIDE * slot as usize
}

#[test]
fn tasks_that_wait_for_each_other_by_a_forged_word_hold_up_nobody_and_go_with_their_client() {
    let pool = serve("forged").start();
    let (forger, other) = (pool.client(), client(&pool));
    let file = Marker::new(pool.files());
    let holds = submit(&other, &file, ("holds", 300, "ok"), |call| call.key("k"));
    file.wait_started();
    // The second is behind the first, and the first, by its word, behind the second.
    let options = TaskOptions::default().key("k");
    let tasks = [(); 2].map(|()| forger.submit("echo", b"x", &options).expect("room"));
    let [first, second] = [&tasks[0], &tasks[1]].map(|task| key_line(pool.segment(), task.slot()));
    let generation = pool.segment().raw64(second + KEY_NEXT);
    let generation = generation.load(Ordering::Relaxed) >> KEY_GENERATION_SHIFT;
    let word = generation << KEY_GENERATION_SHIFT | u64::from(tasks[1].slot() + 1);
    let before = pool.segment().raw64(first + KEY_BEFORE);
    before.store(word, Ordering::Release);
    assert_eq!(block_on(holds).unwrap(), 1);
    let own = submit(&other, &file, ("own", 0, "ok"), |call| call.key("k"));
    assert_eq!(block_on(own).unwrap(), 1);
    for task in &tasks {
        let waited = task.wait(Some(Duration::from_millis(20)));
        assert!(waited.is_err(), "it waits for itself: {waited:?}");
    }
    drop(tasks);
    drop((forger, other));
    for index in 0..2 {
        wait_until("the entries are free", || {
            pool.segment().client(index).word_acquire().is_free()
        });
    }
    pool.wait_nothing_held(&[]);
}

#[test]
fn keys_that_can_be_none_are_refused() {
    let pool = serve("refused").start();
    let rw = client(&pool);
    for key in [vec![], vec![b'k'; 1025], vec![b'k'; 100 << 10]] {
        match rw.call(ECHO, "x").key(&key).submit() {
            Err(error @ Error::Rejected { reason, .. }) => {
                assert_eq!(reason, Reason::Key);
                assert!(error.to_string().contains("1 to 1024 bytes"), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
    let longest = vec![0; 1024];
    assert_eq!(rw.call(ECHO, "x").key(longest).wait().unwrap(), "x");
    let without = Serve::new("without").option("keys", "false").start();
    match client(&without).call(ECHO, "x").key("k").submit() {
        Err(error @ Error::Rejected { .. }) => {
            assert!(error.to_string().contains("--keys true"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    drop(rw);
    pool.wait_nothing_held(&[]);
}

#[test]
fn more_clients_than_a_bucket_has_places_wait_for_one_key() {
    let pool = serve("crowd")
        .option("clients", "24")
        .option("slots", "64")
        .start();
    let file = Marker::new(pool.files());
    let clients: Vec<Ringwork> = (0..20).map(|_| client(&pool)).collect();
    let mut tasks = Vec::new();
    for number in 0..5 {
        for rw in &clients {
            let name = number.to_string();
            tasks.push(submit(rw, &file, (&name, 0, "ok"), |call| call.key("hot")));
        }
    }
    for task in tasks {
        let ended = block_on(task);
        assert_eq!(ended.unwrap(), 1);
    }
    assert_eq!(tasks_of(&file).len(), 100);
    drop(clients);
    pool.wait_nothing_held(&[]);
}

/// What a file says where workers may die: the tasks in the order in which they began. A task whose
/// worker has died begins once more.
fn tasks_that_may_die(file: &Marker) -> Vec<String> {
    let contents = file.contents();
    let (mut tasks, mut runs) = (Vec::new(), None);
    for line in contents.lines() {
        let (what, name) = line.split_once(' ').expect("two words");
        match what {
            "begin" => {
                assert!(
                    runs.is_none_or(|other| other == name),
                    "two tasks of a key run at a time: {contents}"
                );
                runs = Some(name);
                if tasks.last().is_none_or(|last| last != name) {
                    tasks.push(name.to_owned());
                }
            }
            _ => assert_eq!(runs.take(), Some(name), "{contents}"),
        }
    }
    assert_eq!(runs, None, "a task has not ended: {contents}");
    tasks
}

#[test]
fn async_tasks_of_a_key_keep_their_order_when_an_io_worker_dies() {
    let pool = serve("io")
        .option("worker", &io_worker_program().display().to_string())
        .option("io-workers", "2")
        .start();
    let rw = client(&pool);
    let files: Vec<Marker> = (0..6).map(|_| Marker::new(pool.files())).collect();
    let mut tasks = Vec::new();
    for number in 0..20 {
        for (key, file) in files.iter().enumerate() {
            // Others of other keys are amid their wait when its worker dies.
            let end = match (number, key) {
                (10, 0) => "die",
                _ => "ok",
            };
            let request = format!("{} {number} 3 {end}", file.text());
            let call = rw.call(IO_SPELL, &request).attempts(2);
            let task = call.key(format!("order-{key}")).submit().expect("room");
            tasks.push((end, task));
        }
    }
    for (end, task) in tasks {
        let attempt = block_on(task).unwrap();
        assert!(end == "ok" || attempt == 2, "attempt {attempt} of {end}");
    }
    let all: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    for file in &files {
        assert_eq!(tasks_that_may_die(file), all);
    }
    drop(rw);
    pool.wait_nothing_held(&[]);
}
