use super::client::Client;
use super::error::CliError;
use super::key::find as find_key;
use super::permission::permission_letters;
use super::table::{fields, print, table};
use crate::admin::model::{
    ApiBucketKeyPerm, ApiCorsRule, BucketAliasRequest, BucketKeyPermChangeRequest, CreateBucketRequest,
    GetBucketInfoKey, GetBucketInfoResponse, GetKeyInfoResponse, ListBucketsResponseItem,
    UpdateBucketRequestBody,
};
use crate::config::Bytes;
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(super) enum BucketCommand {
    /// List all buckets
    List,
    /// Show a bucket, what it holds, and who may use it
    Info {
        /// A name, an id, or the beginning of an id
        bucket: String,
    },
    /// Make a bucket
    Create {
        /// Its name
        name: String,
    },
    /// Delete an empty bucket
    Delete {
        /// A name, an id, or the beginning of an id
        bucket: String,
        /// Really do it
        #[arg(long)]
        yes: bool,
    },
    /// Give a bucket one more name
    Alias(AliasArgs),
    /// Take a name away from its bucket
    Unalias(UnaliasArgs),
    /// Allow a key to use a bucket
    Allow(PermissionArgs),
    /// Deny a key to use a bucket
    Deny(PermissionArgs),
    /// What browsers that show pages of other origins may do
    Cors(CorsArgs),
}

#[derive(Debug, Args)]
pub(super) struct AliasArgs {
    /// A name that only this key knows
    #[arg(long, value_name = "KEY")]
    local: Option<String>,
    /// The bucket: a name, an id, or the beginning of an id
    existing: String,
    /// The new name
    new: String,
}

#[derive(Debug, Args)]
pub(super) struct UnaliasArgs {
    /// The name is one that only this key knows
    #[arg(long, value_name = "KEY")]
    local: Option<String>,
    /// The name
    name: String,
}

#[derive(Debug, Args)]
pub(super) struct PermissionArgs {
    /// Read items, list partitions, poll
    #[arg(long)]
    read: bool,
    /// Insert and delete items
    #[arg(long)]
    write: bool,
    /// Change the bucket itself
    #[arg(long)]
    owner: bool,
    /// The bucket: a name, an id, or the beginning of an id
    bucket: String,
    /// The key: an id or a name
    #[arg(long)]
    key: String,
}

