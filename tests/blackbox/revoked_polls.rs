//! A poll may wait for minutes. What its key may do when it is answered counts, not what it could when it asked.

use crate::harness::admin::{Admin, READ, WRITE, wait_for_pollers};
use crate::harness::{Client, Connection, Credentials, Home, Node, Response, check_error, unique};
use serde_json::json;

/// A node with a bucket, the client that writes to it, and another one that reads it with a key of its own.
struct Scene {
    node: Node,
    bucket: String,
    writer: Client,
    reader: Client,
}

impl Scene {
    fn new() -> Scene {
        let node = Node::dev_in(Home::new(), &[]);
        let admin = node.admin();
        let name = unique("revoked");
        let bucket = admin.create_bucket(&name);
        admin.allow(&bucket, &node.credentials, &[READ, WRITE]);
        let key = admin.create_key(&unique("key"), &node.credentials.region);
        admin.allow(&bucket, &key, &[READ]);
        let writer = node.client().in_bucket(&name);
        let reader = writer.with_key(&key);
        Scene { node, bucket, writer, reader }
    }

    /// The reader polls an item and a range, both as they are now.
    fn polls(&self) -> [Connection; 2] {
        let seen = self.writer.write("pk", "sk", None, "public");
        let page = self.reader.poll_range("pk", &json!({})).expect(200).json();
        let item = self.reader.poll_request("pk", "sk", &seen.token, "600");
        let range = json!({ "seenMarker": page["seenMarker"], "timeout": 600 });
        let range = self.reader.poll_range_request("pk", &range);
        let polls = [item, range].map(|request| {
            let mut connection = Connection::open(self.node.addr).unwrap();
            connection.send(&self.reader.credentials.sign(request).to_bytes()).unwrap();
            connection
        });
        wait_for_pollers(&self.node, 2);
        polls
    }

    /// What the polls are answered after `revoke` and a write.
    fn answers(&self, revoke: impl FnOnce(&Admin, &Credentials)) -> [Response; 2] {
        let mut polls = self.polls();
        revoke(&self.node.admin(), &self.reader.credentials);
        self.writer.put("pk", "sk", None, "confidential").expect(204);
        polls.each_mut().map(|poll| poll.receive().unwrap())
    }
}

fn delete(admin: &Admin, key: &Credentials) {
    admin.post("/v2/DeleteKey", &[("id", &key.key_id)], &json!(null)).expect(200);
}

#[track_caller]
fn check_refused(answers: &[Response], status: u16, code: &str) {
    for answer in answers {
        check_error(answer, status, code);
    }
}

#[test]
fn a_key_that_keeps_its_permission_gets_the_news() {
    let answers = Scene::new().answers(|_, _| {});
    assert_eq!(answers.map(|answer| answer.status), [200, 200]);
}

#[test]
fn a_permission_that_was_taken_back_meanwhile_counts() {
    let scene = Scene::new();
    let answers = scene.answers(|admin, key| admin.deny(&scene.bucket, key, &[READ]));
    check_refused(&answers, 403, "AccessDenied");
}

#[test]
fn a_key_that_was_deleted_meanwhile_counts() {
    check_refused(&Scene::new().answers(delete), 403, "AccessDenied");
}

/// A node that stops answers its polls, though there is no news.
#[test]
fn a_key_that_was_deleted_meanwhile_is_not_told_that_nothing_changed() {
    let mut scene = Scene::new();
    let mut polls = scene.polls();
    delete(&scene.node.admin(), &scene.reader.credentials);
    scene.node.process().terminate();
    check_refused(&polls.each_mut().map(|poll| poll.receive().unwrap()), 403, "AccessDenied");
}

#[test]
fn a_key_that_expired_meanwhile_counts() {
    let scene = Scene::new();
    let answers = scene.answers(|admin, key| {
        let past = json!({ "expiration": "2020-01-01T00:00:00Z" });
        admin.post("/v2/UpdateKey", &[("id", &key.key_id)], &past).expect(200);
    });
    check_refused(&answers, 403, "AccessDenied");
}
