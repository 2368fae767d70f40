//! What a service manager is told: systemd's protocol of datagrams, `sd_notify(3)`.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// A service manager that wants to be told.
#[derive(Debug)]
pub(crate) struct Notify {
    socket: UnixDatagram,
    manager: SocketAddr,
    /// How often it wants to hear that the node works, if it does.
    pub(super) watchdog: Option<Duration>,
}

impl Notify {
    /// The manager that the environment names. One that cannot be reached is named in the log: the node serves without it.
    pub(crate) fn from_environment() -> Option<Notify> {
        let place = env::var_os("NOTIFY_SOCKET").filter(|place| !place.is_empty())?;
        match Notify::at(&place, watchdog()) {
            Ok(notify) => Some(notify),
            Err(error) => {
                log::warn!("the service manager cannot be told anything at {}: {error}", place.display());
                None
            }
        }
    }

    pub(super) fn at(place: &OsString, watchdog: Option<Duration>) -> io::Result<Notify> {
        let manager = match place.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            _ => SocketAddr::from_pathname(place)?,
        };
        let socket = UnixDatagram::unbound()?;
        // The manager may be slow: it is told again later.
        socket.set_nonblocking(true)?;
        Ok(Notify { socket, manager, watchdog })
    }

    /// The node serves.
    pub(super) fn ready(&self) {
        self.tell("READY=1\nSTATUS=serving");
    }

    /// The node is on its way down.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=finishing what is in progress");
    }

    /// Every part of the node makes progress.
    pub(super) fn ping(&self) {
        self.tell("WATCHDOG=1");
    }

    fn tell(&self, what: &str) {
        if let Err(error) = self.socket.send_to_addr(what.as_bytes(), &self.manager) {
            log::warn!("the service manager could not be told {what:?}: {error}");
        }
    }
}

/// How often this process is to report, if it is the one that is meant.
fn watchdog() -> Option<Duration> {
    let number = |name| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if env::var_os("WATCHDOG_PID").is_some() && number("WATCHDOG_PID") != Some(std::process::id().into()) {
        return None;
    }
    number("WATCHDOG_USEC").filter(|micros| *micros > 0).map(Duration::from_micros)
}
