//! The small changes: one operator, bound, tier, role, action, effect, clause or rule is another or gone.
//!
//! A change is an edit of the text, so that everything else stays as it is written, on the line where it is. What stands in
//! a shadow rule changes no decision and is not changed.

use super::super::text::one_line;
use crate::{
    ast::{
        self, Actions, At, AtMost, Clause, ClauseKind, Cond, CondKind, Duration, Effect, Instant, InstantKind, Int,
        Item, ItemKind, Literal, LiteralKind, Name, Offset, Operand, Path, Rule, Selector, SetExpr, Who, WhoKind,
        WhoTerm, WindowSpan, print,
    },
    check::vocabulary::Vocabulary,
    engine::Engine,
    source::{Source, Span},
    value::{Cmp, GateMode},
};
use chrono::{Days, TimeDelta};
use std::collections::HashSet;

/// A small change.
#[derive(Debug, Clone)]
pub(super) struct Mutant {
    /// What is changed.
    pub(super) at: Span,
    /// What is different.
    pub(super) what: &'static str,
    /// What stands instead of what; in order, and apart.
    edits: Vec<(Span, String)>,
}

impl Mutant {
    /// The text of its file, changed. Lines keep their numbers.
    pub(super) fn text(&self, source: &Source) -> String {
        let mut text = String::new();
        let mut done = 0;
        for (at, new) in &self.edits {
            let range = at.range();
            let old = source.slice(*at);
            let breaks = |text: &str| text.matches('\n').count();
            text.push_str(source.text().get(done..range.start).unwrap_or_default());
            text.push_str(new);
            text.push_str(&"\n".repeat(breaks(old).saturating_sub(breaks(new))));
            done = range.end;
        }
        text.push_str(source.text().get(done..).unwrap_or_default());
        text
    }

    /// The number of the first line that is changed, the lines as they are, and as they are changed.
    pub(super) fn lines(&self, source: &Source) -> (usize, Vec<String>, Vec<String>) {
        let first = self.edits.first().map_or(1, |(at, _)| source.line(at.start));
        let last = self.edits.last().map_or(first, |(at, _)| source.line(at.end));
        let some = |text: &str| -> Vec<String> {
            let count = last.saturating_sub(first).saturating_add(1);
            let lines = text.lines().skip(first.saturating_sub(1)).take(count);
            lines.map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect()
        };
        (first, some(source.text()), some(&self.text(source)))
    }
}

/// All small changes of a set, in source order.
pub(super) fn mutants(engine: &Engine) -> Vec<Mutant> {
    let mut all = Vec::new();
    for (file, source) in engine.sources().iter() {
        let (tree, _) = ast::parse(file, source);
        let mut finder =
            Finder { vocabulary: &engine.ir().vocabulary, source, seen: HashSet::new(), found: Vec::new() };
        finder.items(&tree.items);
        finder.found.sort_by_key(|mutant| mutant.at);
        all.append(&mut finder.found);
    }
    all
}

/// Finds the small changes of a file.
struct Finder<'a> {
    vocabulary: &'a Vocabulary,
    source: &'a Source,
    seen: HashSet<Vec<(Span, String)>>,
    found: Vec<Mutant>,
}

