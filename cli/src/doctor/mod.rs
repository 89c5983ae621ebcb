//! `ringwork doctor`: what on this machine, or with one pool, would keep Ringwork from working well.
//!
//! Only looks; nothing is created or changed.

mod finding;
mod java;
mod machine;
mod memory;
mod pool;
mod pools;

use super::exit::{FAILED, Failure};
use clap::Args;
use finding::{Finding, Level};
use serde::Serialize;
use std::io::{self, Write};

/// Look at this machine, or at one pool: what is wrong, and the remedy.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 nothing is in the way (there may be warnings); 1 something is; 3 there is no such pool."
)]
pub(super) struct Doctor {
    /// Look at this pool alone: its state, old tasks, slots, queues and blocks that are nearly all
    /// taken, limits, versions, errors.
    name: Option<String>,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    ok: bool,
    findings: Vec<Finding>,
}

/// Runs the subcommand.
pub(super) fn run(doctor: &Doctor) -> Result<(), Failure> {
    let findings = match &doctor.name {
        Some(name) => pool::findings(name)?,
        None => everything()?,
    };
    let ok = findings.iter().all(|finding| finding.level < Level::Fail);
    let mut out = io::stdout().lock();
    if doctor.json {
        writeln!(
            out,
            "{}",
            serde_json::to_string_pretty(&Report { ok, findings })?
        )?;
    } else {
        for finding in &findings {
            write!(out, "{}", line(finding))?;
        }
    }
    out.flush()?;
    if ok {
        Ok(())
    } else {
        Err(Failure::silent(FAILED))
    }
}

/// The machine, and all its pools.
fn everything() -> Result<Vec<Finding>, Failure> {
    let mut findings = machine::findings();
    findings.extend(memory::findings()?);
    findings.push(java::finding());
    findings.extend(pools::findings());
    Ok(findings)
}

fn line(finding: &Finding) -> String {
    let level = match finding.level {
        Level::Ok => "ok",
        Level::Warn => "WARN",
        Level::Fail => "FAIL",
    };
    let remedy = finding
        .remedy
        .as_ref()
        .map(|remedy| format!("{:18}-> {remedy}\n", ""))
        .unwrap_or_default();
    format!(
        "{level:>4}  {:<11} {}\n{remedy}",
        finding.about, finding.text
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_a_line_with_its_remedy_below() {
        let text = line(&Finding::fail("kernel", "it is old", "a newer one"));
        assert_eq!(
            text,
            "FAIL  kernel      it is old\n                  -> a newer one\n"
        );
        let json = serde_json::to_value(Finding::ok("kernel", "fine")).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"about": "kernel", "level": "ok", "text": "fine", "remedy": null})
        );
    }

    #[test]
    fn this_machine_is_looked_at_without_an_error() {
        assert!(machine::findings().len() >= 3);
        assert!(memory::findings().unwrap().len() >= 3);
        assert_eq!(java::finding().about, "jdk");
    }
}
