//! What the grammar's rules are called in messages.

use super::grammar::Rule;
use std::collections::BTreeSet;

/// So many expected things are listed; more would hide the one that was meant.
const MOST: usize = 6;

/// What was expected, in words: `` `to`, a name or `;` ``. Empty where nothing is known.
pub(super) fn expected(rules: &[Rule]) -> String {
    let swallowed = |rule: &Rule| GROUPS.iter().any(|group| group.swallows(*rule, rules));
    let words: BTreeSet<(u8, String)> =
        rules.iter().filter(|rule| !swallowed(rule)).filter_map(|rule| called(*rule)).collect();
    let mut words: Vec<String> = words.into_iter().map(|(_, word)| word).collect();
    if words.len() > MOST {
        words.truncate(MOST);
        return format!("{} or the like", words.join(", "));
    }
    match words.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

/// The keywords among what was expected, those inside its parts included.
pub(super) fn keywords(rules: &[Rule]) -> Vec<String> {
    let mut words = Vec::new();
    for rule in rules {
        let inner = INNER.iter().find(|(known, _)| known.contains(rule)).map_or(&[][..], |(_, words)| words);
        words.extend(inner.iter().map(|word| (*word).to_owned()));
        words.extend(format!("{rule:?}").strip_prefix("kw_").map(str::to_owned));
    }
    words
}

/// Words that parts of the grammar begin with.
const INNER: [(&[Rule], &[&str]); 11] = [
    (&[Rule::item, Rule::policy_rule, Rule::invariant], &super::split::RULE_WORDS),
    (&[Rule::clause], &["when", "unless", "from", "until"]),
    (WHO, &["anyone", "anonymous", "role", "org", "tier"]),
    (SELECTOR, &["any", "tag", "org"]),
    (&[Rule::per_unit], &["second", "minute", "hour", "day", "week"]),
    (&[Rule::calendar_unit], &["hour", "day", "week", "month"]),
    (&[Rule::limit_key], &["principal", "org", "ip", "resource", "everyone"]),
    (&[Rule::gate_mode], &["auto", "manual"]),
    (DAYS, &["mon", "tue", "wed", "thu", "fri", "sat", "sun"]),
    (&[Rule::attribute_type], &["bool", "int", "text", "ip", "time", "tier", "set", "one"]),
    (&[Rule::expect], &["allow", "deny"]),
];

/// Whom a statement speaks of.
pub(super) const WHO: &[Rule] = &[Rule::who, Rule::who_all, Rule::who_term, Rule::who_principal, Rule::scope];
/// What a statement speaks of.
pub(super) const SELECTOR: &[Rule] = &[Rule::selector, Rule::selector_all, Rule::selector_term];
const DAYS: &[Rule] = &[Rule::day, Rule::day_range, Rule::days, Rule::window_span];
/// Constants.
pub(super) const VALUES: &[Rule] = &[Rule::address, Rule::instant, Rule::date, Rule::boolean, Rule::operand];
/// What only an unquoted or quoted name can be.
pub(super) const NAMES: &[Rule] = &[Rule::ident, Rule::name, Rule::path, Rule::label, Rule::actions, Rule::argument];

/// Things that are not worth words of their own beside another one.
struct Group {
    /// The things beside which …
    beside: &'static [Rule],
    /// … these are left out.
    left_out: &'static [Rule],
}

impl Group {
    fn swallows(&self, rule: Rule, all: &[Rule]) -> bool {
        self.left_out.contains(&rule) && all.iter().any(|other| self.beside.contains(other) && *other != rule)
    }
}

const GROUPS: [Group; 6] = [
    // Parts of a statement stand where clauses stand.
    Group { beside: &[Rule::clause], left_out: &[Rule::kw_at, Rule::kw_else, Rule::at_most, Rule::otherwise] },
    Group {
        beside: &[Rule::has, Rule::kw_has, Rule::cond, Rule::conj],
        left_out: &[
            Rule::not,
            Rule::kw_not,
            Rule::group,
            Rule::left_round,
            Rule::path,
            Rule::operand,
            Rule::about_path,
            Rule::compared,
            Rule::contained,
            Rule::matched,
            Rule::about_constant,
            Rule::path_offset,
        ],
    },
    Group {
        beside: &[Rule::compare, Rule::compared],
        left_out: &[
            Rule::kw_in,
            Rule::kw_like,
            Rule::kw_not,
            Rule::negated,
            Rule::kw_overlaps,
            Rule::plus,
            Rule::minus,
            Rule::offset,
        ],
    },
    Group {
        beside: &[Rule::address],
        left_out: &[
            Rule::int,
            Rule::duration,
            Rule::named,
            Rule::name,
            Rule::list,
            Rule::left_square,
            Rule::string,
            Rule::path,
            Rule::path_offset,
        ],
    },
    Group { beside: &[Rule::instant], left_out: &[Rule::path_offset, Rule::path, Rule::date, Rule::local_date] },
    // An effect may follow.
    Group {
        beside: &[Rule::kw_gate],
        left_out: &[
            Rule::kw_allow,
            Rule::kw_deny,
            Rule::kw_require,
            Rule::kw_limit,
            Rule::kw_oblige,
            Rule::kw_never,
            Rule::kw_always,
            Rule::kw_shadow,
        ],
    },
];

/// What a rule is called, and how early it is named: things before keywords, keywords before marks.
fn called(rule: Rule) -> Option<(u8, String)> {
    if rule == Rule::EOI {
        return None;
    }
    if let Some((word, _)) = THINGS.iter().find(|(_, rules)| rules.contains(&rule)) {
        return Some((0, (*word).to_owned()));
    }
    if let Some((mark, _)) = MARKS.iter().find(|(_, known)| *known == rule) {
        let place = if rule == Rule::semicolon { 3 } else { 2 };
        return Some((place, format!("`{mark}`")));
    }
    let name = format!("{rule:?}");
    name.strip_prefix("kw_").map(|keyword| (1, format!("`{keyword}`")))
}

const THINGS: [(&str, &[Rule]); 34] = [
    ("a statement", &[Rule::item, Rule::policy_rule, Rule::invariant]),
    ("an effect (`allow`, `deny`, …)", &[Rule::kw_gate]),
    ("`given` or a case", &[Rule::test_line, Rule::case]),
    ("a name", &[Rule::ident, Rule::name, Rule::path, Rule::unit, Rule::label, Rule::argument, Rule::duty]),
    ("an attribute", &[Rule::assign, Rule::assign_value, Rule::assign_principal]),
    ("a name and a value", &[Rule::member]),
    ("a text in quotes", &[Rule::string, Rule::message]),
    ("a kind and a text in quotes", &[Rule::declaration_head]),
    ("a value", VALUES),
    ("a name or a text in quotes", &[Rule::named]),
    ("a whole number", &[Rule::int, Rule::status]),
    ("a duration", &[Rule::duration]),
    ("a time of day", &[Rule::clock]),
    ("hours (`09:00..18:00`)", &[Rule::hours]),
    ("a day (`mon`, `tue`, …)", &[Rule::day, Rule::day_range, Rule::days]),
    ("days or hours (`mon..fri 09:00..18:00`)", &[Rule::window_span]),
    ("a list", &[Rule::list, Rule::left_square]),
    ("a list or a name", &[Rule::set_expr]),
    ("a condition", &[Rule::cond, Rule::conj, Rule::has, Rule::kw_has]),
    ("a comparison", &[Rule::compare, Rule::compared, Rule::contained, Rule::matched]),
    ("a principal (`anyone`, `role`, …)", WHO),
    ("an action", &[Rule::actions]),
    ("a resource (`any`, `tag`, …)", SELECTOR),
    ("a kind or a text in quotes", &[Rule::resource]),
    ("a clause (`when`, `until`, …)", &[Rule::clause]),
    ("an instant", &[Rule::moment, Rule::local_date, Rule::path_offset]),
    ("a period (`minute`, `day`, …)", &[Rule::per_unit, Rule::calendar_unit]),
    ("a key (`principal`, `ip`, …)", &[Rule::limit_key]),
    ("a type", &[Rule::attribute_type]),
    ("a code in capitals", &[Rule::code]),
    ("`allow` or `deny`", &[Rule::expect]),
    ("`allow`, `deny` or `any`", &[Rule::upon]),
    ("`auto` or `manual`", &[Rule::gate_mode]),
    ("`+` or `-` and a duration", &[Rule::offset]),
];

const MARKS: [(&str, Rule); 17] = [
    (";", Rule::semicolon),
    (",", Rule::comma),
    (":", Rule::colon),
    ("=", Rule::equals),
    ("<", Rule::less),
    ("|", Rule::bar),
    ("..", Rule::dots),
    ("+", Rule::plus),
    ("-", Rule::minus),
    ("@", Rule::at_sign),
    ("=>", Rule::arrow),
    ("(", Rule::left_round),
    (")", Rule::right_round),
    ("[", Rule::left_square),
    ("]", Rule::right_square),
    ("{", Rule::left_curly),
    ("}", Rule::right_curly),
];

#[cfg(test)]
mod tests {
    use super::{MARKS, Rule, expected};

    #[test]
    fn every_mark_has_a_name() {
        for rule in Rule::all_rules().iter().filter(|rule| **rule >= Rule::semicolon && **rule < Rule::kw_allow) {
            assert!(MARKS.iter().any(|(_, mark)| mark == rule), "{rule:?}");
        }
    }

    #[test]
    fn a_list_of_expected_things_is_short_and_ordered() {
        insta::assert_snapshot!(expected(&[]), @"");
        insta::assert_snapshot!(expected(&[Rule::EOI, Rule::kw_to]), @"`to`");
        insta::assert_snapshot!(
            expected(&[Rule::semicolon, Rule::kw_on, Rule::comma, Rule::clause, Rule::kw_else, Rule::kw_at]),
            @"a clause (`when`, `until`, …), `on`, `,` or `;`"
        );
    }
}
