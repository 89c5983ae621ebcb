//! README and documents against what is built: commands, options, files, figures and Rust snippets.
//!
//! The Java snippets are compiled by `DocumentsTest` of java-panama/ringwork-tests.

#![forbid(unsafe_code)]

use ringwork_support::find;
use ringwork_tests::{Base, Pool, Serve, end, ringwork_program};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

/// Options of other programs that the documents name.
const OF_OTHERS: [&str; 11] = [
    "--add-modules",
    "--cfg",
    "--enable-native-access",
    "--features",
    "--illegal-native-access",
    "--init",
    "--ipc",
    "--release",
    "--shm-size",
    "--target",
    "--workspace",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// README, CHANGELOG and all documents: path from the root, and text.
fn documents() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from("docs"), PathBuf::from("examples")];
    let mut files: Vec<PathBuf> = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md"]
        .map(PathBuf::from)
        .into();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                files.push(path);
            }
        }
    }
    for file in files {
        let text = std::fs::read_to_string(root().join(&file)).unwrap();
        found.push((file.display().to_string(), text));
    }
    found
}

/// The fenced blocks of a language: the number of the fence's line, and the text.
fn blocks(text: &str, language: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut block: Option<(usize, bool, String)> = None;
    for (number, line) in text.lines().enumerate() {
        match (&mut block, line.strip_prefix("```")) {
            (None, Some(name)) => block = Some((number + 1, name == language, String::new())),
            (Some((start, wanted, body)), Some(_)) => {
                if *wanted {
                    found.push((*start, std::mem::take(body)));
                }
                block = None;
            }
            (Some((_, _, body)), None) => {
                body.push_str(line);
                body.push('\n');
            }
            (None, None) => {}
        }
    }
    found
}

/// What stands between backticks in prose, and lines that begin with the command.
fn commands(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.trim_start().trim_start_matches("$ ");
        let (path, rest) = code.split_once(' ').unwrap_or((code, ""));
        if path.rsplit('/').next() == Some("ringwork") {
            found.push((number + 1, format!("ringwork {rest}")));
        }
        let spans = line.split('`').skip(1).step_by(2);
        found.extend(spans.map(|span| (number + 1, span.to_owned())));
    }
    found
}

fn ringwork(args: &[&str], base: &Base) -> (bool, String) {
    let output = Command::new(ringwork_program())
        .args(args)
        .env("RINGWORK_DIR", base.pools())
        .output()
        .expect("the command starts");
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

/// The long options of a help text.
fn options(help: &str) -> BTreeSet<String> {
    let words = help.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words
        .filter(|word| word.len() > 2 && word.starts_with("--"))
        .map(str::to_owned)
        .collect()
}

/// The options of each subcommand.
fn subcommands(base: &Base) -> BTreeMap<String, BTreeSet<String>> {
    let (_, help) = ringwork(&["--help"], base);
    let list = help.split_once("Commands:").expect("a list of commands").1;
    let names = list
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next());
    names
        .filter(|name| *name != "help")
        .map(|name| {
            let (ok, help) = ringwork(&[name, "--help"], base);
            assert!(ok, "{name}: {help}");
            (name.to_owned(), options(&help))
        })
        .collect()
}

/// The option in a word of a document, such as `[--json]` or `--segment-size=64MiB,`.
fn option_in(word: &str) -> Option<&str> {
    let word = word.trim_start_matches(['[', '(', '"', '\'']);
    let end = word
        .find(|c: char| !c.is_ascii_lowercase() && c != '-')
        .unwrap_or(word.len());
    let option = &word[..end];
    (option.len() > 2 && option.starts_with("--")).then_some(option)
}

