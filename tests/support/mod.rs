//! What several tests need.

pub(crate) mod comments;
pub(crate) mod trees;
