//! `--sandbox`: what a worker may not do, whatever its handlers try.
//!
//! Three layers, each by the kernel and none that can be taken off again: no_new_privs and no
//! capabilities; landlock for files (and TCP, signals and abstract sockets as a second line);
//! seccomp for network, programs, other processes and whatever landlock does not cover. A refused
//! call returns an error and ends no process, so that it becomes the task's error.
//!
//! What a kernel lacks is made up for where the other layer can, and told where
//! it can't: [`Plan`] decides, from what the kernel [offers](Offer).

use super::peer::Peer;
use super::seccomp;
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, NetPort, RestrictSelfAttr, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope, make_bitflags, path_beneath_rules,
};
use ringwork_ring::format::counted;
use ringwork_ring::os::probes;
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs};
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

ringwork_ring::choices! {
    /// Whether workers are confined.
    SandboxMode, "mode of the sandbox", default Off, {
        /// They are not.
        Off = "off";
        /// As far as the kernel can.
        On = "on";
        /// In full; a worker that can't be does not start.
        Require = "require";
    }
}

/// What the kernel offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// Version of landlock's interface; 0: none.
    landlock: u32,
    seccomp: bool,
}

impl Offer {
    pub fn of_this_kernel() -> Self {
        Self {
            landlock: probes::landlock_abi().unwrap_or(0),
            seccomp: probes::has_seccomp_filter() && seccomp::knows_this_machine(),
        }
    }
}

/// What keeps files away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Files {
    Landlock(u32),
    /// All are refused: possible as long as none is to be readable.
    Seccomp,
    Nobody,
}

/// What is enforced, by what, and what is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    files: Files,
    seccomp: bool,
    readable: Vec<PathBuf>,
    peers: Vec<Peer>,
}

impl Plan {
    pub fn new(offer: Offer, readable: &[PathBuf]) -> Self {
        Self {
            files: match offer {
                Offer { landlock: 1.., .. } => Files::Landlock(offer.landlock),
                Offer { seccomp: true, .. } if readable.is_empty() => Files::Seccomp,
                _ => Files::Nobody,
            },
            seccomp: offer.seccomp,
            readable: readable.to_vec(),
            peers: Vec::new(),
        }
    }

    /// The same, but for connections to these.
    pub fn to(mut self, peers: &[Peer]) -> Self {
        self.peers = peers.to_vec();
        self
    }

    /// Why connections to some peers only can't be had here. It takes both: landlock for the ports,
    /// seccomp for all that is no TCP.
    pub fn net_problem(&self) -> Option<String> {
        let remedy = "leave --sandbox-net out, and give handlers their connections by a state";
        match (self.peers.is_empty(), self.files, self.seccomp) {
            (true, ..) | (_, Files::Landlock(4..), true) => None,
            (_, Files::Landlock(4..), false) => Some(format!(
                "sandbox-net needs seccomp filters, which this kernel has not or refuses: {remedy}"
            )),
            (_, Files::Landlock(abi), _) => Some(format!(
                "sandbox-net needs ABI 4 of landlock (Linux 6.7), and this kernel has {abi}: {remedy}"
            )),
            _ => Some(format!(
                "sandbox-net needs landlock (Linux 6.7, with landlock in its lsm= list), and this kernel has none: \
                 {remedy}"
            )),
        }
    }

    /// What a handler can still do that it should not, with the remedy.
    pub fn gaps(&self) -> Vec<String> {
        let mut gaps = Vec::new();
        if self.files == Files::Nobody {
            gaps.push(if self.seccomp {
                "files: this kernel has no landlock (Linux 5.13, with landlock in its lsm= list), so either all files \
                 can be refused or none: leave --sandbox-read out to have all refused"
                    .to_owned()
            } else {
                "files: this kernel has no landlock (Linux 5.13, with landlock in its lsm= list)"
                    .to_owned()
            });
        }
        if !self.seccomp {
            let tcp = match self.files {
                Files::Landlock(4..) => "; TCP is refused by landlock",
                _ => "",
            };
            gaps.push(format!(
                "network, other processes, owners and modes of files: this kernel has no seccomp filters, or they are \
                 refused to this process, or this is no x86-64, arm64 or riscv64{tcp}"
            ));
        }
        gaps
    }