impl Finder<'_> {
    fn add(&mut self, at: Span, what: &'static str, edits: Vec<(Span, String)>) {
        let same = edits.iter().all(|(at, new)| one_line(self.source.slice(*at)) == *new);
        if !same && self.seen.insert(edits.clone()) {
            self.found.push(Mutant { at, what, edits });
        }
    }

    fn replace(&mut self, at: Span, what: &'static str, new: impl Into<String>) {
        self.add(at, what, vec![(at, new.into())]);
    }

    /// Statements; the depth of blocks is bounded by the parser.
    fn items(&mut self, items: &[Item]) {
        for item in items {
            match &item.kind {
                ItemKind::Rule(rule) => self.rule(item, rule),
                ItemKind::On { selector, items } => {
                    self.selector(selector);
                    self.items(items);
                }
                ItemKind::Set { members, .. } => self.members(members),
                ItemKind::Window { spans, .. } => spans.iter().for_each(|span| self.window(span)),
                ItemKind::Condition { cond, .. } => self.cond(cond),
                ItemKind::ActionGroup { members, .. } => self.fewer(members, "an action less"),
                ItemKind::Role { includes, .. } => self.fewer(includes, "an included role less"),
                ItemKind::Timezone(_)
                | ItemKind::Tiers(_)
                | ItemKind::Actions(_)
                | ItemKind::Kinds { .. }
                | ItemKind::Attribute { .. }
                | ItemKind::Declaration(_)
                | ItemKind::Invariant(_)
                | ItemKind::Test(_) => {}
            }
        }
    }

    fn rule(&mut self, item: &Item, rule: &Rule) {
        if rule.shadow {
            if let Some(at) = self.word(item, rule, "shadow") {
                self.replace(at, "no shadow", "");
            }
            return;
        }
        // What documents a rule goes with it.
        let docs = item.docs.first().map(|line| line.at.0.start.saturating_add(3));
        let before = docs.and_then(|at| self.source.text().get(..usize::try_from(at).ok()?));
        let from = before.and_then(|text| text.rfind("///")).and_then(|at| u32::try_from(at).ok());
        let whole = Span::new(item.at.0.file, from.unwrap_or(item.at.0.start), item.at.0.end);
        self.add(item.at.0, "no such rule", vec![(whole, String::new())]);
        self.effect(item, rule);
        if let Some(who) = &rule.scope.who {
            self.who(who);
        }
        self.actions(&rule.scope.actions);
        if let Some(selector) = &rule.scope.on {
            self.selector(selector);
        }
        rule.clauses.iter().for_each(|clause| self.clause(clause));
        if let Some(at_most) = &rule.at_most {
            self.at_most(at_most, matches!(rule.effect, Effect::Allow));
        }
    }

    /// Where a keyword of a rule stands: the first such word behind its label.
    fn word(&self, item: &Item, rule: &Rule, word: &str) -> Option<Span> {
        let start = rule.label.as_ref().map_or(item.at.0.start, |label| label.at.0.end);
        let rest = self.source.slice(Span::new(item.at.0.file, start, item.at.0.end));
        let start = start.saturating_add(u32::try_from(rest.find(word)?).ok()?);
        Some(Span::new(item.at.0.file, start, start.saturating_add(u32::try_from(word.len()).ok()?)))
    }

    fn effect(&mut self, item: &Item, rule: &Rule) {
        let (old, new, what) = match &rule.effect {
            Effect::Allow => ("allow", "deny", "denies"),
            Effect::Deny => ("deny", "allow", "allows"),
            Effect::Gate(GateMode::Auto) => ("auto", "manual", "another gate"),
            Effect::Gate(GateMode::Manual) => ("manual", "auto", "another gate"),
            Effect::Require(cond) => return self.cond(cond),
            Effect::Oblige { duties, .. } => {
                if let ([first, .., last], texts) = (duties.as_slice(), duties.iter().map(print::duty)) {
                    let texts: Vec<String> = texts.collect();
                    self.without_one(first.at.0.to(last.at.0), "a duty less", &texts, ", ");
                }
                return;
            }
            Effect::Limit => return,
        };
        let Some(at) = self.word(item, rule, old) else { return };
        let mut edits = vec![(at, new.to_owned())];
        // What only the old effect can say goes with it.
        if !matches!(rule.effect, Effect::Gate(_)) {
            edits.extend(rule.at_most.iter().map(|at_most| (at_most.at.0, String::new())));
            edits.extend(rule.otherwise.iter().map(|otherwise| (otherwise.at.0, String::new())));
            edits.sort_by_key(|(at, _)| *at);
        }
        self.add(at, what, edits);
    }

    fn who(&mut self, who: &Who) {
        let mut other = |what: &'static str, any: Vec<Vec<WhoTerm>>, except: Vec<Vec<WhoTerm>>| {
            self.replace(who.at.0, what, print::who(&Who { any, except, at: who.at }));
        };
        for (any, what) in fewer_terms(&who.any) {
            other(what, any, who.except.clone());
        }
        for except in one_less(&who.except) {
            other("an exception less", who.any.clone(), except);
        }
        for (except, what) in fewer_terms(&who.except) {
            other(what, who.any.clone(), except);
        }
        for term in who.any.iter().chain(&who.except).flatten() {
            self.who_term(term);
        }
    }

    fn who_term(&mut self, term: &WhoTerm) {
        match &term.kind {
            WhoKind::Role(name) => {
                let roles: Vec<_> = self.vocabulary.roles.iter().map(|role| role.name.clone()).collect();
                let place = roles.iter().position(|role| *role == name.text);
                let next = roles.iter().cycle().nth(place.map_or(0, |place| place.saturating_add(1)));
                if let Some(next) = next {
                    self.replace(name.at.0, "another role", named(next));
                }
            }
            WhoKind::Tier(cmp, name) => {
                for (other, what) in others(*cmp) {
                    self.replace(term.at.0, what, format!("tier {} {}", other.symbol(), print::name(name)));
                }
                self.tier(&name.text, name.at.0);
            }
            WhoKind::Anyone | WhoKind::Anonymous | WhoKind::Org(_) | WhoKind::Principal { .. } => {}
        }
    }

    /// The tiers beside one.
    fn tier(&mut self, name: &str, at: Span) {
        let tiers = &self.vocabulary.tiers;
        let Some(place) = tiers.iter().position(|tier| **tier == *name) else { return };
        let lower = place.checked_sub(1).and_then(|place| tiers.get(place));
        let higher = tiers.get(place.saturating_add(1));
        for (tier, what) in
            lower.map(|tier| (tier, "the tier below")).into_iter().chain(higher.map(|tier| (tier, "the tier above")))
        {
            self.replace(at, what, named(tier));
        }
    }

    fn selector(&mut self, selector: &Selector) {
        let mut other = |what: &'static str, any: Vec<_>, except: Vec<_>| {
            self.replace(selector.at.0, what, print::selector(&Selector { any, except, at: selector.at }));
        };
        for (any, what) in fewer_terms(&selector.any) {
            other(what, any, selector.except.clone());
        }
        for except in one_less(&selector.except) {
            other("an exception less", selector.any.clone(), except);
        }
        for (except, what) in fewer_terms(&selector.except) {
            other(what, selector.any.clone(), except);
        }
    }

    fn actions(&mut self, actions: &Actions) {
        self.fewer(&actions.names, "an action less");
        if !actions.names.is_empty() {
            self.replace(actions.at.0, "any action", "any");
        }
    }

    /// Names with one of them left out.
    fn fewer(&mut self, names: &[Name], what: &'static str) {
        if let [first, .., last] = names {
            let texts: Vec<String> = names.iter().map(print::name).collect();
            self.without_one(first.at.0.to(last.at.0), what, &texts, ", ");
        }
    }

    fn without_one(&mut self, at: Span, what: &'static str, texts: &[String], between: &str) {
        for fewer in one_less(texts).filter(|fewer| !fewer.is_empty()) {
            self.replace(at, what, fewer.join(between));
        }
    }

    fn clause(&mut self, clause: &Clause) {
        self.replace(clause.at.0, "a clause less", "");
        match &clause.kind {
            ClauseKind::When(cond) | ClauseKind::Unless(cond) => self.cond(cond),
            ClauseKind::From(instant) | ClauseKind::Until(instant) => self.instant(instant),
        }
    }

    fn at_most(&mut self, at_most: &AtMost, of_allow: bool) {
        if of_allow {
            self.replace(at_most.at.0, "no limit", "");
        }
        self.int(at_most.amount, at_most.amount_at.0);
    }

    /// A condition; its depth is bounded by the parser.
    fn cond(&mut self, cond: &Cond) {
        let at = cond.at.0;
        let leaf = |kind: CondKind| print::cond(&Cond { kind, at: At::default() });
        match &cond.kind {
            CondKind::Or(sides) | CondKind::And(sides) => {
                let is_or = matches!(cond.kind, CondKind::Or(_));
                let join = |sides: Vec<Cond>, or: bool| if or { CondKind::Or(sides) } else { CondKind::And(sides) };
                let what = if is_or { "`and` for `or`" } else { "`or` for `and`" };
                self.replace(at, what, format!("({})", leaf(join(sides.clone(), !is_or))));
                for fewer in one_less(sides) {
                    let text = match fewer.as_slice() {
                        [only] => print::cond(only),
                        _ => leaf(join(fewer, is_or)),
                    };
                    self.replace(at, "a side less", format!("({text})"));
                }
                sides.iter().for_each(|side| self.cond(side));
            }
            CondKind::Not(inner) => {
                self.replace(at, "the opposite", format!("({})", print::cond(inner)));
                self.cond(inner);
            }
            CondKind::Compare { left, op, right } => {
                for (other, what) in others(*op) {
                    self.replace(
                        at,
                        what,
                        leaf(CondKind::Compare { left: left.clone(), op: other, right: right.clone() }),
                    );
                }
                self.operand(left);
                self.operand(right);
            }
            CondKind::In { operand, negated, set } => {
                let opposite = CondKind::In { operand: operand.clone(), negated: !negated, set: set.clone() };
                self.replace(at, "the opposite", leaf(opposite));
                self.set(set);
            }
            CondKind::Like { operand, negated, pattern } => {
                let opposite = CondKind::Like { operand: operand.clone(), negated: !negated, pattern: pattern.clone() };
                self.replace(at, "the opposite", leaf(opposite));
            }
            CondKind::Overlaps { set, .. } => {
                self.replace(at, "the opposite", format!("not {}", print::cond(cond)));
                self.set(set);
            }
            CondKind::Has(_) | CondKind::Path(_) => {
                self.replace(at, "the opposite", format!("not {}", print::cond(cond)));
            }
        }
    }

    fn operand(&mut self, operand: &Operand) {
        match operand {
            Operand::Literal(literal) => self.literal(literal),
            Operand::Path(path, None) => self.tier(&path.text, path.at.0),
            Operand::Path(path, Some(offset)) => self.offset(path, *offset),
        }
    }

    fn set(&mut self, set: &SetExpr) {
        match set {
            SetExpr::List(members, _) => self.members(members),
            SetExpr::Path(_) => {}
        }
    }

    /// The members of a set: one less, and others.
    fn members(&mut self, members: &[Literal]) {
        if let [first, .., last] = members {
            let texts: Vec<String> = members.iter().map(print::literal).collect();
            self.without_one(first.at.0.to(last.at.0), "a member less", &texts, ", ");
        }
        for member in members {
            match &member.kind {
                LiteralKind::Cidr(_) => self.literal(member),
                LiteralKind::Text(_)
                | LiteralKind::Int(_)
                | LiteralKind::Bool(_)
                | LiteralKind::Ip(_)
                | LiteralKind::Instant(_)
                | LiteralKind::Date(_)
                | LiteralKind::Duration(_)
                | LiteralKind::Ident(_)
                | LiteralKind::List(_)
                | LiteralKind::Held { .. } => {}
            }
        }
    }
}

