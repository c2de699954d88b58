//! Which names a policy set declares, over all its files, and what they stand for.

use super::{
    names::{list, suggestion},
    vocabulary::{ActionId, PRINCIPAL_KINDS, RESOURCE_KINDS, Role, RoleId, Vocabulary},
};
use crate::{
    ast::{
        Actions, Assigned, Clause, ClauseKind, Cond, CondKind, Effect, Item, ItemKind, Literal, Name, Operand, Path,
        SetExpr, Type, Who, WhoKind, WindowSpan,
    },
    ids::IdVec,
    report::{Code, Diagnostic, codes},
    source::Span,
    zone::Zone,
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque, btree_map::Entry},
    sync::Arc,
};

/// Words that may not name a kind, since they mean something of their own where a kind may stand.
pub(super) const RESERVED_KINDS: [&str; 9] =
    ["role", "org", "tier", "tag", "test", "any", "anyone", "anonymous", "principal"];

/// Names that are declared once for the whole set; each row is a space of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Space {
    Tier,
    Action,
    PrincipalKind,
    ResourceKind,
    Role,
    /// Context attributes, conditions, sets and windows: what a bare name in a condition can be.
    Bare,
    Attribute,
}

impl Space {
    const fn word(self) -> &'static str {
        match self {
            Self::Tier => "tier",
            Self::Action => "action",
            Self::PrincipalKind | Self::ResourceKind => "kind",
            Self::Role => "role",
            Self::Bare => "name",
            Self::Attribute => "attribute",
        }
    }
}

/// A declared attribute as it was written.
pub(super) struct AttributeDecl<'a> {
    pub(super) path: &'a Path,
    pub(super) ty: Option<&'a Type>,
    pub(super) default: Option<&'a Assigned>,
}

/// A declared window as it was written.
pub(super) struct WindowDecl<'a> {
    pub(super) spans: &'a [WindowSpan],
    pub(super) zone: Option<&'a Name>,
}

/// What a set's files declare, by name, with the places.
#[derive(Default)]
pub(super) struct Names {
    /// Where each name was declared first; labels are not among them.
    pub(super) places: BTreeMap<(Space, Arc<str>), Span>,
    pub(super) groups: BTreeMap<Arc<str>, BTreeSet<ActionId>>,
    /// The actions and groups that each group lists.
    pub(super) listed: BTreeMap<Arc<str>, Vec<Arc<str>>>,
    pub(super) sets: BTreeMap<Arc<str>, Arc<[Literal]>>,
    pub(super) windows: BTreeSet<Arc<str>>,
    pub(super) conditions: BTreeSet<Arc<str>>,
    /// Without an `actions` statement, the actions that rules name are the actions.
    pub(super) open_actions: bool,
    /// Without a `role` statement, the roles that rules name are the roles.
    pub(super) open_roles: bool,
}

/// What a set's files declare, as it was written, until its meaning is known.
#[derive(Default)]
pub(super) struct Declared<'a> {
    pub(super) attributes: Vec<AttributeDecl<'a>>,
    pub(super) windows: BTreeMap<Arc<str>, WindowDecl<'a>>,
    pub(super) conditions: BTreeMap<Arc<str>, &'a Cond>,
}

/// The actions and roles that the rules and claims of a file name: where the vocabulary lists none, they declare them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Mentions {
    /// In source order, each once.
    pub(super) actions: Vec<Arc<str>>,
    pub(super) roles: BTreeSet<Arc<str>>,
}

impl Mentions {
    /// What the rules and claims among some statements name.
    pub(super) fn of(items: &[Item]) -> Self {
        let mut found = Self::default();
        let mut seen = BTreeSet::new();
        for item in items.iter().flat_map(with_inner) {
            let scope = match &item.kind {
                ItemKind::Rule(rule) => {
                    if let Effect::Require(cond) = &rule.effect {
                        found.roles.extend(condition_roles(cond));
                    }
                    found.roles.extend(clause_roles(&rule.clauses));
                    &rule.scope
                }
                ItemKind::Invariant(invariant) => {
                    found.roles.extend(clause_roles(&invariant.clauses));
                    &invariant.scope
                }
                ItemKind::Timezone(_)
                | ItemKind::Tiers(_)
                | ItemKind::Actions(_)
                | ItemKind::ActionGroup { .. }
                | ItemKind::Kinds { .. }
                | ItemKind::Role { .. }
                | ItemKind::Attribute { .. }
                | ItemKind::Set { .. }
                | ItemKind::Window { .. }
                | ItemKind::Condition { .. }
                | ItemKind::Declaration(_)
                | ItemKind::On { .. }
                | ItemKind::Test(_) => continue,
            };
            found.actions.extend(action_names(&scope.actions).filter(|name| seen.insert(name.clone())));
            found.roles.extend(scope.who.iter().flat_map(role_names));
        }
        found
    }

