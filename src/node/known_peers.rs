//! What a node remembers of other nodes between its runs: the file `peers` in `metadata_dir`. A node that starts finds the
//! others by it, although nobody names them in the configuration.
//!
//! ```text
//! boot 1763000000000           the number of the node's latest run
//! peer <node id> <host:port>   where a node was found
//! removed <node id>            a node that is not spoken to any more
//! ```

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use troupe_actors::ids::NodeId;
use troupe_actors::transport::tcp::KnownPeers;
use troupe_actors::whole_file;

/// The file's name.
const FILE: &str = "peers";

/// Longer than the file of any cluster. What lies beyond it is not read.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// The file's contents.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Remembered {
    pub(super) boot: u64,
    pub(super) peers: KnownPeers,
}

/// Reads the file. Lines that mean nothing are left out: the file only saves others the trouble of naming nodes.
pub(super) fn read(metadata_dir: &Path) -> io::Result<Remembered> {
    let mut text = Vec::new();
    match File::open(metadata_dir.join(FILE)) {
        Ok(file) => file.take(FILE_BYTES_MAX).read_to_end(&mut text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Remembered::default()),
        Err(error) => return Err(error),
    };
    Ok(parse(&String::from_utf8_lossy(&text)))
}

/// Replaces the file: after a crash it is the old one or the new one.
pub(super) fn write(metadata_dir: &Path, remembered: &Remembered) -> io::Result<()> {
    whole_file::replace(metadata_dir, FILE, text_of(remembered).as_bytes())
}

fn text_of(remembered: &Remembered) -> String {
    let mut text = format!("boot {}\n", remembered.boot);
    // Writing into a string cannot fail.
    for (node, addr) in &remembered.peers.addrs {
        let _ = writeln!(text, "peer {node} {addr}");
    }
    for node in &remembered.peers.removed {
        let _ = writeln!(text, "removed {node}");
    }
    text
}

fn parse(text: &str) -> Remembered {
    let mut remembered = Remembered::default();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["boot", number] => remembered.boot = number.parse().unwrap_or(0),
            ["peer", node, addr] => {
                remembered.peers.addrs.extend(node.parse().ok().map(|node| (node, (*addr).to_owned())));
            }
            ["removed", node] => remembered.peers.removed.extend(node.parse::<NodeId>().ok()),
            _ => {}
        }
    }
    remembered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remembered() -> Remembered {
        let addrs = vec![(NodeId([1; 32]), "a:1".to_owned()), (NodeId([2; 32]), "[::1]:2".to_owned())];
        Remembered { boot: 7, peers: KnownPeers { addrs, removed: [NodeId([3; 32])].into() } }
    }

    #[test]
    fn what_is_remembered_is_read_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), Remembered::default());
        write(dir.path(), &remembered()).unwrap();
        assert_eq!(read(dir.path()).unwrap(), remembered());
        write(dir.path(), &Remembered::default()).unwrap();
        assert_eq!(read(dir.path()).unwrap(), Remembered::default());
    }

    #[test]
    fn the_text_never_changes_and_lines_that_mean_nothing_are_left_out() {
        let one = "01".repeat(32);
        let text = format!(
            "boot 7\npeer {one} a:1\npeer {} [::1]:2\nremoved {}\n",
            "02".repeat(32),
            "03".repeat(32)
        );
        assert_eq!(text_of(&remembered()), text);
        let damaged = format!("\nhello\npeer {one}\npeer xyz a:1\nremoved 7\n{text}boots 9");
        assert_eq!(parse(&damaged), remembered());
    }
}