/// The bounds beside a bound.
impl Finder<'_> {
    fn literal(&mut self, literal: &Literal) {
        let at = literal.at.0;
        let mut other = |what: &'static str, kind: LiteralKind| {
            self.replace(at, what, print::literal(&Literal { kind, at: literal.at }));
        };
        match &literal.kind {
            LiteralKind::Int(int) => self.int(*int, at),
            LiteralKind::Instant(instant) => {
                for (second, what) in [(-1, EARLIER), (1, LATER)] {
                    let moved = instant.checked_add_signed(TimeDelta::seconds(second));
                    moved.into_iter().for_each(|moved| other(what, LiteralKind::Instant(moved)));
                }
            }
            LiteralKind::Date(date) => {
                for (moved, what) in
                    [(date.checked_sub_days(Days::new(1)), EARLIER), (date.checked_add_days(Days::new(1)), LATER)]
                {
                    moved.into_iter().for_each(|moved| other(what, LiteralKind::Date(moved)));
                }
            }
            LiteralKind::Cidr(net) => {
                let longer = net.prefix_len().saturating_add(1);
                let shorter = net.prefix_len().saturating_sub(1);
                for (length, what) in [(shorter, "a wider block"), (longer, "a narrower block")] {
                    // Host bits are only warned of.
                    if length <= net.max_prefix_len() && length != net.prefix_len() {
                        self.replace(at, what, format!("{}/{length}", net.addr()));
                    }
                }
            }
            LiteralKind::Text(_)
            | LiteralKind::Bool(_)
            | LiteralKind::Ip(_)
            | LiteralKind::Duration(_)
            | LiteralKind::Ident(_)
            | LiteralKind::List(_)
            | LiteralKind::Held { .. } => {}
        }
    }

    fn int(&mut self, int: Int, at: Span) {
        for (other, what) in [(int.value.checked_sub(1), "one less"), (int.value.checked_add(1), "one more")] {
            if let Some(value) = other {
                self.replace(at, what, value.to_string());
            }
        }
    }

    fn instant(&mut self, instant: &Instant) {
        let at = instant.at.0;
        match &instant.kind {
            InstantKind::Instant(exact) => {
                self.literal(&Literal { kind: LiteralKind::Instant(*exact), at: instant.at });
            }
            InstantKind::Date(date, zone) => {
                let zone = zone.as_ref().map(|zone| format!(" in {}", print::string(&zone.text))).unwrap_or_default();
                for (moved, what) in
                    [(date.checked_sub_days(Days::new(1)), EARLIER), (date.checked_add_days(Days::new(1)), LATER)]
                {
                    moved.into_iter().for_each(|moved| self.replace(at, what, format!("{moved}{zone}")));
                }
            }
            InstantKind::Path(_, None) => {}
            InstantKind::Path(path, Some(offset)) => self.offset(path, *offset),
        }
    }

    /// A moved instant: moved by one unit more. The place is the path's and all behind it.
    fn offset(&mut self, path: &Path, offset: Offset) {
        let Duration { amount, unit } = offset.duration;
        let old = format!("{amount}{}", unit.symbol());
        let rest =
            Span::new(path.at.0.file, path.at.0.end, u32::try_from(self.source.text().len()).unwrap_or(u32::MAX));
        let Some(place) = self.source.slice(rest).find(&old).and_then(|place| u32::try_from(place).ok()) else {
            return;
        };
        let start = rest.start.saturating_add(place);
        let at = Span::new(rest.file, start, start.saturating_add(u32::try_from(old.len()).unwrap_or_default()));
        self.replace(at, LATER, format!("{}{}", amount.saturating_add(1), unit.symbol()));
    }

    /// The hours of a window: from and to a minute earlier and later.
    fn window(&mut self, span: &WindowSpan) {
        let Some((from, to)) = span.clock else { return };
        let text = self.source.slice(span.at.0).to_owned();
        let clock = |minutes: u16| {
            let (hours, minutes) =
                (minutes.checked_div(60).unwrap_or_default(), minutes.checked_rem(60).unwrap_or_default());
            format!("{hours:02}:{minutes:02}")
        };
        let Some(days) = text.rfind(&clock(from.0)).and_then(|at| text.get(..at)) else { return };
        for (minutes, what) in [(from.0.checked_sub(1), EARLIER), (from.0.checked_add(1), LATER)] {
            if let Some(minutes) = minutes {
                self.replace(span.at.0, what, format!("{days}{}..{}", clock(minutes), clock(to.0)));
            }
        }
        for (minutes, what) in [(to.0.checked_sub(1), EARLIER), (to.0.checked_add(1), LATER)] {
            if let Some(minutes) = minutes {
                self.replace(span.at.0, what, format!("{days}{}..{}", clock(from.0), clock(minutes)));
            }
        }
    }
}

