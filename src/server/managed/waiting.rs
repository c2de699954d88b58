//! Changes that wait for somebody to confirm them. Then exactly that change is made, if what it takes the place of is still
//! there.

use super::{
    Body, Change, Changed, Document, Expected, Key, Kind, Managed, Manager, Proposal, Proposed, Refused, Unchanged,
    document::split, policy,
};
use crate::{
    examine::diff::Compared,
    load::hex,
    query::{Budget, ChangeKind},
    request::Resource,
    server::{app::App, decide::Surface, identity::Caller},
};
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// The action of whoever confirms a change.
pub(crate) const CONFIRM: &str = "confirm";
/// What a change of documents can do.
const KINDS: [ChangeKind; 3] = [ChangeKind::Gained, ChangeKind::Lost, ChangeKind::Limit];

/// A change that waits for somebody to confirm it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Confirmation {
    /// A digest of exactly this change.
    pub(crate) digest: String,
    /// Until when it can be confirmed.
    pub(crate) lapses: DateTime<Utc>,
}

impl App {
    /// The changes that wait, as far as a caller may make or confirm such changes.
    pub(crate) fn waiting(&self, caller: &Caller) -> Vec<Arc<Document>> {
        let engine = self.policies.current();
        let now = self.clock.now();
        let is_visible = |document: &Arc<Document>| {
            let Some(proposal) = document.body.proposal() else { return false };
            let may = |of: &str| {
                let (kind, id) = split(of);
                let may = |action| self.would_allow(&engine, caller, action, &Resource::new(kind, id));
                caller.is_trusted || may(&proposal.action) || may(CONFIRM)
            };
            proposal.lapses > now && proposal.changes.iter().all(|change| may(&change.of))
        };
        let mut all = self.policies.managed().list(Kind::Proposal, None, usize::MAX);
        all.retain(is_visible);
        all
    }

    /// Makes exactly the change that was proposed under a digest, if the policies let the caller confirm it.
    pub(crate) async fn confirm(
        self: &Arc<Self>,
        caller: &Caller,
        surface: Surface,
        digest: &str,
    ) -> Result<Vec<Changed>, Refused> {
        let managed = self.policies.managed();
        let proposal = managed.proposal(digest, self.clock.now()).ok_or(Refused::NoProposal)?;
        self.may_confirm(caller, surface, &proposal).await?;
        let mut changes = proposal.changes();
        changes.push(Change { key: Key::proposal(digest), body: None, expected: Expected::Any });
        let by = format!("{}, confirmed by {}", proposal.proposer, caller.name());
        let mut changed = self.change(caller, surface, changes, by).await?;
        changed.retain(|one| one.key.kind != Kind::Proposal);
        Ok(changed)
    }

    /// Asks the policies whether a caller may confirm a change.
    async fn may_confirm(&self, caller: &Caller, surface: Surface, proposal: &Proposal) -> Result<(), Refused> {
        let (kind, id) = proposal.changes.first().map(|change| split(&change.of)).ok_or(Refused::NoProposal)?;
        let engine = self.policies.current();
        let knows = engine.ir().vocabulary.action_ids.contains_key(CONFIRM);
        let action = if knows { CONFIRM } else { proposal.action.as_str() };
        // Where the policies do not say who confirms, somebody else does.
        if !knows && caller.name() == proposal.proposer {
            return Err(Refused::Unconfirmed(Confirmation { digest: proposal.digest(), lapses: proposal.lapses }));
        }
        let manager = Manager { caller, surface, action, resource: Resource::new(kind, id) };
        self.allow(&engine, &manager, true, Some(&proposal.proposer_id)).await
    }

