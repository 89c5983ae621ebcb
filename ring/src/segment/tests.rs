use super::*;
use crate::format::config::{ArenaClass, PoolConfig};
use crate::format::layout::*;
use crate::format::section::Section;
use std::fs::OpenOptions;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};

fn small() -> PoolConfig {
    PoolConfig {
        clients: 2,
        slots: 8,
        arena: Some(vec![ArenaClass::new(1024, 4)]),
        ..PoolConfig::default()
    }
}

fn pool(temp: &tempfile::TempDir) -> PoolDir {
    PoolDir::below(&temp.path().join("base"), "p").unwrap()
}

#[test]
fn what_was_created_attaches_with_the_same_geometry() {
    let temp = tempfile::tempdir().unwrap();
    let dir = pool(&temp);
    let (made, locks) = Segment::create(&dir, &small()).unwrap();
    let seen = Segment::attach(&dir).unwrap();
    assert_eq!(made.geometry(), seen.geometry());
    assert_eq!(made.epoch(), seen.epoch());
    assert!(seen.supervisor_lives().unwrap());
    assert!(
        matches!(Segment::create(&dir, &small()), Err(RingError::NameTaken { by, .. }) if by.contains("process"))
    );
    assert!(!clean(&dir).unwrap(), "a live pool is never removed");
    drop(locks);
    assert!(!seen.supervisor_lives().unwrap());
    let (_next, _locks) = Segment::create(&dir, &small()).unwrap();
    assert_eq!(
        seen.pool_state(),
        Ok(PoolState::Failed),
        "those attached to the old one are told"
    );
    assert_eq!(seen.reason(), create::REPLACED);
    assert!(
        !seen.supervisor_lives().unwrap(),
        "a successor's lock is not the old one's"
    );
}

#[test]
fn a_reader_sees_what_changes_and_can_change_nothing() {
    for backing in [Backing::File, Backing::Memfd] {
        let temp = tempfile::tempdir().unwrap();
        let dir = pool(&temp);
        let (made, locks) = Segment::create_in(backing, &dir, &small()).unwrap();
        let seen = Segment::attach_to_read(&dir).unwrap();
        assert_eq!(made.geometry(), seen.geometry());
        made.set_pool_state(PoolState::Serving);
        made.set_reason("of old age");
        assert_eq!(seen.pool_state(), Ok(PoolState::Serving));
        assert_eq!(seen.reason(), "of old age");
        assert!(seen.supervisor_lives().unwrap());
        // The kernel has it as one that can't be made writable: of a file open for reading only.
        let start = format!("{:x}-", seen.map.as_ptr() as usize);
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let line = maps.lines().find(|line| line.starts_with(&start)).unwrap();
        assert_eq!(line.split(' ').nth(1), Some("r--s"), "{line}");
        drop(locks);
        assert!(!seen.supervisor_lives().unwrap());
    }
}

#[test]
fn a_dead_pool_is_cleaned() {
    let temp = tempfile::tempdir().unwrap();
    let dir = pool(&temp);
    drop(Segment::create(&dir, &small()).unwrap());
    assert!(clean(&dir).unwrap());
    assert!(!dir.path().exists());
    assert!(matches!(
        Segment::attach(&dir),
        Err(RingError::NotFound { .. })
    ));
}

#[test]
fn those_attached_to_a_dead_pool_that_is_cleaned_are_told_so() {
    let temp = tempfile::tempdir().unwrap();
    let dir = pool(&temp);
    let (seen, locks) = Segment::create(&dir, &small()).unwrap();
    drop(locks);
    assert!(clean(&dir).unwrap());
    assert_eq!(
        (seen.pool_state(), seen.reason().as_str()),
        (Ok(PoolState::Failed), create::CLEANED)
    );
}

fn names(mut cleared: Vec<(String, Result<()>)>) -> Vec<String> {
    cleared.sort_by(|a, b| a.0.cmp(&b.0));
    cleared
        .into_iter()
        .map(|(name, how)| how.map(|()| name).unwrap())
        .collect()
}

