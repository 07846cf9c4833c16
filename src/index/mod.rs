//! What makes events findable: derived from evidence, deletable, rebuildable.
//!
//! Inside: the table of fields, the search index (tantivy), the state of files read (sled).
//! Not here: the query language and answers (`query`), when to commit (`pipeline`).

mod fields;

pub use fields::{ALIASES, FIELDS, Field, FieldKind, resolve};
