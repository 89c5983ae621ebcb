//! `target/bench/index.html` and the pictures beside it, from a summary.
//!
//! One file without any script, opened from disk; it follows the reader's dark or light
//! preference and the width of the screen. The pictures in it are also written as `SUITE-WHAT.svg`.

mod charts;
mod series;
mod unit;

use crate::numbers::number;
use crate::summary::{Record, Summary};
use crate::verdicts::{self, Verdict};
use charts::{STYLE, Size};
use series::{bars_of, line_charts};
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use unit::Unit;

const HEAD: &str = include_str!("head.html");

/// What is drawn as bars: suite, metric, title.
const BARS: [(&str, &str, &str); 16] = [
    ("rtt", "p50_ns", "Round trip, median"),
    ("rtt", "p99_ns", "Round trip, 99th percentile"),
    ("throughput", "ops_per_s", "Tasks per second"),
    (
        "tail",
        "p99_ns",
        "Open loop, 99th percentile from the intended send",
    ),
    ("tail", "p9999_ns", "Open loop, 99.99th percentile"),
    ("payload", "p50_ns", "Round trip, median"),
    ("payload", "gb_per_s", "Payload moved one way"),
    ("cpu10k", "wall_ms", "Wall time"),
    (
        "cpu10k",
        "loop_stall_p99_us",
        "How late the event loop's tick was, 99th percentile",
    ),
    (
        "idle",
        "cpu_percent",
        "CPU of a pool with nothing to do, of one core",
    ),
    ("scale", "ops_per_s", "Tasks per second"),
    (
        "recovery",
        "detect_to_requeue_p99_us",
        "From SIGKILL to the task queued again, 99th percentile",
    ),
    (
        "recovery",
        "freed_p99_us",
        "From SIGKILL of a client to its slots free, 99th percentile",
    ),
    ("allocation", "bytes_per_op", "Bytes allocated for a task"),
    (
        "allocation",
        "objects_per_op",
        "Objects allocated for a task",
    ),
    ("start", "ms", "From launch to the first result"),
];

/// One line on each suite.
const SUITES: [(&str, &str); 10] = [
    (
        "rtt",
        "One task in flight, 64 bytes there and back; from before the submit until the caller has the result.",
    ),
    (
        "throughput",
        "A window of 1024 tasks in flight, 64 bytes each; every answer checked.",
    ),
    (
        "tail",
        "Open loop at fixed rates; time counts from the intended send, so a stall is felt by all that should have been sent meanwhile.",
    ),
    (
        "payload",
        "Round trips of growing payloads: copied both ways, and in place, where only a reference travels.",
    ),
    (
        "cpu10k",
        "10,000 CPU tasks (500 images) at once, while an event loop ticks every millisecond.",
    ),
    ("idle", "A pool that has worked and now has nothing to do."),
    (
        "scale",
        "More lanes, and more producers, on the cores that there are.",
    ),
    (
        "recovery",
        "SIGKILL of a worker, and of a client, at random moments under load.",
    ),
    ("allocation", "What a task costs the Java heap."),
    ("start", "From launch to the first result."),
];

/// Writes the page and the pictures.
pub fn write(summary: &Summary, out: &Path) -> Result<(), Box<dyn Error>> {
    let mut page = HEAD.replace("/*pictures*/", STYLE);
    head(&mut page, summary);
    targets_table(&mut page, summary);
    for suite in suites(summary) {
        section(&mut page, summary, &suite, out)?;
    }
    skipped(&mut page, summary);
    page.push_str("</main></body></html>\n");
    Ok(std::fs::write(out.join("index.html"), page)?)
}

/// The suites that have records, in the order of the records.
fn suites(summary: &Summary) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for record in &summary.records {
        if !names.contains(&record.suite) {
            names.push(record.suite.clone());
        }
    }
    names
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn head(page: &mut String, summary: &Summary) {
    let e = &summary.environment;
    if e.quick {
        page.push_str(
            "<p class=warn>A quick run: short rounds, for the ratios at a glance only.</p>",
        );
    }
    page.push_str("<table class=plain>");
    for (name, value) in [
        ("CPU", format!("{}, {} cores", e.cpu, e.cores)),
        ("Kernel", e.kernel.clone()),
        ("JDK", e.jdk.clone()),
        ("Rust", e.rustc.clone()),
        ("Commit", e.commit.clone()),
    ] {
        let _ = write!(page, "<tr><th>{name}<td>{}", escape(&value));
    }
    let took: Vec<String> = summary
        .details
        .took
        .iter()
        .map(|(suite, seconds)| format!("{suite} {seconds:.0} s"))
        .collect();
    if !took.is_empty() {
        let all: f64 = summary
            .details
            .took
            .iter()
            .map(|(_, seconds)| seconds)
            .sum();
        let _ = write!(
            page,
            "<tr><th>Took<td>{:.1} min: {}",
            all / 60.0,
            took.join(", ")
        );
    }
    page.push_str("</table>");
    if let Some(warning) = verdicts::warning(summary) {
        let _ = write!(page, "<p class=warn>Careful: {}.</p>", escape(&warning));
    }
}

