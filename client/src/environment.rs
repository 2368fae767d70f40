//! Clients made from the environment: from the variables that `troupe dev` prints and `k2v-cli` reads.
//!
//! | variable | |
//! |---|---|
//! | `K2V_ENDPOINT` | the server, such as `http://localhost:3902`, or several nodes of one cluster with commas between them |
//! | `AWS_REGION` | the region in the server's configuration; `garage` if it is not set |
//! | `AWS_ACCESS_KEY_ID` | the id of the access key |
//! | `AWS_SECRET_ACCESS_KEY` | its secret |
//! | `K2V_BUCKET` | the bucket, for [`Bucket::from_env`] |

use std::env::{self, VarError};

use crate::bucket::Bucket;
use crate::builder::ClientBuilder;
use crate::client::K2vClient;
use crate::error::{Error, InvalidArgument};

/// Reads one variable, as [`env::var`] does.
type Read<'a> = &'a dyn Fn(&str) -> Result<String, VarError>;

impl K2vClient {
    /// A client for the server and the access key that the environment names: `K2V_ENDPOINT` (one URL, or several nodes of one
    /// cluster with commas between them), `AWS_REGION` (`garage` if it is not set), `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`. `troupe dev` prints them.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), k2v_client::Error> {
    /// let client = k2v_client::K2vClient::from_env()?;
    /// let item = client.read_item("my-bucket", "partition1", "sort-key1").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if one of the variables is not set or not UTF-8, or as [`new`](Self::new).
    pub fn from_env() -> Result<Self, Error> {
        ClientBuilder::from_env()?.build()
    }
}

impl ClientBuilder {
    /// Starts a client for what the environment names: [`K2vClient::from_env`].
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if one of the variables is not set or not UTF-8.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_variables(&|name| env::var(name))
    }

    fn from_variables(read: Read<'_>) -> Result<Self, Error> {
        let endpoint = required(read, "K2V_ENDPOINT", "the server, such as http://localhost:3902")?;
        let region = optional(read, "AWS_REGION")?;
        let key = required(read, "AWS_ACCESS_KEY_ID", "the id of the access key")?;
        let secret = required(read, "AWS_SECRET_ACCESS_KEY", "the secret of the access key")?;
        Ok(Self::new(region.as_deref().unwrap_or("garage"), &endpoint, &key, &secret))
    }
}

impl Bucket {
    /// The bucket that `K2V_BUCKET` names, at the server of [`K2vClient::from_env`].
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if one of the variables is not set or not UTF-8, or as [`K2vClient::new`].
    pub fn from_env() -> Result<Self, Error> {
        let bucket = required(&|name| env::var(name), "K2V_BUCKET", "the name of the bucket")?;
        Ok(K2vClient::from_env()?.bucket(bucket))
    }
}

fn required(read: Read<'_>, name: &'static str, meaning: &'static str) -> Result<String, InvalidArgument> {
    optional(read, name)?.ok_or(InvalidArgument::MissingVariable { name, meaning })
}

/// An empty variable counts as unset.
fn optional(read: Read<'_>, name: &'static str) -> Result<Option<String>, InvalidArgument> {
    match read(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(InvalidArgument::VariableNotUnicode { name }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: [(&str, &str); 4] = [
        ("K2V_ENDPOINT", "http://localhost:1"),
        ("AWS_REGION", "elsewhere"),
        ("AWS_ACCESS_KEY_ID", "GK1"),
        ("AWS_SECRET_ACCESS_KEY", "hush"),
    ];

    fn built(variables: &[(&str, &str)]) -> Result<K2vClient, Error> {
        ClientBuilder::from_variables(&|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned()).ok_or(VarError::NotPresent)
        })?
        .build()
    }

    /// The credential of a signed request: key, day, region, service.
    fn scope(client: &K2vClient) -> String {
        let call = crate::Call::read_item("b", "p", "s").unwrap();
        let request = client.signed_request(&call).unwrap();
        let authorization = request.headers()["authorization"].to_str().unwrap();
        authorization.split(['=', ',']).nth(1).unwrap().to_owned()
    }

    #[test]
    fn a_client_goes_where_the_environment_says() {
        let client = built(&COMPLETE).unwrap();
        assert!(scope(&client).starts_with("GK1/") && scope(&client).contains("/elsewhere/k2v/"));
        let without_region: Vec<_> = COMPLETE.into_iter().filter(|(name, _)| *name != "AWS_REGION").collect();
        assert!(scope(&built(&without_region).unwrap()).contains("/garage/k2v/"));
    }

    #[test]
    fn a_variable_that_is_missing_or_empty_is_named() {
        for missing in ["K2V_ENDPOINT", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            let without: Vec<_> = COMPLETE.into_iter().filter(|(name, _)| *name != missing).collect();
            let empty: Vec<_> =
                COMPLETE.map(|(name, value)| (name, if name == missing { "" } else { value })).to_vec();
            for variables in [without, empty] {
                let refused = built(&variables).unwrap_err().to_string();
                assert!(refused.contains(&format!("{missing} is not set")), "{refused}");
            }
        }
    }
}