#[derive(Debug, Args)]
pub(super) struct CorsArgs {
    /// The bucket: a name, an id, or the beginning of an id
    bucket: String,
    #[command(flatten)]
    action: CorsAction,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct CorsAction {
    /// Replace the rules by those in a JSON file: a list, or S3's `{"CORSRules": [...]}`
    #[arg(long, value_name = "FILE")]
    set: Option<PathBuf>,
    /// Print the rules as JSON
    #[arg(long)]
    get: bool,
    /// Remove all rules
    #[arg(long)]
    clear: bool,
}

pub(super) async fn run(client: &Client, command: BucketCommand) -> Result<(), CliError> {
    match command {
        BucketCommand::List => list(client).await,
        BucketCommand::Info { bucket } => show(&find(client, &bucket).await?),
        BucketCommand::Create { name } => {
            let request = CreateBucketRequest { global_alias: Some(name.clone()), local_alias: None };
            let made: GetBucketInfoResponse = client.post("CreateBucket", &[], &request).await?;
            Ok(print(&format!("Bucket {name} was created, with id {}.", made.id))?)
        }
        BucketCommand::Delete { bucket, yes } => {
            let found = find(client, &bucket).await?;
            if !yes {
                return Err(CliError::NeedsYes);
            }
            client.post::<()>("DeleteBucket", &[("id", &found.id)], &json!({})).await?;
            Ok(print(&format!("Bucket {bucket} was deleted."))?)
        }
        BucketCommand::Alias(args) => alias(client, args).await,
        BucketCommand::Unalias(args) => unalias(client, args).await,
        BucketCommand::Allow(args) => change_permissions(client, args, "AllowBucketKey", "allow").await,
        BucketCommand::Deny(args) => change_permissions(client, args, "DenyBucketKey", "deny").await,
        BucketCommand::Cors(args) => cors(client, args).await,
    }
}

/// The bucket that somebody means.
async fn find(client: &Client, search: &str) -> Result<GetBucketInfoResponse, CliError> {
    Ok(client.get("GetBucketInfo", &[("search", search)]).await?)
}

async fn list(client: &Client) -> Result<(), CliError> {
    let buckets: Vec<ListBucketsResponseItem> = client.get("ListBuckets", &[]).await?;
    let rows = buckets.into_iter().map(|bucket| {
        let local = bucket.local_aliases.iter().map(|l| format!("{}:{}", l.access_key_id, l.alias));
        let local = local.collect::<Vec<_>>().join(",");
        vec![bucket.id, bucket.created, bucket.global_aliases.join(","), local]
    });
    Ok(print(&table(&["ID", "Created", "Global aliases", "Local aliases"], rows))?)
}

fn show(bucket: &GetBucketInfoResponse) -> Result<(), CliError> {
    let head = fields(&[
        ("Bucket", bucket.id.clone()),
        ("Created", bucket.created.clone()),
        ("Global aliases", bucket.global_aliases.join(", ")),
        ("Partitions", bucket.partitions.to_string()),
        ("Items", bucket.objects.to_string()),
        ("Size", format!("{} ({} bytes)", Bytes(bucket.bytes), bucket.bytes)),
        ("CORS rules", bucket.cors_rules.len().to_string()),
    ]);
    let mut text = format!("==== BUCKET INFORMATION ====\n{head}\n\n==== KEYS FOR THIS BUCKET ====\n");
    let rows = bucket.keys.iter().map(|key| {
        let local = key.bucket_local_aliases.join(",");
        vec![permission_letters(key.permissions), key.access_key_id.clone(), key.name.clone(), local]
    });
    text += &match bucket.keys.is_empty() {
        true => "No key may use it.".to_owned(),
        false => table(&["Permissions", "Access key", "Name", "Local aliases"], rows),
    };
    Ok(print(&text)?)
}

async fn alias(client: &Client, args: AliasArgs) -> Result<(), CliError> {
    let bucket = find(client, &args.existing).await?;
    let request = match args.local {
        None => BucketAliasRequest {
            bucket_id: bucket.id,
            global_alias: Some(args.new.clone()),
            ..BucketAliasRequest::default()
        },
        Some(key) => local_alias(bucket.id, find_key(client, &key).await?, args.new.clone()),
    };
    client.post::<GetBucketInfoResponse>("AddBucketAlias", &[], &request).await?;
    Ok(print(&format!("{} is now a name of bucket {}.", args.new, args.existing))?)
}

async fn unalias(client: &Client, args: UnaliasArgs) -> Result<(), CliError> {
    let request = match args.local {
        None => {
            let bucket: GetBucketInfoResponse =
                client.get("GetBucketInfo", &[("globalAlias", &args.name)]).await?;
            BucketAliasRequest {
                bucket_id: bucket.id,
                global_alias: Some(args.name.clone()),
                ..BucketAliasRequest::default()
            }
        }
        Some(key) => {
            let key = find_key(client, &key).await?;
            let bucket = key.buckets.iter().find(|bucket| bucket.local_aliases.contains(&args.name));
            let no_alias =
                || CliError::NoLocalAlias { key: key.access_key_id.clone(), alias: args.name.clone() };
            local_alias(bucket.ok_or_else(no_alias)?.id.clone(), key, args.name.clone())
        }
    };
    client.post::<GetBucketInfoResponse>("RemoveBucketAlias", &[], &request).await?;
    Ok(print(&format!("{} is no longer a name of a bucket.", args.name))?)
}

fn local_alias(bucket_id: String, key: GetKeyInfoResponse, alias: String) -> BucketAliasRequest {
    BucketAliasRequest {
        bucket_id,
        local_alias: Some(alias),
        access_key_id: Some(key.access_key_id),
        global_alias: None,
    }
}

async fn change_permissions(
    client: &Client,
    args: PermissionArgs,
    call: &str,
    verb: &'static str,
) -> Result<(), CliError> {
    let permissions = ApiBucketKeyPerm { read: args.read, write: args.write, owner: args.owner };
    if permissions == ApiBucketKeyPerm::default() {
        return Err(CliError::NoPermission(verb));
    }
    let bucket = find(client, &args.bucket).await?;
    let key = find_key(client, &args.key).await?;
    let access_key_id = key.access_key_id;
    let request = BucketKeyPermChangeRequest {
        bucket_id: bucket.id,
        access_key_id: access_key_id.clone(),
        permissions,
    };
    let bucket: GetBucketInfoResponse = client.post(call, &[], &request).await?;
    let is_key = |key: &&GetBucketInfoKey| key.access_key_id == access_key_id;
    let now = bucket.keys.iter().find(is_key).map(|key| key.permissions).unwrap_or_default();
    let letters = permission_letters(now);
    Ok(print(&format!("Key {access_key_id} now has {letters} on bucket {}.", args.bucket))?)
}

async fn cors(client: &Client, args: CorsArgs) -> Result<(), CliError> {
    let bucket = find(client, &args.bucket).await?;
    let rules = match args.action.set {
        Some(file) => read_rules(&file)?,
        None if args.action.get => {
            return Ok(print(
                &serde_json::to_string_pretty(&bucket.cors_rules)
                    .expect("rules are made of texts and numbers"),
            )?);
        }
        // The third action: `--clear`.
        None => Vec::new(),
    };
    let count = rules.len();
    let request = UpdateBucketRequestBody { cors_rules: Some(rules), ..UpdateBucketRequestBody::default() };
    client.post::<GetBucketInfoResponse>("UpdateBucket", &[("id", &bucket.id)], &request).await?;
    Ok(print(&format!("Bucket {} has {count} CORS rule(s).", args.bucket))?)
}

/// The two shapes in which people have their rules.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum CorsFile {
    List(Vec<ApiCorsRule>),
    S3 {
        #[serde(rename = "CORSRules")]
        rules: Vec<ApiCorsRule>,
    },
}

fn read_rules(path: &Path) -> Result<Vec<ApiCorsRule>, CliError> {
    let text = std::fs::read(path).map_err(|source| CliError::ReadFile { path: path.to_owned(), source })?;
    let rules = serde_json::from_slice(&text);
    match rules.map_err(|source| CliError::CorsFile { path: path.to_owned(), source })? {
        CorsFile::List(rules) | CorsFile::S3 { rules } => Ok(rules),
    }
}
