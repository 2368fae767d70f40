//! Routing and the nine calls, after `the K2V protocol` as the project writes it down.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response};
use http_body_util::Full;
use serde_json::{Value as Json, json};

use super::store::{Store, Stored, StoredItem};
use super::{BAD_REQUEST, BUCKET, Refusal};

type Answer = Result<Response<Full<Bytes>>, Refusal>;

/// Seconds are served as milliseconds, so that a poll's timeout can be waited for.
const SECOND: Duration = Duration::from_millis(1);

pub(super) fn refusal(status: u16, code: &str) -> Response<Full<Bytes>> {
    let body = json!({"code": code, "message": "as injected", "region": "garage", "path": "/"});
    json_answer(status, &body)
}

/// A page for people, as proxies send them.
pub(super) fn page(status: u16) -> Response<Full<Bytes>> {
    let answer = Response::builder().status(status).header("content-type", "text/html");
    answer.body("<html>something else</html>".into()).unwrap()
}

pub(super) async fn answer(head: &Parts, body: &Bytes, store: &Store) -> Answer {
    let (bucket, pk) = match head.uri.path()[1..].split_once('/') {
        Some((bucket, pk)) => (decode(bucket), Some(decode(pk))),
        None => (decode(&head.uri.path()[1..]), None),
    };
    if bucket != BUCKET {
        return Err((404, "NoSuchBucket"));
    }
    let query = Query::parse(head.uri.query().unwrap_or_default());
    match (&head.method, pk) {
        (&Method::GET, None) => read_index(&query, store),
        (&Method::POST, None) if query.get("search").is_some() => read_batch(body, store),
        (&Method::POST, None) if query.get("delete").is_some() => delete_batch(body, store),
        (&Method::POST, None) => insert_batch(body, store),
        (&Method::POST, Some(pk)) => poll_range(&pk, body, store).await,
        (&Method::GET, Some(pk)) if query.get("causality_token").is_some() => {
            poll_item(head, &pk, &query, store).await
        }
        (&Method::GET, Some(pk)) => read_item(head, &pk, query.sort_key()?, store),
        (&Method::PUT, Some(pk)) => {
            let seen = header_token(head)?.unwrap_or(0);
            store.write(&pk, query.sort_key()?, seen, Some(body.to_vec()));
            Ok(empty(204))
        }
        (&Method::DELETE, Some(pk)) => {
            let seen = header_token(head)?.ok_or(BAD_REQUEST)?;
            store.write(&pk, query.sort_key()?, seen, None);
            Ok(empty(204))
        }
        (method, pk) => panic!("no call is {method} {pk:?}"),
    }
}

fn read_item(head: &Parts, pk: &str, sk: &str, store: &Store) -> Answer {
    let item = store.read(pk, sk).ok_or((404, "NoSuchKey"))?;
    let accept = head.headers.get("accept").map_or("", |accept| accept.to_str().unwrap());
    let raw = accept.contains("application/octet-stream");
    let mut answer = match item.values().as_slice() {
        [None] if raw => empty(204),
        [Some(value)] if raw => {
            let answer = Response::builder().header("content-type", "application/octet-stream");
            answer.body(value.clone().into()).unwrap()
        }
        values => json_answer(200, &values.iter().map(encode).collect()),
    };
    let token = token(item.last_write()).parse().unwrap();
    answer.headers_mut().insert("x-garage-causality-token", token);
    Ok(answer)
}

async fn poll_item(head: &Parts, pk: &str, query: &Query, store: &Store) -> Answer {
    let seen = parse_token(query.get("causality_token").unwrap_or_default())?;
    let timeout = query.get("timeout").map_or(Ok(300), str::parse).map_err(|_| BAD_REQUEST)?;
    let sk = query.sort_key()?;
    let is_newer = || store.read(pk, sk).is_some_and(|item| item.last_write() > seen);
    if wait(store, timeout, is_newer).await { read_item(head, pk, sk, store) } else { Ok(empty(304)) }
}

