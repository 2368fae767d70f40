use crate::ids::NodeId;
use crate::limits::PEER_ADDR_BYTES_MAX;
use std::fmt;
use std::str::FromStr;

/// Where a peer is: `<node id>@<host>:<port>`, or without the id for whoever is there and knows `rpc_secret`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct PeerAddr {
    /// Who has to be there.
    pub node: Option<NodeId>,
    /// A name or an address, and a port.
    pub addr: String,
}

/// A text does not say where a peer is.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAPeerAddr {
    /// What stands before the `@` is not a node id.
    #[error("`{0}` is not a node id, which has 64 hex digits")]
    NodeId(String),
    /// What stands behind the `@` has no host or no port.
    #[error("`{0}` is not a host and a port, as `node1.example:3901` or `[2001:db8::1]:3901`")]
    HostAndPort(String),
}

impl FromStr for PeerAddr {
    type Err = NotAPeerAddr;

    fn from_str(text: &str) -> Result<PeerAddr, NotAPeerAddr> {
        let (node, addr) = match text.split_once('@') {
            None => (None, text),
            Some((node, addr)) => {
                let node = node.parse().map_err(|_| NotAPeerAddr::NodeId(node.to_owned()))?;
                (Some(node), addr)
            }
        };
        let is_addr = addr.len() <= PEER_ADDR_BYTES_MAX
            && addr.rsplit_once(':').is_some_and(|(host, port)| is_host(host) && is_port(port));
        if !is_addr {
            return Err(NotAPeerAddr::HostAndPort(addr.to_owned()));
        }
        Ok(PeerAddr { node, addr: addr.to_owned() })
    }
}

fn is_host(host: &str) -> bool {
    let is_bracketed = host.starts_with('[') && host.ends_with(']');
    !host.is_empty() && (is_bracketed || !host.contains(':')) && !host.contains(char::is_whitespace)
}

fn is_port(port: &str) -> bool {
    port.parse::<u16>().is_ok_and(|port| port != 0)
}

impl fmt::Display for PeerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.node {
            None => f.write_str(&self.addr),
            Some(node) => write!(f, "{node}@{}", self.addr),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_optional_and_a_port_is_not() {
        let node = NodeId([0xab; 32]);
        for addr in ["node1:3901", "[::1]:3901", "10.0.0.1:1", "node1.example.org:65535"] {
            let expected = PeerAddr { node: None, addr: addr.to_owned() };
            assert_eq!(addr.parse(), Ok(expected.clone()));
            assert_eq!(expected.to_string(), addr);
            let expected = PeerAddr { node: Some(node), ..expected };
            assert_eq!(format!("{node}@{addr}").parse(), Ok(expected.clone()));
            assert_eq!(expected.to_string(), format!("{node}@{addr}"));
        }
        for addr in ["", "node1", "node1:", ":3901", "::1:3901", "a b:1", "node1:0", "node1:65536", "node1:x"]
        {
            assert_eq!(addr.parse::<PeerAddr>(), Err(NotAPeerAddr::HostAndPort(addr.to_owned())));
        }
        assert_eq!("abc@node1:1".parse::<PeerAddr>(), Err(NotAPeerAddr::NodeId("abc".to_owned())));
    }
}
