//! Which item a command means: `PK SK`, or `--partition PK --sort-key SK`.

use clap::Args;

/// The address of one item, in either of its two forms.
#[derive(Debug, Args)]
pub(crate) struct ItemAddress {
    /// The partition key
    #[arg(value_name = "PK", required_unless_present = "partition", requires = "sk")]
    pk: Option<String>,
    /// The sort key
    #[arg(value_name = "SK", required_unless_present = "sort_key")]
    sk: Option<String>,
    /// The partition key, instead of PK
    #[arg(long, value_name = "PK", conflicts_with_all = ["pk", "sk"], requires = "sort_key")]
    partition: Option<String>,
    /// The sort key, instead of SK
    #[arg(long, value_name = "SK", conflicts_with_all = ["pk", "sk"], requires = "partition")]
    sort_key: Option<String>,
}

impl ItemAddress {
    pub(crate) fn pk(&self) -> &str {
        self.pk.as_deref().or(self.partition.as_deref()).unwrap_or_default()
    }

    pub(crate) fn sk(&self) -> &str {
        self.sk.as_deref().or(self.sort_key.as_deref()).unwrap_or_default()
    }
}

/// The address of one partition, in either of its two forms.
#[derive(Debug, Args)]
pub(crate) struct PartitionAddress {
    /// The partition key
    #[arg(value_name = "PK", required_unless_present = "partition")]
    pk: Option<String>,
    /// The partition key, instead of PK
    #[arg(long, value_name = "PK", conflicts_with = "pk")]
    partition: Option<String>,
}

impl PartitionAddress {
    pub(crate) fn pk(&self) -> &str {
        self.pk.as_deref().or(self.partition.as_deref()).unwrap_or_default()
    }
}
