//! What makes events findable: derived from evidence, deletable, rebuildable.
//!
//! Inside: the table of fields, the search index (tantivy), the state of files read (sled).
//! Not here: the query language and answers (`query`), when to commit (`pipeline`).

mod bits;
mod by_id;
mod by_value;
mod cursor;
mod error;
mod eval;
mod fields;
mod filter;
mod guard;
mod hist;
mod page;
mod places;
mod plan;
mod reader;
mod readonly;
mod schema;
mod searcher;
mod segment;
mod selection;
mod state;
mod store;
mod terms;
mod top;

#[cfg(test)]
mod tests;

pub use cursor::CursorEntry;
pub use error::IndexError;
pub use fields::{ALIASES, FIELDS, Field, FieldKind, ValuesOf, resolve};
pub use places::Places;
pub use plan::{Order, Plan, TermTest, Window};
pub use reader::Index;
pub use schema::{INDEX_VERSION, VALUE_BYTES_MAX, indexed_value};
pub use searcher::Searcher;
pub use segment::Hit;
pub use selection::Selection;
pub use state::{Opened, State};
pub use store::{HEAP_BYTES_DEFAULT, IndexStore};
pub use top::Top;
