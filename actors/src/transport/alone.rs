use super::{Carry, Link, LinkState, NotSent, Peers, RequestError, Subsystem};
use crate::ids::NodeId;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The transport of a node that knows no other one.
#[derive(Clone, Copy, Debug)]
pub struct Alone;

impl Alone {
    /// The way to nobody.
    pub fn peers() -> Peers {
        Arc::new(Alone)
    }
}

impl Carry for Alone {
    fn request(
        &self,
        _: NodeId,
        _: Link,
        _: Subsystem,
        _: Bytes,
        _: Duration,
    ) -> BoxFuture<'static, Result<Bytes, RequestError>> {
        ready(Err(NotSent::NoLink.into())).boxed()
    }

    fn tell(&self, _: NodeId, _: Subsystem, _: Bytes) -> Result<(), NotSent> {
        Err(NotSent::NoLink)
    }

    fn links(&self) -> Arc<BTreeMap<NodeId, LinkState>> {
        Arc::default()
    }
}
