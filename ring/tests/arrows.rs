//! The folders of `ring/src` stand on floors: a file uses what is on its own floor's folder or below.
//! And no files of a crate use each other in a circle, in any of the crates.
//!
//! Read off the sources: what `use` and paths name, without tests and comments. A `mod.rs` or
//! `lib.rs` that only hands names of its folder on uses none of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// From the ground up. What has no folder (`error.rs`) is used by all; `lib.rs` and `testing.rs` stand
/// above all.
const FLOORS: [&[&str]; 7] = [
    &["format"],
    &["os"],
    &["records"],
    &["segment"],
    &["queue"],
    &["lane"],
    &["reaper", "client"],
];

/// Named by any file: the errors, and the models, which stand in for atomics and clock when they are
/// compiled in.
const EVERYWHERE: [&str; 2] = ["error", "model"];

fn floor_of(folder: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&folder))
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("tests") {
                sources(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("tests.rs")
        {
            found.push(path);
        }
    }
}

/// A source without its tests and comments, and without what stands in quotes.
fn code_of(text: &str) -> String {
    let lines = text
        .lines()
        .take_while(|line| !line.ends_with("mod tests {") || line.starts_with(' '));
    let mut code = String::new();
    for line in lines {
        let line = line.split("//").next().unwrap_or_default();
        // To whom an item is visible is no use of it.
        let line = match line.split_once("pub(in ") {
            Some((before, path)) => {
                &[before, path.split_once(')').map_or("", |(_, after)| after)].concat()
            }
            None => line,
        };
        for (part, piece) in line.split('"').enumerate() {
            if part % 2 == 0 {
                code.push_str(piece);
            }
        }
        code.push('\n');
    }
    code
}

/// A module path, from the root of its crate.
type Module = Vec<String>;

/// What one file names.
#[derive(Debug, Default)]
struct Names {
    /// Each `use`: the path, the name that it gives, whether it is handed on.
    uses: Vec<(Vec<String>, String, bool)>,
    /// Paths within the code.
    paths: Vec<Vec<String>>,
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The paths of a use tree, without the `use`.
fn expand(tree: &str, before: &[String], found: &mut Vec<(Vec<String>, String)>) {
    let tree = tree.trim();
    let mut path = before.to_vec();
    let mut rest = tree;
    loop {
        let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if let Some(inner) = after.strip_prefix("::") {
            path.push(word.to_owned());
            rest = inner.trim_start();
        } else if let Some(list) = rest.strip_prefix('{') {
            let list = &list[..list.rfind('}').unwrap_or(list.len())];
            let (mut depth, mut start) = (0, 0);
            for (at, c) in list.char_indices().chain([(list.len(), ',')]) {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        if !list[start..at].trim().is_empty() {
                            expand(&list[start..at], &path, found);
                        }
                        start = at + 1;
                    }
                    _ => {}
                }
            }
            return;
        } else {
            let given = after.trim().strip_prefix("as ").unwrap_or(word).trim();
            path.push(if word.is_empty() { "*" } else { word }.to_owned());
            found.push((path, given.to_owned()));
            return;
        }
    }
}

fn names_in(code: &str) -> Names {
    let mut names = Names::default();
    let mut body = String::new();
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        let trimmed = line.trim_start();
        let public = trimmed.starts_with("pub");
        let statement = match trimmed.find("use ") {
            Some(0) => &trimmed[4..],
            Some(at)
                if public
                    && trimmed[..at]
                        .trim_end()
                        .chars()
                        .all(|c| is_word(c) || "() ".contains(c)) =>
            {
                &trimmed[at + 4..]
            }
            _ => {
                body.push_str(line);
                body.push('\n');
                continue;
            }
        };
        let mut tree = statement.to_owned();
        while !tree.contains(';') {
            tree.push_str(lines.next().unwrap_or(";"));
        }
        let mut found = Vec::new();
        expand(tree.split(';').next().unwrap_or_default(), &[], &mut found);
        let found = found.into_iter();
        names
            .uses
            .extend(found.map(|(path, name)| (path, name, public)));
    }
    let mut path: Vec<String> = Vec::new();
    for (at, word) in words(&body) {
        let joined = body[..at].ends_with("::");
        if !joined {
            path.clear();
        }
        path.push(word.to_owned());
        if path.len() > 1 && !body[at + word.len()..].starts_with("::") {
            names.paths.push(path.clone());
        }
    }
    names
}

/// The words of a text, and where they begin.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split(|c: char| !is_word(c))
        .filter(|word| !word.is_empty())
        .map(|word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
}

/// The files of a crate, by module.
struct Crate(BTreeMap<Module, (PathBuf, Names)>);

