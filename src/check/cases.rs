//! Tests: from what is written to requests and what must come out of them.

use super::{
    entity::Entity,
    infer::{Checker, quoted},
    ir::{self, StepKind},
    names::suggestion,
    vocabulary::{AttrId, Owner, Type, builtin},
};
use crate::{
    ast::{self, Assign, AssignKind, Assigned, Expect, LiteralKind, Name},
    report::codes,
    request::{Input, Principal, Request, Resource, insert},
    source::Span,
    value::{HeldRole, Value},
};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// Where the test clock starts without a given time, in seconds since 1970: 2000-01-01T00:00:00Z.
const START: i64 = 946_684_800;
/// The most requests that one line may stand for.
const MAX_REPEAT: i64 = 1_000_000;

/// What the assignments of a case come to.
#[derive(Default, Clone)]
struct Given<'a> {
    principal: Option<(&'a AssignKind, Span)>,
    attributes: BTreeMap<AttrId, (Input, Span)>,
}

/// What a case is about.
struct Target<'a> {
    action: &'a Name,
    kind: Option<&'a Name>,
    id: &'a Name,
}

impl<'a> Checker<'a> {
    /// A test; steps with errors are left out.
    pub(super) fn test(&mut self, test: &'a ast::Test, at: Span) -> ir::Test {
        let mut given = Given::default();
        self.assign(&test.given, &mut given);
        let time = given.attributes.get(&builtin::TIME).and_then(|(input, _)| instant(input));
        let mut lowered = ir::Test {
            name: test.name.text.clone(),
            at,
            start: time.or_else(|| DateTime::from_timestamp(START, 0)).unwrap_or_default(),
            time_given: time.is_some(),
            steps: Vec::new(),
        };
        for step in &test.steps {
            let kind = match &step.kind {
                ast::StepKind::Case { after, repeat, action, kind, id, with, expect } => {
                    let target = Target { action, kind: kind.as_ref(), id };
                    self.case(&target, &given, with, expect).and_then(|(request, own_time, expect)| {
                        Some(StepKind::Case {
                            after: after.map_or(0, ast::Duration::seconds),
                            repeat: self.count(*repeat, "repeat", step.at.0)?,
                            request: Box::new(request),
                            own_time,
                            expect,
                        })
                    })
                }
                ast::StepKind::Release { count, action, kind, id } => {
                    let target = Target { action, kind: kind.as_ref(), id };
                    let request = self.request(&target, &given);
                    let count = self.count(*count, "release", step.at.0);
                    request.zip(count).map(|(request, count)| StepKind::Release { count, request: Box::new(request) })
                }
            };
            lowered.steps.extend(kind.map(|kind| ir::Step { at: step.at.0, kind }));
        }
        lowered
    }

    fn count(&mut self, count: Option<ast::Int>, word: &str, at: Span) -> Option<u64> {
        let value = count.map_or(1, |count| count.value);
        if (1..=MAX_REPEAT).contains(&value) {
            return u64::try_from(value).ok();
        }
        let message = format!("`{word}` takes a number from 1 to {MAX_REPEAT}, found {value}");
        self.error(codes::BAD_TEST, at, message, None)
    }

    fn case(
        &mut self,
        target: &Target<'a>,
        given: &Given<'a>,
        with: &'a [Assign],
        expect: &'a Expect,
    ) -> Option<(Request, bool, ir::Expect)> {
        let mut given = given.clone();
        self.assign(with, &mut given);
        let own_time = with.iter().any(|assign| {
            matches!(&assign.kind, AssignKind::Attribute(path, _) if self.find(&path.text) == Some(builtin::TIME))
        });
        let unknown_action = expect.code.as_ref().is_some_and(|code| &*code.text == "UNKNOWN_ACTION");
        if !unknown_action {
            self.known_action(target.action);
        }
        let request = self.request(target, &given);
        let expect = self.expect(expect);
        Some((request?, own_time, expect?))
    }

