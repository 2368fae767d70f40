use super::client::Client;
use super::error::CliError;
use super::permission::permission_letters;
use super::table::{fields, print, table};
use crate::admin::model::{
    GetKeyInfoResponse, ImportKeyRequest, KeyPerm, ListKeysResponseItem, UpdateKeyRequestBody,
};
use clap::{Args, Subcommand};
use serde_json::json;
use std::io;

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// List all access keys
    List,
    /// Show an access key and the buckets that it may use
    Info {
        /// An id, a name, or the beginning of an id
        key: String,
        /// Show the secret as well
        #[arg(long)]
        show_secret: bool,
    },
    /// Make an access key
    Create(CreateArgs),
    /// Give an access key another name
    Rename {
        /// An id, a name, or the beginning of an id
        key: String,
        /// The new name
        new_name: String,
    },
    /// Set or remove an expiration
    Set(SetArgs),
    /// Allow an access key what goes beyond buckets
    Allow(AllowArgs),
    /// Deny an access key what goes beyond buckets
    Deny(AllowArgs),
    /// Delete an access key; its id cannot be used again
    Delete {
        /// An id, a name, or the beginning of an id
        key: String,
        /// Really do it
        #[arg(long)]
        yes: bool,
    },
    /// Bring an access key along from another server
    Import(ImportArgs),
}

#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// What to call it
    name: Option<String>,
    /// A date by RFC 3339 from which on it is refused
    #[arg(long, value_name = "DATE")]
    expires: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct SetArgs {
    /// An id, a name, or the beginning of an id
    key: String,
    #[command(flatten)]
    expiration: ExpirationArgs,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct ExpirationArgs {
    /// A date by RFC 3339 from which on it is refused
    #[arg(long, value_name = "DATE")]
    expires: Option<String>,
    /// It is never refused for its age
    #[arg(long)]
    never_expires: bool,
}

#[derive(Debug, Args)]
pub(super) struct AllowArgs {
    /// An id, a name, or the beginning of an id
    key: String,
    /// Create buckets through S3, which Troupe does not speak
    #[arg(long, required = true)]
    create_bucket: bool,
}

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// `GK` and 24 hex digits
    key_id: String,
    /// 64 hex digits, or `-` to read them from standard input, where no list of processes shows them
    secret_key: String,
    /// What to call it
    #[arg(short, default_value = "Imported key")]
    name: String,
    /// The key really comes from another server; a new one is made with `key create`
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(client: &Client, command: KeyCommand) -> Result<(), CliError> {
    match command {
        KeyCommand::List => list(client).await,
        KeyCommand::Info { key, show_secret } => {
            let shown = if show_secret { "true" } else { "false" };
            let key = client.get("GetKeyInfo", &[("search", &key), ("showSecretKey", shown)]).await?;
            show(&key)
        }
        KeyCommand::Create(args) => {
            let request = UpdateKeyRequestBody {
                name: args.name,
                expiration: args.expires,
                ..UpdateKeyRequestBody::default()
            };
            show(&client.post("CreateKey", &[], &request).await?)
        }
        KeyCommand::Rename { key, new_name } => {
            update(client, &key, UpdateKeyRequestBody { name: Some(new_name), ..Default::default() }).await
        }
        KeyCommand::Set(args) => {
            let ExpirationArgs { expires: expiration, never_expires } = args.expiration;
            let change = UpdateKeyRequestBody { expiration, never_expires, ..Default::default() };
            update(client, &args.key, change).await
        }
        KeyCommand::Allow(args) => {
            let allow = Some(KeyPerm { create_bucket: args.create_bucket });
            update(client, &args.key, UpdateKeyRequestBody { allow, ..Default::default() }).await
        }
        KeyCommand::Deny(args) => {
            let deny = Some(KeyPerm { create_bucket: args.create_bucket });
            update(client, &args.key, UpdateKeyRequestBody { deny, ..Default::default() }).await
        }
        KeyCommand::Delete { key, yes } => delete(client, &key, yes).await,
        KeyCommand::Import(args) => import(client, args).await,
    }
}

/// The key that somebody means.
pub(super) async fn find(client: &Client, search: &str) -> Result<GetKeyInfoResponse, CliError> {
    Ok(client.get("GetKeyInfo", &[("search", search)]).await?)
}

async fn list(client: &Client) -> Result<(), CliError> {
    let keys: Vec<ListKeysResponseItem> = client.get("ListKeys", &[]).await?;
    let rows = keys.into_iter().map(|key| {
        let expiration = match (key.expiration, key.expired) {
            (None, _) => "never".to_owned(),
            (Some(date), false) => date,
            (Some(date), true) => format!("{date} (expired)"),
        };
        vec![key.id, key.created.unwrap_or_default(), key.name, expiration]
    });
    Ok(print(&table(&["ID", "Created", "Name", "Expiration"], rows))?)
}

fn show(key: &GetKeyInfoResponse) -> Result<(), CliError> {
    let secret = key.secret_access_key.clone().unwrap_or_else(|| "(redacted)".to_owned());
    let yes = |truth: bool| if truth { "yes" } else { "no" }.to_owned();
    let head = fields(&[
        ("Key ID", key.access_key_id.clone()),
        ("Key name", key.name.clone()),
        ("Secret key", secret),
        ("Created", key.created.clone().unwrap_or_default()),
        ("Expiration", key.expiration.clone().unwrap_or_else(|| "never".to_owned())),
        ("Expired", yes(key.expired)),
        ("Can create buckets", yes(key.permissions.create_bucket)),
    ]);
    let mut text = format!("==== ACCESS KEY INFORMATION ====\n{head}\n\n==== BUCKETS FOR THIS KEY ====\n");
    let rows = key.buckets.iter().map(|bucket| {
        let (global, local) = (bucket.global_aliases.join(","), bucket.local_aliases.join(","));
        vec![permission_letters(bucket.permissions), bucket.id.clone(), global, local]
    });
    text += &match key.buckets.is_empty() {
        true => "It may use no bucket.".to_owned(),
        false => table(&["Permissions", "ID", "Global aliases", "Local aliases"], rows),
    };
    Ok(print(&text)?)
}

async fn update(client: &Client, key: &str, change: UpdateKeyRequestBody) -> Result<(), CliError> {
    let id = find(client, key).await?.access_key_id;
    show(&client.post("UpdateKey", &[("id", &id)], &change).await?)
}

async fn delete(client: &Client, key: &str, yes: bool) -> Result<(), CliError> {
    let id = find(client, key).await?.access_key_id;
    if !yes {
        return Err(CliError::NeedsYes);
    }
    client.post::<()>("DeleteKey", &[("id", &id)], &json!({})).await?;
    Ok(print(&format!("Key {id} was deleted."))?)
}

async fn import(client: &Client, args: ImportArgs) -> Result<(), CliError> {
    if !args.yes {
        return Err(CliError::NeedsYes);
    }
    let secret_access_key = match args.secret_key.as_str() {
        "-" => {
            let mut line = String::new();
            io::stdin().read_line(&mut line).map_err(CliError::Input)?;
            line.trim().to_owned()
        }
        _ => args.secret_key,
    };
    let request = ImportKeyRequest { access_key_id: args.key_id, secret_access_key, name: Some(args.name) };
    show(&client.post("ImportKey", &[], &request).await?)
}
