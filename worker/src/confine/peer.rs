//! Where confined handlers may connect to: `--sandbox-net`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A port of TCP that confined handlers may connect to, on any host: `*:443`. The kernel tells apart
/// ports and no hosts, so another host than `*` is refused.
///
/// ```
/// use ringwork_worker::confine::Peer;
///
/// let peer: Peer = "*:443".parse().unwrap();
/// assert_eq!((peer.port(), peer.to_string()), (443, "*:443".to_owned()));
/// let refused = "db.example:5432".parse::<Peer>().unwrap_err();
/// assert!(refused.contains("write *:5432"), "{refused}");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Peer(u16);

impl Peer {
    /// Its port.
    #[must_use]
    pub fn port(self) -> u16 {
        self.0
    }
}

impl FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no port to connect to: write *:PORT, such as *:443");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port: u16 = port.parse().map_err(|_| wrong())?;
        match (host, port) {
            (_, 0) => Err(wrong()),
            ("*", _) => Ok(Self(port)),
            _ => Err(format!(
                "{text:?} names a host, but the kernel can tell apart ports only: write *:{port}, and leave hosts to a \
                 firewall"
            )),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "*:{}", self.0)
    }
}

impl TryFrom<String> for Peer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Peer> for String {
    fn from(peer: Peer) -> Self {
        peer.to_string()
    }
}