fn targets_table(page: &mut String, summary: &Summary) {
    page.push_str(
        "<h2 id=targets>Targets</h2><p>Each is a ratio of two cases measured in turn, or a figure; \
         the median of the rounds and their spread.</p><div class=scroll><table class=targets>\
         <tr><th>What<th class=n>Median<th class=\"n spread\">Spread<th class=n>Target<th>",
    );
    for row in verdicts::rows(summary) {
        let class = match row.verdict {
            Verdict::Met => "met",
            Verdict::Missed => "missed",
            Verdict::NoTarget => "",
            Verdict::NotMeasured | Verdict::Withheld => "open",
        };
        let (value, spread) = row.ratio.map_or_else(Default::default, |ratio| {
            (
                number(ratio.value),
                format!("{} – {}", number(ratio.min), number(ratio.max)),
            )
        });
        let target = row.target.map_or_else(String::new, |target| {
            escape(&target.to_string())
                .replace("&lt;=", "≤")
                .replace("&gt;=", "≥")
        });
        let _ = write!(
            page,
            "<tr><td>{}<td class=n>{value}<td class=\"n spread\">{spread}<td class=n>{target}<td class=\"{class}\">{}",
            escape(&row.text),
            escape(&row.words())
        );
    }
    page.push_str("</table></div>");
}

fn section(
    page: &mut String,
    summary: &Summary,
    suite: &str,
    out: &Path,
) -> Result<(), Box<dyn Error>> {
    let about = SUITES
        .iter()
        .find(|(name, _)| *name == suite)
        .map_or("", |(_, about)| about);
    let _ = write!(page, "<h2 id={suite}>{suite}</h2><p>{about}</p>");
    let records: Vec<&Record> = summary
        .records
        .iter()
        .filter(|r| r.suite == suite)
        .collect();
    for (_, metric, title) in BARS.iter().filter(|(name, ..)| *name == suite) {
        let bars = bars_of(&records, metric);
        if !bars.is_empty() {
            let unit = Unit::of(metric);
            let name = format!("{suite}-{metric}");
            picture(page, out, &name, title, |size| {
                charts::bars(size, unit, &bars)
            })?;
        }
    }
    for (name, title, axis, unit, lines) in line_charts(summary, suite, &records) {
        if !lines.is_empty() {
            picture(page, out, &name, title, |size| {
                charts::lines(size, axis, unit, &lines)
            })?;
        }
    }
    table(page, &records);
    for note in summary
        .details
        .notes
        .iter()
        .filter(|note| belongs(note, suite))
    {
        let _ = write!(page, "<p class=note>{}</p>", escape(note));
    }
    Ok(())
}

/// A note begins with its suite's name; the older ones of rtt do not.
fn belongs(note: &str, suite: &str) -> bool {
    let first = note.split(':').next().unwrap_or_default();
    first == suite || suite == "rtt" && !SUITES.iter().any(|(name, _)| *name == first)
}

fn picture(
    page: &mut String,
    out: &Path,
    name: &str,
    title: &str,
    draw: impl Fn(Size) -> Result<String, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let wide = draw(Size::Wide)?;
    let narrow = draw(Size::Narrow)?;
    let _ = write!(
        page,
        "<figure><figcaption>{title}</figcaption><div class=wide>{wide}</div>\
         <div class=narrow>{narrow}</div></figure>"
    );
    let alone = wide.replacen(
        '>',
        &format!("><title>{title}</title><style>{STYLE}</style>"),
        1,
    );
    Ok(std::fs::write(out.join(format!("{name}.svg")), alone)?)
}

fn table(page: &mut String, records: &[&Record]) {
    page.push_str(
        "<details><summary>All figures</summary><div class=scroll><table>\
         <tr><th>Case<th>Metric<th class=n>Median<th class=n>Min<th class=n>Max<th class=n>Rounds",
    );
    for r in records {
        let unit = Unit::of(&r.metric);
        let _ = write!(
            page,
            "<tr><td>{}<td>{}<td class=n>{}<td class=n>{}<td class=n>{}<td class=n>{}",
            r.case,
            r.metric,
            unit.show(r.value),
            unit.show(r.min),
            unit.show(r.max),
            r.rounds
        );
    }
    page.push_str("</table></div></details>");
}

fn skipped(page: &mut String, summary: &Summary) {
    if summary.skipped.is_empty() {
        return;
    }
    page.push_str("<h2 id=skipped>Not run</h2><div class=scroll><table><tr><th>Case<th>Why");
    for skipped in &summary.skipped {
        let (case, reason) = (escape(&skipped.case), escape(&skipped.reason));
        let _ = write!(page, "<tr><td>{case}<td>{reason}");
    }
    page.push_str("</table></div>");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::sample;

    #[test]
    fn the_page_has_pictures_targets_and_what_was_not_run() {
        let out = std::env::temp_dir().join(format!("ringwork-page-{}", std::process::id()));
        std::fs::create_dir_all(&out).unwrap();
        let mut summary = sample();
        summary.record("scale", "lanes_1_100us", "ops_per_s", &[9_000.0]);
        summary.record("scale", "lanes_2_100us", "ops_per_s", &[18_000.0]);
        summary.record("payload", "ringwork_zero_64KiB", "p50_ns", &[600.0]);
        write(&summary, &out).unwrap();
        let page = std::fs::read_to_string(out.join("index.html")).unwrap();
        let alone = std::fs::read_to_string(out.join("rtt-p50_ns.svg")).unwrap();
        let drawn = |name: &str| out.join(name).exists();
        let all =
            drawn("scale-lanes.svg") && drawn("payload-lines.svg") && !drawn("tail-p99_ns.svg");
        std::fs::remove_dir_all(&out).unwrap();
        assert!(all);
        assert!(page.contains("ringwork_spin") && page.contains("<svg"));
        assert!(page.contains("not built &lt;yet&gt;"));
        assert!(page.contains("not measured"));
        assert!(
            !page.contains("<script") && !page.contains("http://") || page.contains("www.w3.org")
        );
        assert!(alone.starts_with("<svg") && alone.contains("<style>"));
    }
}