#[test]
fn commands_and_options_in_the_documents_exist() {
    let base = Base::new();
    let known = subcommands(&base);
    assert!(known.len() >= 8, "{known:?}");
    let all: BTreeSet<&str> = known
        .values()
        .flatten()
        .map(String::as_str)
        .chain(OF_OTHERS)
        .collect();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for (document, text) in documents() {
        for (line, code) in commands(&text) {
            let code = code.split(" #").next().unwrap_or_default();
            let mut words = code.split_whitespace();
            let first = words.next().unwrap_or_default();
            let own: Vec<&str> = match first {
                "ringwork" => {
                    let Some(name) = words.next() else { continue };
                    seen += 1;
                    let Some(options) = known.get(name) else {
                        let is_option = option_in(name).is_some();
                        if !is_option && name != "worker" {
                            wrong.push(format!("{document}:{line}: no command {name:?}"));
                        }
                        continue;
                    };
                    options.iter().map(String::as_str).collect()
                }
                word if option_in(word).is_some() => {
                    words = code.split_whitespace();
                    all.iter().copied().collect()
                }
                _ => continue,
            };
            for option in words
                .take_while(|word| *word != "--" && *word != "|")
                .filter_map(option_in)
            {
                if !own.contains(&option) {
                    wrong.push(format!("{document}:{line}: no option {option} in {code:?}"));
                }
            }
        }
    }
    assert!(seen > 30, "{seen} commands");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn targets_of_make_in_the_documents_exist() {
    let makefile = std::fs::read_to_string(root().join("Makefile")).unwrap();
    let targets: BTreeSet<&str> = makefile
        .lines()
        .filter_map(|line| line.split_once(": ").map(|(name, _)| name))
        .collect();
    for (document, text) in documents() {
        for (line, code) in text.lines().enumerate() {
            let spans = code.split('`').skip(1).step_by(2);
            let block = code.strip_prefix("    ").into_iter();
            for code in spans.chain(block) {
                let Some(rest) = code.strip_prefix("make ") else {
                    continue;
                };
                let target = rest.split_whitespace().next().unwrap_or_default();
                assert!(
                    targets.contains(target),
                    "{document}:{}: no target {target:?}",
                    line + 1
                );
            }
        }
    }
}

/// Files for `ringwork serve --config`, of which each is printed as it would be in effect.
#[test]
fn configurations_in_the_documents_are_read() {
    let base = Base::new();
    let file = base.path().join("documents.toml");
    let mut read = 0;
    for (document, text) in documents() {
        for (line, block) in blocks(&text, "toml") {
            if block.contains("[dependencies]") {
                continue;
            }
            std::fs::write(&file, &block).unwrap();
            let file = file.display().to_string();
            let (ok, told) = ringwork(&["serve", "--config", &file, "--print-config"], &base);
            assert!(ok, "{document}:{line}: {told}");
            read += 1;
        }
    }
    assert!(read >= 2, "{read} files");
}

/// The programs are compiled with the crates, and their text is that of the documents.
#[test]
fn rust_snippets_are_those_of_the_examples() {
    let squeezed = |text: &str| {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.collect::<Vec<_>>().join("\n")
    };
    let skip = "#[rustfmt::skip] ";
    let folders = [
        "client/examples",
        "worker/examples",
        "handlers/examples",
        "examples/async-worker/src",
        "examples/async-worker/examples",
        "examples/traced-worker/src",
    ];
    let programs: Vec<String> = (folders.iter())
        .flat_map(|folder| std::fs::read_dir(root().join(folder)).unwrap())
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .map(|text| {
            let lines = text.lines().filter(|line| !line.starts_with(skip));
            squeezed(&lines.collect::<Vec<_>>().join("\n"))
        })
        .collect();
    let mut seen = 0;
    for (document, text) in documents() {
        for (line, block) in blocks(&text, "rust") {
            let block = squeezed(&block);
            assert!(
                programs.iter().any(|program| program.contains(&block)),
                "{document}:{line}: no program in the examples of client, worker or handlers has this text"
            );
            seen += 1;
        }
    }
    assert!(seen >= 2, "{seen} snippets");
}

/// The table of sizes in docs/guide/operations.md, row by row.
#[test]
fn the_table_of_sizes_is_what_a_segment_has() {
    let base = Base::new();
    let text = std::fs::read_to_string(root().join("docs/guide/operations.md")).unwrap();
    let rows = text
        .lines()
        .skip_while(|line| !line.starts_with("| `--segment-size` |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let mut seen = 0;
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let size = cells[1].split(',').next().unwrap().replace(' ', "");
        let args = ["serve", "--workers", "2", "--segment-size", &size];
        let (ok, printed) = ringwork(&[&args[..], &["--print-config"]].concat(), &base);
        assert!(ok, "{size}: {printed}");
        for told in [
            format!("# largest payload: {}\n", cells[3]),
            format!("# requests of 1 MB at a time: {}\n", cells[4]),
            format!("# requests of 8 MB at a time: {}\n", cells[5]),
        ] {
            assert!(printed.contains(&told), "{row}: no {told}in {printed}");
        }
        let taken = printed
            .lines()
            .find(|line| line.contains("in all"))
            .unwrap();
        assert!(taken.ends_with(cells[2]), "{row}: {taken}");
        seen += 1;
    }
    assert_eq!(seen, 7);
}

/// The rows below a heading of a table, as cells.
fn rows_below(text: &str, heading: &str) -> Vec<Vec<String>> {
    let rows = text.lines().skip_while(|line| !line.starts_with(heading));
    let rows = rows.skip(2).take_while(|line| line.starts_with('|'));
    let cells = rows.map(|row| row.trim_matches('|').split('|').map(str::trim));
    cells.map(|row| row.map(str::to_owned).collect()).collect()
}

/// The tables of docs/guide/sizing.md: what lanes, slots and segment the work needs.
#[test]
fn the_tables_of_sizing_are_what_they_come_to() {
    use ringwork_ring::PoolConfig;
    let text = std::fs::read_to_string(root().join("docs/guide/sizing.md")).unwrap();
    let figures = std::fs::read_to_string(root().join("docs/reference/performance.md")).unwrap();
    let number = |cell: &str| cell.split(' ').next().unwrap().parse::<f64>().unwrap();
    let lanes = rows_below(&text, "| work |");
    assert_eq!(lanes.len(), 4);
    for row in &lanes {
        let busy = number(&row[1]) / 1e3 * number(&row[2]);
        assert_eq!(format!("{busy:.1}"), row[3], "{row:?}");
        let measured = format!("| {} |", row[1].trim_end_matches(" ms"));
        let other = format!("| {} ", row[1].trim_end_matches(" ms"));
        assert!(
            figures.contains(&measured) || figures.contains(&other),
            "{row:?}"
        );
    }
    let slots = rows_below(&text, "| lanes |");
    assert_eq!(slots.len(), 4);
    for row in &slots {
        let of_use = number(&row[2]) * number(&row[0]) / (number(&row[1]) / 1e3);
        assert_eq!(row[3], format!("{}", of_use as u64), "{row:?}");
        let power = (of_use as u64).next_power_of_two();
        assert_eq!(row[4], power.to_string(), "{row:?}");
    }
    let mut expected = String::new();
    for megabytes in [1, 2, 4, 8, 12] {
        let cells = [8, 16, 32, 64].map(|in_flight| {
            let holds = |size: &u64| {
                let config = PoolConfig::default().segment_size(size << 20);
                let geometry = config.geometry();
                geometry.is_ok_and(|g| g.requests_of(megabytes * 1_000_000).0 >= in_flight)
            };
            let size = (1..200).map(|steps| 64 * steps).find(holds).unwrap();
            format!("{size} MiB")
        });
        expected += &format!("| {megabytes} MB | {} |\n", cells.join(" | "));
    }
    assert!(
        text.contains(&expected),
        "docs/guide/sizing.md is to have:\n{expected}"
    );
}

/// What a worker of one's own compiles: guide and CHANGELOG have the same two figures.
#[test]
fn the_number_of_crates_is_that_of_the_lock_file() {
    let crates = |package: &str| {
        let output = Command::new(env!("CARGO"))
            .args(["tree", "--locked", "-p", package])
            .args(["-e", "normal,build", "--prefix", "none", "--format", "{p}"])
            .current_dir(root())
            .output()
            .expect("cargo starts");
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        // What has been shown above already has a mark behind it.
        let names = text.lines().map(|line| line.trim_end_matches(" (*)"));
        names.collect::<BTreeSet<_>>().len()
    };
    let (few, all) = (crates("ringwork-worker"), crates("ringwork-cli"));
    // With the stock handlers only roughly: each of their libraries is one more.
    let told = format!("{few} crates instead of more than {}", all / 20 * 20);
    for document in ["docs/guide/getting-started.md", "CHANGELOG.md"] {
        let text = std::fs::read_to_string(root().join(document)).unwrap();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(&told), "{document} does not say {told:?}");
    }
}

/// `key = value` of the configuration that is in effect without options, without quotes.
fn defaults(base: &Base) -> BTreeMap<String, String> {
    let (ok, printed) = ringwork(&["serve", "--print-config"], base);
    assert!(ok, "{printed}");
    let lines = printed.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once(" = "))
        .map(|(key, value)| {
            let value = value.split("  #").next().unwrap_or_default();
            (key.to_owned(), value.trim_matches('"').to_owned())
        })
        .collect()
}

