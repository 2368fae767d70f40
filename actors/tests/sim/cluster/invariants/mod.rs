//! What must hold in a cluster whatever happens, one property per file.

pub(crate) mod acknowledged;
pub(crate) mod context;
pub(crate) mod converged;
pub(crate) mod held;
pub(crate) mod pages;
pub(crate) mod readable;