impl Crate {
    fn read(root: &Path) -> Self {
        let mut files = Vec::new();
        sources(root, &mut files);
        let read = |file: PathBuf| {
            let relative = file.strip_prefix(root).unwrap().with_extension("");
            let mut module: Module = relative
                .iter()
                .map(|part| part.to_str().unwrap().to_owned())
                .collect();
            if ["mod", "lib", "main"].contains(&module.last().unwrap().as_str()) {
                module.pop();
            }
            let names = names_in(&code_of(&std::fs::read_to_string(&file).unwrap()));
            (module, (file.strip_prefix(root).unwrap().into(), names))
        };
        // Of a library with programs beside it, the library is looked at: those in `bin` are roots
        // of their own.
        let library = root.join("lib.rs").is_file();
        let files = files.into_iter().filter(|file| {
            !library || file != &root.join("main.rs") && !file.starts_with(root.join("bin"))
        });
        Self(files.map(read).collect())
    }

    /// A path as a module writes it, from the root on; `None` if it is another crate's.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<Vec<String>> {
        let join = |base: &[String], rest: &[String]| [base, rest].concat();
        match path.first().map(String::as_str) {
            Some("crate") => Some(path[1..].to_vec()),
            Some("self") => Some(join(module, &path[1..])),
            Some("super") => {
                let up = path.iter().take_while(|part| *part == "super").count();
                let base = &module[..module.len().checked_sub(up)?];
                Some(join(base, &path[up..]))
            }
            Some(first) => {
                let child = join(module, &[first.to_owned()]);
                self.0.contains_key(&child).then(|| join(module, path))
            }
            None => None,
        }
    }

    /// The module in which what a path names is defined: through what modules hand on.
    fn home(&self, path: &[String], hops: usize) -> Module {
        let depth = (0..=path.len())
            .rev()
            .find(|depth| self.0.contains_key(&path[..*depth]))
            .unwrap_or(0);
        let (module, rest) = path.split_at(depth);
        let (Some(name), Some((_, names))) = (rest.first(), self.0.get(module)) else {
            return module.to_vec();
        };
        let handed = names.uses.iter().find(|(_, given, _)| given == name);
        match handed.and_then(|(from, ..)| self.absolute(module, from)) {
            Some(from) if hops > 0 && from != path => {
                self.home(&[&from[..], &rest[1..]].concat(), hops - 1)
            }
            _ => module.to_vec(),
        }
    }

    /// Which modules each module uses.
    fn arrows(&self) -> BTreeMap<&Module, BTreeSet<Module>> {
        let mut arrows = BTreeMap::new();
        for (module, (file, names)) in &self.0 {
            let facade = file.ends_with("mod.rs") || module.is_empty();
            let uses = names
                .uses
                .iter()
                .filter(|(.., public)| !(facade && *public));
            let imported: BTreeSet<&String> = names.uses.iter().map(|(_, name, _)| name).collect();
            let paths = names
                .paths
                .iter()
                .filter(|path| !imported.contains(&path[0]));
            let used = uses
                .map(|(path, ..)| path)
                .chain(paths)
                .filter_map(|path| self.absolute(module, path))
                .map(|path| self.home(&path, 4))
                .filter(|other| other != module)
                .collect();
            arrows.insert(module, used);
        }
        arrows
    }

    /// A shortest circle through each module that is in one.
    fn circles(&self) -> BTreeSet<Vec<String>> {
        let arrows = self.arrows();
        let mut circles = BTreeSet::new();
        for start in self.0.keys() {
            let mut paths: Vec<Vec<&Module>> = vec![vec![start]];
            let mut seen = BTreeSet::new();
            'search: while let Some(path) = (!paths.is_empty()).then(|| paths.remove(0)) {
                for next in arrows.get(path[path.len() - 1]).into_iter().flatten() {
                    if next == start {
                        circles.insert(self.circle(&path));
                        break 'search;
                    }
                    if seen.insert(next) {
                        paths.push(path.iter().copied().chain([next]).collect());
                    }
                }
            }
        }
        circles
    }

    /// The files of a circle, which begins with the first by name.
    fn circle(&self, path: &[&Module]) -> Vec<String> {
        let mut files: Vec<String> = path
            .iter()
            .map(|module| self.0[*module].0.display().to_string())
            .collect();
        let first = (0..files.len()).min_by_key(|at| files[*at].clone());
        files.rotate_left(first.unwrap_or(0));
        files
    }
}

/// The folders with the files of one library or program each: of every member of the workspace, with
/// the programs in `src/bin` and the test programs in `tests` that have several files.
fn roots(top: &Path) -> Vec<PathBuf> {
    let manifest = std::fs::read_to_string(top.join("Cargo.toml")).unwrap();
    let members = manifest.split_once("members = [").expect("the members").1;
    let members = members.split(']').next().unwrap_or_default();
    let mut roots = Vec::new();
    for member in members.split('"').skip(1).step_by(2) {
        let member = top.join(member);
        roots.push(member.join("src"));
        for folder in ["src/bin", "tests"] {
            let Ok(entries) = std::fs::read_dir(member.join(folder)) else {
                continue;
            };
            let folders = entries.map(|entry| entry.unwrap().path());
            roots.extend(folders.filter(|folder| folder.join("main.rs").is_file()));
        }
    }
    roots
}