async fn poll_range(pk: &str, body: &[u8], store: &Store) -> Answer {
    let query: Json = serde_json::from_slice(body).map_err(|_| BAD_REQUEST)?;
    let seen = query["seenMarker"].as_str().map(parse_token).transpose()?;
    let range = Range::parse(&query);
    let changed = || -> Vec<(String, StoredItem)> {
        let mut items = store.partition(pk);
        items.retain(|(sk, item)| range.holds(sk) && item.last_write() > seen.unwrap_or(0));
        items
    };
    let timeout = query["timeout"].as_u64().unwrap_or(300);
    let is_changed = || seen.is_none() || !changed().is_empty();
    if !wait(store, timeout, is_changed).await {
        return Ok(empty(304));
    }
    // The marker first: a write in between then comes twice, never not at all.
    let marker = token(store.count());
    let items: Json = changed().iter().map(|(sk, item)| entry(sk, item)).collect();
    Ok(json_answer(200, &json!({"seenMarker": marker, "items": items})))
}

/// Waits until something holds; `false` if it did not in time.
async fn wait(store: &Store, seconds: u64, holds: impl Fn() -> bool) -> bool {
    let mut written = store.subscribe();
    let timeout = SECOND * u32::try_from(seconds).unwrap();
    let until_it_holds = async {
        while !holds() {
            written.changed().await.unwrap();
        }
    };
    tokio::time::timeout(timeout, until_it_holds).await.is_ok()
}

fn read_index(query: &Query, store: &Store) -> Answer {
    let range = Range {
        prefix: query.get("prefix").map(str::to_owned),
        start: query.get("start").map(str::to_owned),
        end: query.get("end").map(str::to_owned),
        limit: query.get("limit").map(|limit| limit.parse().unwrap()),
        reverse: query.get("reverse") == Some("true"),
    };
    let counted = store.partition_keys().into_iter().map(|pk| {
        let items = store.partition(&pk);
        let values = || items.iter().flat_map(|(_, item)| item.values()).flatten();
        let is_entry = |item: &StoredItem| item.values().iter().any(Option::is_some);
        let counts = json!({
            "pk": pk,
            "entries": items.iter().filter(|(_, item)| is_entry(item)).count(),
            "conflicts": items.iter().filter(|(_, item)| item.values().len() > 1).count(),
            "values": values().count(),
            "bytes": values().map(|value| value.len()).sum::<usize>(),
        });
        (pk, counts)
    });
    let entries = counted.filter(|(_, counts)| counts["entries"] != 0).collect();
    let (listed, next_start) = range.list(entries);
    let more = next_start.is_some();
    Ok(json_answer(200, &json!({"partitionKeys": listed, "more": more, "nextStart": next_start})))
}

fn read_batch(body: &[u8], store: &Store) -> Answer {
    let results = queries(body)?.into_iter().map(|query| {
        let mut items = store.partition(query["partitionKey"].as_str().unwrap());
        let range = Range::parse(&query);
        items.retain(|(sk, item)| {
            let values = item.values();
            let is_shown = query["tombstones"] == true || values.iter().any(Option::is_some);
            let is_wanted = query["conflictsOnly"] != true || values.len() > 1;
            let is_single = query["singleItem"] != true || Some(sk) == range.start.as_ref();
            is_shown && is_wanted && is_single
        });
        let entries = items.iter().map(|(sk, item)| (sk.clone(), entry(sk, item))).collect();
        let (items, next_start) = range.list(entries);
        json!({"items": items, "more": next_start.is_some(), "nextStart": next_start})
    });
    Ok(json_answer(200, &results.collect()))
}

fn delete_batch(body: &[u8], store: &Store) -> Answer {
    let results = queries(body)?.into_iter().map(|query| {
        let pk = query["partitionKey"].as_str().unwrap();
        let range = Range::parse(&query);
        let mut items = store.partition(pk);
        items.retain(|(sk, item)| {
            let is_single = query["singleItem"] != true || Some(sk) == range.start.as_ref();
            is_single && range.holds(sk) && item.values() != [None]
        });
        for (sk, item) in &items {
            store.write(pk, sk, item.last_write(), None);
        }
        json!({"deletedItems": items.len()})
    });
    let results: Json = results.collect();
    Ok(json_answer(200, &results))
}

