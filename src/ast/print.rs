//! Printing.
use super::{Rule, Selector};
/// Stub.
pub fn print_rule(rule: &Rule, _: Option<&Selector>) -> String {
    format!("{rule:?}")
}
