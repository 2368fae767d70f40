//! What is done to a cluster. Each fault has a name, a beginning, and an end that takes it back.

mod disks;
mod links;
mod machines;
mod operators;
mod processes;

use crate::arena::Arena;
use rand::rngs::StdRng;

/// What a fault takes away, which says what may go together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// The work of one node, or of all for a moment.
    Node,
    /// Something that one node had stored.
    Memory,
    /// Packets.
    Link,
    /// Nothing: an operator changes something.
    Operator,
}

pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Left out of a mixture unless it is named.
    pub(crate) is_on_request: bool,
    pub(crate) begin: Act,
    pub(crate) end: Act,
}

/// What is done to the node of that number. An error says why it could not be done, which breaks no promise.
type Act = fn(&mut Arena, usize, &mut StdRng) -> Result<(), String>;

const fn fault(name: &'static str, kind: Kind, begin: Act, end: Act) -> Fault {
    Fault { name, kind, is_on_request: false, begin, end }
}

/// Every fault there is.
pub(crate) const ALL: &[Fault] = &[
    fault("kill", Kind::Node, processes::kill, processes::start),
    fault("hang", Kind::Node, processes::hang, processes::go_on),
    fault("restart", Kind::Node, processes::restart_one_after_the_other, nothing),
    fault("restart-all", Kind::Node, processes::restart_all, nothing),
    fault("cut-node", Kind::Link, links::cut_node, links::heal),
    fault("cut-halves", Kind::Link, links::cut_halves, links::heal),
    fault("cut-one-way", Kind::Link, links::cut_one_way, links::heal),
    fault("bridge", Kind::Link, links::leave_a_bridge, links::heal),
    fault("delay", Kind::Link, links::delay, links::heal),
    fault("loss", Kind::Link, links::lose, links::heal),
    fault("reorder", Kind::Link, links::reorder, links::heal),
    fault("clock", Kind::Operator, machines::jump, machines::jump_back),
    fault("full-disk", Kind::Node, disks::fill, disks::empty),
    fault("slow-disk", Kind::Operator, disks::slow_down, disks::speed_up),
    fault("limits", Kind::Node, machines::limit, machines::unlimit),
    fault("wipe", Kind::Memory, disks::wipe, processes::start_amnesiac),
    fault("rollback-killed", Kind::Memory, disks::keep_image_of_killed, disks::put_back_killed),
    fault("rollback-stopped", Kind::Memory, disks::keep_image_of_stopped, disks::put_back_stopped),
    Fault { is_on_request: true, ..fault("bit-flip", Kind::Memory, disks::flip_bits, nothing) },
    fault("add", Kind::Operator, operators::add, operators::take_away),
    fault("remove", Kind::Operator, operators::remove, operators::give_back),
    fault("replace", Kind::Operator, operators::replace, operators::replace_back),
    fault("re-zone", Kind::Operator, operators::rezone, operators::settle),
    fault("applies", Kind::Operator, operators::apply_at_once, operators::settle),
    fault("revoke", Kind::Operator, operators::revoke, nothing),
];

pub(crate) fn named(name: &str) -> Option<&'static Fault> {
    ALL.iter().find(|fault| fault.name == name)
}

fn nothing(_: &mut Arena, _: usize, _: &mut StdRng) -> Result<(), String> {
    Ok(())
}