    /// Keeps a change until it is confirmed.
    pub(super) async fn propose(
        self: &Arc<Self>,
        manager: &Manager<'_>,
        changes: Vec<Change>,
    ) -> Result<Confirmation, Refused> {
        let managed = self.policies.managed();
        let hours = TimeDelta::hours(managed.settings.confirm_hours.into());
        let now = self.clock.now();
        let lapses = now.checked_add_signed(hours).unwrap_or(now);
        let proposal = Proposal {
            proposer: manager.caller.name(),
            proposer_id: manager.caller.principal.id.clone().unwrap_or_default(),
            action: manager.action.to_owned(),
            lapses,
            changes: changes.iter().map(|change| managed.proposed(change)).collect(),
        };
        let digest = proposal.digest();
        let change =
            Change { key: Key::proposal(&digest), body: Some(Body::Proposal(proposal)), expected: Expected::Any };
        self.change(manager.caller, manager.surface, vec![change], manager.caller.name()).await?;
        Ok(Confirmation { digest, lapses })
    }

    /// Lets a change that waits never be made, if the policies let the caller confirm it, or it is their own.
    pub(crate) async fn reject(
        self: &Arc<Self>,
        caller: &Caller,
        surface: Surface,
        digest: &str,
    ) -> Result<(), Refused> {
        let proposal = self.policies.managed().proposal(digest, self.clock.now()).ok_or(Refused::NoProposal)?;
        if caller.name() != proposal.proposer {
            self.may_confirm(caller, surface, &proposal).await?;
        }
        let change = Change { key: Key::proposal(digest), body: None, expected: Expected::Any };
        self.change(caller, surface, vec![change], caller.name()).await.map(drop)
    }
}

impl Managed {
    /// What documents would say that are changed so, in the policy language: each change with its text, where it comes to one.
    pub(crate) fn sayings(&self, changes: &[Change]) -> Vec<String> {
        let base = self.base();
        let say =
            |change: &Change| policy::text(&change.key, change.body.as_ref()?, &self.terms, &base.ir().vocabulary).ok();
        changes.iter().map(|change| say(change).unwrap_or_default().whole).collect()
    }

    /// What changes let somebody do or not do, if they can be made. This takes long: call it where no answer waits for the
    /// thread.
    pub(crate) fn effect(&self, changes: &[Change]) -> Result<Compared, Unchanged> {
        self.attempt(changes)?;
        let (old, new) = self.before_and_after(changes)?;
        Ok(Compared::new(old, new, &KINDS, Budget::USUAL, |_| ()))
    }

    /// A change, with the version that it takes the place of.
    fn proposed(&self, change: &Change) -> Proposed {
        let version = match change.expected {
            Expected::Version(version) => version,
            Expected::Any => self.get(&change.key).map_or(0, |document| document.version),
        };
        Proposed {
            kind: change.key.kind.name().to_owned(),
            of: change.key.of.clone(),
            part: change.key.part.clone(),
            version,
            body: change.body.as_ref().map(Body::json),
        }
    }

    /// What was proposed under a digest, if it can still be confirmed.
    fn proposal(&self, digest: &str, now: DateTime<Utc>) -> Option<Proposal> {
        let document = self.get(&Key::proposal(digest))?;
        document.body.proposal().filter(|proposal| proposal.lapses > now).cloned()
    }
}

impl Proposal {
    /// The changes that it makes.
    pub(crate) fn changes(&self) -> Vec<Change> {
        self.changes.iter().filter_map(Proposed::change).collect()
    }

    /// What tells it from every other: a digest of what it changes, and of what that takes the place of.
    fn digest(&self) -> String {
        let text = serde_json::to_string(&self.changes).unwrap_or_default();
        hex(&Sha256::digest(text))
    }
}

impl Proposed {
    fn change(&self) -> Option<Change> {
        let kind = Kind::named(&self.kind)?;
        let key = Key { kind, of: self.of.clone(), part: self.part.clone() };
        let body = self.body.as_ref().map(|body| Body::read(kind, &body.to_string())).transpose().ok()?;
        Some(Change { key, body, expected: Expected::Version(self.version) })
    }
}
