//! JVMs of `io.ringwork.matrix.MatrixClient`: asked by lines, answered by lines.
//!
//! One that does not answer is looked at from outside before it is given up: what its threads do
//! in Java, and what they wait for in the kernel. One that has died is not waited for.
//!
//! Invariant: nothing here waits for a disk. At its start a JVM deletes the files that killed JVMs
//! have left in /tmp/hsperfdata_USER; where the kernel's own threads got no turn, each JVM stood
//! there for minutes until such a file's last page was written. So these JVMs have no such files.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The longest that an answer may take.
const LIMIT: Duration = Duration::from_secs(100);
/// After which time without an answer it is looked at.
const LOOK: Duration = Duration::from_secs(20);
/// How long a JVM may take to write down what its threads do.
const DUMP: Duration = Duration::from_secs(3);

/// What it said and was not taken yet.
#[derive(Default)]
struct Said {
    lines: Vec<String>,
    ended: bool,
}

type Lines = Arc<(Mutex<Said>, Condvar)>;

/// A running JVM; dropped, it is gone.
pub struct Jvm {
    child: Child,
    stdin: Mutex<ChildStdin>,
    lines: Lines,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The `java` of `$JAVA_HOME`, or that of tools/find-jdk.
fn java() -> Result<PathBuf, String> {
    let home = match std::env::var("JAVA_HOME") {
        Ok(home) if !home.is_empty() => home,
        _ => {
            let found = Command::new(root().join("tools/find-jdk"))
                .arg("22")
                .output();
            let found = found.map_err(|error| format!("tools/find-jdk: {error}"))?;
            String::from_utf8_lossy(&found.stdout).trim().to_owned()
        }
    };
    let java = Path::new(&home).join("bin/java");
    if java.is_file() {
        Ok(java)
    } else {
        Err(format!(
            "no JDK >= 22 (looked for {}): set JAVA_HOME",
            java.display()
        ))
    }
}

impl Jvm {
    /// Starts one.
    pub fn start(log: &Path) -> Result<Self, String> {
        let classes = root().join("java-panama/ringwork-failpoints/target/classes");
        if !classes
            .join("io/ringwork/matrix/MatrixClient.class")
            .is_file()
        {
            return Err(format!(
                "{} is not compiled: run `make build`, or `mvn -f java-panama/pom.xml -pl ringwork-failpoints compile`",
                classes.display()
            ));
        }
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(log);
        let mut child = Command::new(java()?)
            .args([
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Xmx64m",
                "-Xss512k",
            ])
            .args([
                "-XX:-UsePerfData",
                "-Xshare:auto",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
            ])
            .arg(&classes)
            .arg("io.ringwork.matrix.MatrixClient")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log.map_err(|error| format!("the JVM's log: {error}"))?)
            .spawn()
            .map_err(|error| format!("the JVM: {error}"))?;
        let stdin = Mutex::new(child.stdin.take().expect("its standard input"));
        let stdout = child.stdout.take().expect("its standard output");
        let lines = Lines::default();
        let sink = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                lock(&sink.0).lines.push(line);
                sink.1.notify_all();
            }
            lock(&sink.0).ended = true;
            sink.1.notify_all();
        });
        let jvm = Self {
            child,
            stdin,
            lines,
        };
        jvm.answer("up ")?;
        jvm.check_no_disk()?;
        Ok(jvm)
    }

    /// Its process.
    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Sends a command that is answered later, or never.
    pub fn tell(&self, command: &str) -> Result<(), String> {
        let mut stdin = lock(&self.stdin);
        writeln!(stdin, "{command}")
            .and_then(|()| stdin.flush())
            .map_err(|error| format!("{command} to the JVM: {error}"))
    }

    /// Waits for the line that starts so; what follows is the answer.
    pub fn answer(&self, start: &str) -> Result<String, String> {
        let begun = Instant::now();
        let mut look: Option<String> = None;
        let mut said = lock(&self.lines.0);
        loop {
            if let Some(at) = said.lines.iter().position(|line| line.starts_with(start)) {
                let answer = said.lines.remove(at)[start.len()..].to_owned();
                return if answer.starts_with("failed ") {
                    Err(format!("the JVM answers: {start}{answer}"))
                } else {
                    Ok(answer)
                };
            }
            if said.ended {
                let last = said.lines.join("\n  ");
                // One that is only starting ends by the question what it does.
                let look = look.map_or(String::new(), |look| format!("\nit looked so:\n{look}"));
                return Err(format!(
                    "no answer {start:?}: the JVM has ended: {last}{look}"
                ));
            }
            let waited = begun.elapsed();
            if look.is_none() && waited >= LOOK {
                drop(said);
                look = Some(self.look());
                said = lock(&self.lines.0);
                continue;
            }
            if waited >= LIMIT {
                let look = look.unwrap_or_default();
                return Err(format!(
                    "no answer {start:?} from the JVM within {LIMIT:?}; after {LOOK:?} it looked so:\n{look}"
                ));
            }
            let until = if look.is_none() { LOOK } else { LIMIT };
            said = self
                .lines
                .1
                .wait_timeout(said, until.saturating_sub(waited))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// What its threads do: in the kernel, and, where the JVM still can tell, in Java.
    fn look(&self) -> String {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.pid()));
        let mut text = String::new();
        for thread in threads.into_iter().flatten().flatten() {
            let read = |file| std::fs::read_to_string(thread.path().join(file)).unwrap_or_default();
            let stat = read("stat");
            let state = stat.rsplit(')').next().unwrap_or_default().trim_start();
            text.push_str(&format!(
                "  thread {} {} state {} in {}\n",
                thread.file_name().display(),
                read("comm").trim(),
                state.chars().next().unwrap_or('?'),
                read("wchan"),
            ));
        }
        let before = lock(&self.lines.0).lines.len();
        // A JVM answers it with its stacks on standard output.
        let _ = kill(Pid::from_raw(self.pid()), Signal::SIGQUIT);
        std::thread::sleep(DUMP);
        let said = lock(&self.lines.0);
        text.push_str(&said.lines[before.min(said.lines.len())..].join("\n"));
        text
    }

    /// Sees that no file of its statistics is mapped, which would be on a disk.
    fn check_no_disk(&self) -> Result<(), String> {
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", self.pid()));
        match maps {
            Ok(maps) if maps.contains("hsperfdata") => {
                Err("the JVM has a file in /tmp/hsperfdata_USER".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Sends `WORD ID REST` and waits for `WORD ID ANSWER`.
    pub fn ask(&self, word: &str, id: &str, rest: &str) -> Result<String, String> {
        self.tell(format!("{word} {id} {rest}").trim_end())?;
        self.answer(&format!("{word} {id} "))
    }
}

impl Drop for Jvm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// JVMs that wait for their next case.
pub struct JvmPark {
    idle: Mutex<Vec<Jvm>>,
    log: PathBuf,
}

impl JvmPark {
    /// An empty one.
    pub fn new(log: PathBuf) -> Self {
        Self {
            idle: Mutex::default(),
            log,
        }
    }

    /// An idle JVM, or a new one.
    pub fn take(&self) -> Result<Jvm, String> {
        let idle = lock(&self.idle).pop();
        match idle {
            Some(jvm) => Ok(jvm),
            None => Jvm::start(&self.log),
        }
    }

    /// Gives one back that lives and is at rest.
    pub fn give_back(&self, jvm: Jvm) {
        lock(&self.idle).push(jvm);
    }
}