const EARLIER: &str = "a bit earlier";
const LATER: &str = "a bit later";

fn named(text: &str) -> String {
    print::name(&Name { text: text.into(), at: At::default() })
}

/// The operators that a slip of the pen makes of one.
const fn others(cmp: Cmp) -> [(Cmp, &'static str); 2] {
    const OTHER: &str = "another operator";
    const OPPOSITE: &str = "the opposite";
    match cmp {
        Cmp::Eq => [(Cmp::Ne, OPPOSITE), (Cmp::Ne, OPPOSITE)],
        Cmp::Ne => [(Cmp::Eq, OPPOSITE), (Cmp::Eq, OPPOSITE)],
        Cmp::Lt => [(Cmp::Le, OTHER), (Cmp::Ge, OPPOSITE)],
        Cmp::Le => [(Cmp::Lt, OTHER), (Cmp::Gt, OPPOSITE)],
        Cmp::Gt => [(Cmp::Ge, OTHER), (Cmp::Le, OPPOSITE)],
        Cmp::Ge => [(Cmp::Gt, OTHER), (Cmp::Lt, OPPOSITE)],
    }
}

/// All lists that are one shorter.
fn one_less<T: Clone>(all: &[T]) -> impl Iterator<Item = Vec<T>> {
    (0..all.len()).map(|gone| {
        let left = all.iter().enumerate().filter(|(place, _)| *place != gone);
        left.map(|(_, one)| one.clone()).collect()
    })
}

/// Alternatives with one of them less, or with a term of one less.
fn fewer_terms<T: Clone>(any: &[Vec<T>]) -> Vec<(Vec<Vec<T>>, &'static str)> {
    let mut fewer = Vec::new();
    if any.len() > 1 {
        fewer.extend(one_less(any).map(|any| (any, "an alternative less")));
    }
    for (place, row) in any.iter().enumerate().filter(|(_, row)| row.len() > 1) {
        for shorter in one_less(row) {
            let rows = any.iter().enumerate();
            let rows = rows.map(|(at, row)| if at == place { shorter.clone() } else { row.clone() });
            fewer.push((rows.collect(), "a term less"));
        }
    }
    fewer
}
