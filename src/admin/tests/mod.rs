mod access;
mod buckets;
mod keys;
mod layout;
mod nodes;
mod workers;

use super::*;
use crate::admin::model::{WorkerInfoResp, WorkerLastError, WorkerStateResp};
use crate::config::Secret;
use actix::Arbiter;
use actix_web::body::to_bytes;
use actix_web::http::StatusCode;
use actix_web::{App, test};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, LocalBoxFuture};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Mutex;
use troupe_actors::control::ControlOptions;
use troupe_actors::ids::{BucketId, NodeId};
use troupe_actors::layout::Incarnation;
use troupe_actors::store::Epoch;
use troupe_actors::store::lane::LaneHandle;
use troupe_actors::store::lane::actor::LaneActor;
use troupe_actors::store::memory::MemoryStore;
use troupe_actors::transport::PeerAddr;

pub(super) const NODE: NodeId = NodeId([0xaa; 32]);

/// The node that it is connected to.
pub(super) const PEER: NodeId = NodeId([0xbb; 32]);

/// A node whose buckets hold what a test says.
#[derive(Default)]
pub(super) struct FixedView {
    usage: Mutex<BucketUsage>,
    /// Up, with the same clock, unless a test says otherwise.
    peer_state: Mutex<Option<PeerState>>,
    is_loss_accepted: Mutex<bool>,
    rate: Mutex<String>,
    is_stopping: Mutex<bool>,
}

impl NodeView for FixedView {
    fn bucket_usage(&self, _bucket: BucketId) -> LocalBoxFuture<'static, Result<BucketUsage, UsageError>> {
        let usage = *self.usage.lock().unwrap();
        async move { Ok(usage) }.boxed_local()
    }

    fn gauges(&self) -> Vec<Gauge> {
        vec![Gauge { name: "pollers", help: "Polls that wait.", value: 3.0 }]
    }

    fn write_metrics(&self, out: &mut crate::metrics::Exposition) {
        out.single("counted", "A count.", crate::metrics::Kind::Counter, 7.0);
    }

    fn peers(&self) -> BTreeMap<NodeId, Peer> {
        let text = |text: &str| Some(text.to_owned());
        let state = *self.peer_state.lock().unwrap();
        let peer = Peer {
            state: state.unwrap_or(PeerState::Up),
            since_s: Some(90),
            addr: text("b:1"),
            version: Some(health::version()),
            hostname: text("host-b"),
            clock_ahead_ms: state.map(|_| -61_000),
        };
        BTreeMap::from([(PEER, peer)])
    }

    fn memory_warning(&self) -> Option<String> {
        let is_accepted = *self.is_loss_accepted.lock().unwrap();
        (!is_accepted).then(|| "this node lost data".to_owned())
    }

    fn accept_data_loss(&self) -> BoxFuture<'static, ()> {
        *self.is_loss_accepted.lock().unwrap() = true;
        Box::pin(std::future::ready(()))
    }

    fn not_serving(&self) -> Option<&'static str> {
        self.is_stopping.lock().unwrap().then_some("the node is stopping")
    }

    fn workers(&self) -> Vec<WorkerInfoResp> {
        let worker = |id, state, consecutive_errors| WorkerInfoResp {
            id,
            name: format!("worker {id}"),
            state,
            errors: consecutive_errors,
            consecutive_errors,
            last_error: (consecutive_errors > 0)
                .then(|| WorkerLastError { message: "no link".to_owned(), secs_ago: 3 }),
            persistent_errors: None,
            progress: None,
            queue_length: None,
            tranquility: None,
            freeform: Vec::new(),
        };
        vec![
            worker(1, WorkerStateResp::Busy, 0),
            worker(2, WorkerStateResp::Idle, 2),
            worker(3, WorkerStateResp::Throttled { duration_secs: 0.5 }, 0),
        ]
    }

    fn variables(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([("rate", self.rate.lock().unwrap().clone())])
    }

    fn set_variable(&self, name: &str, value: &str) -> Result<String, VariableError> {
        if name != "rate" {
            return Err(VariableError::Unknown { name: name.to_owned() });
        }
        value.clone_into(&mut self.rate.lock().unwrap());
        Ok(value.to_owned())
    }

    fn ask(&self, node: NodeId, call: LocalCall) -> BoxFuture<'static, LocalAnswer> {
        assert_eq!(node, PEER);
        let answer = match call {
            LocalCall::ListWorkers(_) => LocalAnswer::Success(serde_json::json!([])),
            _ => LocalAnswer::Error("it is stopping".to_owned()),
        };
        Box::pin(std::future::ready(answer))
    }

    fn connect(&self, peer: PeerAddr) -> BoxFuture<'static, Result<NodeId, String>> {
        let outcome = if peer.node == Some(PEER) { Ok(PEER) } else { Err("nobody is there".to_owned()) };
        Box::pin(std::future::ready(outcome))
    }
}

