//! `copy`: a bucket from one server to another.
//!
//! A copy is a walk through both buckets side by side that writes what differs, repeated until a walk finds no difference: the last
//! walk is the proof. So a copy that was interrupted goes on where it stopped, and one that is started again later carries
//! over what changed since.

use clap::Args;
use indicatif::ProgressBar;
use k2v_client::Bucket;

use super::extent;
use super::reconcile::{Existing, Plan, Tally, plan};
use super::verify::{Pair, PartitionKeys, SideBySide};
use super::writer::{Change, OnRefusal, Writer};
use crate::connection::{self, Connection, Names, Place, Secret, Setting};
use crate::failure::Failure;
use crate::output::{Line, count};
use crate::session::Session;

/// Copy a bucket to another bucket, of the same or another K2V server
///
/// The source is the usual place (options, profile, environment). The target is named by --to-… options, a profile, or the variables K2V_TO_ENDPOINT,
/// K2V_TO_REGION, K2V_TO_ACCESS_KEY_ID, K2V_TO_SECRET_ACCESS_KEY and K2V_TO_BUCKET; what is not named is as in the source. Concurrent values
/// and tombstones are kept. At the end both buckets are compared, item by item; what is only in the target stays there.
#[derive(Debug, Args)]
pub(crate) struct Copy {
    /// The target's profile [env: K2V_TO_PROFILE]
    #[arg(long, value_name = "NAME")]
    to_profile: Option<String>,
    /// The target's endpoint [env: K2V_TO_ENDPOINT]
    #[arg(long, value_name = "URL")]
    to_endpoint: Option<String>,
    /// The target's region [env: K2V_TO_REGION]
    #[arg(long, value_name = "NAME")]
    to_region: Option<String>,
    /// The id of the access key at the target [env: K2V_TO_ACCESS_KEY_ID]
    #[arg(long, value_name = "ID")]
    to_key_id: Option<String>,
    /// Its secret; other users can see it in the list of processes [env: K2V_TO_SECRET_ACCESS_KEY]
    #[arg(long, value_name = "SECRET")]
    to_secret: Option<Secret>,
    /// The target bucket [env: K2V_TO_BUCKET]
    #[arg(long, value_name = "NAME")]
    to_bucket: Option<String>,
    /// Only partitions whose key begins with this
    #[arg(short, long, value_name = "TEXT")]
    prefix: Option<String>,
    /// Only say what differs
    #[arg(short = 'n', long)]
    dry_run: bool,
}

const NAMES: Names = Names {
    profile: "K2V_TO_PROFILE",
    endpoint: "K2V_TO_ENDPOINT",
    region: "K2V_TO_REGION",
    key_id: "K2V_TO_ACCESS_KEY_ID",
    secret: "K2V_TO_SECRET_ACCESS_KEY",
    bucket: "K2V_TO_BUCKET",
};

/// How often the walk is repeated. Each finds only what changed during the one before.
const WALKS_MAX: u32 = 5;

/// What one walk found and did.
#[derive(Clone, Copy, Default)]
struct Walk {
    tally: Tally,
    extra: u64,
}

