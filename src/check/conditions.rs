//! Conditions: from what is written to tests of attributes.

use super::{
    infer::{Checker, has_constants, kind_words, quoted, texts, unknown_role},
    ir::{Atom, Cond, Members},
    names::{nearest, suggestion},
    resolve::Space,
    vocabulary::{AttrId, Owner, Type, builtin},
};
use crate::{
    ast::{self, CondKind, Literal, LiteralKind, Name, Offset, Operand, Path, SetExpr},
    glob::Glob,
    report::codes,
    source::Span,
    value::{Cmp, Value, canonical_ip},
    zone::Zone,
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use ipnet::{IpNet, Ipv4Net};
use std::{net::IpAddr, sync::Arc};

impl Checker<'_> {
    /// The meaning of a condition. The tree's depth is bounded by the parser.
    pub(super) fn condition(&mut self, cond: &ast::Cond) -> Option<Cond> {
        let at = cond.at.0;
        match &cond.kind {
            CondKind::Or(conds) => self.conditions(conds).map(Cond::any),
            CondKind::And(conds) => self.conditions(conds).map(Cond::all),
            CondKind::Not(inner) => self.condition(inner).map(Cond::negated),
            CondKind::Compare { left, op, right } => self.compare(left, *op, right, at),
            CondKind::In { operand, negated, set } => self.is_in(operand, set, at).map(|cond| negate(cond, *negated)),
            CondKind::Like { operand, negated, pattern } => {
                self.like(operand, pattern, at).map(|cond| negate(cond, *negated))
            }
            CondKind::Overlaps { path, set } => self.overlaps(path, set),
            CondKind::Has(path) => self.attribute(path).map(|attr| Cond::atom(Atom::Has(attr))),
            CondKind::Path(path) => self.bare(path),
        }
    }

    fn conditions(&mut self, conds: &[ast::Cond]) -> Option<Vec<Cond>> {
        // All of them, so that every error is found.
        let found: Vec<Option<Cond>> = conds.iter().map(|cond| self.condition(cond)).collect();
        found.into_iter().collect()
    }

    /// A named condition or a bool attribute.
    fn bare(&mut self, path: &Path) -> Option<Cond> {
        if self.names.conditions.contains(&path.text) {
            self.use_name(Space::Bare, &path.text);
            return self.defined.conditions.get(&path.text).cloned();
        }
        if self.names.sets.contains_key(&path.text) || self.names.windows.contains(&path.text) {
            let (what, example) =
                if self.names.sets.contains_key(&path.text) { ("set", "ip") } else { ("window", "time") };
            let message = format!("expected a condition, found the {what} `{}`", path.text);
            let help = format!("say what is in it: `{example} in {}`", path.text);
            return self.error(codes::TYPE_MISMATCH, path.at.0, message, Some(help));
        }
        let attr = self.attribute(path)?;
        let ty = &self.row(attr).ty;
        if *ty == Type::Bool {
            return Some(Cond::atom(Atom::IsTrue(attr)));
        }
        let message = format!("expected a condition, found {}", ty.words());
        self.error(codes::TYPE_MISMATCH, path.at.0, message, Some(format!("compare `{}` with something", path.text)))
    }

    fn compare(&mut self, left: &Operand, op: Cmp, right: &Operand, at: Span) -> Option<Cond> {
        match (left, right) {
            (Operand::Literal(_), Operand::Literal(_)) => {
                let help = "compare an attribute with a constant".to_owned();
                self.error(codes::NOT_COMPARABLE, at, "both sides are constants".to_owned(), Some(help))
            }
            (Operand::Path(path, offset), Operand::Literal(literal)) => self.with_literal(path, *offset, op, literal),
            (Operand::Literal(literal), Operand::Path(path, offset)) => {
                self.with_literal(path, *offset, op.mirrored(), literal)
            }
            (Operand::Path(left, left_offset), Operand::Path(right, right_offset)) => {
                self.paths((left, *left_offset), op, (right, *right_offset), at)
            }
        }
    }

    /// Two paths. Opposite a type that has constants a bare name is one of them.
    fn paths(
        &mut self,
        left: (&Path, Option<Offset>),
        op: Cmp,
        right: (&Path, Option<Offset>),
        at: Span,
    ) -> Option<Cond> {
        // `tier`, `org` and `roles` are the principal's wherever they stand.
        let bare = |path: &Path, offset: Option<Offset>| {
            offset.is_none() && !path.text.contains('.') && !["tier", "org", "roles"].contains(&&*path.text)
        };
        for (attribute, name, op) in [(left, right, op), (right, left, op.mirrored())] {
            let Some(attr) = self.find(&attribute.0.text) else { continue };
            let ty = &self.row(attr).ty;
            if bare(name.0, name.1) && has_constants(ty) {
                let (ty, at) = (ty.clone(), name.0.at.0);
                let attr = self.attribute(attribute.0)?;
                let value = self.constant(&name.0.text, at, &ty);
                self.operator(attr, op, attribute.0.at.0)?;
                return value.map(|value| Cond::atom(Atom::Compare(attr, op, value)));
            }
        }
        for (attribute, name) in [(left, right), (right, left)] {
            if !bare(name.0, name.1) || self.find(&name.0.text).is_some() || self.is_definition(&name.0.text) {
                continue;
            }
            // The constant of an attribute that is misspelt, or a text without its quotes.
            let attr = self.find(&attribute.0.text).map(|attr| self.row(attr));
            if attr.is_none() && self.is_constant(&name.0.text) {
                self.attribute(attribute.0);
                return None;
            }
            if attr.is_some_and(|row| row.ty == Type::Text) && self.suggested(&name.0.text).is_none() {
                let value = self.constant(&name.0.text, name.0.at.0, &Type::Text);
                return value.and(None);
            }
        }
        let (first, second) = (self.attribute(left.0), self.attribute(right.0));
        self.pair((first?, left.1), op, (second?, right.1), at)
    }

    /// Whether a name is a tier, or a constant of an enumeration.
    fn is_constant(&self, name: &str) -> bool {
        let listed = |ty: &Type| matches!(ty, Type::OneOf(constants) if constants.iter().any(|c| &**c == name));
        self.vocabulary.tier(name).is_some() || self.vocabulary.attributes.iter().any(|row| listed(&row.ty))
    }

    fn is_definition(&self, name: &str) -> bool {
        self.names.place(Space::Bare, name).is_some()
    }

    /// The context attribute that a bare name may have been meant to be.
    fn suggested(&self, name: &str) -> Option<&str> {
        let rows = self.vocabulary.attributes.iter().filter(|row| row.owner == Owner::Context);
        nearest(name, rows.map(|row| &*row.path))
    }

    /// Two attributes; one must be the resource's.
    fn pair(
        &mut self,
        left: (AttrId, Option<Offset>),
        op: Cmp,
        right: (AttrId, Option<Offset>),
        at: Span,
    ) -> Option<Cond> {
        let owners = (self.row(left.0).owner, self.row(right.0).owner);
        let (left, op, right) = match owners {
            (Owner::Resource, Owner::Resource) => return self.not_comparable(left.0, right.0, at),
            (Owner::Resource, _) => (right, op.mirrored(), left),
            (_, Owner::Resource) => (left, op, right),
            _ => return self.not_comparable(left.0, right.0, at),
        };
        let (a, b) = (self.row(left.0), self.row(right.0));
        let same = match (&a.ty, &b.ty) {
            (Type::Int(..), Type::Int(..)) => true,
            (a, b) => a == b,
        };
        if !same {
            let message = format!("`{}` is {}, but `{}` is {}", a.path, a.ty.words(), b.path, b.ty.words());
            let set = matches!(a.ty, Type::Texts | Type::Roles) || matches!(b.ty, Type::Texts | Type::Roles);
            return self.error(codes::TYPE_MISMATCH, at, message, set.then(|| "a value is `in` a set".to_owned()));
        }
        self.operator(left.0, op, at)?;
        if left.1.is_some() {
            return self.misplaced_offset(left.0, at);
        }
        let offset = self.seconds(right.0, right.1, at)?;
        Some(Cond::atom(Atom::CompareResource { left: left.0, op, right: right.0, offset }))
    }

    fn not_comparable(&mut self, left: AttrId, right: AttrId, at: Span) -> Option<Cond> {
        let (left, right) = (&self.row(left).path, &self.row(right).path);
        let message = format!("`{left}` cannot be compared with `{right}`");
        let help = "compare with a constant, or an attribute of the principal, the action or the context with one of \
                    the resource: only such tests can be decided exactly for all requests";
        self.error(codes::NOT_COMPARABLE, at, message, Some(help.to_owned()))
    }

    fn misplaced_offset<T>(&mut self, attr: AttrId, at: Span) -> Option<T> {
        let row = self.row(attr);
        if row.ty != Type::Time {
            let message = format!("`{}` is {} and cannot be moved by a duration", row.path, row.ty.words());
            return self.error(codes::BAD_OPERATOR, at, message, None);
        }
        let message = "only a time attribute of the resource can be moved by a duration".to_owned();
        let help = "move the other side instead, as in `time < model.released + 7d`".to_owned();
        self.error(codes::BAD_OPERATOR, at, message, Some(help))
    }

    /// The seconds of an offset on an attribute.
    pub(super) fn seconds(&mut self, attr: AttrId, offset: Option<Offset>, at: Span) -> Option<i64> {
        let Some(offset) = offset else { return Some(0) };
        let row = self.row(attr);
        if row.owner != Owner::Resource || row.ty != Type::Time {
            return self.misplaced_offset(attr, at);
        }
        let seconds = i64::try_from(offset.duration.seconds()).unwrap_or(i64::MAX);
        Some(if offset.minus { seconds.saturating_neg() } else { seconds })
    }

    /// Whether an attribute's type has an operator.
    fn operator(&mut self, attr: AttrId, op: Cmp, at: Span) -> Option<()> {
        let row = self.row(attr);
        let ordered = matches!(row.ty, Type::Int(..) | Type::Time | Type::Tier);
        if matches!(row.ty, Type::Texts | Type::Roles) {
            let message = format!("`{}` is a set and has no `{op}`", row.path);
            let help = format!("write `\"…\" in {0}` or `{0} overlaps […]`", row.path);
            return self.error(codes::BAD_OPERATOR, at, message, Some(help));
        }
        if ordered || matches!(op, Cmp::Eq | Cmp::Ne) {
            return Some(());
        }
        let message = format!("`{}` is {} and has no order, so no `{op}`", row.path, row.ty.words());
        let help = match row.ty {
            Type::Bool => format!("write `{0}` or `not {0}`", row.path),
            Type::Ip => format!("write `{} in [10.0.0.0/8]`", row.path),
            Type::Text
            | Type::Kind
            | Type::Action
            | Type::OneOf(_)
            | Type::Int(..)
            | Type::Time
            | Type::Tier
            | Type::Texts
            | Type::Roles => "use `==`, `!=` or `in`".to_owned(),
        };
        self.error(codes::BAD_OPERATOR, at, message, Some(help))
    }

    fn with_literal(&mut self, path: &Path, offset: Option<Offset>, op: Cmp, literal: &Literal) -> Option<Cond> {
        let attr = self.attribute(path)?;
        let ty = self.row(attr).ty.clone();
        self.operator(attr, op, path.at.0)?;
        let offset = self.seconds(attr, offset, path.at.0)?;
        let (op, value) = match (&literal.kind, &ty) {
            (LiteralKind::Date(date), Type::Time) => {
                let (op, instant) = self.date(op, *date, literal.at.0)?;
                (op, Value::Time(instant))
            }
            _ => (op, self.literal(literal, &ty)?),
        };
        // `model.released + 7d < X` is `model.released < X - 7d`.
        let moved = value.as_time().map(|instant| Value::Time(shift(instant, offset.saturating_neg())));
        let value = moved.unwrap_or(value);
        Some(Cond::atom(Atom::Compare(attr, op, value)))
    }

    /// A date in a comparison: `<` and `>=` mean its start, `<=` and `>` its end.
    fn date(&mut self, op: Cmp, date: NaiveDate, at: Span) -> Option<(Cmp, DateTime<Utc>)> {
        let zone = &self.vocabulary.zone;
        match op {
            Cmp::Lt | Cmp::Ge => Some((op, zone.start_of_day(date))),
            Cmp::Le => Some((Cmp::Lt, end_of_day(zone, date))),
            Cmp::Gt => Some((Cmp::Ge, end_of_day(zone, date))),
            Cmp::Eq | Cmp::Ne => {
                let message = format!("`{op}` compares instants, but `{date}` is a whole day");
                let not = if op == Cmp::Ne { "not " } else { "" };
                let help = format!("write `{not}in [{date}]`");
                self.error(codes::DATE_EQUALITY, at, message, Some(help))
            }
        }
    }

    fn is_in(&mut self, operand: &Operand, set: &SetExpr, at: Span) -> Option<Cond> {
        match operand {
            Operand::Path(_, Some(_)) => {
                let help = "use `from`, `until` or a comparison".to_owned();
                self.error(codes::BAD_OPERATOR, at, "`in` has no place for a duration".to_owned(), Some(help))
            }
            Operand::Path(path, None) => match set {
                SetExpr::List(members, _) => {
                    let attr = self.attribute(path)?;
                    self.one_of(attr, members, path.at.0)
                }
                SetExpr::Path(set) => self.in_named(path, set, at),
            },
            Operand::Literal(literal) => self.literal_in(literal, set, at),
        }
    }

    /// `ip in intranet`, `time in office`, `principal.id in model.owners`.
    fn in_named(&mut self, path: &Path, set: &Path, at: Span) -> Option<Cond> {
        if let Some(members) = self.names.sets.get(&set.text) {
            self.use_name(Space::Bare, &set.text);
            let attr = self.attribute(path)?;
            return self.one_of(attr, members, path.at.0);
        }
        if self.names.windows.contains(&set.text) {
            self.use_name(Space::Bare, &set.text);
            let attr = self.attribute(path)?;
            let row = self.row(attr);
            if row.ty != Type::Time {
                let message = format!("`{}` is {}, but a window holds times", row.path, row.ty.words());
                return self.error(codes::TYPE_MISMATCH, path.at.0, message, None);
            }
            let window = self.defined.windows.get(&set.text)?.clone();
            return Some(Cond::atom(Atom::During(attr, window)));
        }
        let set_attr = self.set_attribute(set)?;
        let attr = self.attribute(path)?;
        let (element, holder) = (self.row(attr), self.row(set_attr));
        if !matches!(element.ty, Type::Text | Type::OneOf(_) | Type::Action | Type::Kind) {
            let message = format!("`{}` is {}, but `{}` holds texts", element.path, element.ty.words(), holder.path);
            return self.error(codes::TYPE_MISMATCH, path.at.0, message, None);
        }
        if (element.owner == Owner::Resource) == (holder.owner == Owner::Resource) {
            return self.not_comparable(attr, set_attr, at);
        }
        self.used.any_role |= set_attr == builtin::PRINCIPAL_ROLES;
        Some(Cond::atom(Atom::ContainsValue(set_attr, attr)))
    }

    /// The set attribute of a path after `in` or `overlaps`.
    fn set_attribute(&mut self, path: &Path) -> Option<AttrId> {
        if self.find(&path.text).is_none() && !path.text.contains('.') && !self.names.conditions.contains(&path.text) {
            let sets = self.names.sets.keys().chain(&self.names.windows).map(|name| &**name);
            let help = suggestion(&path.text, sets)
                .unwrap_or_else(|| format!("declare it: `set {} = […];`, or write a list: `[…]`", path.text));
            let message = format!("unknown set or window `{}`", path.text);
            return self.error(codes::UNKNOWN_SET, path.at.0, message, Some(help));
        }
        let attr = self.attribute(path)?;
        let row = self.row(attr);
        if matches!(row.ty, Type::Texts | Type::Roles) {
            return Some(attr);
        }
        let message = format!("expected a set, found `{}`, which is {}", row.path, row.ty.words());
        self.error(codes::TYPE_MISMATCH, path.at.0, message, Some("to compare two values, use `==`".to_owned()))
    }

    /// `"admin" in principal.roles`.
    fn literal_in(&mut self, literal: &Literal, set: &SetExpr, at: Span) -> Option<Cond> {
        let SetExpr::Path(set) = set else {
            let help = "compare an attribute with constants".to_owned();
            return self.error(codes::NOT_COMPARABLE, at, "both sides are constants".to_owned(), Some(help));
        };
        let attr = self.set_attribute(set)?;
        let LiteralKind::Text(text) = &literal.kind else {
            let message = format!("expected a text, found {}", kind_words(&literal.kind));
            return self.error(codes::TYPE_MISMATCH, literal.at.0, message, None);
        };
        if attr != builtin::PRINCIPAL_ROLES {
            return Some(Cond::atom(Atom::Contains(attr, text.clone())));
        }
        self.holds(&Name { text: text.clone(), at: literal.at })
    }

    /// The principal holds a role.
    pub(super) fn holds(&mut self, role: &Name) -> Option<Cond> {
        let Some(id) = self.vocabulary.role_ids.get(&role.text).copied() else {
            self.diagnostics.push(unknown_role(self.vocabulary, role));
            return None;
        };
        self.use_name(Space::Role, &role.text);
        self.used.attributes.insert(builtin::PRINCIPAL_ROLES);
        let holds = self.recent.roles.entry(id).or_insert_with(|| Cond::atom(Atom::Holds(id)));
        Some(holds.clone())
    }

    /// An attribute that is one of some constants.
    fn one_of(&mut self, attr: AttrId, list: &[Literal], at: Span) -> Option<Cond> {
        let row = self.row(attr);
        let members = match &row.ty {
            Type::Text => Members::Texts(texts(list, &mut self.diagnostics)?),
            Type::OneOf(_) | Type::Kind | Type::Action => Members::Texts(self.members(list, &row.ty, as_text)?),
            Type::Int(..) => Members::Ints(self.members(list, &row.ty, as_int)?),
            Type::Tier => Members::Tiers(self.members(list, &row.ty, as_tier)?),
            Type::Ip => Members::Nets(self.nets(list)?),
            Type::Time => Members::Spans(self.spans(list)?),
            Type::Bool => {
                let message = format!("`{}` is `true` or `false` and has no `in`", row.path);
                let help = format!("write `{0}` or `not {0}`", row.path);
                return self.error(codes::BAD_OPERATOR, at, message, Some(help));
            }
            Type::Texts | Type::Roles => {
                let message = format!("`{}` is a set and has no `in`", row.path);
                return self.error(codes::BAD_OPERATOR, at, message, Some("use `overlaps`".to_owned()));
            }
        };
        Some(Cond::atom(Atom::In(attr, Arc::new(members))))
    }

    fn members<T, C: FromIterator<T>>(&mut self, list: &[Literal], ty: &Type, of: fn(Value) -> Option<T>) -> Option<C> {
        let found: Vec<Option<Value>> = list.iter().map(|literal| self.literal(literal, ty)).collect();
        found.into_iter().map(|value| value.and_then(of)).collect()
    }

    fn nets(&mut self, list: &[Literal]) -> Option<Vec<IpNet>> {
        let mut nets = Vec::with_capacity(list.len());
        let mut complete = true;
        for literal in list {
            if let LiteralKind::Ip(ip) = &literal.kind {
                nets.push(IpNet::from(canonical_ip(*ip)));
            } else if let LiteralKind::Cidr(net) = &literal.kind {
                nets.push(canonical_net(*net));
            } else {
                complete = false;
                let message = format!("expected an address or an address block, found {}", kind_words(&literal.kind));
                self.error::<()>(codes::TYPE_MISMATCH, literal.at.0, message, None);
            }
        }
        nets.sort();
        complete.then_some(nets)
    }

    fn spans(&mut self, list: &[Literal]) -> Option<Vec<(DateTime<Utc>, DateTime<Utc>)>> {
        let mut spans = Vec::with_capacity(list.len());
        let mut complete = true;
        for literal in list {
            if let LiteralKind::Instant(instant) = &literal.kind {
                let start = instant.to_utc();
                let end = start.checked_add_signed(TimeDelta::nanoseconds(1)).unwrap_or(start);
                spans.push((start, end));
            } else if let LiteralKind::Date(date) = &literal.kind {
                let zone = &self.vocabulary.zone;
                spans.push((zone.start_of_day(*date), end_of_day(zone, *date)));
            } else {
                complete = false;
                let message = format!("expected a date or an instant, found {}", kind_words(&literal.kind));
                self.error::<()>(codes::TYPE_MISMATCH, literal.at.0, message, None);
            }
        }
        spans.sort();
        complete.then_some(spans)
    }

    fn like(&mut self, operand: &Operand, pattern: &Name, at: Span) -> Option<Cond> {
        let Operand::Path(path, None) = operand else {
            return self.error(codes::BAD_OPERATOR, at, "`like` tests an attribute".to_owned(), None);
        };
        let attr = self.attribute(path)?;
        let row = self.row(attr);
        if row.ty != Type::Text {
            let message = format!("`{}` is {}, but `like` matches a text", row.path, row.ty.words());
            let help = (row.ty == Type::Ip).then(|| format!("write `{} in [10.0.0.0/8]`", row.path));
            return self.error(codes::BAD_OPERATOR, path.at.0, message, help);
        }
        let glob = self.glob(Glob::text(&pattern.text), pattern)?;
        Some(Cond::atom(Atom::Like(attr, Arc::new(glob))))
    }

    /// A pattern, or why it is none.
    pub(super) fn glob(&mut self, glob: Result<Glob, crate::glob::GlobError>, pattern: &Name) -> Option<Glob> {
        match glob {
            Ok(glob) => Some(glob),
            Err(error) => {
                let message = format!("malformed pattern {}: {error}", quoted(&pattern.text));
                self.error(codes::BAD_PATTERN, pattern.at.0, message, None)
            }
        }
    }

    fn overlaps(&mut self, path: &Path, set: &SetExpr) -> Option<Cond> {
        let attr = self.set_attribute(path)?;
        let list = match set {
            SetExpr::List(list, _) => list.as_slice(),
            SetExpr::Path(name) => match self.names.sets.get(&name.text) {
                Some(list) => {
                    self.use_name(Space::Bare, &name.text);
                    list
                }
                None => return self.overlaps_attribute(attr, path, name),
            },
        };
        let members = texts(list, &mut self.diagnostics)?;
        if attr == builtin::PRINCIPAL_ROLES {
            for (literal, role) in list.iter().zip(literal_texts(list)) {
                self.holds(&Name { text: role, at: literal.at })?;
            }
        }
        Some(Cond::atom(Atom::Overlaps(attr, Arc::new(members))))
    }

    fn overlaps_attribute(&mut self, attr: AttrId, path: &Path, other: &Path) -> Option<Cond> {
        let second = self.set_attribute(other)?;
        self.used.any_role |= [attr, second].contains(&builtin::PRINCIPAL_ROLES);
        match (self.row(attr).owner, self.row(second).owner) {
            (Owner::Resource, Owner::Resource) => self.not_comparable(attr, second, path.at.0.to(other.at.0)),
            (Owner::Resource, _) => Some(Cond::atom(Atom::OverlapsResource(second, attr))),
            (_, Owner::Resource) => Some(Cond::atom(Atom::OverlapsResource(attr, second))),
            _ => self.not_comparable(attr, second, path.at.0.to(other.at.0)),
        }
    }
}

