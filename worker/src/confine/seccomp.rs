//! The system calls that a confined worker is refused.
//!
//! A list of what is refused, not of what is allowed. Handlers are any code over any libc: a list
//! of what is allowed would break them at the next update, with errors that are hard to understand.
//! What such a list would win, that the unforeseen is refused, is had in another way: calls that
//! are newer than this list, and those of the x32 interface, do not exist for the worker (ENOSYS),
//! as on an older kernel, which every program can cope with.
//!
//! Refused calls return EPERM, those on files EACCES, as landlock's do.

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter_all_threads, sock_filter,
};
use std::collections::BTreeMap;

/// What is left to do about files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Files {
    /// Landlock refuses to open, make and remove them.
    Landlocked,
    /// The same, but it lets readable ones be truncated (before its version 3).
    LandlockedButTruncation,
    /// Nothing else refuses anything, so everything is refused here.
    Refused,
    /// Nothing else does, and some files are to be readable.
    Open,
}

/// What is left of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Network {
    /// Nothing.
    Refused,
    /// To accept connections at a socket that listens already.
    Accepts,
    /// To connect by TCP: landlock has the ports.
    Connects,
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

pub(super) fn knows_this_machine() -> bool {
    machine().is_ok()
}

fn machine() -> Result<TargetArch, String> {
    std::env::consts::ARCH
        .try_into()
        .map_err(|_| format!("no filters for {}", std::env::consts::ARCH))
}