    /// What parts of a file name, together.
    pub(super) fn join(mut parts: Vec<Self>) -> Self {
        if parts.len() < 2 {
            return parts.pop().unwrap_or_default();
        }
        let mut seen = BTreeSet::new();
        let mut all = Self::default();
        for part in parts {
            all.actions.extend(part.actions.into_iter().filter(|name| seen.insert(name.clone())));
            all.roles.extend(part.roles);
        }
        all
    }
}

impl Names {
    /// Declares a name; if it was declared before, that is an error which shows both places.
    fn declare(&mut self, space: Space, name: &Name, diagnostics: &mut Vec<Diagnostic>) -> bool {
        match self.places.entry((space, name.text.clone())) {
            Entry::Vacant(entry) => {
                entry.insert(name.at.0);
                true
            }
            Entry::Occupied(entry) => {
                diagnostics.push(twice(space.word(), &name.text, name.at.0, *entry.get()));
                false
            }
        }
    }

    /// Where a name was declared.
    pub(super) fn place(&self, space: Space, name: &str) -> Option<Span> {
        self.places.get(&(space, Arc::from(name))).copied()
    }
}

/// The error that a name is declared a second time; the places in any order.
pub(super) fn twice(what: &str, name: &str, one: Span, other: Span) -> Diagnostic {
    let (first, at) = (one.min(other), one.max(other));
    Diagnostic::new(codes::DECLARED_TWICE, at, format!("{what} `{name}` is declared twice"))
        .label("declared again here")
        .also(first, "declared first here")
        .help("names are global to the policy set: remove one of the two, or rename it")
}

/// The error that something is given a value a second time.
pub(super) fn given_twice(name: &str, at: Span, first: Span) -> Diagnostic {
    Diagnostic::new(codes::DECLARED_TWICE, at, format!("`{name}` is given twice"))
        .label("given again here")
        .also(first, "given first here")
        .help("remove one of the two")
}

/// A statement and those inside it, if it is an `on` block.
pub(super) fn with_inner(item: &Item) -> impl Iterator<Item = &Item> {
    let inner: &[Item] = if let ItemKind::On { items, .. } = &item.kind { items } else { &[] };
    std::iter::once(item).chain(inner)
}

/// Whether the rules and claims of a set declare actions or roles, since no statement does.
pub(super) fn is_open<'a>(mut statements: impl Iterator<Item = &'a Item> + Clone) -> bool {
    let actions = statements.clone().any(|item| matches!(&item.kind, ItemKind::Actions(names) if !names.is_empty()));
    !actions || !statements.any(|item| matches!(item.kind, ItemKind::Role { .. }))
}

/// Collects the names that the vocabulary statements of all files declare. Types, windows and conditions are looked at
/// later. What rules and claims name counts only where the vocabulary lists no actions or no roles.
pub(super) fn resolve<'a, 'm>(
    statements: impl Iterator<Item = &'a Item>,
    mentions: impl Iterator<Item = &'m Mentions> + Clone,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Vocabulary, Names, Declared<'a>) {
    let mut resolver = Resolver {
        vocabulary: Vocabulary::default(),
        names: Names::default(),
        declared: Declared::default(),
        diagnostics,
        timezone: None,
        groups: Vec::new(),
        roles: Vec::new(),
        conditions: Vec::new(),
    };
    for item in statements {
        resolver.item(item);
    }
    resolver.names.windows = resolver.declared.windows.keys().cloned().collect();
    resolver.names.conditions = resolver.declared.conditions.keys().cloned().collect();
    resolver.open_vocabulary(mentions);
    resolver.close_groups();
    resolver.close_roles();
    (resolver.vocabulary, resolver.names, resolver.declared)
}

struct Resolver<'a, 'd> {
    vocabulary: Vocabulary,
    names: Names,
    declared: Declared<'a>,
    diagnostics: &'d mut Vec<Diagnostic>,
    timezone: Option<Span>,
    groups: Vec<(&'a Name, &'a [Name])>,
    roles: Vec<(&'a Name, &'a [Name])>,
    conditions: Vec<&'a Cond>,
}