/// Where a text tells one value, and not a rule, it is the one in effect.
fn assert_default(defaults: &BTreeMap<String, String>, key: &str, told: &str, place: &str) -> bool {
    let is_value = !told.contains(' ') && !told.is_empty();
    match defaults.get(key) {
        Some(value) if is_value => {
            assert_eq!(told, value, "{place}: the default of {key}");
            true
        }
        _ => false,
    }
}

/// What a `LaunchConfig` passes on are options of `ringwork serve`: the keys of its table.
#[test]
fn the_options_of_java_are_options_of_serve() {
    let base = Base::new();
    let (ok, page) = ringwork(&["serve", "--print-options"], &base);
    assert!(ok, "{page}");
    let java = "java-panama/ringwork/src/main/java/io/ringwork/LaunchConfig.java";
    let text = std::fs::read_to_string(root().join(java)).unwrap();
    let named: BTreeSet<&str> = text
        .split("\"--")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(named.len() >= 6, "{named:?}");
    for option in named {
        assert!(page.contains(&format!("| `{option}` |")), "{option}");
    }
}

#[test]
fn defaults_in_the_help_and_in_the_documents_are_those_in_effect() {
    let base = Base::new();
    let defaults = defaults(&base);
    let (_, help) = ringwork(&["serve", "--help"], &base);
    let mut seen = 0;
    for option in help.split("\n      --").skip(1) {
        let option = option.split_whitespace().collect::<Vec<_>>().join(" ");
        let end = option.find(|c: char| !c.is_ascii_lowercase() && c != '-');
        let key = &option[..end.unwrap_or(option.len())];
        let told = option.split_once("[default: ").map(|(_, told)| told);
        let told = told.and_then(|told| told.split_once(']'));
        if let Some((told, _)) = told {
            seen += usize::from(assert_default(&defaults, key, told, "--help"));
        }
    }
    assert!(seen >= 18, "{seen} options of the help have been compared");
    let text = std::fs::read_to_string(root().join("docs/guide/operations.md")).unwrap();
    let told = text.split('`').collect::<Vec<_>>();
    let mut seen = 0;
    for pair in told.windows(2) {
        let Some(value) = pair[1].strip_prefix(" (") else {
            continue;
        };
        let value = value.split([';', ')']).next().unwrap_or_default();
        let value = value
            .split(", ")
            .next()
            .unwrap_or_default()
            .replace(',', "");
        seen += usize::from(assert_default(&defaults, pair[0], &value, "operations.md"));
    }
    assert!(seen >= 10, "{seen} defaults of the page have been compared");
}

