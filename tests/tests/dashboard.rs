//! The dashboard in a real browser, where there is a Chromium: what it shows, and that it follows.

#![forbid(unsafe_code)]

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use ringwork_support::{Folder, KillOnDrop};
use ringwork_tests::http::get;
use ringwork_tests::{LIMIT, Pool, Serve, call, occupy, options, wait_until};
use serde_json::{Value, json};
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

/// Most bytes of the page: nothing else is loaded.
const PAGE_MAX: usize = 60 << 10;

fn chromium() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|program| program.is_file())
}

/// A browser that is told what to do by pipes, and the page that it shows.
struct Browser {
    commands: File,
    answers: Receiver<Value>,
    session: Value,
    number: u64,
    _process: KillOnDrop,
    _folder: Folder,
}

impl Browser {
    /// Opens a page; `None` where there is no Chromium.
    fn open(address: &str) -> Option<Self> {
        let Some(program) = chromium() else {
            println!("there is no Chromium on the PATH: not tested");
            return None;
        };
        let folder = Folder::new("chromium");
        let pipe = |name: &str| {
            let path = folder.path().join(name);
            nix::unistd::mkfifo(&path, Mode::S_IRWXU).unwrap();
            path
        };
        let (commands, answers) = (pipe("commands"), pipe("answers"));
        let script = format!(
            "exec \"$0\" \"$@\" 3<'{}' 4>'{}'",
            commands.display(),
            answers.display()
        );
        let process = Command::new("sh")
            .args(["-c", &script])
            .arg(program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
            ])
            .arg("--remote-debugging-pipe")
            .arg(format!(
                "--user-data-dir={}",
                folder.path().join("profile").display()
            ))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let process = KillOnDrop(process);
        // Each waits for the other end, in the order of the script.
        let commands = OpenOptions::new().write(true).open(commands).unwrap();
        let answers = messages(&answers);
        let mut browser = Self {
            commands,
            answers,
            session: Value::Null,
            number: 0,
            _process: process,
            _folder: folder,
        };
        let page = browser.tell("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": page["targetId"], "flatten": true});
        browser.session = browser.tell("Target.attachToTarget", attach)["sessionId"].clone();
        browser.tell("Page.navigate", json!({"url": address}));
        Some(browser)
    }

    /// Has it do something, and gives what comes of it.
    fn tell(&mut self, method: &str, params: Value) -> Value {
        self.number += 1;
        let mut message = json!({"id": self.number, "method": method, "params": params});
        if !self.session.is_null() {
            message["sessionId"] = self.session.clone();
        }
        let mut text = message.to_string().into_bytes();
        text.push(0);
        self.commands.write_all(&text).unwrap();
        loop {
            let answer = self.answers.recv_timeout(LIMIT).expect("an answer");
            if answer["id"] == self.number {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    /// The value of an expression in the page.
    fn value(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true});
        let result = self.tell("Runtime.evaluate", params);
        assert!(
            result["exceptionDetails"].is_null(),
            "{expression}: {result}"
        );
        result["result"]["value"].clone()
    }

    fn text(&mut self, id: &str) -> String {
        let text = self.value(&format!("document.getElementById('{id}')?.innerText"));
        text.as_str().unwrap_or_default().to_owned()
    }

    /// The cells of a table, by row.
    fn rows(&mut self, id: &str) -> Vec<Vec<String>> {
        let rows = self.value(&format!(
            "[...document.querySelectorAll('#{id} tbody tr')].map(r => [...r.cells].map(c => c.innerText.trim()))"
        ));
        serde_json::from_value(rows).unwrap()
    }

    /// A picture of the whole page for a person, where `RINGWORK_SCREENSHOTS` names a folder.
    fn picture(&mut self, name: &str, width: u32, scheme: &str) {
        let Some(folder) = std::env::var_os("RINGWORK_SCREENSHOTS") else {
            return;
        };
        let size =
            json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600});
        self.tell("Emulation.setDeviceMetricsOverride", size);
        let feature = json!({"name": "prefers-color-scheme", "value": scheme});
        self.tell("Emulation.setEmulatedMedia", json!({"features": [feature]}));
        let whole = json!({"captureBeyondViewport": true});
        let picture = self.tell("Page.captureScreenshot", whole)["data"].clone();
        let path = Path::new(&folder).join(format!("{name}.base64"));
        std::fs::write(path, picture.as_str().unwrap()).unwrap();
    }
}

