use super::client::Client;
use super::error::CliError;
use super::table::{fields, print, table};
use crate::admin::model::{CreateAdminTokenResponse, GetAdminTokenInfoResponse, UpdateAdminTokenRequestBody};
use clap::{Args, Subcommand};
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(super) enum AdminTokenCommand {
    /// List all tokens
    List,
    /// Show a token, without its secret
    Info {
        /// An id, a name, or the beginning of an id
        token: String,
    },
    /// Make a token; it is shown this once
    Create(CreateArgs),
    /// Give a token another name
    Rename {
        /// An id, a name, or the beginning of an id
        token: String,
        /// The new name
        new_name: String,
    },
    /// Change a token's scope or expiration
    Set(SetArgs),
    /// Delete a token
    Delete {
        /// An id, a name, or the beginning of an id
        token: String,
        /// Really do it
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// What to call it
    name: Option<String>,
    /// A date by RFC 3339 from which on it is refused
    #[arg(long, value_name = "DATE")]
    expires: Option<String>,
    /// Names of calls, separated by commas; `*` for all of them
    #[arg(long, value_delimiter = ',', default_value = "*")]
    scope: Vec<String>,
    /// Print nothing but the token
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Debug, Args)]
pub(super) struct SetArgs {
    /// An id, a name, or the beginning of an id
    token: String,
    /// A date by RFC 3339 from which on it is refused
    #[arg(long, value_name = "DATE", conflicts_with = "never_expires")]
    expires: Option<String>,
    /// It is never refused for its age
    #[arg(long)]
    never_expires: bool,
    /// Names of calls, separated by commas; `*` for all of them
    #[arg(long, value_delimiter = ',')]
    scope: Option<Vec<String>>,
}

pub(super) async fn run(client: &Client, command: AdminTokenCommand) -> Result<(), CliError> {
    match command {
        AdminTokenCommand::List => list(client).await,
        AdminTokenCommand::Info { token } => show(&find(client, &token).await?),
        AdminTokenCommand::Create(args) => create(client, args).await,
        AdminTokenCommand::Rename { token, new_name } => {
            let change = UpdateAdminTokenRequestBody { name: Some(new_name), ..Default::default() };
            update(client, &token, change).await
        }
        AdminTokenCommand::Set(args) => {
            let change = UpdateAdminTokenRequestBody {
                name: None,
                expiration: args.expires,
                never_expires: args.never_expires,
                scope: args.scope,
            };
            update(client, &args.token, change).await
        }
        AdminTokenCommand::Delete { token, yes } => {
            let id = id_of(&find(client, &token).await?);
            if !yes {
                return Err(CliError::NeedsYes);
            }
            client.post::<()>("DeleteAdminToken", &[("id", &id)], &json!({})).await?;
            Ok(print(&format!("Admin token {id} was deleted."))?)
        }
    }
}

async fn find(client: &Client, search: &str) -> Result<GetAdminTokenInfoResponse, CliError> {
    Ok(client.get("GetAdminTokenInfo", &[("search", search)]).await?)
}

async fn list(client: &Client) -> Result<(), CliError> {
    let tokens: Vec<GetAdminTokenInfoResponse> = client.get("ListAdminTokens", &[]).await?;
    let rows = tokens.into_iter().map(|token| {
        let (id, expiration) = (id_of(&token), expiration_of(&token));
        vec![id, token.created.unwrap_or_default(), token.name, expiration, token.scope.join(",")]
    });
    Ok(print(&table(&["ID", "Created", "Name", "Expiration", "Scope"], rows))?)
}

async fn create(client: &Client, args: CreateArgs) -> Result<(), CliError> {
    let request = UpdateAdminTokenRequestBody {
        name: args.name,
        expiration: args.expires,
        never_expires: false,
        scope: Some(args.scope),
    };
    let made: CreateAdminTokenResponse = client.post("CreateAdminToken", &[], &request).await?;
    if args.quiet {
        return Ok(print(&made.secret_token)?);
    }
    print(&format!("The token, which is not shown again:\n\n    {}\n", made.secret_token))?;
    show(&made.info)
}

async fn update(client: &Client, token: &str, change: UpdateAdminTokenRequestBody) -> Result<(), CliError> {
    let id = id_of(&find(client, token).await?);
    show(&client.post("UpdateAdminToken", &[("id", &id)], &change).await?)
}

fn show(token: &GetAdminTokenInfoResponse) -> Result<(), CliError> {
    Ok(print(&fields(&[
        ("ID", id_of(token)),
        ("Name", token.name.clone()),
        ("Created", token.created.clone().unwrap_or_default()),
        ("Expiration", expiration_of(token)),
        ("Scope", token.scope.join(", ")),
    ]))?)
}

fn id_of(token: &GetAdminTokenInfoResponse) -> String {
    token.id.clone().unwrap_or_else(|| "-".to_owned())
}

fn expiration_of(token: &GetAdminTokenInfoResponse) -> String {
    match (&token.expiration, token.expired) {
        (None, _) => "never".to_owned(),
        (Some(date), false) => date.clone(),
        (Some(date), true) => format!("{date} (expired)"),
    }
}
