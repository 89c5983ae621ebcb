//! `ringwork serve --print-config`: the effective options and what follows from them.
//!
//! What is printed is a configuration file itself, with the same meaning.

use super::options::{Limit, Quota, Storm};
use super::units::{OrOff, Size, Span};
use ringwork_ring::lane::entry::command_entries;
use ringwork_ring::os::kernel::Scheduling;
use ringwork_ring::{Geometry, PoolConfig};
use ringwork_supervisor::ServeConfig;
use ringwork_supervisor::pool::PHOTO;
use ringwork_worker::confine::Confinement;
use std::fmt::Write;

/// The effective configuration: a valid configuration file, with the sizes that follow as comments.
pub(super) fn printed(config: &ServeConfig, geometry: &Geometry) -> String {
    let pool: &PoolConfig = &config.pool;
    let mut text = String::new();
    let mut line = |key: &str, value: String, note: &str| {
        let note = if note.is_empty() {
            String::new()
        } else {
            format!("  # {note}")
        };
        // Writing to a String can't fail.
        let _ = writeln!(text, "{key} = {value}{note}");
    };
    let span = |span| quoted(&Span(span).to_string());
    line("name", quoted(&config.name), "");
    line("workers", config.workers.to_string(), "processes");
    line("lanes", config.lanes.to_string(), "threads of each worker");
    line("wait", quoted(config.wait.name()), "");
    let policies = Scheduling::NAMES.join(" | ");
    line("scheduling", quoted(config.scheduling.name()), &policies);
    line("memory", quoted(config.memory.name()), "of the segment");
    match &config.worker {
        None => line("# worker", quoted("PATH"), "none: the stock worker"),
        Some(worker) => {
            line("worker", quoted(&worker.program.to_string_lossy()), "");
            let args: Vec<String> = worker
                .args
                .iter()
                .map(|arg| quoted(&arg.to_string_lossy()))
                .collect();
            line("worker-args", format!("[{}]", args.join(", ")), "");
        }
    }
    line("start-timeout", span(config.start_timeout), "");
    line("overrun-grace", span(config.overrun_grace), "0: never");
    line("drain-timeout", span(config.drain_timeout), "");
    supervision(config, &mut line);
    confined(config, &mut line);
    let total = Size(geometry.segment_size);
    line(
        "segment-size",
        pool.segment_size
            .unwrap_or(geometry.segment_size)
            .to_string(),
        &format!("bytes; in use: {total}"),
    );
    let classes: Vec<String> = geometry
        .classes
        .iter()
        .map(|place| class_text(&place.class))
        .collect();
    line(
        "arena",
        quoted(&classes.join(",")),
        "SIZE:BLOCKS:BLOCKS FOR RESULTS ONLY",
    );
    line("huge-pages", pool.huge_pages.to_string(), "");
    line("prefault", pool.prefault.to_string(), "");
    let kept = command_entries(pool.clients);
    let clients = (pool.clients - kept).to_string();
    let comment = format!("processes, and {kept} more for the ringwork command");
    line("clients", clients, &comment);
    line("slots", pool.slots.to_string(), "of each client");
    line("max-lanes", pool.max_lanes.to_string(), "");
    line("priorities", pool.priorities.to_string(), "");
    line("log-format", quoted(config.log_format.name()), "");
    line("log-level", quoted(&config.log_level), "");
    text.push_str(&sections(geometry));
    text
}

fn supervision(config: &ServeConfig, line: &mut dyn FnMut(&str, String, &str)) {
    let span = |span| quoted(&Span(span).to_string());
    let restart = &config.restart;
    line("restart-backoff-min", span(restart.backoff_min), "");
    line("restart-backoff-max", span(restart.backoff_max), "");
    let storm = OrOff(restart.storm.map(Storm));
    line("crash-storm", quoted(&storm.to_string()), "deaths/time");
    line(
        "crash-storm-pause",
        span(restart.storm_pause),
        "0: until a reload",
    );
    let recycle = &config.recycle;
    let tasks = OrOff(recycle.tasks.map(Quota));
    line("max-tasks", quoted(&tasks.to_string()), "of a worker");
    let age = OrOff(recycle.age.map(Span));
    line("max-age", quoted(&age.to_string()), "of a worker");
    match recycle.rss {
        Some(rss) => line("max-rss", rss.to_string(), "bytes of a worker"),
        None => line("max-rss", quoted("off"), ""),
    }
    line(
        "min-workers",
        config.least_workers().to_string(),
        "processes",
    );
    line(
        "max-workers",
        config.most_workers().to_string(),
        "processes",
    );
    line("scale-up-after", span(config.elastic.grow_after), "");
    line("idle-shrink-after", span(config.elastic.shrink_after), "");
    let limits: Vec<String> = config
        .limits
        .iter()
        .map(|(handler, limit)| Limit {
            handler: handler.clone(),
            limit: *limit,
        })
        .map(|limit| quoted(&limit.to_string()))
        .collect();
    line("limit", format!("[{}]", limits.join(", ")), "of handlers");
    line("kill-grace", span(config.kill_grace), "");
}

