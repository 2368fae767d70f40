//! `doctor`: does it work, and if not, why.
//!
//! Each check needs the ones before it. The first that fails is explained, and the rest is left out.

use std::time::{Duration, SystemTime};

use clap::Args;
use futures_util::TryStreamExt;
use http::header::DATE;
use k2v_client::{Bucket, Call, Error, K2vClient, KeyRange};
use serde::Serialize;

use crate::connection::Connection;
use crate::failure::{Exit, Failure};
use crate::output::{Format, printable, style};
use crate::session::Session;

/// Check endpoint, clock, credentials, bucket, permissions and a round trip, and say what to do
///
/// The round trip writes one item in the partition k2v-cli-doctor, reads it, and deletes it.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Change nothing: leave out the round trip
    #[arg(long)]
    read_only: bool,
}

/// The partition of the round trip.
const PARTITION: &str = "k2v-cli-doctor";

/// How far clocks may be apart before it is worth a word. Servers refuse at a quarter of an hour.
const SKEW_ODD: Duration = Duration::from_secs(60);

/// Where the messages begin, behind verdict and check.
const INDENT: usize = 18;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Good,
    Odd,
    Bad,
}

/// One check and what came of it.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
    #[serde(skip)]
    exit: Option<Exit>,
}

impl Finding {
    fn good(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Good, message: message.into(), advice: None, exit: None }
    }

    fn odd(check: &'static str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        let advice = Some(advice.into());
        Self { check, verdict: Verdict::Odd, message: message.into(), advice, exit: None }
    }

    fn bad(check: &'static str, failure: &Failure) -> Self {
        Self {
            check,
            verdict: Verdict::Bad,
            message: failure.to_string(),
            advice: failure.hint(),
            exit: Some(failure.exit()),
        }
    }
}

impl Doctor {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let mut findings = Vec::new();
        if let Err((check, failure)) = self.examine(session, &mut findings).await {
            findings.push(Finding::bad(check, &failure));
        }
        print(session, &findings)?;
        match findings.into_iter().find(|finding| finding.verdict == Verdict::Bad) {
            None => Ok(()),
            Some(bad) => {
                let message = format!("the {} check failed", bad.check);
                Err(Failure::Explained(Box::new((bad.exit.unwrap_or(Exit::Other), message))))
            }
        }
    }

    async fn examine(
        &self,
        session: &Session,
        findings: &mut Vec<Finding>,
    ) -> Result<(), (&'static str, Failure)> {
        let connection = session.connection().map_err(|failure| ("settings", failure))?;
        let name = connection.bucket_name().map_err(|failure| ("settings", failure))?.to_owned();
        findings.push(Finding::good("settings", describe(&connection, &name)));

        for node in connection.nodes() {
            let client = node.impatient_client().map_err(|failure| ("endpoint", failure))?;
            let (endpoint, clock) =
                reach(&client, &node, &name).await.map_err(|failure| ("endpoint", failure))?;
            findings.push(endpoint);
            findings.extend(clock);
        }
        let client = connection.impatient_client().map_err(|failure| ("endpoint", failure))?;
        let bucket = client.bucket(name);
        findings.push(check_reading(&bucket).await?);
        if self.read_only {
            return Ok(());
        }
        findings.push(check_round_trip(&bucket).await?);
        Ok(())
    }
}

fn describe(connection: &Connection, bucket: &str) -> String {
    format!(
        "{} ({}), region {}, key {} ({}), bucket {}",
        connection.endpoint.value,
        connection.endpoint.origin.describe(),
        connection.region.value,
        connection.key_id.value,
        connection.key_id.origin.describe(),
        bucket
    )
}

/// Whether anybody answers, and what time it is there.
async fn reach(
    client: &K2vClient,
    connection: &Connection,
    bucket: &str,
) -> Result<(Finding, Option<Finding>), Failure> {
    let call = Call::read_index(bucket, &KeyRange::all().limit(1)).map_err(Error::from)?;
    let request = client.signed_request(&call)?;
    let started = SystemTime::now();
    let Ok(response) = client.http_client().send(request).await else {
        // The library finds better words for what is wrong with the way there.
        client.read_index(bucket, &KeyRange::all().limit(1)).await?;
        return Ok((Finding::good("endpoint", "it answers, at the second attempt"), None));
    };
    let took = started.elapsed().unwrap_or_default();
    let server = response.headers().get("server").and_then(|name| name.to_str().ok());
    let name = server.map(|name| format!(" ({})", printable(name))).unwrap_or_default();
    let endpoint =
        Finding::good("endpoint", format!("{} answers{name} after {took:.1?}", connection.endpoint.value));
    let date = response.headers().get(DATE).and_then(|date| date.to_str().ok());
    let clock = date.and_then(http_date);
    Ok((endpoint, clock.map(|clock| check_clock(SystemTime::now(), clock))))
}