/// What it answers: JSON with a zero behind each.
fn messages(path: &Path) -> Receiver<Value> {
    let file = File::open(path).unwrap();
    let (sender, messages) = channel();
    std::thread::spawn(move || {
        let mut from = BufReader::new(file);
        let mut text = Vec::new();
        while from.read_until(0, &mut text).is_ok_and(|length| length > 0) {
            text.pop();
            let Ok(message) = serde_json::from_slice(&text) else {
                return;
            };
            if sender.send(message).is_err() {
                return;
            }
            text.clear();
        }
    });
    messages
}

fn command(pool: &Pool, args: &[&str]) {
    let output = pool.base().command(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
}

#[test]
fn the_page_is_small_and_has_all_that_it_needs() {
    let page = include_str!("../../ops/src/dashboard.html");
    assert!(page.len() <= PAGE_MAX, "{} bytes", page.len());
    for foreign in ["src=\"", "@import", "http://", "https://"] {
        // The name of a format is no address.
        let page = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!page.contains(foreign), "{foreign}");
    }
}

#[test]
fn the_page_shows_what_stat_does_and_follows_the_pool() {
    let pool = Serve::new("board")
        .daemon()
        .option("http", "127.0.0.1:0")
        .option("workers", "2")
        .option("lanes", "1")
        .option("limit", "digest:concurrency=1")
        .start();
    let _ = pool.wait_workers(2);
    let client = pool.client();
    for _ in 0..5 {
        let _ = call(&client, "echo", b"tea", &options());
    }
    client.collect();
    let Some(mut browser) = Browser::open(pool.http()) else {
        return;
    };
    wait_until("the page has the tasks", || {
        let rows = browser.rows("handlers");
        rows.iter().any(|row| row[0] == "echo" && row[3] == "5")
    });
    assert_eq!(browser.text("name"), "board");
    assert_eq!(browser.text("state"), "✔ serving");
    assert!(
        browser.text("why").starts_with("✔ All is well"),
        "{}",
        browser.text("why")
    );
    let stat = get(pool.http(), "/stat").json();
    same_numbers(&mut browser, &stat);
    browser.picture("calm", 1280, "light");

    // A worker that is killed is gone from the page, and its successor is there.
    let (_, killed) = pool.workers()[0];
    assert!(pool.signal_worker(killed, Signal::SIGKILL));
    wait_until("the page has another worker", || {
        let pids: Vec<String> = browser
            .rows("lanes")
            .iter()
            .map(|row| row[1].clone())
            .collect();
        pids.len() == 2 && !pids.contains(&killed.to_string())
    });
    wait_until("and tells of the death", || {
        browser.text("errors").contains("was killed by SIGKILL")
    });

    wait_until("and of it as an event, with its successor", || {
        let rows = browser.rows("events");
        let of = |topic: &str| rows.iter().position(|row| row[1] == topic);
        let told = |row: &Vec<String>| row[2] == "supervisor" && row[3].contains("SIGKILL");
        // The newest comes first.
        of("worker.died").is_some_and(|at| told(&rows[at]) && of("worker.ready") < Some(at))
    });
    let errors = browser.rows("errors");
    assert!(
        errors[0].len() == 4 && errors[0][1].ends_with(" ago") && errors[0][2].ends_with(" ago"),
        "{errors:?}"
    );

    // Times are of the last ten seconds unless another choice is made.
    assert!(browser.text("window").starts_with("(exactly "));
    let chosen = browser.value(
        "(() => { const all = document.querySelector('input[value=in_all]'); all.click(); return all.checked; })()",
    );
    assert_eq!(chosen, true);
    assert_eq!(browser.text("window"), "");
    let echo = browser.rows("handlers");
    let echo = echo.iter().find(|row| row[0] == "echo").unwrap();
    assert!(
        echo[9].ends_with('s') && echo[10].ends_with('s'),
        "{echo:?}"
    );

    // What keeps tasks from moving is told, with what to do.
    command(&pool, &["pause", "board", "digest", "--wait"]);
    let waits = client.submit("digest", b"tea", &options()).unwrap();
    wait_until("the pause is told", || {
        let why = browser.text("why");
        why.contains("digest is paused: `ringwork resume board digest` lets its tasks run")
    });
    wait_until("and in its table", || {
        let rows = browser.rows("limits");
        rows.iter()
            .any(|row| row[0] == "digest" && row[1] == "⚠ paused" && row[2] == "1")
    });
    let _tickets = occupy(&client, pool.files(), 2);
    let behind = client.submit("echo", b"tea", &options()).unwrap();
    wait_until("busy lanes are told", || {
        browser
            .text("why")
            .contains("All 2 lanes are busy, and 1 task waits")
    });
    browser.picture("busy", 1280, "light");
    browser.picture("busy-dark", 1280, "dark");
    browser.picture("busy-phone", 390, "dark");
    let (_, worker) = pool.workers()[0];
    assert!(pool.signal_worker(worker, Signal::SIGSTOP));
    wait_until("a stopped worker is told", || {
        let remedy = format!("`kill -CONT {worker}` lets it go on");
        browser.text("why").contains(&remedy)
    });
    assert!(pool.signal_worker(worker, Signal::SIGCONT));
    command(&pool, &["drain", "board"]);
    wait_until("a drained pool is told", || {
        browser.text("state") == "✖ draining" && browser.text("why").contains("`ringwork resume`")
    });
    drop((waits, behind));
}