/// Installs the filters, for all threads of the process.
pub(super) fn apply(files: Files, network: Network) -> Result<(), String> {
    let own = i64::from(std::process::id());
    let mut beyond = beyond_files(own)?;
    match network {
        Network::Refused => {}
        Network::Accepts => {
            beyond.retain(|call, _| ![libc::SYS_accept, libc::SYS_accept4].contains(call));
        }
        Network::Connects => {
            beyond.remove(&libc::SYS_connect);
            beyond.extend(all_but_tcp()?);
        }
    }
    let rules = [
        (beyond, libc::EPERM),
        (on_files(files)?, libc::EACCES),
        (unseen(files), libc::ENOSYS),
    ];
    let mut filters = vec![newer_than_this_list()];
    for (rules, errno) in rules {
        if !rules.is_empty() {
            filters.push(filter(rules, errno)?);
        }
    }
    for filter in &filters {
        apply_filter_all_threads(filter).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn filter(rules: Rules, errno: i32) -> Result<BpfProgram, String> {
    SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(errno.unsigned_abs()),
        machine()?,
    )
    .and_then(TryInto::try_into)
    .map_err(|error| error.to_string())
}

fn always(calls: &[libc::c_long]) -> Rules {
    calls.iter().map(|call| (*call, Vec::new())).collect()
}

/// A rule on one argument.
fn when(argument: u8, len: Len, op: Op, value: u64) -> Result<SeccompRule, String> {
    SeccompCondition::new(argument, len, op, value)
        .and_then(|condition| SeccompRule::new(vec![condition]))
        .map_err(|error| error.to_string())
}

/// Network, programs, other processes, the system.
fn beyond_files(own: i64) -> Result<Rules, String> {
    let mut rules = always(&BEYOND_FILES);
    #[cfg(target_arch = "x86_64")]
    rules.extend(always(&BEYOND_FILES_X86));
    rules.extend(by_arguments(own)?);
    Ok(rules)
}

/// What is refused whatever its arguments are.
const BEYOND_FILES: [i64; 85] = [
    // Network. A socketpair of streams reaches no other process; see below for the others.
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    // Programs; new processes are below.
    libc::SYS_execve,
    libc::SYS_execveat,
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_tkill,
    libc::SYS_sched_setattr,
    libc::SYS_sched_setscheduler,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    // Memory and queues shared by name.
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_semget,
    libc::SYS_semctl,
    libc::SYS_msgget,
    libc::SYS_msgctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    // Which user it is, and its limits.
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    libc::SYS_setgroups,
    libc::SYS_capset,
    libc::SYS_setrlimit,
    // Mounts and namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_mount_setattr,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    // Ways around this filter, and wide attack surfaces.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_fanotify_init,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_personality,
    // The system.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_syslog,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
];

/// The same, of what this architecture alone has.
#[cfg(target_arch = "x86_64")]
const BEYOND_FILES_X86: [i64; 5] = [
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
];

/// What is refused with some arguments.
fn by_arguments(own: i64) -> Result<Rules, String> {
    let own = own.unsigned_abs();
    let stranger = || when(0, Len::Dword, Op::Ne, own);
    let is = |argument, value| when(argument, Len::Dword, Op::Eq, value);
    let unsigned = |value: i32| u64::from(value.unsigned_abs());
    let thread = unsigned(libc::CLONE_THREAD);
    let kind_mask = 0xf;
    Ok([
        // A process that is no thread of this one. (glibc's fork and posix_spawn come here.)
        (
            libc::SYS_clone,
            vec![when(0, Len::Qword, Op::MaskedEq(thread), 0)?],
        ),
        // Signals to others; abort() sends one to itself.
        (libc::SYS_kill, vec![stranger()?]),
        (libc::SYS_tgkill, vec![stranger()?]),
        (libc::SYS_rt_sigqueueinfo, vec![stranger()?]),
        (libc::SYS_rt_tgsigqueueinfo, vec![stranger()?]),
        (
            libc::SYS_fcntl,
            vec![
                is(1, unsigned(libc::F_SETOWN))?,
                is(1, 15)?, // F_SETOWN_EX
            ],
        ),
        (libc::SYS_ioctl, vec![is(1, 0x5412)?]), // TIOCSTI
        // Datagrams name their receiver as they are sent.
        (
            libc::SYS_socketpair,
            vec![when(
                1,
                Len::Dword,
                Op::MaskedEq(kind_mask),
                unsigned(libc::SOCK_DGRAM),
            )?],
        ),
        (libc::SYS_sendto, vec![when(4, Len::Qword, Op::Ne, 0)?]),
        // It must die with its supervisor, within its limits.
        (
            libc::SYS_prctl,
            vec![is(0, unsigned(libc::PR_SET_PDEATHSIG))?],
        ),
        (libc::SYS_prlimit64, vec![when(2, Len::Qword, Op::Ne, 0)?]),
    ]
    .into())
}

/// Sockets of which landlock does not know the ports: everything but TCP over IP. (MPTCP would pass
/// it by, and so would a first packet with data, which connects without `connect`.)
fn all_but_tcp() -> Result<Rules, String> {
    let unsigned = |value: i32| u64::from(value.unsigned_abs());
    let none_of = |argument, [one, other]: [i32; 2]| {
        let differs = |value| {
            SeccompCondition::new(argument, Len::Dword, Op::Ne, unsigned(value))
                .map_err(|error| error.to_string())
        };
        SeccompRule::new(vec![differs(one)?, differs(other)?]).map_err(|error| error.to_string())
    };
    let kind_mask = 0xf;
    let mut sockets = vec![
        none_of(0, [libc::AF_INET, libc::AF_INET6])?,
        none_of(2, [0, libc::IPPROTO_TCP])?,
    ];
    for kind in (0..=kind_mask).filter(|kind| *kind != unsigned(libc::SOCK_STREAM)) {
        sockets.push(when(1, Len::Dword, Op::MaskedEq(kind_mask), kind)?);
    }
    let fast = unsigned(libc::MSG_FASTOPEN);
    let opens = |argument| when(argument, Len::Dword, Op::MaskedEq(fast), fast);
    Ok([
        (libc::SYS_socket, sockets),
        (libc::SYS_sendmsg, vec![opens(2)?]),
        (libc::SYS_sendmmsg, vec![opens(3)?]),
    ]
    .into())
}

/// What landlock does not cover: owners, modes, times and attributes by path; and what
/// it should have, where there is none.
fn on_files(files: Files) -> Result<Rules, String> {
    if files == Files::Open {
        return Ok(Rules::new());
    }
    let mut rules = always(&[
        libc::SYS_fchmodat,
        libc::SYS_fchmodat2,
        libc::SYS_fchownat,
        libc::SYS_setxattr,
        libc::SYS_lsetxattr,
        libc::SYS_removexattr,
        libc::SYS_lremovexattr,
    ]);
    // By a descriptor (no path) it is fine.
    rules.insert(libc::SYS_utimensat, vec![when(1, Len::Qword, Op::Ne, 0)?]);
    #[cfg(target_arch = "x86_64")]
    rules.extend(always(&[
        libc::SYS_chmod,
        libc::SYS_chown,
        libc::SYS_lchown,
        libc::SYS_utime,
        libc::SYS_utimes,
        libc::SYS_futimesat,
    ]));
    match files {
        Files::Landlocked | Files::Open => {}
        Files::LandlockedButTruncation => {
            let truncates = u64::from(libc::O_TRUNC.unsigned_abs());
            let flags = |argument| when(argument, Len::Dword, Op::MaskedEq(truncates), truncates);
            rules.extend(always(&[libc::SYS_truncate]));
            rules.insert(libc::SYS_openat, vec![flags(2)?]);
            #[cfg(target_arch = "x86_64")]
            rules.insert(libc::SYS_open, vec![flags(1)?]);
        }
        Files::Refused => rules.extend(on_paths()),
    }
    Ok(rules)
}

/// Calls that open, make, move or remove a file by its path.
fn on_paths() -> Rules {
    let mut rules = always(&[
        libc::SYS_openat,
        libc::SYS_openat2,
        libc::SYS_truncate,
        libc::SYS_mkdirat,
        libc::SYS_unlinkat,
        libc::SYS_renameat2,
        libc::SYS_linkat,
        libc::SYS_symlinkat,
        libc::SYS_mknodat,
    ]);
    #[cfg(not(target_arch = "riscv64"))]
    rules.extend(always(&[libc::SYS_renameat]));
    #[cfg(target_arch = "x86_64")]
    rules.extend(always(&[
        libc::SYS_open,
        libc::SYS_creat,
        libc::SYS_mkdir,
        libc::SYS_rmdir,
        libc::SYS_unlink,
        libc::SYS_rename,
        libc::SYS_link,
        libc::SYS_symlink,
        libc::SYS_mknod,
    ]));
    rules
}

/// Calls whose arguments stand in memory, where a filter can't look: libraries fall
/// back to the older call when there is none, and that one is filtered.
fn unseen(files: Files) -> Rules {
    let mut rules = always(&[libc::SYS_clone3]);
    if files == Files::LandlockedButTruncation {
        rules.extend(always(&[libc::SYS_openat2]));
    }
    rules
}

/// Every number above the newest one that this list was made for, x32's among them.
fn newer_than_this_list() -> BpfProgram {
    const NEWEST: libc::c_long = libc::SYS_mseal; // Linux 6.10
    const LOAD_WORD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const IF_GREATER: u16 = (libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    let instruction = |code, jt, k| sock_filter { code, jt, jf: 0, k };
    vec![
        instruction(LOAD_WORD, 0, 0), // seccomp_data.nr
        instruction(IF_GREATER, 1, NEWEST as u32),
        instruction(RETURN, 0, libc::SECCOMP_RET_ALLOW),
        instruction(
            RETURN,
            0,
            libc::SECCOMP_RET_ERRNO | libc::ENOSYS.unsigned_abs(),
        ),
    ]
}
