//! Walking over trees.
//!
//! A [`Visit`] has a method for each sort of node that more than one caller looks for. By default it goes on to what
//! stands inside; a visitor overrides what it is after, and calls the `walk_…` function of the same name to go on from
//! there. Nodes come in the order of the tree.

use super::{
    Arg, Assign, AssignKind, Assigned, Ast, AtMost, Clause, ClauseKind, Cond, CondKind, Duty, Effect, InstantKind,
    Invariant, Item, ItemKind, Literal, LiteralKind, Name, Operand, Path, Rule, Scope, SelectorKind, SelectorTerm,
    SetExpr, Step, StepKind, WhoKind, WhoTerm,
};

/// What a name names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameKind {
    /// An action, or a group of actions.
    Action,
    /// A role.
    Role,
    /// A kind of principals or resources.
    Kind,
    /// A tier.
    Tier,
    /// A tag.
    Tag,
    /// A set; it is used by a path.
    Set,
    /// A window; it is used by a path.
    Window,
    /// A condition; it is used by a path.
    Condition,
}

/// Sees the nodes of a tree.
pub trait Visit<'a> {
    /// A statement, also inside a block.
    fn visit_item(&mut self, item: &'a Item) {
        walk_item(self, item);
    }

    /// A rule.
    fn visit_rule(&mut self, rule: &'a Rule) {
        walk_rule(self, rule);
    }

    /// An invariant.
    fn visit_invariant(&mut self, invariant: &'a Invariant) {
        walk_invariant(self, invariant);
    }

    /// Whom and what a statement speaks of.
    fn visit_scope(&mut self, scope: &'a Scope) {
        walk_scope(self, scope);
    }

    /// A test of a principal.
    fn visit_who_term(&mut self, term: &'a WhoTerm) {
        walk_who_term(self, term);
    }

    /// A test of a resource.
    fn visit_selector_term(&mut self, term: &'a SelectorTerm) {
        walk_selector_term(self, term);
    }

    /// A clause of a statement.
    fn visit_clause(&mut self, clause: &'a Clause) {
        walk_clause(self, clause);
    }

    /// `at most …`
    fn visit_at_most(&mut self, _: &'a AtMost) {}

    /// A duty of a rule or of a test.
    fn visit_duty(&mut self, duty: &'a Duty) {
        walk_duty(self, duty);
    }

    /// A condition, also inside another.
    fn visit_cond(&mut self, cond: &'a Cond) {
        walk_cond(self, cond);
    }

    /// A side of a comparison, or the left side of `in` and `like`.
    fn visit_operand(&mut self, operand: &'a Operand) {
        walk_operand(self, operand);
    }

    /// The right side of `in` and `overlaps`.
    fn visit_set_expr(&mut self, set: &'a SetExpr) {
        walk_set_expr(self, set);
    }

    /// One line of a test.
    fn visit_step(&mut self, step: &'a Step) {
        walk_step(self, step);
    }

    /// A value that a test gives to an attribute.
    fn visit_assign(&mut self, assign: &'a Assign) {
        walk_assign(self, assign);
    }

    /// A constant, also inside a list.
    fn visit_literal(&mut self, literal: &'a Literal) {
        walk_literal(self, literal);
    }

    /// A path, wherever it is used. The path that `attribute` declares is none of them.
    fn visit_path(&mut self, _: &'a Path) {}

    /// A name, where a statement declares it.
    fn visit_declared(&mut self, _: NameKind, _: &'a Name) {}

    /// A name, where it is used.
    fn visit_used(&mut self, _: NameKind, _: &'a Name) {}
}

/// Goes over all statements of a file.
pub fn walk<'a, V: Visit<'a> + ?Sized>(visitor: &mut V, ast: &'a Ast) {
    for item in &ast.items {
        visitor.visit_item(item);
    }
}

/// Goes on from a statement.
pub fn walk_item<'a, V: Visit<'a> + ?Sized>(visitor: &mut V, item: &'a Item) {
    match &item.kind {
        ItemKind::Timezone(_) => {}
        ItemKind::Tiers(tiers) => declared(visitor, NameKind::Tier, tiers),
        ItemKind::Actions(actions) => declared(visitor, NameKind::Action, actions),
        ItemKind::ActionGroup { name, members } => {
            visitor.visit_declared(NameKind::Action, name);
            used(visitor, NameKind::Action, members);
        }
        ItemKind::Kinds { names, .. } => declared(visitor, NameKind::Kind, names),
        ItemKind::Role { name, includes } => {
            visitor.visit_declared(NameKind::Role, name);
            used(visitor, NameKind::Role, includes);
        }
        ItemKind::Attribute { default, .. } => {
            if let Some(default) = default {
                assigned(visitor, default);
            }
        }
        ItemKind::Set { name, members } => {
            visitor.visit_declared(NameKind::Set, name);
            literals(visitor, members);
        }
        ItemKind::Window { name, .. } => visitor.visit_declared(NameKind::Window, name),
        ItemKind::Condition { name, cond } => {
            visitor.visit_declared(NameKind::Condition, name);
            visitor.visit_cond(cond);
        }
        ItemKind::Declaration(declaration) => {
            visitor.visit_used(NameKind::Kind, &declaration.kind);
            for (_, value) in &declaration.members {
                assigned(visitor, value);
            }
        }
        ItemKind::On { selector, items } => {
            selector_terms(visitor, &selector.any, &selector.except);
            for item in items {
                visitor.visit_item(item);
            }
        }
        ItemKind::Rule(rule) => visitor.visit_rule(rule),
        ItemKind::Invariant(invariant) => visitor.visit_invariant(invariant),
        ItemKind::Test(test) => {
            for assign in &test.given {
                visitor.visit_assign(assign);
            }
            for step in &test.steps {
                visitor.visit_step(step);
            }
        }
    }
}

/// Goes on from a rule.
pub fn walk_rule<'a, V: Visit<'a> + ?Sized>(visitor: &mut V, rule: &'a Rule) {
    match &rule.effect {
        Effect::Allow | Effect::Deny | Effect::Limit | Effect::Gate(_) => {}
        Effect::Require(cond) => visitor.visit_cond(cond),
        Effect::Oblige { duties, .. } => {
            for duty in duties {
                visitor.visit_duty(duty);
            }
        }
    }
    visitor.visit_scope(&rule.scope);
    for clause in &rule.clauses {
        visitor.visit_clause(clause);
    }
    if let Some(at_most) = &rule.at_most {
        visitor.visit_at_most(at_most);
    }
}

/// Goes on from an invariant.
pub fn walk_invariant<'a, V: Visit<'a> + ?Sized>(visitor: &mut V, invariant: &'a Invariant) {
    visitor.visit_scope(&invariant.scope);
    for clause in &invariant.clauses {
        visitor.visit_clause(clause);
    }
}

/// Goes on from a scope.
pub fn walk_scope<'a, V: Visit<'a> + ?Sized>(visitor: &mut V, scope: &'a Scope) {
    if let Some(who) = &scope.who {
        for term in who.any.iter().chain(&who.except).flatten() {
            visitor.visit_who_term(term);
        }
    }
    used(visitor, NameKind::Action, &scope.actions.names);
    if let Some(on) = &scope.on {
        selector_terms(visitor, &on.any, &on.except);
    }
}

/// Goes on from a test of a principal.
pub fn walk_who_term<'a, V: Visit<'a> + ?Sized>(visitor: &mut V, term: &'a WhoTerm) {
    match &term.kind {
        WhoKind::Anyone | WhoKind::Anonymous | WhoKind::Org(_) => {}
        WhoKind::Role(role) => visitor.visit_used(NameKind::Role, role),
        WhoKind::Tier(_, tier) => visitor.visit_used(NameKind::Tier, tier),
        WhoKind::Principal { kind, .. } => visitor.visit_used(NameKind::Kind, kind),
    }
}

/// Goes on from a test of a resource.
pub fn walk_selector_term<'a, V: Visit<'a> + ?Sized>(visitor: &mut V, term: &'a SelectorTerm) {
    match &term.kind {
        SelectorKind::Any(kind) | SelectorKind::Resource { kind, .. } => used(visitor, NameKind::Kind, kind),
        SelectorKind::Tag(tag) => visitor.visit_used(NameKind::Tag, tag),
        SelectorKind::Org(_) => {}
    }
}

/// Goes on from a clause.
pub fn walk_clause<'a, V: Visit<'a> + ?Sized>(visitor: &mut V, clause: &'a Clause) {
    match &clause.kind {
        ClauseKind::When(cond) | ClauseKind::Unless(cond) => visitor.visit_cond(cond),
        ClauseKind::From(instant) | ClauseKind::Until(instant) => match &instant.kind {
            InstantKind::Instant(_) | InstantKind::Date(..) => {}
            InstantKind::Path(path, _) => visitor.visit_path(path),
        },
    }
}

/// Goes on from a duty.
pub fn walk_duty<'a, V: Visit<'a> + ?Sized>(visitor: &mut V, duty: &'a Duty) {
    for (_, arg) in &duty.args {
        match arg {
            Arg::Literal(literal) => visitor.visit_literal(literal),
            Arg::Path(path) => visitor.visit_path(path),
        }
    }
}

/// Goes on from a condition.
pub fn walk_cond<'a, V: Visit<'a> + ?Sized>(visitor: &mut V, cond: &'a Cond) {
    match &cond.kind {
        CondKind::Or(parts) | CondKind::And(parts) => {
            for part in parts {
                visitor.visit_cond(part);
            }
        }
        CondKind::Not(inner) => visitor.visit_cond(inner),
        CondKind::Compare { left, right, .. } => {
            visitor.visit_operand(left);
            visitor.visit_operand(right);
        }
        CondKind::In { operand, set, .. } => {
            visitor.visit_operand(operand);
            visitor.visit_set_expr(set);
        }
        CondKind::Like { operand, .. } => visitor.visit_operand(operand),
        CondKind::Overlaps { path, set } => {
            visitor.visit_path(path);
            visitor.visit_set_expr(set);
        }
        CondKind::Has(path) | CondKind::Path(path) => visitor.visit_path(path),
    }
}

/// Goes on from a side of a comparison.
pub fn walk_operand<'a, V: Visit<'a> + ?Sized>(visitor: &mut V, operand: &'a Operand) {
    match operand {
        Operand::Path(path, _) => visitor.visit_path(path),
        Operand::Literal(literal) => visitor.visit_literal(literal),
    }
}

/// Goes on from the right side of `in` and `overlaps`.
pub fn walk_set_expr<'a, V: Visit<'a> + ?Sized>(visitor: &mut V, set: &'a SetExpr) {
    match set {
        SetExpr::List(members, _) => literals(visitor, members),
        SetExpr::Path(path) => visitor.visit_path(path),
    }
}

/// Goes on from a line of a test.
pub fn walk_step<'a, V: Visit<'a> + ?Sized>(visitor: &mut V, step: &'a Step) {
    match &step.kind {
        StepKind::Case { action, kind, with, expect, .. } => {
            visitor.visit_used(NameKind::Action, action);
            used(visitor, NameKind::Kind, kind);
            for assign in with {
                visitor.visit_assign(assign);
            }
            for duty in expect.obliges.iter().flatten() {
                visitor.visit_duty(duty);
            }
        }
        StepKind::Release { action, kind, .. } => {
            visitor.visit_used(NameKind::Action, action);
            used(visitor, NameKind::Kind, kind);
        }
    }
}

/// Goes on from a value that a test gives.
pub fn walk_assign<'a, V: Visit<'a> + ?Sized>(visitor: &mut V, assign: &'a Assign) {
    match &assign.kind {
        AssignKind::Principal(None) => {}
        AssignKind::Principal(Some((kind, _))) => visitor.visit_used(NameKind::Kind, kind),
        AssignKind::Attribute(path, value) => {
            visitor.visit_path(path);
            assigned(visitor, value);
        }
    }
}

/// Goes on from a constant.
pub fn walk_literal<'a, V: Visit<'a> + ?Sized>(visitor: &mut V, literal: &'a Literal) {
    match &literal.kind {
        LiteralKind::Text(_)
        | LiteralKind::Int(_)
        | LiteralKind::Bool(_)
        | LiteralKind::Ip(_)
        | LiteralKind::Cidr(_)
        | LiteralKind::Instant(_)
        | LiteralKind::Date(_)
        | LiteralKind::Duration(_)
        | LiteralKind::Ident(_) => {}
        LiteralKind::List(members) => literals(visitor, members),
        LiteralKind::Held { role, .. } => visitor.visit_used(NameKind::Role, role),
    }
}

fn declared<'a, V: Visit<'a> + ?Sized>(visitor: &mut V, kind: NameKind, names: &'a [Name]) {
    for name in names {
        visitor.visit_declared(kind, name);
    }
}

fn used<'a, V: Visit<'a> + ?Sized>(visitor: &mut V, kind: NameKind, names: impl IntoIterator<Item = &'a Name>) {
    for name in names {
        visitor.visit_used(kind, name);
    }
}

fn selector_terms<'a, V: Visit<'a> + ?Sized>(
    visitor: &mut V,
    any: &'a [Vec<SelectorTerm>],
    except: &'a [Vec<SelectorTerm>],
) {
    for term in any.iter().chain(except).flatten() {
        visitor.visit_selector_term(term);
    }
}

fn literals<'a, V: Visit<'a> + ?Sized>(visitor: &mut V, literals: &'a [Literal]) {
    for literal in literals {
        visitor.visit_literal(literal);
    }
}

fn assigned<'a, V: Visit<'a> + ?Sized>(visitor: &mut V, value: &'a Assigned) {
    match value {
        Assigned::Literal(literal) => visitor.visit_literal(literal),
        Assigned::None(_) | Assigned::Unknown(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{NameKind, Visit, walk};
    use crate::{
        ast::{Literal, Name, Path, parse, print},
        source::{FileId, Source},
    };

    /// Writes down what it sees.
    #[derive(Default)]
    struct Seen(Vec<String>);

    impl<'a> Visit<'a> for Seen {
        fn visit_literal(&mut self, literal: &'a Literal) {
            self.0.push(print::literal(literal));
            super::walk_literal(self, literal);
        }

        fn visit_path(&mut self, path: &'a Path) {
            self.0.push(path.text.to_string());
        }

        fn visit_declared(&mut self, kind: NameKind, name: &'a Name) {
            self.0.push(format!("{kind:?}! {}", name.text));
        }

        fn visit_used(&mut self, kind: NameKind, name: &'a Name) {
            self.0.push(format!("{kind:?} {}", name.text));
        }
    }

    fn seen(text: &str) -> String {
        let (ast, _) = parse(FileId::default(), &Source::new("a.policy", "a.policy", text));
        let mut seen = Seen::default();
        walk(&mut seen, &ast);
        seen.0.join(", ")
    }

    #[test]
    fn vocabulary() {
        let text = "role admin includes editor; set s = [10.0.0.0/8, [1]]; condition c = has org or not mfa;
            actions write = edit; model \"x\" { tags: [chat]; org: none; } attribute a: tier = seed;";
        insta::assert_snapshot!(seen(text), @r#"Role! admin, Role editor, Set! s, 10.0.0.0/8, [1], 1, Condition! c, org, mfa, Action! write, Action edit, Kind model, [chat], chat, seed"#);
    }

    #[test]
    fn statements() {
        let text = "on tag risk { deny anyone to view; }
            oblige log(x = ip, n = 1) to write on dataset \"d\" of role a except tier < seed;
            never allow user \"u\" to view when roles overlaps [admin@\"o\"] until model.created + 7d;
            test \"t\" { given principal = user \"u\", ip = 10.0.0.1; view on model \"x\" => allow obliges log(y = 2); }";
        insta::assert_snapshot!(seen(text), @r#"Tag risk, Action view, ip, 1, Role a, Tier seed, Action write, Kind dataset, Kind user, Action view, roles, admin@"o", Role admin, model.created, Kind user, ip, 10.0.0.1, Action view, Kind model, 2"#);
    }
}
