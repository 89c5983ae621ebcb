//! Where and for which requests a pool answers HTTP. The process that does is started by
//! `crate::endpoint`; these options are also those of `ringwork ops`, which a person may start beside a
//! pool.

use crate::config::text::{read_as_text, written_as_text};
use clap::{ArgAction, Args};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Before the path of a socket in the file system.
const UNIX: &str = "unix:";
/// The longest token file that is read.
const TOKEN_MAX: u64 = 4096;
/// The shortest token that is taken: 16 random bytes in hexadecimal digits have 32.
const TOKEN_MIN: usize = 16;

/// Where HTTP is answered: `127.0.0.1:9464`, `[::1]:9464`, `localhost:9464`, `unix:/run/pool.sock`.
/// Port 0 takes one that is free.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpAddress {
    /// A TCP port.
    Tcp(SocketAddr),
    /// A socket in the file system, for this user alone.
    Unix(PathBuf),
}

impl HttpAddress {
    /// Whether only processes of this machine can reach it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl FromStr for HttpAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix(UNIX) {
            return match path {
                "" => Err("unix: without a path: write unix:/run/user/1000/pool.sock".to_owned()),
                path => Ok(Self::Unix(path.into())),
            };
        }
        let bad = || {
            format!(
                "{text:?} is no address: write 127.0.0.1:9464 for this machine alone, 0.0.0.0:9464 for all that \
                 reach it, or unix:PATH"
            )
        };
        let local = |port: &str| {
            let port = port.parse().ok()?;
            Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
        };
        let named = text.strip_prefix("localhost:").and_then(local);
        named
            .or_else(|| text.parse().ok())
            .map(Self::Tcp)
            .ok_or_else(bad)
    }
}

impl fmt::Display for HttpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

read_as_text!(HttpAddress);
written_as_text!(HttpAddress);

/// HTTP for probes, metrics, the dashboard and tasks. None of it changes at a reload.
#[derive(Debug, Clone, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct HttpOptions {
    /// Answer HTTP there, in a process of its own: /healthz, /readyz, /metrics, /stat, /tasks, /live
    /// [default: nowhere].
    #[arg(long, value_name = "ADDR|unix:PATH")]
    pub http: Option<HttpAddress>,

    /// Name by which requests may call this machine, besides its addresses and localhost; may be
    /// repeated [default: on loopback no other name, elsewhere any].
    #[arg(long, value_name = "NAME")]
    pub http_host: Vec<String>,

    /// File with the token that each request must carry (Authorization: Bearer TOKEN), but for the
    /// probes [default: no token].
    #[arg(long, value_name = "FILE")]
    pub http_token_file: Option<PathBuf>,

    /// Take tasks over HTTP, too: POST /tasks/HANDLER.
    #[arg(long, value_name = "BOOL", default_value = "false", num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set)]
    pub http_submit: bool,
}

impl HttpOptions {
    /// What is wrong with them.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let Some(address) = &self.http else {
            let given = [
                ("http-host", !self.http_host.is_empty()),
                ("http-token-file", self.http_token_file.is_some()),
                ("http-submit", self.http_submit),
            ];
            let vain = given.iter().filter(|(_, given)| *given);
            wrong.extend(vain.map(|(name, _)| {
                format!("{name} is given without http: give --http 127.0.0.1:9464, too")
            }));
            return wrong;
        };
        if let HttpAddress::Unix(path) = address
            && path.as_os_str().len() > 107
        {
            wrong.push(format!(
                "http unix:{}: the path of a socket has at most 107 bytes: choose a shorter one",
                path.display()
            ));
        }
        for name in &self.http_host {
            let good = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
            if name.is_empty() || !name.chars().all(good) {
                wrong.push(format!(
                    "http-host {name:?} is no name of a machine: write pool.example.org, without a port"
                ));
            }
        }
        if self.http_submit {
            wrong.extend(self.open_to_all());
        }
        wrong.extend(self.token().err());
        wrong
    }

    /// Why tasks can't be taken: any process that reaches the machine could run handlers.
    #[must_use]
    pub fn open_to_all(&self) -> Option<String> {
        let address = self.http.as_ref().filter(|address| !address.is_local())?;
        self.http_token_file.is_none().then(|| {
            format!(
                "http-submit at {address} lets each program that reaches this machine run tasks: give \
                 --http-token-file, too, or listen at 127.0.0.1 or unix:PATH"
            )
        })
    }

    /// The token that the file holds now; `None` without a file.
    ///
    /// # Errors
    /// When it can't be read, or others than its user can read it, or it is too short.
    pub fn token(&self) -> Result<Option<String>, String> {
        self.http_token_file
            .as_deref()
            .map(read_token)
            .transpose()
            .map_err(|why| format!("http-token-file {why}"))
    }

    /// The same options with an absolute path in place of each relative one.
    pub(crate) fn settled(mut self) -> Self {
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        self.http = self.http.map(|address| match address {
            HttpAddress::Unix(path) => HttpAddress::Unix(absolute(path)),
            tcp @ HttpAddress::Tcp(_) => tcp,
        });
        self.http_token_file = self.http_token_file.map(absolute);
        self
    }

    /// As arguments of `ringwork ops`, but for the address.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let hosts = self.http_host.iter();
        let mut all: Vec<String> = hosts.map(|name| format!("--http-host={name}")).collect();
        let token = self.http_token_file.iter();
        all.extend(token.map(|path| format!("--http-token-file={}", path.display())));
        if self.http_submit {
            all.push("--http-submit".to_owned());
        }
        all
    }
}