/// What stands between backticks.
fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The cells of a table of operations.md: its rows, from the one that begins so to the table's end.
fn rows_of_operations(heading: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(root().join("docs/guide/operations.md")).unwrap();
    let rows = text
        .lines()
        .skip_while(|line| !line.starts_with(heading))
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let cells = |row: &str| -> Vec<String> {
        let cells = row.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().to_owned()).collect()
    };
    let rows: Vec<Vec<String>> = rows.map(cells).collect();
    assert!(!rows.is_empty(), "no table {heading}");
    rows
}

/// README's list of the stock handlers: those of `ringwork handlers`, no more and no less.
#[test]
fn the_readme_lists_the_stock_handlers() {
    let base = Base::new();
    let (ok, printed) = ringwork(&["handlers"], &base);
    assert!(ok, "{printed}");
    // A handler's name begins a block.
    let known: BTreeSet<&str> = printed
        .split("\n\n")
        .filter(|block| block.contains("\n  body: "))
        .filter_map(|block| block.lines().next())
        .collect();
    assert!(known.len() >= 11, "{known:?}");
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let list = readme
        .split_once("The stock worker knows")
        .expect("the list");
    let list = list.1.split_once(':').expect("its end").0;
    let told: BTreeSet<&str> = spans(list).collect();
    assert_eq!(told, known, "README.md, of what the stock worker knows");
}

