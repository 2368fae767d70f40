use crate::admin::call::json;
use crate::admin::error::AdminResult;
use crate::admin::local::freeform;
use crate::admin::model::{AcceptDataLossResponse, LocalGetNodeStatisticsResponse};
use crate::admin::{Admin, health};
use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use std::fmt::Write;

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

/// Prometheus' text format.
pub(super) fn metrics(admin: &Admin) -> HttpResponse {
    let health = health::of(admin);
    let snapshot = admin.control.snapshot();
    let mut text = String::new();
    let mut gauge = |name: &str, help: &str, value: f64| {
        // Writing into a string cannot fail.
        let _ =
            write!(text, "# HELP troupe_{name} {help}\n# TYPE troupe_{name} gauge\ntroupe_{name} {value}\n");
    };
    gauge("shards_ok", "Shards that can be read and written.", health.partitions_quorum as f64);
    gauge("layout_version", "Number of the layout in force.", snapshot.layout.version().number as f64);
    gauge("buckets", "Buckets that exist.", snapshot.buckets().len() as f64);
    gauge("access_keys", "Access keys that exist.", snapshot.keys().len() as f64);
    for g in admin.view.gauges() {
        gauge(g.name, g.help, g.value);
    }
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text)
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