/// The date of an HTTP answer.
fn http_date(text: &str) -> Option<SystemTime> {
    jiff::fmt::rfc2822::parse(text).ok().map(|date| date.timestamp().into())
}

fn check_clock(here: SystemTime, there: SystemTime) -> Finding {
    let (skew, word) = match here.duration_since(there) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    // The server's date has whole seconds.
    if skew < Duration::from_secs(2) {
        return Finding::good("clock", "this machine's clock and the server's agree");
    }
    let message = format!("this machine's clock is {} s {word} the server's", skew.as_secs());
    if skew < SKEW_ODD {
        return Finding::good("clock", message);
    }
    Finding::odd(
        "clock",
        message,
        "Signatures carry the time: servers refuse them when the clocks are a quarter of an hour apart. Run a time service such as NTP on both machines.",
    )
}

async fn check_reading(bucket: &Bucket) -> Result<Finding, (&'static str, Failure)> {
    let listed = bucket.partitions().limit(1).try_collect::<Vec<_>>().await;
    match listed {
        Ok(_) => Ok(Finding::good("reading", "the key is known, the bucket exists, and the key may read it")),
        Err(error @ Error::NoSuchBucket(_)) => Err(("bucket", error.into())),
        Err(error @ (Error::AccessDenied(_) | Error::WrongRegion(_) | Error::ClockSkew(_))) => {
            Err(("credentials", error.into()))
        }
        Err(error) => Err(("reading", error.into())),
    }
}

/// Writes an item, reads it, deletes it, and sees it deleted.
async fn check_round_trip(bucket: &Bucket) -> Result<Finding, (&'static str, Failure)> {
    let sk = format!("{:032x}", rand::random::<u128>());
    let value = format!("written by k2v-cli doctor {sk}");
    let started = SystemTime::now();
    bucket
        .insert_item(PARTITION, &sk, &value, None)
        .await
        .map_err(|error| ("writing", Failure::write(error)))?;
    let result = read_and_delete(bucket, &sk, &value).await;
    result.map_err(|failure| ("round trip", failure))?;
    let took = started.elapsed().unwrap_or_default();
    Ok(Finding::good("round trip", format!("an item was written, read and deleted in {took:.1?}")))
}

async fn read_and_delete(bucket: &Bucket, sk: &str, value: &str) -> Result<(), Failure> {
    let item = bucket.read_item(PARTITION, sk).await?;
    let is_same = item.single().is_some_and(|data| data == value.as_bytes());
    bucket.delete_item(PARTITION, sk, &item.token).await.map_err(Failure::write)?;
    if !is_same {
        return Err(Failure::other("what was read is not what was written: do not trust this server"));
    }
    let after = bucket.read_item(PARTITION, sk).await?;
    if after.is_tombstone() {
        Ok(())
    } else {
        Err(Failure::other("the item is still there after it was deleted: do not trust this server"))
    }
}

fn print(session: &mut Session, findings: &[Finding]) -> Result<(), Failure> {
    let out = &mut session.out;
    match out.format_or(Format::Table) {
        Format::Json => return out.json_document(&findings),
        Format::Jsonl => return findings.iter().try_for_each(|finding| out.json_line(finding)),
        Format::Table | Format::Raw => {}
    }
    for finding in findings {
        let mark = match finding.verdict {
            Verdict::Good => out.styled(style::GOOD, "ok  "),
            Verdict::Odd => out.styled(style::ODD, "odd "),
            Verdict::Bad => out.styled(style::BAD, "BAD "),
        };
        let mut head = format!("{mark} {:<12} ", finding.check);
        let texts = [Some(&finding.message), finding.advice.as_ref()];
        let lines: Vec<_> = texts.into_iter().flatten().flat_map(|text| out.wrapped(text, INDENT)).collect();
        for line in lines {
            out.line(&format!("{head}{line}"))?;
            head = " ".repeat(INDENT);
        }
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_an_answer_is_read() {
        let known = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(known));
        assert_eq!(http_date("yesterday"), None);
    }

    fn check(here: u64, there: u64, verdict: Verdict, words: &str) {
        let time = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let finding = check_clock(time(here), time(there));
        assert_eq!(finding.verdict, verdict);
        assert!(finding.message.contains(words), "{}", finding.message);
    }

    #[test]
    fn clocks_that_are_apart_are_noticed() {
        check(1_000, 1_001, Verdict::Good, "agree");
        check(1_000, 1_030, Verdict::Good, "30 s behind");
        check(2_000, 1_000, Verdict::Odd, "1000 s ahead of");
    }
}
