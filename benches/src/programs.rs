//! Which program each case is, where it lies, and why it is not there.
//!
//! The peers are built by `benches/run`, which says by the variables `RINGWORK_BENCH_FAILED_NAME`
//! which it could not build; their cases are then skipped with that reason.

use crate::scratch::Scratch;
use sha2::{Digest as _, Sha256};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the programs are.
#[derive(Debug)]
pub struct Programs {
    /// The repository.
    pub root: PathBuf,
    /// `java`.
    pub java: PathBuf,
    /// The jar with the Java side of the cases, if it is built; not every suite needs it.
    pub jar: Option<PathBuf>,
    /// The binary `ringwork`.
    pub ringwork: PathBuf,
    /// The worker of the suite `cpu10k`.
    pub worker: PathBuf,
    /// Where the report, logs and images go.
    pub out: PathBuf,
    /// Where the peers keep their sockets and shared memory.
    pub scratch: Scratch,
}

/// Options of a JVM that runs Aeron or Agrona: without the first they don't start on a recent JDK;
/// the second is what their own benchmarks set; the third is for Netty's native part.
const PEER_OPTIONS: [&str; 3] = [
    "--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED",
    "-Dagrona.disable.bounds.checks=true",
    "--enable-native-access=ALL-UNNAMED",
];

type Found<T> = Result<T, Box<dyn Error>>;

impl Programs {
    /// The command that runs a case.
    pub fn case(&self, name: &str) -> Found<Command> {
        let (suite, case) = name.split_once('/').unwrap_or(("rtt", name));
        match case {
            "agrona_rings" => self.java_peer(name),
            _ if case.starts_with("aeron_ipc") => self.java_peer(name),
            _ if case.starts_with("grpc_") => {
                let mut command = self.java_peer(name)?;
                let server = self.rust_peer("tonic", "ringwork-peer-tonic")?;
                command.env("RINGWORK_BENCH_GRPC_SERVER", server);
                Ok(command)
            }
            "iceoryx2_reqres" => {
                let client = self.rust_peer("iceoryx2", "ringwork-peer-iceoryx2")?;
                let mut command = Command::new(client);
                command.arg(self.scratch.directory(name)?);
                command.arg(self.scratch.prefix(name));
                Ok(command)
            }
            "ffm_in_process" => {
                let library = self.rust_peer("ffm", "libringwork_peer_ffm.so")?;
                let mut command = self.java(name)?;
                command.env("RINGWORK_BENCH_FFM", library);
                Ok(command)
            }
            _ if suite == "payload" && case.starts_with("uds_") => {
                let mut command = self.java(name)?;
                let socket = self.scratch.directory(name)?.join("uds.sock");
                command.env("RINGWORK_BENCH_SOCKET", socket);
                command.env("RINGWORK_BENCH_SELF", std::env::current_exe()?);
                Ok(command)
            }
            _ => self.java(name),
        }
    }

    /// A party of the suite `handlers`.
    pub fn party(&self, name: &str) -> Found<Command> {
        if name == "ringwork" {
            let mut command = Command::new(std::env::current_exe()?);
            command.arg("handlers-party");
            return Ok(command);
        }
        self.python(name)
    }

    /// The command that makes that suite's photos, which lacks the directory, and which version
    /// of them: they change with the script.
    pub fn photos(&self) -> Found<(Command, String)> {
        let digest = Sha256::digest(std::fs::read(self.python_script())?);
        let version = digest[..4].iter().map(|byte| format!("{byte:02x}"));
        Ok((self.python("photos")?, version.collect()))
    }

    fn python(&self, argument: &str) -> Found<Command> {
        let python = built("python", self.root.join("target/peers-python/bin/python"))?;
        let mut command = Command::new(python);
        command.arg(self.python_script()).arg(argument);
        Ok(command)
    }

    fn python_script(&self) -> PathBuf {
        self.root.join("benches/peers/python/handlers.py")
    }

    fn jar(&self) -> Found<&Path> {
        let missing = "no benchmark jar: `mvn package` makes it";
        Ok(self.jar.as_deref().ok_or(missing)?)
    }

    fn java(&self, name: &str) -> Found<Command> {
        let mut command = Command::new(&self.java);
        command
            .arg(format!("-Dringwork.binary={}", self.ringwork.display()))
            .arg(format!("-Dbench.worker={}", self.worker.display()))
            .arg(format!("-Dbench.out={}", self.out.display()))
            .arg("-jar")
            .arg(self.jar()?)
            .arg(name);
        Ok(command)
    }

    fn java_peer(&self, name: &str) -> Found<Command> {
        let target = self.root.join("benches/peers/java/target");
        let classes = built("java", target.join("classes"))?;
        let mut command = Command::new(&self.java);
        let scratch = self.scratch.directory(name)?;
        command
            .args(PEER_OPTIONS)
            .arg(format!("-Dbench.scratch={}", scratch.display()))
            .arg("-cp")
            .arg(format!(
                "{}:{}/lib/*:{}",
                classes.display(),
                target.display(),
                self.jar()?.display()
            ))
            .arg("io.ringwork.peers.Main")
            .arg(name);
        Ok(command)
    }

    fn rust_peer(&self, package: &str, file: &str) -> Found<PathBuf> {
        let release = self.root.join("benches/peers/rust/target/release");
        built(package, release.join(file))
    }
}

/// The path, unless building it failed or was not tried.
fn built(what: &str, path: PathBuf) -> Found<PathBuf> {
    let failed = format!("RINGWORK_BENCH_FAILED_{}", what.to_uppercase());
    if let Ok(reason) = std::env::var(failed) {
        return Err(reason.into());
    }
    if !path.exists() {
        return Err(format!("{} is not built: `make bench` does", path.display()).into());
    }
    Ok(path)
}

/// The newest jar of the benchmarks below `root`.
pub fn find_jar(root: &Path) -> Option<PathBuf> {
    let target = root.join("java-panama/ringwork-benches/target");
    let mut jars: Vec<PathBuf> = std::fs::read_dir(target)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| name.starts_with("ringwork-benches-") && name.ends_with(".jar"))
        })
        .collect();
    jars.sort();
    jars.pop()
}