impl<'a> Resolver<'a, '_> {
    fn error(&mut self, code: Code, at: Span, message: String, help: Option<String>) {
        self.diagnostics.push(Diagnostic::new(code, at, message).maybe_help(help));
    }

    fn item(&mut self, item: &'a Item) {
        match &item.kind {
            ItemKind::Timezone(name) => self.timezone(name, item.at.0),
            ItemKind::Tiers(names) => self.tiers(names),
            ItemKind::Actions(names) => {
                for name in names {
                    self.action(name);
                }
            }
            ItemKind::ActionGroup { name, members } => {
                if self.names.declare(Space::Action, name, self.diagnostics) {
                    self.groups.push((name, members));
                }
            }
            ItemKind::Kinds { of_principal, names } => names.iter().for_each(|name| self.kind(*of_principal, name)),
            ItemKind::Role { name, includes } => {
                if self.names.declare(Space::Role, name, self.diagnostics) {
                    self.roles.push((name, includes));
                }
            }
            ItemKind::Attribute { path, ty, default } => {
                self.declared.attributes.push(AttributeDecl { path, ty: ty.as_deref(), default: default.as_deref() })
            }
            ItemKind::Set { name, members } => {
                if self.names.declare(Space::Bare, name, self.diagnostics) {
                    self.names.sets.insert(name.text.clone(), members.as_slice().into());
                }
            }
            ItemKind::Window { name, spans, zone } => {
                if self.names.declare(Space::Bare, name, self.diagnostics) {
                    self.declared.windows.insert(name.text.clone(), WindowDecl { spans, zone: zone.as_deref() });
                }
            }
            ItemKind::Condition { name, cond } => {
                self.conditions.push(cond);
                if self.names.declare(Space::Bare, name, self.diagnostics) {
                    self.declared.conditions.insert(name.text.clone(), cond);
                }
            }
            ItemKind::Rule(_)
            | ItemKind::Invariant(_)
            | ItemKind::Declaration(_)
            | ItemKind::On { .. }
            | ItemKind::Test(_) => {}
        }
    }

    fn timezone(&mut self, name: &Name, at: Span) {
        if let Some(first) = self.timezone.replace(at) {
            self.diagnostics.push(
                Diagnostic::new(codes::DECLARED_TWICE, at, "the time zone is declared twice")
                    .label("declared again here")
                    .also(first, "declared first here")
                    .help("a policy set has one `timezone`; windows and dates can name their own with `in \"Zone\"`"),
            );
            return;
        }
        match zone(name) {
            Ok(zone) => self.vocabulary.zone = zone,
            Err(diagnostic) => self.diagnostics.push(diagnostic),
        }
    }

    fn tiers(&mut self, names: &'a [Name]) {
        if let (Some(first), Some(earlier)) = (names.first(), self.vocabulary.tiers.first()) {
            if let Some(place) = self.names.place(Space::Tier, earlier) {
                self.diagnostics.push(
                    Diagnostic::new(codes::DECLARED_TWICE, first.at.0, "the tiers are declared twice")
                        .label("declared again here")
                        .also(place, "declared first here")
                        .help("a policy set has one order of tiers: put them all into one statement"),
                );
            }
            return;
        }
        for name in names {
            if self.names.declare(Space::Tier, name, self.diagnostics) {
                self.vocabulary.tiers.push(name.text.clone());
            }
        }
    }

    fn action(&mut self, name: &Name) {
        if self.names.declare(Space::Action, name, self.diagnostics) {
            self.add_action(&name.text);
        }
    }

    fn add_action(&mut self, name: &Arc<str>) {
        if !self.vocabulary.action_ids.contains_key(name) {
            let id = self.vocabulary.actions.push(name.clone());
            self.vocabulary.action_ids.insert(name.clone(), id);
        }
    }

    fn kind(&mut self, of_principal: bool, name: &Name) {
        if RESERVED_KINDS.contains(&&*name.text) {
            let message = format!("`{}` may not name a kind", name.text);
            let others = list(RESERVED_KINDS.into_iter().filter(|word| *word != &*name.text));
            let help = format!("it means something of its own where a kind may stand; so do {others}");
            return self.error(codes::RESERVED_KIND, name.at.0, message, Some(help));
        }
        if ["action", "resource", "context"].contains(&&*name.text) {
            let message = format!("`{}` may not name a kind", name.text);
            return self.error(codes::RESERVED_KIND, name.at.0, message, Some("paths begin with this word".to_owned()));
        }
        let (space, built_in, kinds) = if of_principal {
            (Space::PrincipalKind, &PRINCIPAL_KINDS[..], &mut self.vocabulary.principal_kinds)
        } else {
            (Space::ResourceKind, &RESOURCE_KINDS[..], &mut self.vocabulary.resource_kinds)
        };
        if built_in.contains(&&*name.text) {
            let message = format!("kind `{}` is built in", name.text);
            return self.error(codes::DECLARED_TWICE, name.at.0, message, Some("remove this declaration".to_owned()));
        }
        kinds.insert(name.text.clone());
        self.names.declare(space, name, self.diagnostics);
    }

    /// Where the vocabulary lists no actions or no roles, those that rules and claims name are declared.
    fn open_vocabulary<'m>(&mut self, mentions: impl Iterator<Item = &'m Mentions> + Clone) {
        self.names.open_actions = self.vocabulary.actions.is_empty();
        self.names.open_roles = self.roles.is_empty();
        if self.names.open_actions {
            let groups: BTreeSet<Arc<str>> = self.groups.iter().map(|(name, _)| name.text.clone()).collect();
            let listed = self.groups.iter().flat_map(|(_, members)| members.iter().map(|name| &name.text));
            let named = mentions.clone().flat_map(|mentions| &mentions.actions);
            let actions: Vec<Arc<str>> = listed.chain(named).filter(|name| !groups.contains(*name)).cloned().collect();
            actions.iter().for_each(|action| self.add_action(action));
        }
        if self.names.open_roles {
            let mut roles: BTreeSet<Arc<str>> = mentions.flat_map(|mentions| mentions.roles.iter().cloned()).collect();
            roles.extend(self.conditions.iter().copied().flat_map(condition_roles));
            for name in roles {
                let id = self.vocabulary.roles.push(Role { name: name.clone(), closure: BTreeSet::new() });
                self.vocabulary.role_ids.insert(name, id);
            }
        }
    }

    /// Which actions each group stands for; groups may hold groups.
    fn close_groups(&mut self) {
        let members: BTreeMap<Arc<str>, &[Name]> =
            self.groups.iter().map(|(name, members)| (name.text.clone(), *members)).collect();
        let mut told = BTreeSet::new();
        for (name, direct) in std::mem::take(&mut self.groups) {
            for member in direct {
                self.known_action(member, &members);
            }
            let next = |group: &str| included_names(&members, group);
            let (reached, _) = reach(&name.text, next);
            self.circle("action group", name, next, &mut told);
            let actions = reached.iter().filter_map(|name| self.vocabulary.action_ids.get(name).copied()).collect();
            self.names.groups.insert(name.text.clone(), actions);
            self.names.listed.insert(name.text.clone(), direct.iter().map(|member| member.text.clone()).collect());
        }
    }

    fn known_action(&mut self, name: &Name, groups: &BTreeMap<Arc<str>, &[Name]>) {
        if !self.vocabulary.action_ids.contains_key(&name.text) && !groups.contains_key(&name.text) {
            let known = self.vocabulary.action_ids.keys().chain(groups.keys()).map(|name| &**name);
            let help = suggestion(&name.text, known);
            self.error(codes::UNKNOWN_ACTION, name.at.0, format!("unknown action `{}`", name.text), help);
        }
    }

    /// What each role includes, itself first.
    fn close_roles(&mut self) {
        let includes: BTreeMap<Arc<str>, &[Name]> =
            self.roles.iter().map(|(name, includes)| (name.text.clone(), *includes)).collect();
        for (name, _) in &self.roles {
            let id = self.vocabulary.roles.push(Role { name: name.text.clone(), closure: BTreeSet::new() });
            self.vocabulary.role_ids.insert(name.text.clone(), id);
        }
        let mut told = BTreeSet::new();
        for (name, direct) in std::mem::take(&mut self.roles) {
            for included in direct {
                if !includes.contains_key(&included.text) {
                    let help = suggestion(&included.text, includes.keys().map(|name| &**name));
                    let message = format!("unknown role `{}`", included.text);
                    self.error(codes::UNKNOWN_ROLE, included.at.0, message, help);
                }
            }
            self.circle("role", name, |role| included_names(&includes, role), &mut told);
        }
        let ids = &self.vocabulary.role_ids;
        let closed: IdVec<RoleId, Role> = self
            .vocabulary
            .roles
            .iter()
            .map(|role| {
                let (reached, _) = reach(&role.name, |name| included_names(&includes, name));
                let closure = reached.iter().chain([&role.name]).filter_map(|name| ids.get(name).copied()).collect();
                Role { name: role.name.clone(), closure }
            })
            .collect();
        self.vocabulary.roles = closed;
    }

    fn circle(&mut self, what: &str, name: &Name, next: impl Fn(&str) -> Vec<Arc<str>>, told: &mut BTreeSet<Arc<str>>) {
        if let Some(way) = circle(&name.text, next, told) {
            let message = format!("{what} `{}` includes itself", name.text);
            self.error(codes::CYCLE, name.at.0, message, Some(break_circle(&way)));
        }
    }
}

