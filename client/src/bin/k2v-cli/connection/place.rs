//! Where the server is and who asks, as options say it.

use std::path::PathBuf;

use clap::Args;

use super::secret::Secret;

/// Where the server is and who asks, in long options.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Place {
    /// Use this profile of ~/.config/k2v/config.toml [env: K2V_PROFILE]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The server, such as http://localhost:3902, or several nodes of one cluster with commas between them: the first
    /// that is healthy is asked; -e before the command [env: K2V_ENDPOINT]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// The region that signatures name; -r before the command [env: AWS_REGION] [default: garage]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) region: Option<String>,
    /// The access key's id; -k before the command [env: AWS_ACCESS_KEY_ID]
    #[arg(long, global = true, value_name = "ID")]
    pub(crate) key_id: Option<String>,
    /// The access key's secret; -s before the command. Other users of this machine can see it in the list of
    /// processes: prefer a profile or the environment [env: AWS_SECRET_ACCESS_KEY]
    #[arg(long, global = true, value_name = "SECRET")]
    pub(crate) secret: Option<Secret>,
    /// The bucket; -b before the command [env: K2V_BUCKET]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) bucket: Option<String>,
    /// Trust the certificate authorities in this PEM file instead of the system's
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// How long one request may take, in seconds [default: 30]
    #[arg(long, global = true, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) request_timeout: Option<u64>,
}

impl Place {
    /// The place that the options name, in whichever of their forms.
    pub(crate) fn or_short(&self, short: &ShortPlace) -> Self {
        Self {
            endpoint: self.endpoint.clone().or_else(|| short.endpoint_short.clone()),
            region: self.region.clone().or_else(|| short.region_short.clone()),
            key_id: self.key_id.clone().or_else(|| short.key_id_short.clone()),
            secret: self.secret.clone().or_else(|| short.secret_short.clone()),
            bucket: self.bucket.clone().or_else(|| short.bucket_short.clone()),
            ..self.clone()
        }
    }
}

/// The short forms, which mean this only before the command.
#[derive(Debug, Default, Args)]
pub(crate) struct ShortPlace {
    #[arg(short = 'e', hide = true, value_name = "URL", conflicts_with = "endpoint")]
    pub(crate) endpoint_short: Option<String>,
    #[arg(short = 'r', hide = true, value_name = "NAME", conflicts_with = "region")]
    pub(crate) region_short: Option<String>,
    #[arg(short = 'k', hide = true, value_name = "ID", conflicts_with = "key_id")]
    pub(crate) key_id_short: Option<String>,
    #[arg(short = 's', hide = true, value_name = "SECRET", conflicts_with = "secret")]
    pub(crate) secret_short: Option<Secret>,
    #[arg(short = 'b', hide = true, value_name = "NAME", conflicts_with = "bucket")]
    pub(crate) bucket_short: Option<String>,
}
