//! The options that tell what workers are held to.

use super::super::units::Size;
use super::set;
use clap::Args;
use ringwork_supervisor::ServeConfig;
use ringwork_worker::confine::SandboxMode;
use serde::{Deserialize, Deserializer};
use std::path::PathBuf;
use std::str::FromStr;

/// The options as given; see [`super::ServeOptions`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Args, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ConfinementOptions {
    /// Keep files, network, programs and other processes away from handlers; `require`: refuse to
    /// serve where the kernel can't in full [default: off].
    #[arg(
        long,
        value_name = "on|require|off",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "on",
        help_heading = "Confinement of workers"
    )]
    sandbox: Option<Sandbox>,

    /// File or directory that sandboxed handlers can read; may be repeated.
    #[arg(long, value_name = "PATH", help_heading = "Confinement of workers")]
    sandbox_read: Option<Vec<PathBuf>>,

    /// Most private memory of a worker, thread stacks included; beyond it allocations fail
    /// [default: as inherited].
    #[arg(long, value_name = "SIZE", help_heading = "Confinement of workers")]
    worker_memory: Option<Size>,

    /// Most open files of a worker [default: as inherited].
    #[arg(long, value_name = "N", help_heading = "Confinement of workers")]
    worker_open_files: Option<u64>,

    /// Most threads of a worker; one that has more is killed; 0: any number [default: 1024].
    #[arg(long, value_name = "N", help_heading = "Confinement of workers")]
    worker_threads: Option<u32>,

    /// Largest core dump of a worker; 0: none [default: as inherited].
    #[arg(long, value_name = "SIZE", help_heading = "Confinement of workers")]
    worker_core_size: Option<Size>,
}

impl ConfinementOptions {
    /// These options, and for those not given the other's.
    pub(super) fn or(self, other: Self) -> Self {
        macro_rules! each {
            ($($field:ident),* $(,)?) => { Self { $($field: self.$field.or(other.$field)),* } };
        }
        each!(
            sandbox,
            sandbox_read,
            worker_memory,
            worker_open_files,
            worker_threads,
            worker_core_size
        )
    }

    /// Puts what was given into the configuration.
    pub(super) fn apply(self, config: &mut ServeConfig) {
        let confinement = &mut config.confinement;
        confinement.memory = self.worker_memory.map(|size| size.0);
        confinement.open_files = self.worker_open_files;
        confinement.core = self.worker_core_size.map(|size| size.0);
        set(
            &mut confinement.sandbox,
            self.sandbox.map(|sandbox| sandbox.0),
        );
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        let paths = self.sandbox_read.unwrap_or_default();
        confinement.sandbox_read = paths.into_iter().map(absolute).collect();
        set(&mut confinement.threads, self.worker_threads);
    }
}

/// The name of a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sandbox(SandboxMode);

impl FromStr for Sandbox {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        SandboxMode::named(name)
            .map(Self)
            .ok_or_else(|| format!("{name:?} is no mode of the sandbox: on, require or off"))
    }
}

impl<'de> Deserialize<'de> for Sandbox {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::super::ServeOptions;
    use super::super::tests::flags;
    use super::*;

    #[test]
    fn a_sandbox_is_asked_for_in_each_way() {
        let of = |line: &[&str]| flags(line).resolve().unwrap().confinement;
        assert_eq!(of(&[]).sandbox, SandboxMode::Off);
        assert_eq!(of(&["--sandbox"]).sandbox, SandboxMode::On);
        assert_eq!(of(&["--sandbox=require"]).sandbox, SandboxMode::Require);
        let both = of(&["--sandbox", "--sandbox-read", "/etc", "--sandbox-read", "x"]);
        assert_eq!(both.sandbox_read.len(), 2);
        assert!(both.sandbox_read[1].is_absolute());
        let file = ServeOptions::parse("sandbox = 'require'\nsandbox-read = ['/etc']");
        let config = file.unwrap().resolve().unwrap();
        assert_eq!(config.confinement.sandbox, SandboxMode::Require);
        assert!(ServeOptions::parse("sandbox = 'maybe'").is_err());
    }

    #[test]
    fn what_can_not_be_confined_so_is_told() {
        let error = |line: &[&str]| {
            let config = flags(line).resolve().unwrap();
            config.validate().unwrap_err().to_string()
        };
        assert!(error(&["--sandbox-read", "/etc"]).contains("give --sandbox, too"));
        assert!(
            error(&["--sandbox", "--sandbox-read", "/none/such"]).contains("/none/such: No such")
        );
        assert!(error(&["--worker-memory", "1MiB"]).contains("worker-memory is 1 MiB"));
    }
}