/// Names that are written as options are, and are none. Crates have names of that kind, too.
const NO_OPTIONS: [&str; 2] = ["control-group", "jackson-module-kotlin"];

/// Options that guide and reference name without dashes are keys of `ringwork serve`.
#[test]
fn options_that_are_named_without_dashes_exist() {
    let base = Base::new();
    let (ok, page) = ringwork(&["serve", "--print-options"], &base);
    assert!(ok, "{page}");
    let known: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let is_name = |span: &&str| span.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    let (mut wrong, mut seen) = (Vec::new(), 0);
    // In the column of options: each name.
    for row in rows_of_operations("| what | options (defaults) |") {
        for name in spans(&row[1]).filter(is_name).filter(|name| *name != "off") {
            seen += 1;
            if !known.contains(name) {
                wrong.push(format!("{name}, of {}", row[0]));
            }
        }
    }
    assert!(seen >= 15, "{seen} names in the column of options");
    // Anywhere: each that looks like an option's name and like nothing else.
    let looks = |name: &&str| {
        let is_other = name.starts_with(['-']) || name.starts_with("ringwork-");
        name.contains('-') && !is_other && !NO_OPTIONS.contains(name)
    };
    for (document, text) in documents() {
        let is_of_users = ["README.md", "docs/guide/", "docs/reference/"];
        if !is_of_users.iter().any(|start| document.starts_with(start)) {
            continue;
        }
        for (line, text) in text.lines().enumerate() {
            for name in spans(text).filter(is_name).filter(looks) {
                seen += 1;
                if !known.contains(name) {
                    wrong.push(format!("{document}:{}: {name}", line + 1));
                }
            }
        }
    }
    assert!(seen >= 60, "{seen} names in all");
    assert!(wrong.is_empty(), "no options of serve: {wrong:#?}");
}

/// A pool with something in each table of `ringwork stat`: a client, a limit, an error.
fn eventful() -> Pool {
    let pool = Serve::new("documents")
        .option("limit", "echo:concurrency=1")
        .start();
    let client = pool.client();
    let task = client.submit("test.abort", b"", &ringwork_tests::options());
    let _crashed = end(&task.expect("submitted"));
    drop(client);
    pool
}

/// Heading and columns of each table in what `ringwork stat` prints; a time in a heading as the guide has
/// it.
fn tables(page: &str) -> BTreeMap<String, Vec<String>> {
    let blocks = page.split("\n\n").skip(1).map(|block| {
        let mut lines = block.lines();
        (
            lines.next().unwrap_or_default(),
            lines.next().unwrap_or_default(),
        )
    });
    blocks
        .filter(|(_, columns)| columns.chars().any(|c| c.is_ascii_uppercase()))
        .filter(|(_, columns)| !columns.chars().any(|c| c.is_ascii_lowercase()))
        .map(|(title, columns)| {
            let columns = columns.split("  ").map(str::trim);
            let columns = columns.filter(|column| !column.is_empty());
            let title = match title.strip_prefix("tasks of the last ") {
                Some(_) => "tasks of the last 0.2 s",
                None => title,
            };
            (title.to_owned(), columns.map(str::to_owned).collect())
        })
        .collect()
}

