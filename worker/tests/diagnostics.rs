//! What the compiler says to an author whose function is no handler, or makes no state: our own words,
//! not the compiler's.

#![forbid(unsafe_code)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

const PROGRAM: &str = "
    use ringwork_worker::*;
    use std::collections::HashMap;
    use std::sync::Arc;
    pub struct Db;
    pub fn worker() -> Builder { Worker::builder()BUILDS }
";

/// Compiles a program against this crate; the error is what the compiler writes.
fn compile(library: &Path, builds: &str) -> Result<(), String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let folder = library.parent().expect("a folder");
    let out = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let out = out.join(format!("diagnostics-{}.rmeta", std::process::id()));
    let mut compiler = Command::new(rustc)
        .args(["--edition=2024", "--crate-type=lib", "--crate-name=tried"])
        .args(["--emit=metadata", "-", "-o"])
        .arg(&out)
        .arg("--extern")
        .arg(format!("ringwork_worker={}", library.display()))
        .arg("-L")
        .arg(format!("dependency={}", folder.display()))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("rustc starts");
    let program = PROGRAM.replace("BUILDS", builds);
    let mut input = compiler.stdin.take().expect("its input");
    input.write_all(program.as_bytes()).expect("it reads");
    drop(input);
    let ended = compiler.wait_with_output().expect("it ends");
    let _ = std::fs::remove_file(out); // there is none after an error
    match ended.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&ended.stderr).into_owned()),
    }
}

/// This crate, as Cargo has built it for this test or just before: the newest one that a program of
/// ours compiles against.
fn library() -> PathBuf {
    let own = std::env::current_exe().expect("the path of this test");
    let folder = own.parent().expect("its folder").read_dir();
    let mut built: Vec<(SystemTime, PathBuf)> = folder
        .expect("its folder")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            let named =
                |name: &str| name.starts_with("libringwork_worker-") && name.ends_with(".rlib");
            name.is_some_and(named)
        })
        .filter_map(|path| Some((path.metadata().ok()?.modified().ok()?, path)))
        .collect();
    built.sort();
    let good = r#"
        .task("a", |_: &TaskContext<'_>, text: &str| text.len())
        .async_task("b", |_: AsyncContext, text: String| async move { text })
        .singleton("c", || Ok::<_, String>(7_u8))
    "#;
    let mut why = Vec::new();
    let mut newest = built.into_iter().rev().map(|(_, path)| path);
    let found = newest.find(|path| compile(path, good).map_err(|error| why.push(error)).is_ok());
    found.unwrap_or_else(|| panic!("nothing compiles against this crate: {}", why.join("\n")))
}

#[test]
fn a_function_that_is_no_handler_is_told_what_one_is() {
    let library = library();
    // What is given to the builder, and what the compiler is to say.
    let handler = [
        "is not a handler",
        "then its request: `&[u8]`",
        "it returns bytes, text",
    ];
    let is_async = [
        "is not an async handler",
        "Nothing of it is borrowed",
        "its future is `Send`",
    ];
    let state = [
        "does not make a state",
        "`Arc<S>` and `Config<T>`",
        "with any error",
    ];
    let cases: [(&str, &[&str]); 16] = [
        (r#".task("a", |_: HashMap<String, u8>| 1_u8)"#, &handler),
        (r#".task("a", |_: &str| Db)"#, &handler),
        (r#".task("a", |_: &str| Err::<u8, Db>(Db))"#, &handler),
        (r#".task("a", |_: Db, _: &str| 1_u8)"#, &handler),
        (r#".task("a", async |_: String| 1_u8)"#, &handler),
        (
            r#".task("a", async |_: String| 1_u8)"#,
            &["an `async fn` is one for `.async_task(..)`"],
        ),
        (r#".async_task("a", |_: String| 1_u8)"#, &is_async),
        (
            r#".async_task("a", |_: String| 1_u8)"#,
            &["is one for `.task(..)`"],
        ),
        (r#".async_task("a", |_: &str| async { 1_u8 })"#, &is_async),
        (r#".async_task("a", |_: String| async { Db })"#, &is_async),
        (
            r#".async_task("a", |_: State<'_, Db>, _: String| async { 1_u8 })"#,
            &is_async,
        ),
        (
            r#".async_task("a", |_: PerLane<'_, Db>, _: String| async { 1_u8 })"#,
            &is_async,
        ),
        (r#".singleton("a", || 7_u8)"#, &state),
        (r#".per_lane("a", |_: u8| Ok::<_, String>(Db))"#, &state),
        (
            r#".per_task("a", |_: u8| Ok::<_, TaskError>(Db))"#,
            &[
                "does not make a task's state",
                "as a handler does, without a request",
            ],
        ),
        (
            r#".async_per_thread("a", |_: Arc<Db>| Ok::<_, String>(Db))"#,
            &["does not make a state", "its future gives"],
        ),
    ];
    for (builds, parts) in cases {
        let said = compile(&library, builds).expect_err(builds);
        for part in parts {
            assert!(said.contains(part), "{builds}: {part:?} is not in\n{said}");
        }
    }
}
