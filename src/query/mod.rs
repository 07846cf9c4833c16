//! Questions and answers: the query language, its plan, events and their evidence.