/// The API over a control plane in memory.
pub(super) struct Api {
    admin: Admin,
    view: Arc<FixedView>,
}

impl Api {
    pub(super) async fn new(access: Access, tokens: PortTokens) -> Api {
        let options = ControlOptions {
            node: NODE,
            replication_factor: 1,
            token_key: [7; 32],
            incarnation: Incarnation(1),
            has_peers: false,
        };
        let store = Arc::new(MemoryStore::new(Epoch(1)));
        let lane = LaneActor::start_on(&Arbiter::current(), store, Box::new(|reason| panic!("{reason}")));
        let control = Control::start(&[], LaneHandle::new(lane.recipient()), options).await.unwrap();
        let view = Arc::new(FixedView::default());
        let identity = NodeIdentity {
            node: NODE,
            rpc_addr: "127.0.0.1:3901".to_owned(),
            metadata_dir: std::env::temp_dir(),
            region: "garage".to_owned(),
            replication_factor: 1,
        };
        Api { admin: Admin { control, view: view.clone(), identity, tokens, access }, view }
    }

    pub(super) async fn on_socket() -> Api {
        Api::new(Access::Socket, PortTokens::default()).await
    }

    /// From now on the peer is so, and its clock is a minute late.
    pub(super) fn set_peer(&self, state: PeerState) {
        *self.view.peer_state.lock().unwrap() = Some(state);
    }

    pub(super) fn fill_buckets(&self, usage: BucketUsage) {
        *self.view.usage.lock().unwrap() = usage;
    }

    /// Makes a call and gives back status and body text.
    pub(super) async fn raw(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &str,
    ) -> (StatusCode, String) {
        let admin = self.admin.clone();
        let app = test::init_service(App::new().configure(|app| admin.configure(app))).await;
        let mut request = test::TestRequest::with_uri(path).method(method.parse().unwrap());
        if let Some(token) = token {
            request = request.insert_header(("Authorization", format!("Bearer {token}")));
        }
        let response = test::call_service(&app, request.set_payload(body.to_owned()).to_request()).await;
        let status = response.status();
        let Ok(body) = to_bytes(response.into_body()).await else { panic!("the body broke off") };
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.raw("GET", path, None, "").await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Value {
        let (status, text) = self.raw("POST", path, None, &body.to_string()).await;
        assert_eq!(status, StatusCode::OK, "{path} {body}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Makes a call that is refused: status, code and message.
    pub(super) async fn refused(&self, method: &str, path: &str, body: Value) -> (u16, String, String) {
        let (status, text) = self.raw(method, path, None, &body.to_string()).await;
        let error: model::ErrorBody = serde_json::from_str(&text).unwrap();
        assert_eq!((error.region.as_str(), error.path.as_str()), ("garage", path.split('?').next().unwrap()));
        (status.as_u16(), error.code, error.message)
    }
}

/// The names of an object's fields must be those of the API's description, which is copied here by hand: every mandatory
/// one (and perhaps some of `optional`).
pub(super) fn check_fields(object: &Value, mandatory: &[&str], optional: &[&str]) {
    let object = object.as_object().unwrap();
    for name in mandatory {
        assert!(object.contains_key(*name), "{name} is missing in {object:?}");
    }
    for name in object.keys() {
        assert!(
            mandatory.contains(&name.as_str()) || optional.contains(&name.as_str()),
            "{name} is too much"
        );
    }
}

pub(super) fn secret(text: &str) -> Option<Secret> {
    Some(Secret::new(text))
}
