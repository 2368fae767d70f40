//! The actors of a Troupe node: the cores (plain state machines) and the shells (actix actors) around them.