/// The tables beside the JSON of the same pool at rest.
fn same_numbers(browser: &mut Browser, stat: &Value) {
    let number = |value: &Value| value.as_u64().unwrap().to_string();
    let list = |key: &str| stat[key].as_array().unwrap().clone();
    let lanes: Vec<_> = list("workers")
        .iter()
        .flat_map(|worker| {
            let lanes = worker["lanes"].as_array().unwrap().clone();
            let (index, pid) = (number(&worker["index"]), number(&worker["pid"]));
            lanes.into_iter().map(move |lane| {
                [
                    index.clone(),
                    pid.clone(),
                    number(&lane["index"]),
                    number(&lane["completed"]),
                ]
            })
        })
        .collect();
    let shown: Vec<_> = browser
        .rows("lanes")
        .into_iter()
        .map(|row| [0, 1, 2, 7].map(|column| row[column].clone()))
        .collect();
    assert_eq!(shown, lanes);
    let clients: Vec<_> = list("clients")
        .iter()
        .map(|client| ["pid", "submitted", "completed"].map(|key| number(&client[key])))
        .collect();
    let shown: Vec<_> = browser
        .rows("clients")
        .into_iter()
        .map(|row| [0, 5, 6].map(|column| row[column].clone()))
        .collect();
    assert_eq!(shown, clients);
    let counters = stat["counters"].as_object().unwrap();
    let counters: Vec<_> = counters
        .iter()
        .map(|(name, value)| vec![name.replace('_', " "), number(value)])
        .collect();
    let mut shown = browser.rows("counters");
    shown.sort();
    assert_eq!(shown, counters);
    let taken: Vec<_> = list("arena")
        .iter()
        .map(|class| format!("{} of {}", class["taken"], class["blocks"]))
        .collect();
    let shown: Vec<_> = browser
        .rows("arena")
        .into_iter()
        .map(|row| row[1].replace(',', ""))
        .collect();
    assert_eq!(shown, taken);
}
