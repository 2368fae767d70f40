//! A network in user space: one namespace per node, and a switch in this process between them.
//!
//! ```text
//!  namespace of node 0        this process             the clients
//!  [tun 10.a.b.1]  ── read ── switch: cut, lose, ── write ── [tun 10.a.b.254]
//!  [tun 10.a.b.2]  ── read ──  delay, reorder   ── write ── …
//! ```
//!
//! Each packet of a namespace's only device passes through the switch, so a link can be cut in one direction, lose packets or
//! delay them with what every kernel has: `tc netem` is a module that many lack. The devices end with this process.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::BinaryHeap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tappers::{Interface, Tun};

/// What namespaces, devices and folders of this suite are called, before the test's process id.
pub(crate) const PREFIX: &str = "troupe-torture";

/// The number of the clients' device among the devices of a network, and the last part of its address.
const CLIENTS: u8 = 254;

/// As on a network with jumbo frames: fewer packets pass through this process.
const MTU: &str = "9000";

/// What becomes of packets from one node to another.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Link {
    pub(crate) is_cut: bool,
    pub(crate) lost_percent: u8,
    pub(crate) delay: Duration,
    /// Up to so much more, drawn for each packet, so that later ones overtake earlier ones.
    pub(crate) jitter: Duration,
}

/// The namespaces of a cluster and what connects them.
pub(crate) struct Network {
    pid: u32,
    switch: Arc<Switch>,
}

struct Switch {
    nodes: usize,
    /// One per node, then the clients'.
    devices: Vec<Tun>,
    links: Mutex<Vec<Vec<Link>>>,
    rng: Mutex<StdRng>,
    late: Mutex<BinaryHeap<Late>>,
    is_late: Condvar,
}

/// A packet that waits. The one that is due first is the greatest.
struct Late {
    due: Instant,
    number: u64,
    to: usize,
    packet: Vec<u8>,
}

/// Why this machine cannot do it, if it cannot.
pub(crate) fn obstacle() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("network namespaces need root".to_owned());
    }
    if !Path::new("/dev/net/tun").exists() {
        return Some("there is no /dev/net/tun".to_owned());
    }
    for (program, package) in [("ip", "iproute2"), ("setpriv", "util-linux")] {
        if Command::new(program).arg("-V").output().is_err() {
            return Some(format!("there is no `{program}` (Debian's package {package})"));
        }
    }
    let name = format!("{PREFIX}-{}-trial", std::process::id());
    let made = ip(&["netns", "add", &name]);
    // It is there only if it could be made.
    let _ = ip(&["netns", "del", &name]);
    made.err().map(|error| format!("no network namespace can be made: {error}"))
}

/// Removes what runs that were killed have left: their nodes, namespaces, mounts and folders.
pub(crate) fn sweep() {
    let is_left = |name: &str| {
        let pid = name.strip_prefix(PREFIX)?.strip_prefix('-')?.split('-').next()?;
        let pid: u32 = pid.parse().ok()?;
        (!Path::new(&format!("/proc/{pid}")).exists()).then_some(())
    };
    let names = ip(&["netns", "list"]).unwrap_or_default();
    for name in names.lines().filter_map(|line| line.split_whitespace().next()) {
        if is_left(name).is_some() {
            for pid in ip(&["netns", "pids", name]).unwrap_or_default().split_whitespace() {
                let _ = Command::new("kill").args(["-9", pid]).status();
            }
            let _ = ip(&["netns", "del", name]);
        }
    }
    for entry in std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        if is_left(&entry.file_name().to_string_lossy()).is_some() {
            remove_folder(&entry.path());
        }
    }
}

/// Removes a folder and the file systems that are mounted below it.
pub(crate) fn remove_folder(folder: &Path) {
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
    for place in mounts.lines().filter_map(|line| line.split(' ').nth(1)) {
        if Path::new(place).starts_with(folder) {
            let _ = Command::new("umount").args(["--lazy", place]).status();
        }
    }
    let _ = std::fs::remove_dir_all(folder);
}