    fn known_action(&mut self, action: &Name) {
        if !self.vocabulary.action_ids.contains_key(&action.text) {
            let known = self.vocabulary.actions.iter().map(|name| &**name);
            let help = suggestion(&action.text, known);
            self.error::<()>(codes::UNKNOWN_ACTION, action.at.0, format!("unknown action `{}`", action.text), help);
        }
    }

    /// Adds assignments to what is given.
    fn assign(&mut self, assigns: &'a [Assign], given: &mut Given<'a>) {
        let mut seen: BTreeMap<AttrId, Span> = BTreeMap::new();
        for assign in assigns {
            let at = assign.at.0;
            match &assign.kind {
                AssignKind::Principal(_) => given.principal = Some((&assign.kind, at)),
                AssignKind::Attribute(path, assigned) => {
                    let Some(attr) = self.attribute(path) else { continue };
                    if let Some(first) = seen.insert(attr, at) {
                        self.diagnostics.push(super::resolve::given_twice(&path.text, at, first));
                        continue;
                    }
                    let always = [
                        (builtin::PRINCIPAL_KIND, "`principal = user \"…\"`"),
                        (builtin::PRINCIPAL_ID, "`principal = user \"…\"`"),
                        (builtin::RESOURCE_KIND, "the case itself: `infer on dataset \"…\"`"),
                        (builtin::RESOURCE_ID, "the case itself: `infer on \"…\"`"),
                        (builtin::ACTION_NAME, "the case itself: `infer on \"…\"`"),
                    ];
                    if let Some((_, place)) = always.iter().find(|(fixed, _)| *fixed == attr) {
                        let message = format!("`{}` is not assigned by itself", path.text);
                        self.error::<()>(codes::BAD_TEST, at, message, Some(format!("it is given by {place}")));
                        continue;
                    }
                    if let Some(input) = self.input(attr, assigned) {
                        given.attributes.insert(attr, (input, at));
                    }
                }
            }
        }
    }

    /// The value of an assignment as a request has it.
    fn input(&mut self, attr: AttrId, assigned: &Assigned) -> Option<Input> {
        let ty = &self.row(attr).ty;
        let literal = match assigned {
            Assigned::None(_) => return Some(Input::None),
            Assigned::Unknown(_) => return Some(Input::Unknown),
            Assigned::Literal(literal) => literal,
        };
        match (&literal.kind, ty) {
            // The mode a grant was given under.
            (LiteralKind::Text(mode), Type::Bool) if attr == builtin::PRINCIPAL_GRANTED => match &**mode {
                "auto" | "manual" => Some(Input::Text(mode.to_string())),
                _ => {
                    let message =
                        format!("expected `true`, `false`, `\"auto\"` or `\"manual\"`, found {}", quoted(mode));
                    self.error(codes::TYPE_MISMATCH, literal.at.0, message, None)
                }
            },
            // In quotes, a request may have a role or a tier that the vocabulary does not know.
            (LiteralKind::Text(name), Type::Tier)
                if attr == builtin::PRINCIPAL_TIER && self.vocabulary.tier(name).is_none() =>
            {
                Some(Input::Text(name.to_string()))
            }
            (LiteralKind::List(members), Type::Roles) => {
                let foreign = |member: &ast::Literal| matches!(&member.kind, LiteralKind::Text(role) if !self.vocabulary.role_ids.contains_key(role));
                let (foreign, known): (Vec<ast::Literal>, Vec<ast::Literal>) =
                    members.iter().cloned().partition(foreign);
                let list = ast::Literal { kind: LiteralKind::List(known), at: literal.at };
                let Value::Roles(mut roles) = self.literal(&list, ty)? else { return None };
                let foreign = foreign.iter().filter_map(|member| member.kind.as_word().cloned());
                roles.extend(foreign.map(|role| HeldRole { role, org: None }));
                Some(self.vocabulary.input(&Value::Roles(roles)))
            }
            _ => {
                let value = self.literal(literal, ty)?;
                Some(self.vocabulary.input(&value))
            }
        }
    }

