//! JVMs of `io.ringwork.matrix.MatrixClient`: asked by lines, answered by lines.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The longest that an answer may take.
const LIMIT: Duration = Duration::from_secs(100);

type Lines = Arc<(Mutex<Vec<String>>, Condvar)>;

/// A running JVM; dropped, it is gone.
pub struct Jvm {
    child: Child,
    stdin: Mutex<ChildStdin>,
    lines: Lines,
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
            .args(["-Xshare:auto", "--enable-native-access=ALL-UNNAMED", "-cp"])
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
                sink.0
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(line);
                sink.1.notify_all();
            }
        });
        let jvm = Self {
            child,
            stdin,
            lines,
        };
        jvm.answer("up ")?;
        Ok(jvm)
    }

    /// Its process.
    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Sends a command that is answered later, or never.
    pub fn tell(&self, command: &str) -> Result<(), String> {
        let mut stdin = self.stdin.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(stdin, "{command}")
            .and_then(|()| stdin.flush())
            .map_err(|error| format!("{command} to the JVM: {error}"))
    }

    /// Waits for the line that starts so; what follows is the answer.
    pub fn answer(&self, start: &str) -> Result<String, String> {
        let end = Instant::now() + LIMIT;
        let mut lines = self.lines.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(at) = lines.iter().position(|line| line.starts_with(start)) {
                let answer = lines.remove(at)[start.len()..].to_owned();
                return if answer.starts_with("failed ") {
                    Err(format!("the JVM answers: {start}{answer}"))
                } else {
                    Ok(answer)
                };
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(format!("no answer {start:?} from the JVM within {LIMIT:?}"));
            }
            lines = self
                .lines
                .1
                .wait_timeout(lines, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
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
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        match idle {
            Some(jvm) => Ok(jvm),
            None => Jvm::start(&self.log),
        }
    }

    /// Gives one back that lives and is at rest.
    pub fn give_back(&self, jvm: Jvm) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(jvm);
    }
}