fn included_names(includes: &BTreeMap<Arc<str>, &[Name]>, role: &str) -> Vec<Arc<str>> {
    includes.get(role).into_iter().flat_map(|names| names.iter()).map(|name| name.text.clone()).collect()
}

/// All that can be reached from a name, without the name itself unless it is on a circle; and whether it is.
pub(super) fn reach(start: &Arc<str>, next: impl Fn(&str) -> Vec<Arc<str>>) -> (BTreeSet<Arc<str>>, bool) {
    let mut reached = BTreeSet::new();
    let mut open = next(start);
    while let Some(name) = open.pop() {
        if reached.insert(name.clone()) {
            open.extend(next(&name));
        }
    }
    let cycle = reached.contains(start);
    (reached, cycle)
}

/// The shortest way from a name back to itself; none where there is none, or where the name is on a circle told before.
pub(super) fn circle(
    start: &Arc<str>,
    next: impl Fn(&str) -> Vec<Arc<str>>,
    told: &mut BTreeSet<Arc<str>>,
) -> Option<Vec<Arc<str>>> {
    if told.contains(start) {
        return None;
    }
    let mut seen = BTreeSet::new();
    let mut open = VecDeque::from([vec![start.clone()]]);
    while let Some(way) = open.pop_front() {
        for name in way.last().map(|name| next(name)).unwrap_or_default() {
            let longer: Vec<Arc<str>> = way.iter().chain([&name]).cloned().collect();
            if name == *start {
                told.extend(longer.iter().cloned());
                return Some(longer);
            }
            if seen.insert(name) {
                open.push_back(longer);
            }
        }
    }
    None
}

