//! `ringwork serve --print-config`: the effective options and what follows from them. And
//! `--print-options`: the table of docs/reference/options.md.
//!
//! What is printed is a configuration file itself, with the same meaning. Both are made of the list of
//! the options, and of the configuration as it is written into a file.

use super::units::Size;
use ringwork_ring::Geometry;
use ringwork_ring::format::layout::{
    SECTION_CHANNELS, SECTION_EVENTS, SECTION_HANDLER_COUNTS, SECTION_KEY_LINES,
};
use ringwork_supervisor::ServeConfig;
use ringwork_supervisor::config::options::{self, ServeOption};
use ringwork_supervisor::pool::PHOTO;
use std::fmt::Write;

/// The effective configuration: a valid configuration file, with the sizes that follow as comments.
///
/// # Errors
/// When a path is no UTF-8: a file can't have it.
pub(super) fn printed(config: &ServeConfig, geometry: &Geometry) -> Result<String, String> {
    let table = toml::Table::try_from(config.effective(geometry))
        .map_err(|error| format!("this configuration can't stand in a file: {error}"))?;
    let mut text = String::new();
    // Writing to a String can't fail.
    for group in grouped(&options::all()) {
        let gap = if text.is_empty() { "" } else { "\n" };
        let _ = writeln!(text, "{gap}# {}", group[0].group);
        for option in group {
            let key = &option.key;
            let _ = match table.get(key) {
                Some(value) => writeln!(text, "{key} = {value}  # {}", note(option)),
                None => writeln!(text, "# {key} = {:?}  # {}", option.value, option.default),
            };
        }
    }
    text.push_str(&sections(geometry));
    let own = ["handler", "state"].into_iter();
    let own: toml::Table = own
        .filter_map(|key| Some((key.to_owned(), table.get(key)?.clone())))
        .collect();
    if !own.is_empty() {
        let _ = write!(text, "\n{own}");
    }
    Ok(text)
}

/// The options of each part of the help, in its order.
fn grouped(all: &[ServeOption]) -> impl Iterator<Item = &[ServeOption]> {
    all.chunk_by(|one, other| one.group == other.group)
}

/// What stands behind a value: the others that it could have, or what it is.
fn note(option: &ServeOption) -> String {
    match option.values.as_slice() {
        [] => option.summary().to_owned(),
        values => values.join(" | "),
    }
}

/// The page of the options, docs/reference/options.md.
pub(super) fn page() -> String {
    let mut text = String::from(
        "# Options of `ringwork serve`\n\n\
         `ringwork serve --print-options` prints this page; a test compares the two. Each option is a long \
         option of the\ncommand line (`--lanes 2`), and a key of the file that `--config` names (`lanes = 2`). \
         The command line wins.\n\n\
         A SIZE is a number of bytes, or has a unit: `64KiB`, `256MiB`, `1GiB` (powers of 1024). A TIME has a \
         unit, too:\n`500ms`, `30s`, `2m`, `1h`; a bare number is seconds. `--print-config` shows what a \
         configuration comes to.\n\n\
         \"Fixed\" options stay what they were when the pool was made. A reload (SIGHUP) takes up the \
         others.\n",
    );
    for group in grouped(&options::all()) {
        let _ = writeln!(text, "\n## {}\n", group[0].group);
        text.push_str("| option | value | default | what it does | reload |\n");
        text.push_str("| --- | --- | --- | --- | --- |\n");
        group.iter().for_each(|option| text.push_str(&row(option)));
    }
    text
}

/// The line of an option in the table.
fn row(option: &ServeOption) -> String {
    let cell = |text: &str| text.replace('|', "\\|");
    let value = match option.values.as_slice() {
        [] => option.value.clone(),
        values => values.join(", "),
    };
    let default = match option.default.as_str() {
        plain if !plain.is_empty() && !plain.contains(' ') => format!("`{plain}`"),
        words => words.to_owned(),
    };
    let reload = match option.is_fixed() {
        true => "fixed",
        false => "taken up",
    };
    format!(
        "| `{}` | {} | {} | {} | {reload} |\n",
        option.key,
        cell(&value),
        cell(&default),
        cell(&option.help)
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
    let at = |kind| g.section(kind).map(|place| place.offset);
    let channels = at(SECTION_CHANNELS).unwrap_or(owners);
    let keys = at(SECTION_KEY_LINES).unwrap_or(channels);
    let events = at(SECTION_EVENTS).unwrap_or(keys);
    let numbers = at(SECTION_HANDLER_COUNTS).unwrap_or(events);
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
        ("limits", g.limits),
        ("numbers of handlers", numbers),
        ("events and topics", events),
        ("keys", keys),
        ("channels", channels),
        ("arena owners", owners),
        ("arena blocks", blocks),
        ("", usize::try_from(g.segment_size).unwrap_or(usize::MAX)),
    ];
    let mut text = String::from("\n# sections of the segment:\n");
    for pair in ends.windows(2) {
        let size = Size((pair[1].1 - pair[0].1) as u64).to_string();
        let _ = writeln!(text, "#   {:<19}{size:>10}", pair[0].0);
    }
    let _ = writeln!(
        text,
        "#   {:<19}{:>10}",
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options;
    use crate::options::tests::flags;

    #[test]
    fn what_is_printed_is_a_configuration_with_the_same_meaning() {
        let config = flags(&[
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
        let geometry = config.validate().unwrap();
        let text = printed(&config, &geometry).unwrap();
        let again = options::parse(&text).unwrap();
        assert_eq!(again.validate().unwrap(), geometry, "{text}");
        assert_eq!(printed(&again, &geometry).unwrap(), text);
        for option in ringwork_supervisor::config::options::all() {
            let key = option.key;
            assert!(
                text.contains(&format!("{key} = ")),
                "{key} is missing in\n{text}"
            );
        }
    }

    /// `ringwork serve --print-options > docs/reference/options.md` writes it anew.
    #[test]
    fn the_page_of_the_options_is_that_of_the_code() {
        assert_eq!(
            include_str!("../../docs/reference/options.md"),
            page(),
            "write it anew: ringwork serve --print-options > docs/reference/options.md"
        );
    }
}
