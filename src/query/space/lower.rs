//! Conditions, as literals about what requests say.

use super::{
    Class, Scene, Sense, Shown, SideId,
    frame::{Key, key},
    people::PersonId,
    slot::truth_of_other,
    truth::truth,
};
use crate::{
    check::{
        ir::{Atom, Cond, CondKind, Effect, Part, Rule},
        vocabulary::{Type, builtin},
    },
    eval::{facts::Grant, kleene::Kleene, reference::opens},
    query::{classes::Classes, search::Lit},
    value::{GateMode, Value},
};

/// Where a test is true: in some classes of a dimension, and in some others where something else is true, too.
struct Where {
    always: Classes,
    given: Option<(Classes, Lit)>,
}

impl Scene<'_> {
    /// A rule fires.
    pub(in crate::query) fn fires(&mut self, side: SideId, rule: &Rule) -> Lit {
        let sense = if matches!(rule.effect, Effect::Allow) { Sense::Surely } else { Sense::Perhaps };
        let holds = self.parts(side, &rule.parts, sense);
        match &rule.effect {
            Effect::Gate(mode, _) => {
                let closed = self.closed(side, *mode);
                self.search.all([holds, closed])
            }
            Effect::Allow | Effect::Deny(_) | Effect::Limit(..) | Effect::Oblige(_) => holds,
        }
    }

    /// All parts hold.
    pub(in crate::query) fn parts(&mut self, side: SideId, parts: &[Part], sense: Sense) -> Lit {
        let each: Vec<Lit> = parts.iter().map(|part| self.cond(side, &part.cond, sense)).collect();
        self.search.all(each)
    }

    /// A condition holds. Its depth is bounded by the checker.
    fn cond(&mut self, side: SideId, cond: &Cond, sense: Sense) -> Lit {
        match cond.kind() {
            CondKind::Const(value) => Lit::constant(*value),
            CondKind::Not(inner) => !self.cond(side, inner, sense.opposite()),
            CondKind::All(inner) => {
                let each: Vec<Lit> = inner.iter().map(|cond| self.cond(side, cond, sense)).collect();
                self.search.all(each)
            }
            CondKind::Any(inner) => {
                let each: Vec<Lit> = inner.iter().map(|cond| self.cond(side, cond, sense)).collect();
                self.search.any(each)
            }
            CondKind::Atom(atom) => self.atom(side, atom, sense),
        }
    }

    fn atom(&mut self, id: SideId, atom: &Atom, sense: Sense) -> Lit {
        let side = &self.space.ground.frame.sides[id];
        match atom {
            Atom::Holds(role) => {
                let role = side.vocabulary().roles[*role].name.clone();
                self.contains(id, key(builtin::PRINCIPAL_ROLES), &role, sense)
            }
            Atom::Contains(attr, text) => {
                let at = side.key(*attr);
                self.contains(id, at, text, sense)
            }
            Atom::Overlaps(attr, texts) => {
                let at = side.key(*attr);
                let mut each: Vec<Lit> = texts.iter().map(|text| self.contains(id, at, text, sense)).collect();
                if texts.is_empty() && sense == Sense::Perhaps {
                    each.push(self.unknown(id, at));
                }
                self.search.any(each)
            }
            Atom::Has(attr) => {
                let at = side.key(*attr);
                if self.is_set(id, at) { self.has_members(id, at) } else { self.test(id, at, atom, sense) }
            }
            Atom::IsTrue(attr)
            | Atom::Compare(attr, ..)
            | Atom::In(attr, _)
            | Atom::During(attr, _)
            | Atom::Like(attr, _) => {
                let at = side.key(*attr);
                self.test(id, at, atom, sense)
            }
            Atom::CompareResource { left, op, right, offset } => {
                let (left, right) = (side.key(*left), side.key(*right));
                self.compare(id, (left, *op, right, *offset), sense)
            }
            Atom::ContainsValue(set, element) => {
                let (set, element) = (side.key(*set), side.key(*element));
                self.contains_value(id, set, element, sense)
            }
            Atom::OverlapsResource(left, right) => {
                let (left, right) = (side.key(*left), side.key(*right));
                self.overlaps(id, left, right, sense)
            }
        }
    }

    fn is_set(&self, side: SideId, at: Key) -> bool {
        matches!(self.space.ground.frame.sides[side].ty(at), Some(Type::Texts | Type::Roles))
    }

    /// A test of one attribute, not a set, against constants.
    pub(super) fn test(&mut self, side: SideId, at: Key, atom: &Atom, sense: Sense) -> Lit {
        let of = |shown: &Shown| match shown {
            Shown::Known(value) => sense.takes(truth(atom, value)),
            Shown::Unknown | Shown::Open => sense.takes(unknown_truth(atom)),
        };
        match self.space.ground.settled(side, at) {
            Shown::Open => {}
            shown @ (Shown::Known(_) | Shown::Unknown) => return Lit::constant(of(&shown)),
        }
        if is_person(at) {
            return self.test_of_person(at, atom, sense);
        }
        if at == key(builtin::RESOURCE_ID) {
            return self.open(side, at, atom);
        }
        let mut found = self.test_of_value(side, at, atom);
        let slot = self.slot(at);
        for (class, shown) in slot.without_value(&self.space.ground, side, at) {
            if of(&shown) {
                found.always.insert(class);
            }
        }
        let free = self.where_lit(slot.dim, found);
        // What declarations of principals fix.
        let fixed = self.space.people.fixed(side, at);
        if fixed.is_empty() {
            return free;
        }
        let count = self.space.people.classes.len();
        let (mut all, mut yes) = (Classes::none(count), Classes::none(count));
        for (class, value) in fixed {
            all.insert(*class);
            if sense.takes(truth(atom, value)) {
                yes.insert(*class);
            }
        }
        let [all, yes] = [all, yes].map(|classes| self.search.within(self.space.person, &classes));
        let otherwise = self.search.all([!all, free]);
        self.search.any([yes, otherwise])
    }

    /// A test of an attribute that a request gives a value of, as far as that is not fixed.
    pub(super) fn open(&mut self, side: SideId, at: Key, atom: &Atom) -> Lit {
        if is_person(at) {
            return self.test_of_person(at, atom, Sense::Surely);
        }
        if at == key(builtin::RESOURCE_ID) {
            return match (truth_of_other(atom), atom) {
                (None, Atom::Like(_, glob)) => self.glob(at, &glob.clone()),
                (known, _) => Lit::constant(known == Some(true)),
            };
        }
        let found = self.test_of_value(side, at, atom);
        let dim = self.slot(at).dim;
        self.where_lit(dim, found)
    }

    fn where_lit(&mut self, dim: crate::query::search::DimId, found: Where) -> Lit {
        let always = self.search.within(dim, &found.always);
        let Some((classes, lit)) = found.given else { return always };
        let within = self.search.within(dim, &classes);
        let given = self.search.all([within, lit]);
        self.search.any([always, given])
    }

    /// Where a test is true of what a request gives a value of.
    fn test_of_value(&mut self, side: SideId, at: Key, atom: &Atom) -> Where {
        let slot = self.slot(at);
        if let Some(always) = slot.ranges(atom) {
            return Where { always, given: None };
        }
        if let Atom::During(_, window) = atom {
            let yes = self.window(at, window);
            return Where { always: slot.none(), given: Some((slot.with_value(), yes)) };
        }
        let mut always = slot.none();
        let mut given = None;
        match (atom, slot.classes.get(slot.valued.wrapping_sub(1)) == Some(&Class::Other)) {
            // There can be many texts: those that a test names are looked up.
            (Atom::Compare(_, crate::value::Cmp::Eq, Value::Text(text)), true) => {
                slot.find(text).into_iter().for_each(|class| always.insert(class));
            }
            (Atom::In(_, members), true) => {
                if let crate::check::ir::Members::Texts(texts) = &**members {
                    texts.iter().filter_map(|text| slot.find(text)).for_each(|class| always.insert(class));
                }
            }
            _ => {
                for class in 0..slot.valued {
                    let frame = self.space.ground.frame;
                    let is_true = match slot.value(frame, side, at, class) {
                        Some(value) => truth(atom, &value) == Kleene::True,
                        None => match truth_of_other(atom) {
                            Some(known) => known,
                            None => {
                                if let Atom::Like(_, glob) = atom {
                                    let yes = self.glob(at, &glob.clone());
                                    given = Some((Classes::only(slot.classes.len(), class), yes));
                                }
                                false
                            }
                        },
                    };
                    if is_true {
                        always.insert(class);
                    }
                }
            }
        }
        Where { always, given }
    }

    /// A test of a principal's kind or id.
    fn test_of_person(&mut self, at: Key, atom: &Atom, sense: Sense) -> Lit {
        let count = self.space.people.classes.len();
        let (mut always, mut others) = (Classes::none(count), Classes::none(count));
        for (class, person) in self.space.people.classes.iter().enumerate() {
            let known = match person.value(at) {
                Some(value) => Some(sense.takes(truth(atom, &value))),
                None => truth_of_other(atom),
            };
            match known {
                Some(true) => always.insert(class),
                Some(false) => {}
                None => others.insert(class),
            }
        }
        let mut given = None;
        if let Atom::Like(_, glob) = atom
            && !others.is_empty()
        {
            given = Some((others, self.glob(at, &glob.clone())));
        }
        self.where_lit(self.space.person, Where { always, given })
    }

    /// A gate of a mode is not opened by a grant.
    fn closed(&mut self, side: SideId, mode: GateMode) -> Lit {
        let at = key(builtin::PRINCIPAL_GRANTED);
        let closed = |grant| Sense::Perhaps.takes(!opens(mode, grant));
        let slot = self.slot(at);
        let mut classes = slot.those(|class| matches!(class, Class::Grant(grant) if closed(*grant)));
        for (class, shown) in slot.without_value(&self.space.ground, side, at) {
            let grant = match shown {
                Shown::Known(Value::Bool(true)) => Grant::Manual,
                Shown::Known(_) => Grant::No,
                Shown::Unknown | Shown::Open => Grant::Unknown,
            };
            if closed(grant) {
                classes.insert(class);
            }
        }
        self.said(at, &classes)
    }

    /// What a set takes an attribute for, in each of the cases that there are: the cases are told apart by literals of which
    /// one is true.
    pub(super) fn readings(&mut self, side: SideId, at: Key) -> Vec<(Lit, Shown)> {
        match self.space.ground.settled(side, at) {
            Shown::Open if at == key(builtin::RESOURCE_ID) => return vec![(Lit::TRUE, Shown::Open)],
            Shown::Open if is_person(at) => {
                let missing = self.person(|person| at == key(builtin::PRINCIPAL_ID) && person.id == PersonId::Missing);
                return vec![(missing, Shown::Known(Value::None)), (!missing, Shown::Open)];
            }
            Shown::Open => {}
            shown @ (Shown::Known(_) | Shown::Unknown) => return vec![(Lit::TRUE, shown)],
        }
        let slot = self.slot(at);
        let mut by_class: Vec<(Classes, Shown)> = vec![(slot.with_value(), Shown::Open)];
        for (class, shown) in slot.without_value(&self.space.ground, side, at) {
            match by_class.iter_mut().find(|(_, other)| *other == shown) {
                Some((classes, _)) => classes.insert(class),
                None => by_class.push((Classes::only(slot.classes.len(), class), shown)),
            }
        }
        let count = self.space.people.classes.len();
        let mut by_person: Vec<(Classes, Shown)> = Vec::new();
        let mut declared = Classes::none(count);
        for (class, value) in self.space.people.fixed(side, at) {
            declared.insert(*class);
            let shown = Shown::Known(value.clone());
            match by_person.iter_mut().find(|(_, other)| *other == shown) {
                Some((classes, _)) => classes.insert(*class),
                None => by_person.push((Classes::only(count, *class), shown)),
            }
        }
        let declared = self.search.within(self.space.person, &declared);
        let mut readings = Vec::new();
        for (classes, shown) in by_class {
            let said = self.search.within(slot.dim, &classes);
            readings.push((self.search.all([said, !declared]), shown));
        }
        for (classes, shown) in by_person {
            readings.push((self.search.within(self.space.person, &classes), shown));
        }
        readings.retain(|(option, _)| *option != Lit::FALSE);
        readings
    }

    /// A set takes an attribute for unknown.
    pub(super) fn unknown(&mut self, side: SideId, at: Key) -> Lit {
        let readings = self.readings(side, at);
        self.search.any(readings.into_iter().filter(|(_, shown)| *shown == Shown::Unknown).map(|(option, _)| option))
    }
}

/// Whether an attribute is the kind or the id of the principal, which are one dimension.
pub(super) fn is_person(at: Key) -> bool {
    [key(builtin::PRINCIPAL_KIND), key(builtin::PRINCIPAL_ID)].contains(&at)
}

/// What a test says of something unknown.
fn unknown_truth(atom: &Atom) -> Kleene {
    if matches!(atom, Atom::Has(_)) { Kleene::False } else { Kleene::Unknown }
}