#[test]
fn litter_of_dead_pools_is_cleared_and_nothing_else() {
    let temp = tempfile::tempdir().unwrap();
    let base = temp.path().join("base");
    let make = |name, backing| {
        let dir = PoolDir::below(&base, name).unwrap();
        let made = Segment::create_in(backing, &dir, &small()).unwrap();
        (dir, made)
    };
    assert!(clear_litter(&base).is_empty(), "there is no directory yet");
    let (alive, held) = make("alive", Backing::Memfd);
    let own = "jvm-1-1-0f8fad5b-d9cb-469f";
    let (alive_file, held_file) = make(own, Backing::File);
    let (dead_memfd, made) = make("dead-memfd", Backing::Memfd);
    drop(made);
    let (dead_served, made) = make("dead-served", Backing::File);
    drop(made);
    let (dead_of_jvm, made) = make("jvm-2-1-0f8fad5b-d9cb-469f", Backing::File);
    drop(made);
    // Killed before the segment, and while it was written.
    let (early, made) = make("early", Backing::Memfd);
    drop(made);
    fs::remove_file(early.pointer()).unwrap();
    let (writing, made) = make("writing", Backing::File);
    drop(made);
    fs::rename(writing.segment(), writing.new_segment()).unwrap();
    // What is no pool, and what others might have made.
    fs::create_dir(base.join("empty")).unwrap();
    let (empty_of_jvm, made) = make("jvm-3-1-0f8fad5b-d9cb-469f", Backing::Memfd);
    drop(made);
    clean(&empty_of_jvm).unwrap();
    empty_of_jvm.create().unwrap();
    fs::write(base.join("file"), "").unwrap();
    symlink(dead_served.path(), base.join("link")).unwrap();
    let (open, made) = make("open", Backing::Memfd);
    drop(made);
    fs::set_permissions(open.path(), fs::Permissions::from_mode(0o755)).unwrap();

    let cleared = names(clear_litter(&base));
    assert_eq!(
        cleared,
        [
            "dead-memfd",
            "early",
            dead_of_jvm.name(),
            empty_of_jvm.name(),
            "writing"
        ]
    );
    for gone in [&dead_memfd, &early, &dead_of_jvm, &empty_of_jvm, &writing] {
        assert!(!gone.path().exists(), "{gone:?}");
    }
    for kept in [&alive, &alive_file, &dead_served, &open] {
        assert!(kept.is_pool(), "{kept:?}");
    }
    Segment::attach(&alive_file).unwrap();
    assert!(base.join("empty").exists() && base.join("link").exists());
    drop((held, held_file));
    assert_eq!(names(clear_litter(&base)), ["alive", own]);
}

/// Whatever stage a supervisor died in, what it left is cleaned; what is not its own stays.
#[test]
fn what_a_pool_leaves_is_cleaned_whatever_stage_it_died_in() {
    let temp = tempfile::tempdir().unwrap();
    let base = temp.path().join("base");
    let dir = PoolDir::below(&base, "p").unwrap();
    let dead = |backing| drop(Segment::create_in(backing, &dir, &small()).unwrap());
    let remove = |path: PathBuf| fs::remove_file(path).unwrap();
    let stages: [(&str, &dyn Fn()); 7] = [
        ("an empty directory", &|| dir.create().unwrap()),
        ("only its name", &|| {
            dir.create().unwrap();
            liveness::open_lock_file(&dir.name_lock(), true).unwrap();
        }),
        ("before its segment", &|| {
            dead(Backing::File);
            remove(dir.segment());
        }),
        ("a segment that is being written", &|| {
            dead(Backing::File);
            fs::rename(dir.segment(), dir.new_segment()).unwrap();
        }),
        ("a pointer that is being written", &|| {
            dead(Backing::Memfd);
            fs::rename(dir.pointer(), dir.new_pointer()).unwrap();
            remove(dir.name_lock());
        }),
        ("all of it", &|| dead(Backing::File)),
        ("locks without the name's", &|| {
            dead(Backing::Memfd);
            remove(dir.name_lock());
            remove(dir.pointer());
        }),
    ];
    for (stage, leave) in stages {
        leave();
        assert!(clean(&dir).unwrap(), "{stage}");
        assert!(!dir.path().exists(), "{stage}");
        assert!(
            matches!(clean(&dir), Err(RingError::NotFound { .. })),
            "{stage}"
        );
    }
    // Files of others stay, and what has none of a pool is not touched.
    dead(Backing::File);
    fs::write(dir.path().join("Cargo.lock"), "mine").unwrap();
    assert!(clean(&dir).unwrap());
    assert!(!dir.is_pool());
    assert!(clean(&dir).unwrap_err().to_string().contains("left alone"));
    assert_eq!(fs::read(dir.path().join("Cargo.lock")).unwrap(), b"mine");
}

/// A live pool that misses the lock of its name is about to end by itself.
#[test]
fn a_live_pool_without_its_names_lock_is_not_cleaned() {
    let temp = tempfile::tempdir().unwrap();
    let dir = PoolDir::below(&temp.path().join("base"), "p").unwrap();
    let (segment, locks) = Segment::create(&dir, &small()).unwrap();
    fs::remove_file(dir.name_lock()).unwrap();
    assert!(!clean(&dir).unwrap());
    assert!(dir.segment().exists() && !dir.name_lock().exists());
    // Its own end removes it all the same.
    segment.remove_rest().unwrap();
    assert!(!dir.path().exists());
    drop(locks);
}

