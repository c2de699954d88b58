//! Tokens.
//!
//! In goes a text, out come its tokens: just enough of the lexis to find where statements begin and end, what stands at
//! a place, and which brackets, strings and comments are never closed. What the tokens mean is the grammar's business.

mod scan;
mod token;

pub(super) use scan::{BoundaryKind, MAX_FINDINGS, Remark, RemarkUse, Scan, scan};
pub(super) use token::{Bracket, Token, TokenKind, next_token, tokens};
