//! The grammar as a parser. Nothing of it leaves this folder.

use super::node::Tree;
use pest::{
    Parser,
    error::{ErrorVariant, InputLocation},
};

pub(super) use generated::Rule;

mod generated {
    #[derive(pest_derive::Parser)]
    #[grammar = "../grammar/policy.pest"]
    pub(super) struct PolicyParser;
}

/// Where a text stopped matching.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    /// The place, from the start of the text that was read.
    pub(super) at: usize,
    /// What would have fitted there.
    pub(super) expected: Vec<Rule>,
}

/// Reads a whole text as a rule; the rule must be one that ends with the text.
pub(super) fn read(rule: Rule, text: &str) -> Result<Tree<'_>, Mismatch> {
    match generated::PolicyParser::parse(rule, text) {
        Ok(pairs) => Ok(Tree::new(text, &pairs)),
        Err(error) => {
            let at = match error.location {
                InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
            };
            let expected = match error.variant {
                ErrorVariant::ParsingError { positives, .. } => positives,
                ErrorVariant::CustomError { .. } => Vec::new(),
            };
            Err(Mismatch { at, expected })
        }
    }
}

/// Whether a text is what the named rule of the grammar describes, from its first to its last byte. `None` where the
/// grammar has no such rule. For the samples beside the grammar.
#[doc(hidden)]
#[must_use]
pub fn matches(rule: &str, text: &str) -> Option<bool> {
    let rule = Rule::all_rules().iter().find(|known| format!("{known:?}") == rule)?;
    let read = generated::PolicyParser::parse(*rule, text);
    Some(read.is_ok_and(|pairs| pairs.as_str() == text))
}