fn read_token(path: &Path) -> Result<String, String> {
    use std::io::Read;
    use std::os::unix::fs::MetadataExt;
    let shown = path.display();
    let failed = |error: std::io::Error| format!("{shown}: {error}");
    let file = std::fs::File::open(path).map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    if !meta.is_file() {
        return Err(format!("{shown} is no plain file"));
    }
    if meta.mode() & 0o077 != 0 {
        return Err(format!(
            "{shown} can be read by others (mode {:o}): chmod 600 it",
            meta.mode() & 0o777
        ));
    }
    let mut text = String::new();
    file.take(TOKEN_MAX)
        .read_to_string(&mut text)
        .map_err(failed)?;
    let token = text.trim();
    if token.len() < TOKEN_MIN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!(
            "{shown} has no token of at least {TOKEN_MIN} visible characters: \
             `head -c 32 /dev/urandom | base64 > FILE` makes one"
        ));
    }
    Ok(token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ServeConfig;
    use std::os::unix::fs::PermissionsExt;

    fn at(address: &str) -> HttpOptions {
        HttpOptions {
            http: Some(address.parse().unwrap()),
            ..ServeConfig::default().http
        }
    }

    #[test]
    fn addresses_are_read_as_they_are_shown() {
        for text in [
            "127.0.0.1:9464",
            "[::1]:0",
            "0.0.0.0:80",
            "unix:/run/pool.sock",
        ] {
            assert_eq!(text.parse::<HttpAddress>().unwrap().to_string(), text);
        }
        let named: HttpAddress = "localhost:9464".parse().unwrap();
        assert_eq!(named.to_string(), "127.0.0.1:9464");
        for bad in ["", "9464", ":9464", "example.org:80", "unix:", "127.0.0.1"] {
            assert!(bad.parse::<HttpAddress>().is_err(), "{bad}");
        }
        assert!(at("unix:x").http.unwrap().is_local());
        assert!(!at("0.0.0.0:0").http.unwrap().is_local());
    }

    #[test]
    fn what_can_not_be_meant_is_refused_with_what_to_do() {
        let none = ServeConfig::default().http;
        assert!(none.problems().is_empty() && at("127.0.0.1:0").problems().is_empty());
        let vain = HttpOptions {
            http_host: vec!["a".into()],
            ..none
        };
        assert!(vain.problems()[0].contains("http-host is given without http"));
        let named = HttpOptions {
            http_host: vec!["a b".into(), "pool.example.org".into()],
            ..at("127.0.0.1:0")
        };
        assert_eq!(named.problems().len(), 1);
        let open = |address| HttpOptions {
            http_submit: true,
            ..at(address)
        };
        assert!(open("0.0.0.0:0").problems()[0].contains("give --http-token-file"));
        assert!(open("127.0.0.1:0").problems().is_empty() && open("unix:x").problems().is_empty());
        let long = at(&format!("unix:/{}", "x".repeat(200)));
        assert!(long.problems()[0].contains("shorter"));
    }

    #[test]
    fn a_token_is_one_line_of_a_file_of_its_user_alone() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("token");
        let options = HttpOptions {
            http_token_file: Some(path.clone()),
            ..at("127.0.0.1:0")
        };
        let set = |text: &str, mode: u32| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        };
        assert!(options.token().is_err(), "there is none yet");
        set("0123456789abcdef\n", 0o600);
        assert_eq!(options.token(), Ok(Some("0123456789abcdef".to_owned())));
        set("0123456789abcdef\n", 0o644);
        assert!(options.token().unwrap_err().contains("chmod 600"));
        for bad in ["short", "0123456789 abcdef", ""] {
            set(bad, 0o600);
            assert!(
                options.problems()[0].contains("no token of at least 16"),
                "{bad}"
            );
        }
    }
}
