//! One line of the Linux audit log, as the kernel and auditd write it: bytes to a record with its fields.
//!
//! Inside: `header` (what identifies a line), `record` (its two parts: the kernel's and auditd's enrichment), `fields` (name and value),
//! `value` (quotes, hex, absent values), `dictionary` (which fields are encoded), `interpret` (what numbers stand for), the tables of record
//! types, architectures, system calls, errno, socket addresses. Not here: which records are one event and what they mean (`deponent::normalise::linux`), cutting lines (`frame`).

mod arch;
mod dictionary;
mod fields;
mod fold;
mod header;
mod interpret;
mod key;
mod record;
mod sockaddr;
mod syscalls;
mod tables;
mod types;
mod value;

#[cfg(test)]
mod tests;

pub use arch::{Arch, is_arch_name};
pub use dictionary::is_encoded;
pub use fields::{FIELDS_MAX, Field, Fields};
pub use header::{Header, Headers, NotARecord, header};
pub use interpret::{Argument, Arguments, arguments, meaning};
pub use key::Key;
pub use record::{Record, parse};
pub use sockaddr::SockAddr;
pub use syscalls::syscall_name;
pub use tables::errno::errno_name;
pub use types::{canonical_type, is_user_type};
pub use value::{Form, Value, hexadecimal, number, text, unsigned};
