//! Requests for access, for those who answer them: the queue over all resources, and the answer to one.

use super::{Access, Body, Change, Document, Expected, Gated, Key, Kind, Manager, Refused, Status, document};
use crate::{
    request::Resource,
    server::{app::App, decide::Surface, identity::Caller},
};
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};

/// The action of whoever answers requests for access.
pub(crate) const APPROVE: &str = "approve";
/// How many documents are looked at in one go.
const LOOKED: usize = 1000;

/// Some of the requests that a caller may answer.
pub(crate) struct Queue {
    pub(crate) found: Vec<Arc<Document>>,
    /// Where the next ones begin, if there are any: `[RESOURCE, PRINCIPAL]` in JSON.
    pub(crate) next: Option<String>,
}

/// How a request for access is answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: Status,
    /// How the resource is gated.
    pub(crate) mode: Gated,
    /// Why it is rejected.
    pub(crate) reason: Option<String>,
}

/// Why a request for access is not answered.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// There is none.
    Missing,
    /// It stands so already.
    Same,
    Refused(Refused),
}

impl App {
    /// The requests over all resources that the running set lets a caller answer, from behind `after` on; those that stand so,
    /// or all.
    ///
    /// # Errors
    /// `after` is not as [`Queue::next`] has it.
    pub(crate) fn access_queue(
        &self,
        caller: &Caller,
        status: Option<Status>,
        after: Option<&str>,
        most: usize,
    ) -> serde_json::Result<Queue> {
        let after = after.map(serde_json::from_str::<(String, String)>).transpose()?;
        let mut after = after.map(|(of, part)| Key { kind: Kind::Access, of, part });
        let engine = self.policies.current();
        // Many ask for one resource.
        let mut known: BTreeMap<String, bool> = BTreeMap::new();
        let mut found = Vec::new();
        loop {
            let some = self.policies.managed().list(Kind::Access, after.as_ref(), LOOKED);
            for document in &some {
                if found.len() == most {
                    let next = after.map(|last| json!([last.of, last.part]).to_string());
                    return Ok(Queue { found, next });
                }
                after = Some(document.key.clone());
                let may = |_: &String| {
                    let (kind, id) = document.key.governs();
                    caller.is_trusted || self.would_allow(&engine, caller, APPROVE, &Resource::new(kind, id))
                };
                let is_wanted = |access: &Access| status.is_none_or(|status| status == access.status);
                if document.access().is_some_and(is_wanted)
                    && *known.entry(document.key.of.clone()).or_insert_with_key(may)
                {
                    found.push(document.clone());
                }
            }
            if some.len() < LOOKED {
                return Ok(Queue { found, next: None });
            }
        }
    }

    /// The requests for access to one resource, for somebody who may answer them.
    pub(crate) async fn access_requests(&self, manager: Manager<'_>) -> Result<Vec<Arc<Document>>, Refused> {
        let of = document::entity(&manager.resource.kind, &manager.resource.id);
        self.may_manage(manager).await?;
        Ok(self.policies.managed().about(Kind::Access, &of))
    }

    /// Answers a request as it was found, or takes an answer back; for somebody who may answer it.
    pub(crate) async fn answer_access(
        self: &Arc<Self>,
        caller: &Caller,
        surface: Surface,
        found: &Document,
        answer: Answer,
    ) -> Result<(), Unanswered> {
        let before = found.access().ok_or(Unanswered::Missing)?;
        let Answer { status, mode, reason } = answer;
        if before.status == status && (status != Status::Accepted || before.mode == mode) {
            return Err(Unanswered::Same);
        }
        let reason = reason.filter(|_| status == Status::Rejected);
        let change = Change {
            key: found.key.clone(),
            body: Some(Body::Access(Access { status, mode, reason, ..before.clone() })),
            expected: Expected::Version(found.version),
        };
        let changed = self.change(caller, surface, vec![change], caller.name()).await;
        changed.map(drop).map_err(Unanswered::Refused)
    }
}
