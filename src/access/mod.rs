//! Who may ask what: tokens, and what somebody with a grant may see.
//!
//! Not here: grants as they are written (`config`), who a request comes from (`serve::access`), how a limit is kept (`query`), certificates (`tls`).

mod tokens;

pub use tokens::{Added, Standing, Token, TokenError, Tokens, add, list, revoke};

use crate::config::{Grant, Role};
use crate::query::Sight;

/// What the holder of a grant may see.
pub fn sight(grant: &Grant) -> Sight {
    let limits = [("cluster", &grant.clusters), ("ns", &grant.namespaces), ("source", &grant.sources)];
    Sight::of(&limits, grant.has(Role::Auditor))
}
