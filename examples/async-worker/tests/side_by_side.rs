//! A thousand of each at once, in a pool of this process: pages of a server, lines of files, queries of a
//! database.

#![forbid(unsafe_code)]

use ringwork::{Cbor, Error, Ringwork, TaskType, block_on, join_all};
use ringwork_worker::testing::Pool;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use tempfile::TempDir;

const PAGE: TaskType<str, Vec<u8>> = TaskType::new("page");
const LINES: TaskType<str, u64> = TaskType::new("lines");
const ALL_LINES: TaskType<Cbor<Vec<String>>, u64> = TaskType::new("lines.all");
const NOTE: TaskType<str, i64> = TaskType::new("note");
const NOTES: TaskType<str, Cbor<Vec<String>>> = TaskType::new("notes");

const MANY: usize = 1000;

/// A pool with the worker, a client, and the folder that both use.
fn start() -> (TempDir, Pool, Ringwork) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.db").display().to_string();
    let worker = async_worker::worker().config(&format!(
        r#"{{"state": {{"notes": {{"file": "{file}"}}}}}}"#
    ));
    let pool = Pool::with_slots(worker, 2048).unwrap();
    let builder = Ringwork::builder("x").dir(pool.dir().clone());
    let rw = builder.connect_blocking().unwrap();
    (folder, pool, rw)
}

/// Answers that many requests: none before all have come.
fn serve_pages(server: &TcpListener, pages: usize) {
    let asked: Vec<(TcpStream, String)> = (0..pages)
        .map(|_| {
            let (connection, _) = server.accept().unwrap();
            let mut lines = BufReader::new(connection.try_clone().unwrap()).lines();
            let first = lines.next().unwrap().unwrap();
            let path = first.split_whitespace().nth(1).unwrap().to_owned();
            // The head ends with an empty line.
            assert!(lines.any(|line| line.unwrap().is_empty()));
            (connection, path)
        })
        .collect();
    for (mut connection, path) in asked {
        let (status, body) = match path.as_str() {
            "/none" => ("404 Not Found", String::new()),
            path => ("200 OK", format!("page {path}")),
        };
        let length = body.len();
        write!(
            connection,
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
    }
}

#[test]
fn a_thousand_pages_are_waited_for_at_once() {
    let (_folder, _pool, rw) = start();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let pages = std::thread::spawn(move || {
        serve_pages(&server, MANY);
        serve_pages(&server, 1);
    });
    let urls: Vec<String> = (0..MANY).map(|n| format!("http://{address}/{n}")).collect();
    let fetched = block_on(join_all(urls.iter().map(|url| rw.call(PAGE, url.as_str()))));
    for (number, page) in fetched.into_iter().enumerate() {
        assert_eq!(page.unwrap(), format!("page /{number}").into_bytes());
    }
    let none = rw
        .call(PAGE, format!("http://{address}/none").as_str())
        .wait();
    let refused = matches!(&none, Err(Error::Remote { message, .. }) if message.contains("404"));
    assert!(refused, "{none:?}");
    pages.join().unwrap();
}

#[test]
fn a_thousand_files_are_read_in_turn() {
    let (folder, _pool, rw) = start();
    let paths: Vec<String> = (0..MANY)
        .map(|lines| {
            let path = folder.path().join(format!("{lines}.txt"));
            std::fs::write(&path, "a line\n".repeat(lines % 10)).unwrap();
            path.display().to_string()
        })
        .collect();
    let counted = block_on(join_all(
        paths.iter().map(|path| rw.call(LINES, path.as_str())),
    ));
    for (number, lines) in counted.into_iter().enumerate() {
        assert_eq!(lines.unwrap(), number as u64 % 10);
    }
    // The handler that has them all counted calls its own pool.
    let few = Cbor(paths[..100].to_vec());
    assert_eq!(rw.call(ALL_LINES, &few).wait().unwrap(), 450);
    let none = rw.call(LINES, "/none/such").wait();
    let unreadable = matches!(&none, Err(Error::Remote { code, .. }) if code == "file.unreadable");
    assert!(unreadable, "{none:?}");
}

#[test]
fn a_thousand_notes_are_written_and_found() {
    let (_folder, _pool, rw) = start();
    let texts: Vec<String> = (0..MANY).map(|n| format!("note {n:04}")).collect();
    let added = block_on(join_all(
        texts.iter().map(|text| rw.call(NOTE, text.as_str())),
    ));
    let mut numbers: Vec<i64> = added.into_iter().map(Result::unwrap).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=MANY as i64).collect::<Vec<_>>());
    let found = block_on(join_all(
        texts.iter().map(|text| rw.call(NOTES, text.as_str())),
    ));
    for (found, text) in found.into_iter().zip(&texts) {
        assert_eq!(found.unwrap().0, std::slice::from_ref(text));
    }
    let Cbor(mut some) = rw.call(NOTES, "note 000").wait().unwrap();
    some.sort_unstable(); // they came side by side
    assert_eq!(some, texts[..10]);
}