    /// Confines this process: the calling thread and those that it starts later; the
    /// system calls of all threads. Gives what was not achieved.
    pub(super) fn apply(&self) -> Result<Vec<String>, String> {
        self.apply_with(match self.peers.is_empty() {
            true => seccomp::Network::Refused,
            false => seccomp::Network::Connects,
        })
    }

    /// The same for the process that answers HTTP: it may accept connections, and open none.
    pub(super) fn apply_to_endpoint(&self) -> Result<Vec<String>, String> {
        self.apply_with(seccomp::Network::Accepts)
    }

    fn apply_with(&self, network: seccomp::Network) -> Result<Vec<String>, String> {
        let mut gaps = self.gaps();
        set_no_new_privs(true).map_err(|error| format!("no_new_privs: {error}"))?;
        let none = CapabilitySets {
            effective: CapabilitySet::empty(),
            permitted: CapabilitySet::empty(),
            inheritable: CapabilitySet::empty(),
        };
        set_capabilities(None, none).map_err(|error| format!("capabilities: {error}"))?;
        let threads = other_threads();
        if let Files::Landlock(abi) = self.files {
            self.apply_landlock()
                .map_err(|error| format!("landlock: {error}"))?;
            // Since version 8 it covers them as seccomp does.
            if !threads.is_empty() && abi < 8 {
                gaps.push(format!(
                    "files for {} that the program or a state has started before ({}): landlock covers only threads \
                     started later (before Linux 7.0), so leave them to a handler, or to a value of a lane or an I/O \
                     thread",
                    counted(threads.len(), "thread"),
                    threads.join(", ")
                ));
            }
        }
        if self.seccomp {
            let strictness = match self.files {
                Files::Landlock(3..) => seccomp::Files::Landlocked,
                Files::Landlock(_) => seccomp::Files::LandlockedButTruncation,
                Files::Seccomp => seccomp::Files::Refused,
                Files::Nobody => seccomp::Files::Open,
            };
            seccomp::apply(strictness, network).map_err(|error| format!("seccomp: {error}"))?;
        }
        ACTIVE.store(true, Ordering::Relaxed);
        Ok(gaps)
    }

    fn apply_landlock(&self) -> Result<(), String> {
        // The newest that the library knows; it leaves out what this kernel does not have.
        const NEWEST: ABI = ABI::V9;
        let text = |error: landlock::RulesetError| error.to_string();
        let read = make_bitflags!(AccessFs::{ReadFile | ReadDir});
        let ports = self.peers.iter();
        let ports = ports.map(|peer| NetPort::new(peer.port(), AccessNet::ConnectTcp));
        let status = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(NEWEST))
            .map_err(text)?
            .handle_access(AccessNet::from_all(NEWEST))
            .map_err(text)?
            .scope(Scope::from_all(NEWEST))
            .map_err(text)?
            .create()
            .map_err(text)?
            .add_rules(path_beneath_rules(&self.readable, read))
            .map_err(text)?
            .add_rules(ports.map(Ok::<_, landlock::RulesetError>))
            .map_err(text)?
            .all_threads(true)
            .map_err(text)?
            .restrict_self()
            .map_err(text)?;
        match status.ruleset {
            RulesetStatus::NotEnforced => Err("the kernel does not enforce it".to_owned()),
            _ => Ok(()),
        }
    }
}

