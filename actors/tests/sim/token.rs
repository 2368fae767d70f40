//! Causality tokens: what they stand for at a client, and what a node makes of them.

use crate::invariants::{Violation, tokens};
use crate::keyspace::ItemIndex;
use crate::oracle::{Oracle, WriteId, Writes};
use crate::world::World;
use std::sync::LazyLock;
use troupe_actors::causality::{Context, Item, TokenKey};

static TOKEN_KEY: LazyLock<TokenKey> = LazyLock::new(|| TokenKey::new(&[7; 32]));

/// A causality token, and what it stands for.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) context: Context,
    /// What it covers.
    pub(crate) seen: Writes,
}

impl Token {
    /// The token of a read that showed `item`, of which the reader knows `known`.
    pub(crate) fn of(item: &Item<'_>, oracle: &Oracle, known: &Writes) -> Token {
        let context = item.token_context();
        let is_covered = |id: &WriteId| oracle.tried(*id).dot.is_some_and(|dot| context.covers(dot));
        let seen = known.iter().filter(is_covered).collect();
        Token { context, seen }
    }
}

/// A causality token on its way to a node.
pub(crate) struct SentToken {
    /// The item whose read it came with.
    issued_for: ItemIndex,
    text: String,
}

impl SentToken {
    pub(crate) fn new(issued_for: ItemIndex, token: &Token) -> SentToken {
        let key = issued_for.key();
        let text = TOKEN_KEY.seal_token(key.partition, key.sort_key.as_str(), &token.context);
        SentToken { issued_for, text }
    }

    pub(crate) fn issued_for(&self) -> ItemIndex {
        self.issued_for
    }

    pub(crate) fn open(&self, item: ItemIndex) -> Option<Context> {
        let key = item.key();
        TOKEN_KEY.open_token(key.partition, key.sort_key.as_str(), &self.text).ok()
    }
}

impl World {
    /// The context of each write; `None` if a token is refused, and all writes with it.
    pub(crate) fn open_tokens(
        &self,
        writes: &[(WriteId, Option<SentToken>)],
    ) -> Result<Option<Vec<(WriteId, Context)>>, Violation> {
        let mut opened = Vec::new();
        for (id, token) in writes {
            let context = match token {
                Some(token) => self.open_token(self.oracle.tried(*id).item, token)?,
                None => Some(Context::empty()),
            };
            opened.push(context.map(|context| (*id, context)));
        }
        Ok(opened.into_iter().collect())
    }

    fn open_token(&self, item: ItemIndex, token: &SentToken) -> Result<Option<Context>, Violation> {
        let context = token.open(item);
        tokens::check_bound(item, token.issued_for, context.is_some())?;
        Ok(context)
    }
}
