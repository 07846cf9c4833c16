//! Tests of chains, trees and testimonies, on answers of the shape that `docs/links.md` describes, hostile text among them.

use super::*;
