//! The declared resources that a request is allowed for.

use super::{Engine, told};
use crate::{
    check::{ir::RuleId, vocabulary::AttrId},
    decision::Obligation,
    eval::{
        answer::{Charged, answer},
        draft::Draft,
        fill::{besides_principal, give_each},
        graph::{decide, survey},
        verdict::Outcome,
    },
    request::{Input, Refusal, Request},
};
use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};
use std::sync::Arc;

/// A declared resource that may be used, and what comes with that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usable {
    /// The resource's kind.
    pub kind: Arc<str>,
    /// The resource's id.
    pub id: Arc<str>,
    /// The limits that are charged, in source order.
    pub limits: Vec<RuleId>,
    /// What the caller must carry out, in source order.
    pub obligations: Vec<Obligation>,
}

impl Engine {
    /// The declared resources, of a kind or of any, that a request is allowed for: by kind and id, whatever resource the
    /// request names. Patterns are left out: they stand for any number of resources. Every limit counts as having room.
    ///
    /// The request is prepared once. For each resource the decision graph then finds the few rules that can speak of it.
    ///
    /// # Errors
    /// If the request does not fit the vocabulary.
    pub fn usable(&self, asked: &Request, kind: Option<&str>) -> Result<Vec<Usable>, Refusal> {
        let (draft, _) = self.prepare(asked, None)?;
        let given: Vec<(AttrId, &Input)> = besides_principal(&self.ir().vocabulary, asked).collect();
        let of_kind = |of: &str| kind.is_none_or(|kind| *of == *kind);
        let resources = self.ir().vocabulary.resources.exact().map(|(id, entity)| (&entity.kind, id));
        let declared: Vec<(&Arc<str>, &Arc<str>)> = resources.filter(|(kind, _)| of_kind(kind)).collect();
        let look = |(draft, asked): &mut (Draft, Request), (kind, id): &(&Arc<str>, &Arc<str>)| {
            let (set, graph) = (self.set.set(), &self.set.graph);
            draft.ask(set, &asked.action, kind, id, |_| None);
            give_each(draft, set, given.iter().copied())?;
            let request = draft.settle(set);
            if !matches!(decide(graph, request), Outcome::Allow(_)) {
                return Ok(None);
            }
            let verdict = survey(graph, request);
            asked.resource.kind.replace_range(.., kind);
            asked.resource.id.replace_range(.., id);
            let told = told(set, draft, asked);
            let decision = answer(&graph.heads, &told, &verdict, &Charged::default(), Vec::new(), &self.set.revision);
            let (kind, id) = (Arc::clone(kind), Arc::clone(id));
            Ok(Some(Usable { kind, id, limits: verdict.limits, obligations: decision.obligations }))
        };
        let looked = declared.par_iter().map_init(|| (draft.clone(), asked.clone()), look);
        looked.filter_map(Result::transpose).collect()
    }
}