/// The names of this process's threads but the first.
fn other_threads() -> Vec<String> {
    let first = std::process::id().to_string();
    let all = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    let others = all.flatten().filter(|one| *one.file_name() != *first);
    let name = |thread: std::fs::DirEntry| {
        let name = std::fs::read_to_string(thread.path().join("comm"));
        name.map_or_else(
            |_| "without a name".to_owned(),
            |name| name.trim().to_owned(),
        )
    };
    others.map(name).collect()
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.files {
            Files::Landlock(abi) => write!(f, "files: landlock ABI {abi}")?,
            Files::Seccomp => f.write_str("files: seccomp, since there is no landlock")?,
            Files::Nobody => f.write_str("files: not confined")?,
        }
        if !self.readable.is_empty() {
            let paths: Vec<String> = self
                .readable
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            write!(f, " (readable: {})", paths.join(", "))?;
        }
        if !self.peers.is_empty() {
            let peers: Vec<String> = self.peers.iter().map(Peer::to_string).collect();
            write!(f, "; TCP: landlock (connections to {})", peers.join(", "))?;
        }
        f.write_str(match (self.seccomp, self.files) {
            (true, _) => "; network, programs, other processes: seccomp",
            (false, Files::Landlock(4..)) => "; TCP, programs: landlock; no seccomp",
            (false, Files::Landlock(_)) => "; programs: landlock; no seccomp",
            (false, _) => "; no seccomp",
        })?;
        f.write_str("; privileges: no_new_privs, no capabilities")
    }
}

static ACTIVE: AtomicBool = AtomicBool::new(false);

/// The message of a failed task, with the sandbox named when it looks like its doing.
pub fn explain(message: &str) -> Option<String> {
    // As io::Error shows itself to people and, in `unwrap`, to programmers.
    const REFUSALS: [&str; 5] = [
        "(os error 1)",
        "(os error 13)",
        "PermissionDenied",
        "Permission denied",
        "Operation not permitted",
    ];
    let refused = REFUSALS.iter().any(|refusal| message.contains(refusal));
    (refused && ACTIVE.load(Ordering::Relaxed)).then(|| {
        format!(
            "refused by the sandbox (--sandbox), most likely: {message}. A confined handler may use no files but \
             --sandbox-read, no network but connections to --sandbox-net, no programs, no other processes"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(landlock: u32, seccomp: bool, readable: &[&str]) -> Plan {
        let readable: Vec<PathBuf> = readable.iter().map(PathBuf::from).collect();
        Plan::new(Offer { landlock, seccomp }, &readable)
    }

    #[test]
    fn what_a_kernel_lacks_is_made_up_for_or_told() {
        let text = |plan: &Plan| plan.to_string();
        let full = plan(7, true, &["/etc"]);
        assert!(full.gaps().is_empty() && text(&full).contains("landlock ABI 7 (readable: /etc)"));
        let no_landlock = plan(0, true, &[]);
        assert!(no_landlock.gaps().is_empty() && text(&no_landlock).contains("files: seccomp"));
        let gaps = plan(0, true, &["/etc"]).gaps();
        assert!(gaps.len() == 1 && gaps[0].contains("leave --sandbox-read out"));
        let gaps = plan(4, false, &[]).gaps();
        assert!(gaps.len() == 1 && gaps[0].contains("TCP is refused by landlock"));
        assert!(!plan(1, false, &[]).gaps()[0].contains("TCP"));
        let peers: [Peer; 1] = ["*:443".parse().unwrap()];
        let net = |plan: Plan| plan.to(&peers).net_problem().unwrap_or_default();
        assert_eq!(net(plan(4, true, &[])), "");
        assert!(net(plan(3, true, &[])).contains("this kernel has 3"));
        assert!(net(plan(0, true, &[])).contains("lsm="));
        assert!(net(plan(4, false, &[])).contains("seccomp"));
        assert_eq!(plan(0, false, &[]).net_problem(), None);
        assert!(text(&plan(4, true, &[]).to(&peers)).contains("connections to *:443"));
        let nothing = plan(0, false, &[]);
        assert_eq!(nothing.gaps().len(), 2);
        assert!(text(&nothing).contains("not confined"));
    }
}