/// What to do about a circle.
pub(super) fn break_circle(way: &[Arc<str>]) -> String {
    let names: Vec<String> = way.iter().map(|name| format!("`{name}`")).collect();
    format!("break the circle {}", names.join(" → "))
}

fn action_names(actions: &Actions) -> impl Iterator<Item = Arc<str>> {
    actions.names.iter().map(|name| name.text.clone())
}

fn role_names(who: &Who) -> impl Iterator<Item = Arc<str>> {
    who.any.iter().chain(&who.except).flatten().filter_map(|term| match &term.kind {
        WhoKind::Role(name) => Some(name.text.clone()),
        WhoKind::Anyone | WhoKind::Anonymous | WhoKind::Org(_) | WhoKind::Tier(..) | WhoKind::Principal { .. } => None,
    })
}

fn clause_roles(clauses: &[Clause]) -> impl Iterator<Item = Arc<str>> {
    clauses.iter().flat_map(|clause| match &clause.kind {
        ClauseKind::When(cond) | ClauseKind::Unless(cond) => condition_roles(cond),
        ClauseKind::From(_) | ClauseKind::Until(_) => Vec::new(),
    })
}

/// The roles that a condition names: `"admin" in roles`, `roles overlaps [admin, editor]`.
fn condition_roles(cond: &Cond) -> Vec<Arc<str>> {
    let is_roles = |path: &Path| ["roles", "principal.roles"].contains(&&*path.text);
    let mut found = Vec::new();
    let mut open = vec![cond];
    while let Some(cond) = open.pop() {
        match &cond.kind {
            CondKind::Or(inner) | CondKind::And(inner) => open.extend(inner),
            CondKind::Not(inner) => open.push(inner),
            CondKind::In { operand: Operand::Literal(role), set: SetExpr::Path(path), .. } if is_roles(path) => {
                found.extend(role.kind.as_word().cloned());
            }
            CondKind::Overlaps { path, set: SetExpr::List(roles, _) } if is_roles(path) => {
                found.extend(roles.iter().filter_map(|role| role.kind.as_word().cloned()));
            }
            CondKind::In { .. }
            | CondKind::Overlaps { .. }
            | CondKind::Compare { .. }
            | CondKind::Like { .. }
            | CondKind::Has(_)
            | CondKind::Path(_) => {}
        }
    }
    found
}

/// The zone of a name.
pub(super) fn zone(name: &Name) -> Result<Zone, Diagnostic> {
    Zone::find(&name.text).ok_or_else(|| {
        Diagnostic::new(codes::UNKNOWN_ZONE, name.at.0, format!("unknown time zone `{}`", name.text)).help(
            Zone::suggest(&name.text).map_or_else(
                || "write an IANA name such as `Europe/Berlin` or `Asia/Shanghai`".to_owned(),
                |near| format!("did you mean `{near}`?"),
            ),
        )
    })
}