/// Runs `ip`, and gives what it prints.
pub(crate) fn ip(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("ip").args(arguments).output().map_err(|error| format!("ip: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!("ip {arguments:?}: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

impl Network {
    /// Namespaces for so many nodes, all linked with each other and with the clients.
    pub(crate) fn new(nodes: usize, seed: u64) -> Network {
        let pid = std::process::id();
        let mut devices = Vec::new();
        for node in 0..=nodes {
            let device = format!("tt{pid}-{node}");
            devices
                .push(Tun::new_named(Interface::new(&device).expect("a short name")).expect("a tun device"));
            if node < nodes {
                let namespace = namespace(pid, node);
                ip(&["netns", "add", &namespace]).expect("a namespace");
                ip(&["link", "set", &device, "netns", &namespace]).expect("the device moves there");
                ip(&["-n", &namespace, "link", "set", "lo", "up"]).expect("loopback");
                set_up(&["-n", &namespace], &device, address(pid, node));
            } else {
                set_up(&[], &device, address(pid, usize::from(CLIENTS) - 1));
            }
        }
        let switch = Arc::new(Switch {
            nodes,
            devices,
            links: Mutex::new(vec![vec![Link::default(); nodes]; nodes]),
            rng: Mutex::new(StdRng::seed_from_u64(seed)),
            late: Mutex::new(BinaryHeap::new()),
            is_late: Condvar::new(),
        });
        for from in 0..=nodes {
            let switch = Arc::clone(&switch);
            std::thread::spawn(move || switch.forward_from(from));
        }
        std::thread::spawn({
            let switch = Arc::clone(&switch);
            move || switch.deliver_late()
        });
        Network { pid, switch }
    }

    pub(crate) fn namespace(&self, node: usize) -> String {
        namespace(self.pid, node)
    }

    pub(crate) fn address(&self, node: usize, port: u16) -> SocketAddr {
        SocketAddr::from((address(self.pid, node), port))
    }

    /// Changes the link from one node to another, in this direction alone.
    pub(crate) fn change(&self, from: usize, to: usize, change: impl Fn(&mut Link)) {
        let mut links = self.switch.links.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut links[from][to]);
    }

    /// Whether two nodes hear each other.
    pub(crate) fn are_linked(&self, one: usize, other: usize) -> bool {
        let links = self.switch.links.lock().unwrap_or_else(PoisonError::into_inner);
        !links[one][other].is_cut && !links[other][one].is_cut
    }

    /// Every link as it was in the beginning.
    pub(crate) fn heal(&self) {
        let mut links = self.switch.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.iter_mut().flatten().for_each(|link| *link = Link::default());
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for node in 0..self.switch.nodes {
            // Its device goes with it, and ends the thread that reads from it.
            let _ = ip(&["netns", "del", &namespace(self.pid, node)]);
        }
        let _ = ip(&["link", "del", &format!("tt{}-{}", self.pid, self.switch.nodes)]);
    }
}

impl Switch {
    /// Takes packets from a device for as long as it is there.
    fn forward_from(&self, from: usize) {
        let mut buffer = vec![0; 65_536];
        let mut number = 0;
        while let Ok(length) = self.devices[from].recv(&mut buffer) {
            let packet = &buffer[..length];
            let Some(to) = self.target_of(packet) else { continue };
            let Some(delay) = self.fate(from, to) else { continue };
            if delay.is_zero() {
                // A namespace that is being removed takes nothing.
                let _ = self.devices[to].send(packet);
                continue;
            }
            number += 1;
            let late = Late { due: Instant::now() + delay, number, to, packet: packet.to_vec() };
            self.late.lock().unwrap_or_else(PoisonError::into_inner).push(late);
            self.is_late.notify_one();
        }
    }

    /// The device of an IPv4 packet's receiver.
    fn target_of(&self, packet: &[u8]) -> Option<usize> {
        if packet.first()? >> 4 != 4 {
            return None;
        }
        match *packet.get(19)? {
            CLIENTS => Some(self.nodes),
            last => Some(usize::from(last).checked_sub(1)?).filter(|&node| node < self.nodes),
        }
    }

    /// How long a packet takes; `None` if it is lost.
    fn fate(&self, from: usize, to: usize) -> Option<Duration> {
        if from == self.nodes || to == self.nodes {
            return Some(Duration::ZERO);
        }
        let link = self.links.lock().unwrap_or_else(PoisonError::into_inner)[from][to];
        if link.is_cut {
            return None;
        }
        if link.lost_percent == 0 && link.jitter.is_zero() {
            return Some(link.delay);
        }
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        if rng.random_range(0..100) < link.lost_percent {
            return None;
        }
        Some(link.delay + link.jitter.mul_f64(rng.random()))
    }

    fn deliver_late(&self) {
        let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let now = Instant::now();
            let wait = match late.peek() {
                Some(next) if next.due <= now => {
                    let next = late.pop().expect("it was there");
                    let _ = self.devices[next.to].send(&next.packet);
                    continue;
                }
                Some(next) => next.due - now,
                None => Duration::from_secs(3600),
            };
            late = self.is_late.wait_timeout(late, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Ord for Late {
    fn cmp(&self, other: &Late) -> std::cmp::Ordering {
        (other.due, other.number).cmp(&(self.due, self.number))
    }
}

impl PartialOrd for Late {
    fn partial_cmp(&self, other: &Late) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Late {
    fn eq(&self, other: &Late) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Late {}

fn namespace(pid: u32, node: usize) -> String {
    format!("{PREFIX}-{pid}-{node}")
}

fn address(pid: u32, node: usize) -> Ipv4Addr {
    let [_, _, high, low] = pid.to_be_bytes();
    Ipv4Addr::new(10, 64 + high % 64, low, u8::try_from(node + 1).expect("few nodes"))
}

fn set_up(place: &[&str], device: &str, address: Ipv4Addr) {
    let run = |arguments: &[&str]| {
        ip(&[place, arguments].concat()).unwrap_or_else(|error| panic!("{error}"));
    };
    run(&["address", "add", &format!("{address}/24"), "dev", device]);
    run(&["link", "set", device, "mtu", MTU, "txqueuelen", "5000", "up"]);
}