impl Copy {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let source = session.connection()?;
        let target = self.target(session, &source)?;
        let is_same = (&source.endpoint.value, source.bucket_name()?)
            == (&target.endpoint.value, target.bucket_name()?);
        if is_same {
            return Err(Failure::usage(
                "source and target are the same bucket: name another with --to-bucket",
            ));
        }
        let from = source.persistent_client()?.bucket(source.bucket_name()?);
        let to = target.persistent_client()?.bucket(target.bucket_name()?);
        let mut written = 0;
        for _ in 0..WALKS_MAX {
            let bar = extent::bar(session.terminal, &from, self.prefix.as_deref()).await?;
            let walked = self.walk(&from, &to, &bar).await;
            bar.finish_and_clear();
            let walk = walked?;
            if self.dry_run {
                return self.report_dry_run(session, walk);
            }
            if walk.tally.written == 0 {
                return report(session, walk, written);
            }
            written += walk.tally.written;
            session.terminal.remark(&format!("{} copied; comparing", count(walk.tally.written, "item")));
        }
        Err(Failure::other(format!(
            "the source still changes: each of {WALKS_MAX} comparisons found differences. Stop its writers, then start the copy again."
        )))
    }

    fn target(&self, session: &Session, source: &Connection) -> Result<Connection, Failure> {
        let or_source = |value: &Option<String>, name: &str, source: &Setting<String>| {
            value.clone().or_else(|| connection::environment(name)).or_else(|| Some(source.value.clone()))
        };
        let has_profile = self.to_profile.is_some() || connection::environment(NAMES.profile).is_some();
        let own = |value: &Option<String>| value.clone();
        // With a profile for the target, nothing is taken over from the source but the name of the bucket, at the end.
        let place = if has_profile {
            Place {
                profile: own(&self.to_profile),
                endpoint: own(&self.to_endpoint),
                region: own(&self.to_region),
                key_id: own(&self.to_key_id),
                secret: self.to_secret.clone(),
                bucket: own(&self.to_bucket),
                ..Place::default()
            }
        } else {
            let secret =
                self.to_secret.clone().or_else(|| connection::environment(NAMES.secret).map(Secret::from));
            Place {
                profile: None,
                endpoint: or_source(&self.to_endpoint, NAMES.endpoint, &source.endpoint),
                region: or_source(&self.to_region, NAMES.region, &source.region),
                key_id: or_source(&self.to_key_id, NAMES.key_id, &source.key_id),
                secret: secret.or_else(|| Some(source.secret.value.clone())),
                bucket: own(&self.to_bucket),
                ca_file: source.ca_file.clone(),
                request_timeout: None,
            }
        };
        let terminal = session.terminal;
        let mut target = connection::settle(&place, NAMES, &connection::environment, &mut |remark| {
            terminal.remark(&remark);
        })?;
        target.bucket = target.bucket.or_else(|| source.bucket.clone());
        target.request_timeout = target.request_timeout.or(source.request_timeout);
        Ok(target)
    }

    /// Walks through both buckets and writes what differs.
    async fn walk(&self, from: &Bucket, to: &Bucket, bar: &ProgressBar) -> Result<Walk, Failure> {
        let mut walk = Walk::default();
        let mut writer = Writer::new(to.clone(), OnRefusal::Stop);
        let mut partitions = PartitionKeys::new(from, to, self.prefix.as_deref());
        while let Some(pk) = partitions.next().await? {
            let mut pairs = SideBySide::new(from, to, &pk);
            while let Some(pair) = pairs.next().await? {
                let (entry, held) = match pair {
                    Pair::Missing(entry) => (entry, None),
                    Pair::Both(entry, held) => (entry, Some(held.item)),
                    Pair::Extra(_) => {
                        walk.extra += 1;
                        continue;
                    }
                };
                let line = Line::new(&pk, entry);
                match plan(&line, held.as_ref(), Existing::Replace) {
                    Plan::Write(_) if self.dry_run => walk.tally.written += 1,
                    Plan::Write(writes) => writer.push(Change { line: None, writes }).await?,
                    Plan::Unchanged | Plan::Kept => walk.tally.unchanged += 1,
                }
                bar.inc(1);
            }
        }
        writer.flush().await?;
        walk.tally.written += writer.acknowledged;
        Ok(walk)
    }

    fn report_dry_run(&self, session: &mut Session, walk: Walk) -> Result<(), Failure> {
        session.out.line(&format!(
            "{} would be copied, {} the same already",
            count(walk.tally.written, "item"),
            walk.tally.unchanged
        ))
    }
}

fn report(session: &mut Session, walk: Walk, written: u64) -> Result<(), Failure> {
    let extra = if walk.extra == 0 {
        String::new()
    } else {
        format!("; {} only in the target", count(walk.extra, "item"))
    };
    session.out.line(&format!(
        "{} copied; {} compared, all the same{extra}",
        count(written, "item"),
        count(walk.tally.total(), "item")
    ))
}