/// Empty directories are removed while pools come up in them: they try again.
#[test]
fn cleaning_empty_directories_does_no_harm_to_pools_that_come_up() {
    let temp = tempfile::tempdir().unwrap();
    let base = temp.path().join("base");
    let dir = PoolDir::below(&base, "p").unwrap();
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let cleaner = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let _ = clean(&dir);
            }
        });
        for round in 0..200 {
            let (segment, locks) = Segment::create_in(Backing::Memfd, &dir, &small())
                .unwrap_or_else(|error| panic!("{round}: {error}"));
            assert_eq!(locks.lost(&segment), None, "{round}");
            segment.remove().unwrap();
        }
        over.store(true, Ordering::Relaxed);
        cleaner.join().unwrap();
    });
}

/// Supervisors that come up under names of dead pools, while others clear those away.
#[test]
fn clearing_litter_does_no_harm_to_pools_that_come_up() {
    let temp = tempfile::tempdir().unwrap();
    let base = temp.path().join("base");
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let clearers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut cleared = 0;
                    while !over.load(Ordering::Relaxed) {
                        cleared += names(clear_litter(&base)).len();
                    }
                    cleared
                })
            })
            .collect();
        let starters: Vec<_> = (0..2)
            .map(|n| {
                let dir = PoolDir::below(&base, &format!("p{n}")).unwrap();
                scope.spawn(move || {
                    for round in 0..60 {
                        let (segment, locks) = Segment::create_in(Backing::Memfd, &dir, &small())
                            .unwrap_or_else(|error| panic!("{round}: {error}"));
                        assert_eq!(locks.lost(&segment), None, "{round}");
                        assert!(segment.supervisor_lives().unwrap(), "{round}");
                    }
                })
            })
            .collect();
        let ended: Vec<_> = starters.into_iter().map(|thread| thread.join()).collect();
        over.store(true, Ordering::Relaxed);
        let cleared: usize = clearers
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum();
        assert!(ended.iter().all(std::thread::Result::is_ok));
        assert!(cleared > 0, "nothing was cleared: the test tries nothing");
    });
}

#[test]
fn each_foreign_segment_is_refused_with_its_reason() {
    let temp = tempfile::tempdir().unwrap();
    let dir = pool(&temp);
    let (segment, _locks) = Segment::create(&dir, &small()).unwrap();
    let file = OpenOptions::new().write(true).open(dir.segment()).unwrap();
    let says = |part: &str| {
        let text = Segment::attach(&dir).unwrap_err().to_string();
        assert!(text.contains(part), "{text}");
    };
    segment.u32_at(H_READY).store(0, Ordering::Release);
    says("not ready");
    segment.u32_at(H_READY).store(READY, Ordering::Release);
    segment.u32_at(H_VERSION).store(99, Ordering::Relaxed);
    says("version 99");
    segment.u32_at(H_VERSION).store(VERSION, Ordering::Relaxed);
    segment.u64_at(H_FEATURES).store(1 << 40, Ordering::Relaxed);
    says("feature bits 0x10000000000, which it requires");
    says("use the same Ringwork version on both sides");
    segment.u64_at(H_FEATURES).store(0, Ordering::Relaxed);
    segment.u64_at(H_SLOTS).store(12, Ordering::Relaxed);
    says("corrupt");
    segment
        .u64_at(H_SLOTS)
        .store(segment.geometry().slots as u64, Ordering::Relaxed);
    file.set_permissions(fs::Permissions::from_mode(0o640))
        .unwrap();
    says("chmod 600");
    file.set_permissions(fs::Permissions::from_mode(0o600))
        .unwrap();
    Segment::attach(&dir).unwrap();
    let size = segment.geometry().segment_size;
    drop(segment);
    file.set_len(size - 4096).unwrap();
    says("truncated");
    file.set_len(100).unwrap();
    says("100 bytes");
    file.set_len(8192).unwrap();
    file.write_all_at(b"ELEPHANT", 0).unwrap();
    says("not a Ringwork segment");
    fs::rename(dir.segment(), dir.path().join("real")).unwrap();
    symlink(dir.path().join("real"), dir.segment()).unwrap();
    says("link");
}

/// A segment of a later version with two tables that this one does not know.
fn with_unknown_sections() -> PoolConfig {
    let section = |kind, count, bytes| Section { kind, count, bytes };
    let mut config = small();
    let mut sections: Vec<Section> = (config.geometry().unwrap().sections.iter())
        .map(|place| place.section)
        .collect();
    sections.insert(0, section(0x7f00, 3, 256));
    sections.push(section(0x7f01, 1, 128));
    config.sections = Some(sections);
    config
}

