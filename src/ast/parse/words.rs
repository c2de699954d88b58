//! What the grammar's rules are called in messages.

use super::grammar::Rule;
use std::collections::BTreeSet;

/// So many expected things are listed; more would hide the one that was meant.
const MOST: usize = 6;

/// Whether a name is among what was expected.
pub(super) fn name_expected(expected: &[Rule]) -> bool {
    expected.iter().any(|rule| matches!(rule, Rule::ident | Rule::name | Rule::path | Rule::label | Rule::named))
}

/// Whether a name in quotes is among what was expected.
pub(super) fn quotes_expected(expected: &[Rule]) -> bool {
    expected.iter().any(|rule| matches!(rule, Rule::name | Rule::actions | Rule::string | Rule::named))
}

/// What was expected, in words: `` `to`, a name or `;` ``. Empty where nothing is known.
pub(super) fn expected(rules: &[Rule]) -> String {
    // `at most` and `else` stand where clauses stand, and are not worth words of their own there.
    let clause = rules.contains(&Rule::clause);
    let rules = rules.iter().filter(|rule| !(clause && matches!(rule, Rule::kw_at | Rule::kw_else | Rule::at_most)));
    let words: BTreeSet<(u8, String)> = rules.filter_map(|rule| called(*rule)).collect();
    let mut words: Vec<String> = words.into_iter().map(|(_, word)| word).collect();
    if words.len() > MOST {
        words.truncate(MOST);
        return format!("{} or the like", words.join(", "));
    }
    list(&words)
}

/// `a, b or c`
fn list(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

/// The keywords among what was expected, those inside its parts included.
pub(super) fn keywords(rules: &[Rule]) -> Vec<String> {
    let mut words = Vec::new();
    for rule in rules {
        match inner_keywords(*rule) {
            [] => words.extend(format!("{rule:?}").strip_prefix("kw_").map(str::to_owned)),
            inner => words.extend(inner.iter().map(|word| (*word).to_owned())),
        }
    }
    words
}

fn inner_keywords(rule: Rule) -> &'static [&'static str] {
    const INNER: [(Rule, &[&str]); 14] = [
        (Rule::clause, &["when", "unless", "from", "until"]),
        (Rule::who_term, &["anyone", "anonymous", "role", "org", "tier"]),
        (Rule::who_all, &["anyone", "anonymous", "role", "org", "tier"]),
        (Rule::who, &["anyone", "anonymous", "role", "org", "tier"]),
        (Rule::scope, &["anyone", "anonymous", "role", "org", "tier"]),
        (Rule::selector_term, &["any", "tag", "org"]),
        (Rule::selector, &["any", "tag", "org"]),
        (Rule::per_unit, &["second", "minute", "hour", "day", "week"]),
        (Rule::per, &["second", "minute", "hour", "day", "week", "calendar"]),
        (Rule::calendar_unit, &["hour", "day", "week", "month"]),
        (Rule::limit_key, &["principal", "org", "ip", "resource", "everyone"]),
        (Rule::gate_mode, &["auto", "manual"]),
        (Rule::day, &["mon", "tue", "wed", "thu", "fri", "sat", "sun"]),
        (Rule::attribute_type, &["bool", "int", "text", "ip", "time", "tier", "set", "one"]),
    ];
    INNER.iter().find(|(known, _)| *known == rule).map_or(&[], |(_, words)| words)
}

/// What a rule is called, and how early it is named: things before keywords, keywords before marks.
fn called(rule: Rule) -> Option<(u8, String)> {
    if rule == Rule::EOI {
        return None;
    }
    if let Some((word, _)) = THINGS.iter().find(|(_, rules)| rules.contains(&rule)) {
        return Some((0, (*word).to_owned()));
    }
    if let Some((mark, _)) = MARKS.iter().find(|(_, known)| *known == rule) {
        let last = if rule == Rule::semicolon { 3 } else { 2 };
        return Some((last, format!("`{mark}`")));
    }
    let name = format!("{rule:?}");
    // What is left are keywords, and parts that begin with the keyword they are called after.
    Some((1, format!("`{}`", name.strip_prefix("kw_").unwrap_or(&name))))
}

const THINGS: [(&str, &[Rule]); 28] = [
    ("a statement", &[Rule::item, Rule::file, Rule::only_item]),
    ("`given` or a case", &[Rule::test_line, Rule::case, Rule::only_line]),
    ("an effect (`allow`, `deny`, …)", &[Rule::policy_rule, Rule::invariant]),
    ("a name", &[Rule::ident, Rule::name, Rule::path, Rule::unit, Rule::label, Rule::argument, Rule::assign_value]),
    ("a text in quotes", &[Rule::string, Rule::message]),
    ("a kind and a text in quotes", &[Rule::who_principal, Rule::declaration_head]),
    ("a value", &[Rule::address, Rule::instant, Rule::date, Rule::boolean, Rule::named]),
    ("a whole number", &[Rule::int, Rule::status]),
    ("a duration", &[Rule::duration]),
    ("a time of day", &[Rule::clock, Rule::hours]),
    ("a day", &[Rule::day, Rule::day_range, Rule::days]),
    ("days or hours", &[Rule::window_span]),
    ("a list", &[Rule::list]),
    ("a list or a name", &[Rule::set_expr]),
    ("a condition", &[Rule::cond, Rule::conj, Rule::operand, Rule::has, Rule::bare, Rule::not, Rule::group]),
    ("a comparison", &[Rule::compare, Rule::compared, Rule::contained, Rule::matched, Rule::overlapping]),
    ("a principal (`anyone`, `role`, …)", &[Rule::who, Rule::who_all, Rule::who_term, Rule::scope]),
    ("an action", &[Rule::actions]),
    ("a resource", &[Rule::selector, Rule::selector_all, Rule::selector_term, Rule::resource, Rule::on_any]),
    ("a clause (`when`, `until`, …)", &[Rule::clause]),
    ("an instant", &[Rule::moment, Rule::local_date, Rule::path_offset]),
    ("a period", &[Rule::per_unit, Rule::calendar_unit]),
    ("a type", &[Rule::attribute_type]),
    ("a code in capitals", &[Rule::code]),
    ("`allow` or `deny`", &[Rule::expect]),
    ("`allow`, `deny` or `any`", &[Rule::upon]),
    ("`auto` or `manual`", &[Rule::gate_mode]),
    ("`principal` or an attribute", &[Rule::assign]),
];

const MARKS: [(&str, Rule); 16] = [
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
];