fn insert_batch(body: &[u8], store: &Store) -> Answer {
    for op in queries(body)? {
        let seen = op["ct"].as_str().map_or(Ok(0), parse_token)?;
        let value = op["v"].as_str().map(|value| STANDARD.decode(value).unwrap());
        store.write(op["pk"].as_str().unwrap(), op["sk"].as_str().unwrap(), seen, value);
    }
    Ok(empty(204))
}

fn queries(body: &[u8]) -> Result<Vec<Json>, Refusal> {
    serde_json::from_slice(body).map_err(|_| BAD_REQUEST)
}

/// A range of keys.
struct Range {
    prefix: Option<String>,
    start: Option<String>,
    end: Option<String>,
    limit: Option<usize>,
    reverse: bool,
}

impl Range {
    fn parse(query: &Json) -> Self {
        let text = |name: &str| query[name].as_str().map(str::to_owned);
        Self {
            prefix: text("prefix"),
            start: text("start"),
            end: text("end"),
            limit: query["limit"].as_u64().map(|limit| usize::try_from(limit).unwrap()),
            reverse: query["reverse"] == true,
        }
    }

    fn holds(&self, key: &str) -> bool {
        let (low, high) = if self.reverse { (&self.end, &self.start) } else { (&self.start, &self.end) };
        let is_above = low.as_deref().is_none_or(|low| if self.reverse { key > low } else { key >= low });
        let is_below = high.as_deref().is_none_or(|high| if self.reverse { key <= high } else { key < high });
        is_above && is_below && key.starts_with(self.prefix.as_deref().unwrap_or_default())
    }

    /// What of `entries` is listed, and where the next page starts.
    fn list(&self, mut entries: Vec<(String, Json)>) -> (Vec<Json>, Option<String>) {
        entries.retain(|(key, _)| self.holds(key));
        if self.reverse {
            entries.reverse();
        }
        let rest = entries.split_off(self.limit.unwrap_or(usize::MAX).min(entries.len()));
        let next_start = rest.into_iter().next().map(|(key, _)| key);
        (entries.into_iter().map(|(_, json)| json).collect(), next_start)
    }
}

fn entry(sk: &str, item: &StoredItem) -> Json {
    let values: Json = item.values().iter().map(encode).collect();
    json!({"sk": sk, "ct": token(item.last_write()), "v": values})
}

fn encode(value: &Stored) -> Json {
    value.as_ref().map(|value| STANDARD.encode(value)).into()
}

fn token(count: u64) -> String {
    format!("t{count}")
}

fn parse_token(token: &str) -> Result<u64, Refusal> {
    token.strip_prefix('t').and_then(|count| count.parse().ok()).ok_or((400, "CausalityToken"))
}

fn header_token(head: &Parts) -> Result<Option<u64>, Refusal> {
    let token = head.headers.get("x-garage-causality-token");
    token.map(|token| parse_token(token.to_str().unwrap())).transpose()
}

fn json_answer(status: u16, body: &Json) -> Response<Full<Bytes>> {
    let answer = Response::builder().status(status).header("content-type", "application/json");
    answer.body(body.to_string().into()).unwrap()
}

fn empty(status: u16) -> Response<Full<Bytes>> {
    Response::builder().status(status).body(Full::default()).unwrap()
}

/// The parameters of a request.
struct Query(Vec<(String, String)>);

impl Query {
    fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let split = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        };
        Self(pairs.map(split).collect())
    }

    fn get(&self, wanted: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }

    fn sort_key(&self) -> Result<&str, Refusal> {
        self.get("sort_key").filter(|sk| !sk.is_empty()).ok_or(BAD_REQUEST)
    }
}

/// Undoes percent-encoding.
fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut parts = text.split('%');
    bytes.extend_from_slice(parts.next().unwrap().as_bytes());
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}