/// The tables and columns of `ringwork stat`, and the fields of its JSON, are those of the guide.
#[test]
fn the_guide_has_the_columns_of_stat() {
    let pool = eventful();
    let name = pool.dir().name();
    let client = pool.client();
    let over = AtomicBool::new(false);
    let shown = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let task = client.submit("echo", b"", &ringwork_tests::options());
                let _answered = end(&task.expect("submitted"));
            }
        });
        let shown = find("each table has a row", || {
            let (ok, page) = ringwork(&["stat", name], pool.base());
            let tables = tables(&page);
            (ok && tables.len() == 11).then_some(tables)
        });
        over.store(true, Ordering::Relaxed);
        shown
    });
    let shown = shown.unwrap_or_else(|why| panic!("{why}"));
    let told: BTreeMap<String, Vec<String>> = rows_of_operations("| table | columns |")
        .iter()
        .map(|row| (row[0].clone(), spans(&row[1]).map(str::to_owned).collect()))
        .collect();
    assert_eq!(told, shown, "operations.md, of what `ringwork stat` shows");

    let (ok, json) = ringwork(&["stat", name, "--json"], pool.base());
    assert!(ok, "{json}");
    for row in rows_of_operations("| field | meaning |") {
        for field in spans(&row[0]) {
            // `serving` is a value.
            assert!(
                json.contains(&format!("\"{field}\"")),
                "no {field} in {json}"
            );
        }
    }
}

/// Each record of the sources that can reach the log of a pool: its file, its level, its id.
fn records() -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = ["supervisor", "worker", "ops", "cli", "handlers"]
        .map(|part| root().join(part).join("src"))
        .into();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.extend(records_of(&path));
            }
        }
    }
    found
}

fn records_of(path: &Path) -> Vec<(String, String, String)> {
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let shown = path.display().to_string();
    let mut found = Vec::new();
    for level in ["error", "warn", "info", "debug", "trace"] {
        for call in text.split(&format!("tracing::{level}!(")).skip(1) {
            let id = call.trim_start().trim_start_matches("target: OUTCOME,");
            let id = id.trim_start().strip_prefix("event = ").unwrap_or(id);
            // What takes it as a parameter is told by the calls of the macro.
            if !id.starts_with("$event") {
                found.push((shown.clone(), level.to_owned(), first_text(id)));
            }
        }
    }
    // The macro of worker/src/log.rs: its level and its event come first.
    for call in text.split(" log_of_task!(\n").skip(1) {
        let (level, rest) = call.split_once(',').unwrap_or_default();
        found.push((
            shown.clone(),
            level.trim().to_owned(),
            first_text(rest.trim_start()),
        ));
    }
    found
}

/// The literal that a text begins with; the text itself where it does not.
fn first_text(text: &str) -> String {
    let literal = text
        .strip_prefix('"')
        .and_then(|text| text.split('"').next());
    literal
        .unwrap_or(text.lines().next().unwrap_or_default())
        .to_owned()
}

/// Each record has an id of the table, at its levels, and the table has no others; the page has it.
#[test]
fn the_page_of_the_log_has_each_record() {
    use ringwork_worker::log_events::LOG_EVENTS;
    let mut levels: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, level, id) in records() {
        let known = LOG_EVENTS.iter().any(|event| event.id == id);
        assert!(
            known,
            "{file}: a record without an event of worker/src/log_events.rs: {id}"
        );
        levels.entry(id).or_default().insert(level);
    }
    assert!(levels.len() > 60, "the sources were not found: {levels:?}");
    for event in LOG_EVENTS {
        let said = event.levels.split(", ").map(str::to_owned).collect();
        let logged = levels.get(event.id);
        assert_eq!(logged, Some(&said), "{} has other levels", event.id);
    }
    let rows = LOG_EVENTS.iter().map(|event| {
        let (id, levels) = (event.id, event.levels);
        format!(
            "| `{id}` | {levels} | {} | {} |\n",
            event.what, event.remedy
        )
    });
    let table: String = rows.collect();
    let page = std::fs::read_to_string(root().join("docs/reference/log.md")).unwrap();
    assert!(
        page.contains(&table),
        "docs/reference/log.md is to have this table:\n{table}"
    );
}