fn negate(cond: Cond, negated: bool) -> Cond {
    if negated { cond.negated() } else { cond }
}

fn literal_texts(list: &[Literal]) -> impl Iterator<Item = Arc<str>> {
    list.iter().filter_map(|literal| literal.kind.as_word().cloned())
}

fn as_text(value: Value) -> Option<Arc<str>> {
    if let Value::Text(text) = value { Some(text) } else { None }
}

fn as_int(value: Value) -> Option<i64> {
    if let Value::Int(int) = value { Some(int) } else { None }
}

fn as_tier(value: Value) -> Option<crate::value::Tier> {
    if let Value::Tier(tier) = value { Some(tier) } else { None }
}

/// The first instant after a day.
pub(super) fn end_of_day(zone: &Zone, date: NaiveDate) -> DateTime<Utc> {
    date.succ_opt().map_or(DateTime::<Utc>::MAX_UTC, |next| zone.start_of_day(next))
}

/// An instant moved by some seconds, as far as instants go.
pub(crate) fn shift(instant: DateTime<Utc>, seconds: i64) -> DateTime<Utc> {
    let limit = if seconds < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
    TimeDelta::try_seconds(seconds).and_then(|delta| instant.checked_add_signed(delta)).unwrap_or(limit)
}

/// A block without host bits; a block of IPv4 addresses in IPv6 form is the IPv4 block.
pub(super) fn canonical_net(net: IpNet) -> IpNet {
    if let (IpNet::V6(v6), IpAddr::V4(v4)) = (net, canonical_ip(net.addr()))
        && let Some(length) = v6.prefix_len().checked_sub(96)
        && let Ok(v4) = Ipv4Net::new(v4, length)
    {
        return IpNet::V4(v4.trunc());
    }
    net.trunc()
}