#[test]
fn what_is_optional_and_unknown_is_left_alone() {
    let temp = tempfile::tempdir().unwrap();
    let dir = pool(&temp);
    let (made, _locks) = Segment::create(&dir, &with_unknown_sections()).unwrap();
    made.u64_at(H_OPTIONAL).store(u64::MAX, Ordering::Relaxed);
    let seen = Segment::attach(&dir).unwrap();
    assert_eq!(seen.geometry(), made.geometry());
    let (g, plain) = (seen.geometry(), small().geometry().unwrap());
    assert!(g.classes[0].blocks > g.section(0x7f01).unwrap().record_at(1));
    assert_eq!(
        g.limits, plain.limits,
        "the tables before are where they were"
    );
    let places: Vec<_> = g
        .sections
        .iter()
        .map(|p| (p.record_at(0), p.record_at(p.section.count)))
        .collect();
    for two in places.windows(2) {
        assert!(two[0].1 <= two[1].0, "{places:?}");
    }
    assert_eq!(g.section(0x7f02), None);
}

#[test]
fn sections_with_impossible_sizes_or_places_are_refused() {
    let temp = tempfile::tempdir().unwrap();
    let dir = pool(&temp);
    let (segment, _locks) = Segment::create(&dir, &with_unknown_sections()).unwrap();
    let first = H_SECTIONS;
    let second = H_SECTIONS + SECTION_STRIDE;
    let refused = |at: usize, value: u32| {
        let word = segment.u32_at(at);
        let before = word.swap(value, Ordering::Relaxed);
        let text = Segment::attach(&dir).unwrap_err().to_string();
        assert!(
            text.contains("corrupt") || text.contains("truncated"),
            "{text}"
        );
        word.store(before, Ordering::Relaxed);
    };
    for count in [0, MAX_SECTIONS as u32, MAX_SECTIONS as u32 + 1, u32::MAX] {
        refused(H_SECTION_COUNT, count);
    }
    refused(first + SECTION_KIND, 0);
    refused(
        first + SECTION_KIND,
        segment
            .u32_at(second + SECTION_KIND)
            .load(Ordering::Relaxed),
    );
    for count in [
        0,
        4,
        5000,
        MAX_SECTION_RECORDS,
        MAX_SECTION_RECORDS + 1,
        u32::MAX,
    ] {
        refused(first + SECTION_COUNT, count);
    }
    for bytes in [
        0,
        1,
        64,
        384,
        MAX_SECTION_BYTES,
        MAX_SECTION_BYTES + 128,
        u32::MAX,
    ] {
        refused(first + SECTION_BYTES, bytes);
    }
    for offset in [0, 1, 128, 1 << 31, u32::MAX] {
        refused(first + SECTION_OFFSET, offset);
        refused(first + SECTION_OFFSET + 4, offset | 1);
    }
    Segment::attach(&dir).unwrap();
}

#[test]
fn too_large_for_the_file_system_is_an_error_now() {
    let temp = tempfile::tempdir().unwrap();
    let config = PoolConfig {
        arena: Some(vec![ArenaClass::new(1 << 30, 1 << 12)]),
        ..small()
    };
    let error = Segment::create(&pool(&temp), &config)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("--shm-size") && error.contains("--segment-size"),
        "{error}"
    );
}

#[test]
fn a_canceller_that_comes_a_generation_late_asks_nobody_and_wipes_out_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let (segment, _locks) = Segment::create(&pool(&temp), &small()).unwrap();
    let asked = || {
        segment
            .u64_at(segment.geometry().slot_at(3) + SLOT_ASKED)
            .load(Ordering::Relaxed)
    };
    segment.slot(3).request_cancel(0);
    assert_eq!(asked(), CANCEL_BIT);
    segment.slot(3).request_cancel(8);
    segment.slot(3).request_cancel(7);
    assert_eq!(asked(), CANCEL_BIT | 8);
}

#[test]
fn the_lock_of_a_supervisor_that_is_gone_is_waited_for() {
    // Killed amid starting a worker: the child has a copy of the lock until it executes its
    // program.
    let temp = tempfile::tempdir().unwrap();
    let dir = pool(&temp);
    let (old, locks) = Segment::create(&dir, &small()).unwrap();
    let mut child = std::process::Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    old.u32_at(H_SUPERVISOR_PID)
        .store(child.id(), Ordering::Relaxed);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(std::time::Duration::from_millis(100));
            drop(locks);
        });
        let (new, _locks) = Segment::create(&dir, &small()).unwrap();
        assert_ne!(new.epoch(), old.epoch());
    });
}