    /// The request of a case.
    fn request(&mut self, target: &Target<'_>, given: &Given<'_>) -> Option<Request> {
        let kind = target.kind.map_or("model", |kind| &*kind.text);
        if let Some(kind) = target.kind {
            self.known_kind(kind, Owner::Resource)?;
        }
        let principal = match given.principal {
            None => Principal { kind: String::new(), id: None, properties: BTreeMap::new() },
            Some((AssignKind::Principal(Some((kind, id))), _)) => {
                self.known_kind(kind, Owner::Principal)?;
                Principal::new(&*kind.text, &*id.text)
            }
            Some(_) => Principal::anonymous(),
        };
        let anonymous = given.principal.is_some() && principal.id.is_none();
        let vocabulary = self.vocabulary;
        let entities = [
            (Owner::Resource, vocabulary.resources.find(kind, &target.id.text)),
            (Owner::Principal, principal.id.as_ref().and_then(|id| vocabulary.principals.find(&principal.kind, id))),
        ];
        let mut request = Request::new(principal, &*target.action.text, Resource::new(kind, &*target.id.text));
        for (attr, (input, at)) in &given.attributes {
            let row = &vocabulary.attributes[*attr];
            if anonymous && row.owner == Owner::Principal {
                let message = format!("`anonymous` has no `{}`", row.path);
                let help = "it has no roles, no organisation and no id, and the lowest tier".to_owned();
                return self.error(codes::BAD_TEST, *at, message, Some(help));
            }
            let fixed = entities.iter().find_map(|(owner, entity)| {
                let entity: &Entity = (*entity).filter(|_| *owner == row.owner)?;
                entity.values.contains_key(attr).then_some(entity)
            });
            if let Some(entity) = fixed {
                self.fixed(&row.path, entity, *at);
                return None;
            }
            let properties = match row.owner {
                Owner::Principal => &mut request.principal.properties,
                Owner::Resource => &mut request.resource.properties,
                Owner::Action => &mut request.action_properties,
                Owner::Context => &mut request.context,
            };
            insert(properties, &row.name, input.clone());
        }
        Some(request)
    }

    fn fixed(&mut self, path: &str, entity: &Entity, at: Span) {
        let message = format!("`{path}` is fixed by the declaration of {} {}", entity.kind, quoted(&entity.id));
        self.diagnostics.push(
            crate::report::Diagnostic::new(codes::FIXED_ATTRIBUTE, at, message)
                .also(entity.at, "declared here")
                .help("what a declaration sets is never taken from a request: remove the assignment"),
        );
    }

    fn expect(&mut self, expect: &'a Expect) -> Option<ir::Expect> {
        let unknown_action = expect.code.as_ref().is_some_and(|code| &*code.text == "UNKNOWN_ACTION");
        let status = match expect.status {
            None => None,
            Some((int, _)) if unknown_action && int.value == 400 => Some(400),
            Some((int, at)) => Some(self.status(int.value, at.0)?),
        };
        let obliges = match &expect.obliges {
            None => None,
            Some(duties) => {
                self.wanted_duties.extend(duties.iter().map(|duty| duty.name.clone()));
                let duties: Vec<Option<ir::Duty>> = duties.iter().map(|duty| self.duty(duty)).collect();
                Some(duties.into_iter().collect::<Option<Vec<_>>>()?)
            }
        };
        self.wanted_rules.extend(expect.by.iter().chain(&expect.shadow).cloned());
        Some(ir::Expect {
            allow: expect.allow,
            code: expect.code.as_ref().map(|code| code.text.clone()),
            status,
            by: expect.by.as_ref().map(|label| label.text.clone()),
            obliges,
            shadow: expect.shadow.as_ref().map(|label| label.text.clone()),
            at: expect.at.0,
        })
    }
}

fn instant(input: &Input) -> Option<DateTime<Utc>> {
    if let Input::Text(text) = input { super::vocabulary::parse_instant(text) } else { None }
}
