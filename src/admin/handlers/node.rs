use crate::admin::call::json;
use crate::admin::error::AdminResult;
use crate::admin::local::freeform;
use crate::admin::model::{AcceptDataLossResponse, LocalGetNodeStatisticsResponse};
use crate::admin::{Admin, health};
use crate::metrics::{Exposition, Kind};
use actix_web::HttpResponse;
use actix_web::http::header::ContentType;

/// For load balancers: 200 as long as every shard can be read and written.
pub(super) fn health(admin: &Admin) -> HttpResponse {
    let health = health::of(admin);
    let text = match health.status.as_str() {
        "unavailable" => {
            "unavailable: no layout has been applied, or a shard has no replica here\n".to_owned()
        }
        status => format!("{status}: every shard can be read and written\n"),
    };
    let mut answer = if health.partitions_quorum == health.partitions {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    };
    answer.content_type(ContentType::plaintext()).body(text)
}

/// For orchestrators: the process answers. Whether it can serve is not asked, as a restart would not help.
pub(super) fn live() -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::plaintext()).body("live\n")
}

/// For load balancers: 200 while requests that come here can be served.
pub(super) fn ready(admin: &Admin) -> HttpResponse {
    let (mut answer, text) = match health::not_ready(admin) {
        None => (HttpResponse::Ok(), "ready\n".to_owned()),
        Some(reason) => (HttpResponse::ServiceUnavailable(), format!("not ready: {reason}\n")),
    };
    answer.content_type(ContentType::plaintext()).body(text)
}

/// Prometheus' text format. What concerns the cluster is as this node sees it, under Garage's names.
pub(super) fn metrics(admin: &Admin) -> HttpResponse {
    let health = health::of(admin);
    let snapshot = admin.control.snapshot();
    let mut out = Exposition::default();
    let mut cluster = |name, help, value: usize| out.single(name, help, Kind::Gauge, value as f64);
    let is_available = health.partitions_quorum == health.partitions;
    cluster(
        "cluster_healthy",
        "Whether all nodes with a role are up.",
        usize::from(health.status == "healthy"),
    );
    cluster("cluster_available", "Whether every shard has a quorum.", usize::from(is_available));
    cluster("cluster_known_nodes", "Nodes that this one has heard of.", health.known_nodes);
    cluster("cluster_connected_nodes", "Nodes that are up, this one included.", health.connected_nodes);
    cluster("cluster_storage_nodes", "Nodes with a capacity.", health.storage_nodes);
    cluster("cluster_storage_nodes_ok", "Those of them that are up.", health.storage_nodes_ok);
    cluster("cluster_partitions", "Shards.", health.partitions);
    cluster("cluster_partitions_quorum", "Shards with a quorum of replicas.", health.partitions_quorum);
    cluster("cluster_partitions_all_ok", "Shards with all replicas.", health.partitions_all_ok);
    let mut gauge = |name: &str, help: &str, value: f64| {
        out.single(&format!("troupe_{name}"), help, Kind::Gauge, value);
    };
    gauge("shards_ok", "Shards that can be read and written.", health.partitions_quorum as f64);
    gauge("layout_version", "Number of the layout in force.", snapshot.layout.version().number as f64);
    gauge("buckets", "Buckets that exist.", snapshot.buckets().len() as f64);
    gauge("access_keys", "Access keys that exist.", snapshot.keys().len() as f64);
    for g in admin.view.gauges() {
        gauge(g.name, g.help, g.value);
    }
    admin.view.write_metrics(&mut out);
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(out.into_text())
}

/// The node votes in reads again although it was not compared with all other replicas.
pub(super) async fn accept_data_loss(admin: &Admin) -> AdminResult {
    let was_waiting = admin.view.memory_warning();
    admin.view.accept_data_loss().await;
    json(&AcceptDataLossResponse { was_waiting })
}

pub(super) fn cluster_statistics(admin: &Admin) -> AdminResult {
    json(&LocalGetNodeStatisticsResponse { freeform: freeform(&*admin.view) })
}
