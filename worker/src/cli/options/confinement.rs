//! The options that tell what workers are held to.

use super::super::units::Size;
use super::set;
use crate::supervisor::ServeConfig;
use clap::Args;
use serde::Deserialize;

/// The options as given; see [`super::ServeOptions`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Args, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ConfinementOptions {
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
        set(&mut confinement.threads, self.worker_threads);
    }
}