fn confined(config: &ServeConfig, line: &mut dyn FnMut(&str, String, &str)) {
    let Confinement {
        memory,
        open_files,
        threads,
        core,
        sandbox,
        sandbox_read,
    } = &config.confinement;
    line("sandbox", quoted(sandbox.name()), "off | on | require");
    let paths: Vec<String> = sandbox_read
        .iter()
        .map(|path| quoted(&path.to_string_lossy()))
        .collect();
    line("sandbox-read", format!("[{}]", paths.join(", ")), "");
    let mut optional = |key: &str, value: Option<u64>, note: &str| match value {
        Some(value) => line(key, value.to_string(), note),
        None => line(&format!("# {key}"), quoted("N"), "none: as inherited"),
    };
    optional("worker-memory", *memory, "bytes");
    optional("worker-open-files", *open_files, "");
    optional("worker-core-size", *core, "bytes");
    line("worker-threads", threads.to_string(), "0: any number");
}

fn class_text(class: &ringwork_ring::ArenaClass) -> String {
    format!(
        "{}:{}:{}",
        Size(class.size as u64).to_string().replace(' ', ""),
        class.count,
        class.reserved
    )
}

/// What each section of the segment takes.
fn sections(g: &Geometry) -> String {
    let owners = g
        .classes
        .first()
        .map_or(g.segment_size as usize, |place| place.owners);
    let blocks = g
        .classes
        .first()
        .map_or(g.segment_size as usize, |place| place.blocks);
    let ends = [
        ("header", 0),
        ("clients", g.clients),
        ("workers", g.workers),
        ("lanes", g.lanes),
        ("injector rings", g.injectors),
        ("slots", g.slots),
        ("completion rings", g.completions),
        ("handlers", g.handlers),
        ("error log", g.errors),
        ("arena owners", owners),
        ("arena blocks", blocks),
        ("", usize::try_from(g.segment_size).unwrap_or(usize::MAX)),
    ];
    let mut text = String::from("\n# sections of the segment:\n");
    for pair in ends.windows(2) {
        let size = Size((pair[1].1 - pair[0].1) as u64).to_string();
        let _ = writeln!(text, "#   {:<17}{size:>10}", pair[0].0);
    }
    let _ = writeln!(
        text,
        "#   {:<17}{:>10}",
        "in all",
        Size(g.segment_size).to_string()
    );
    let _ = writeln!(
        text,
        "# largest payload: {}",
        Size(g.largest_payload() as u64)
    );
    for (what, bytes) in [("1 MB", 1_000_000), ("8 MB", PHOTO)] {
        let (requests, _) = g.requests_of(bytes);
        let _ = writeln!(text, "# requests of {what} at a time: {requests}");
    }
    text
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::ServeOptions;
    use crate::options::tests::flags;

    #[test]
    fn what_is_printed_is_a_configuration_with_the_same_meaning() {
        let options = flags(&[
            "--workers",
            "2",
            "--lanes",
            "3",
            "--segment-size",
            "32MiB",
            "--max-tasks",
            "10±2",
            "--max-rss",
            "100MiB",
            "--limit",
            "sleep:concurrency=1,hard=1500ms",
            "--worker",
            "/bin/true",
            "--",
            "a \"b\"",
        ]);
        let config = options.resolve().unwrap();
        let geometry = config.validate().unwrap();
        let text = printed(&config, &geometry);
        let again = ServeOptions::parse(&text).unwrap().resolve().unwrap();
        assert_eq!(again.validate().unwrap(), geometry, "{text}");
        assert_eq!(printed(&again, &geometry), text);
        for key in ServeOptions::keys() {
            assert!(
                text.contains(&format!("{key} = ")),
                "{key} is missing in\n{text}"
            );
        }
    }
}