#[test]
fn no_files_of_a_crate_use_each_other_in_a_circle() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    // Packaged, a crate stands alone.
    if !top.join("Cargo.lock").is_file() {
        return;
    }
    let roots = roots(&top);
    for known in ["ring/src", "tests/src", "tests/src/bin/ringwork-chaos"] {
        assert!(roots.contains(&top.join(known)), "{known} of {roots:?}");
    }
    let (mut all, mut files) = (0, 0);
    for root in &roots {
        let name = root.display();
        let read = Crate::read(root);
        let count: usize = read.arrows().values().map(BTreeSet::len).sum();
        assert!(
            count > 0 || read.0.len() == 1,
            "{name}: no arrow was found in {} files",
            read.0.len()
        );
        let circles = read.circles();
        assert!(circles.is_empty(), "{name}: {circles:#?}");
        all += count;
        files += read.0.len();
    }
    assert!(all > 2 * files, "only {all} arrows in {files} files");
}

#[test]
fn a_circle_is_seen_through_lists_paths_and_names_that_are_handed_on() {
    let file = |module: &str, code: &str| {
        let path: Module = module.split('/').map(str::to_owned).collect();
        let path: Module = path.into_iter().filter(|part| !part.is_empty()).collect();
        let place = match path.is_empty() {
            true => "lib.rs".to_owned(),
            false => format!("{module}.rs"),
        };
        (path, (PathBuf::from(place), names_in(&code_of(code))))
    };
    let circles = |files: &[(&str, &str)]| {
        let files = files.iter().map(|(module, code)| file(module, code));
        Crate(files.collect()).circles().len()
    };
    let lib = ("", "pub mod a;\npub use a::Thing;\n");
    let none = [
        lib,
        ("a", "struct Thing;\n"),
        ("b", "use crate::{a::Thing, c};\n"),
        ("c", ""),
    ];
    assert_eq!(circles(&none), 0);
    let list = [
        ("a", "use crate::b::{\n    self,\n    Other as O,\n};"),
        ("b", "use crate::a::X;"),
    ];
    assert_eq!(circles(&list), 1);
    let path = [
        ("a", "fn f() { crate::b::g(); }"),
        ("b", "fn g() -> super::a::X {}"),
    ];
    assert_eq!(circles(&path), 1);
    let handed = [lib, ("a", "use crate::b;"), ("b", "use crate::Thing;")];
    assert_eq!(circles(&handed), 1);
    let quiet = [
        ("a", "use crate::b; // crate::c"),
        (
            "b",
            "const T: &str = \"crate::a::X\";\n#[cfg(test)]\nmod tests {\n    use crate::a::X;\n}",
        ),
    ];
    assert_eq!(circles(&quiet), 0);
}

/// Sizes, which are no offsets although they count bytes or words.
const SIZES: [&str; 12] = [
    "HEADER_SIZE",
    "MAX_CLASSES",
    "NAME_SIZE",
    "REASON_SIZE",
    "IDLE_WORDS",
    "HELD",
    "INLINE",
    "HANDLER_NAME_MAX",
    "ERROR_TEXT_MAX",
    "EVENT_BYTES_MAX",
    "TOPIC_NAME_MAX",
    "KEY_BYTES_MAX",
];

#[test]
fn only_format_and_records_know_offsets() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let layout = std::fs::read_to_string(root.join("format/layout.rs")).unwrap();
    let offsets: BTreeSet<&str> = layout
        .lines()
        .filter_map(|line| line.trim().split_once(": usize = "))
        .map(|(name, _)| name)
        .filter(|name| !SIZES.contains(name))
        .collect();
    assert!(offsets.len() > 100, "only {} were found", offsets.len());
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut wrong = Vec::new();
    for file in &files {
        let relative = file.strip_prefix(&root).unwrap();
        let folder = relative.iter().next().unwrap().to_str().unwrap();
        if ["format", "records"].contains(&folder) {
            continue;
        }
        let code = code_of(&std::fs::read_to_string(file).unwrap());
        // The mapping itself, and what tests take, hand out words by offsets that they are given.
        let gives = ["segment", "testing.rs"].contains(&folder);
        for (_, word) in words(&code) {
            let raw = ["u8_at", "u32_at", "u64_at", "words_at"].contains(&word);
            if offsets.contains(word) || raw && !gives {
                wrong.push(format!("{} names {word}", relative.display()));
            }
        }
        if code.contains("layout::*") {
            wrong.push(format!("{} takes the whole layout", relative.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_arrow_of_the_folders_points_up() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut wrong = Vec::new();
    let mut arrows = 0;
    for file in &files {
        let relative = file.strip_prefix(&root).unwrap();
        let folder = relative.iter().next().unwrap().to_str().unwrap();
        let Some(own) = floor_of(folder) else {
            continue;
        };
        let names = names_in(&code_of(&std::fs::read_to_string(file).unwrap()));
        let paths = names.uses.iter().map(|(path, ..)| path).chain(&names.paths);
        for path in paths.filter(|path| path[0] == "crate") {
            let name = &path[1];
            arrows += 1;
            let fits = match floor_of(name) {
                Some(floor) => floor < own || name == folder,
                None => EVERYWHERE.contains(&name.as_str()),
            };
            if !fits {
                wrong.push(format!("{} uses crate::{name}", relative.display()));
            }
        }
    }
    assert!(arrows > 100, "only {arrows} arrows were found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
