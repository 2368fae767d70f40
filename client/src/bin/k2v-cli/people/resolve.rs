//! `resolve`: makes one value of several.

use clap::Args;
use k2v_client::{Bucket, Item, Value};

use super::conflicts::{conflicts_of, partitions_with_conflicts};
use super::siblings::conflict;
use super::{editor, merge_command};
use crate::connection;
use crate::failure::Failure;
use crate::output::{count, key, preview, sorted};
use crate::session::Session;
use crate::terminal;

/// Make one value of an item's concurrent values
///
/// The siblings are numbered as `get` and `conflicts ls` print them. If nothing says how, the editor that VISUAL or EDITOR name
/// is opened at a terminal with all of them, and what it leaves is written; an empty or unchanged file changes nothing. Without such a
/// variable, the terminal asks for a number.
#[derive(Debug, Args)]
pub(crate) struct Resolve {
    /// The partition key
    #[arg(required_unless_present = "all")]
    pk: Option<String>,
    /// The sort key
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    sk: Option<String>,
    /// Resolve every conflict of the partition, or of the whole bucket
    #[arg(short, long, requires = "decision", conflicts_with_all = ["value", "delete"])]
    all: bool,
    #[command(flatten)]
    choice: Choice,
    /// Only say what would be written
    #[arg(short = 'n', long)]
    dry_run: bool,
}

/// What takes the place of the siblings.
#[derive(Debug, Args)]
#[group(id = "decision", multiple = false)]
struct Choice {
    /// Keep the Nth value, counted from 1
    #[arg(short, long, value_name = "N")]
    keep: Option<usize>,
    /// Write this text instead
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    value: Option<String>,
    /// Write what this shell command prints. It reads the siblings as JSON lines {"v":BASE64 or null,"text":TEXT};
    /// K2V_PARTITION_KEY and K2V_SORT_KEY are set. If it fails, nothing is written
    #[arg(short, long, value_name = "COMMAND")]
    merge: Option<String>,
    /// Open the editor, also without a terminal
    #[arg(short, long)]
    edit: bool,
    /// Delete the item
    #[arg(short, long)]
    delete: bool,
}

/// The editor if no variable names one.
const EDITOR_DEFAULT: &str = "vi";

/// How often a merge is done again because another writer added a value.
const MERGES_MAX: u32 = 16;

impl Resolve {
    pub(crate) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let bucket = session.bucket()?;
        if let (Some(pk), Some(sk)) = (&self.pk, &self.sk) {
            let item = bucket.read_item(pk, sk).await?;
            if !item.is_conflict() {
                session.terminal.remark("the item has no concurrent values: there is nothing to resolve");
                return Ok(());
            }
            return self.resolve(session, &bucket, pk, sk, item).await;
        }
        let mut resolved = 0;
        for pk in partitions_with_conflicts(&bucket, self.pk.clone()).await? {
            for entry in conflicts_of(&bucket, &pk).await? {
                self.resolve(session, &bucket, &pk, &entry.sort_key, entry.item).await?;
                resolved += 1;
            }
        }
        let verb = if self.dry_run { "would be resolved" } else { "resolved" };
        session.terminal.remark(&format!("{} {verb}", count(resolved, "conflict")));
        Ok(())
    }

    async fn resolve(
        &self,
        session: &mut Session,
        bucket: &Bucket,
        pk: &str,
        sk: &str,
        mut item: Item,
    ) -> Result<(), Failure> {
        for _ in 0..MERGES_MAX {
            let value = self.decide(session, pk, sk, &item)?;
            if self.dry_run {
                let (sk, value) = (key(sk), preview(&value));
                return session.out.line(&format!("would write {sk}: {value}"));
            }
            match &value {
                Value::Data(data) => bucket.insert_item(pk, sk, data, Some(&item.token)).await,
                Value::Tombstone => bucket.delete_item(pk, sk, &item.token).await,
            }
            .map_err(Failure::write)?;
            item = bucket.read_item(pk, sk).await?;
            if !item.is_conflict() {
                return Ok(());
            }
            // Only a merge takes the newcomers in; any other choice was made without having seen them.
            if self.choice.merge.is_none() {
                break;
            }
        }
        let Failure::Conflict { message, hint } = conflict(pk, sk, &item) else {
            return Err(Failure::other("the item is still in conflict"));
        };
        Err(Failure::Conflict { message: format!("another writer added a value meanwhile; {message}"), hint })
    }

    fn decide(&self, session: &Session, pk: &str, sk: &str, item: &Item) -> Result<Value, Failure> {
        let siblings = sorted(item.values.clone());
        if let Some(command) = &self.choice.merge {
            return Ok(Value::from(merge_command::run(command, pk, sk, &siblings)?));
        }
        if let Some(text) = &self.choice.value {
            return Ok(Value::from(text));
        }
        if self.choice.delete {
            return Ok(Value::Tombstone);
        }
        let can_ask = session.terminal.is_interactive();
        let editor = editor::named(&connection::environment);
        let is_text = siblings.iter().filter_map(Value::data).all(|data| std::str::from_utf8(data).is_ok());
        let number = match (self.choice.keep, editor) {
            (Some(number), _) => number,
            (None, editor) if self.choice.edit => {
                let editor = editor.unwrap_or_else(|| EDITOR_DEFAULT.to_owned());
                return editor::edit(&editor, pk, sk, &siblings).map(Value::from);
            }
            (None, Some(editor)) if can_ask && is_text => {
                return editor::edit(&editor, pk, sk, &siblings).map(Value::from);
            }
            (None, _) if can_ask => ask_which(session, pk, sk, item)?,
            (None, _) => {
                return Err(Failure::usage(
                    "say how: --keep N, --value TEXT, --merge COMMAND, --edit or --delete",
                ));
            }
        };
        number.checked_sub(1).and_then(|index| siblings.get(index)).cloned().ok_or_else(|| {
            let message = conflict(pk, sk, item);
            Failure::usage(format!("there is no value {number} to keep; {message}"))
        })
    }
}

fn ask_which(session: &Session, pk: &str, sk: &str, item: &Item) -> Result<usize, Failure> {
    session.terminal.remark(&conflict(pk, sk, item).to_string());
    let answer = terminal::ask("Keep which one? [1, 2, …; nothing to leave it] ")?;
    answer.parse().map_err(|_| Failure::other("nothing was done: the answer is not a number"))
}
