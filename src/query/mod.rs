//! Questions and answers: the query language, its plan, its answers as JSON.
//!
//! Not here: what is indexed (`index`), HTTP (`serve`), the terminal (`cli`).

mod ast;

pub use ast::{Filter, Pipe, Query, RawTest, Test};
