use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a server listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ListenAddr {
    /// `host:port`, as [`std::net::ToSocketAddrs`] reads it. Port 0 takes a free one.
    Tcp(String),
    /// A Unix socket, written as a path that holds a `/`.
    Unix(PathBuf),
}

/// Text that names no place to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an address such as \"[::]:3904\" or the absolute path of a Unix socket is expected")]
pub struct NotAListenAddr;

impl FromStr for ListenAddr {
    type Err = NotAListenAddr;

    fn from_str(text: &str) -> Result<ListenAddr, NotAListenAddr> {
        if text.starts_with('/') {
            return Ok(ListenAddr::Unix(text.into()));
        }
        let (host, port) = text.rsplit_once(':').ok_or(NotAListenAddr)?;
        let bare_ipv6 = host.contains(':') && !(host.starts_with('[') && host.ends_with(']'));
        if host.is_empty() || bare_ipv6 || host.contains('/') || port.parse::<u16>().is_err() {
            return Err(NotAListenAddr);
        }
        Ok(ListenAddr::Tcp(text.to_owned()))
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListenAddr::Tcp(addr) => f.write_str(addr),
            ListenAddr::Unix(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port_or_a_path() {
        for text in ["[::]:3904", "127.0.0.1:0", "localhost:3900"] {
            assert_eq!(text.parse(), Ok(ListenAddr::Tcp(text.to_owned())));
        }
        assert_eq!("/run/troupe/k2v.sock".parse(), Ok(ListenAddr::Unix("/run/troupe/k2v.sock".into())));
        for text in ["", "3904", ":3904", "::1:3904", "localhost:99999", "host:", "run/k2v:1"] {
            assert_eq!(text.parse::<ListenAddr>(), Err(NotAListenAddr), "{text}");
        }
    }
}
