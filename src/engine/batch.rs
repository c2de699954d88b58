//! Many requests at once.

use super::{Engine, Surveyed, charging::Spend};
use crate::{
    decision::Decision,
    request::{Refusal, Request},
};
use rayon::prelude::{IntoParallelRefIterator, ParallelIterator};

/// So many requests are decided sooner than other threads are awake.
const FEW: usize = 64;

/// What a request comes to before its turn to charge limits.
enum Early {
    /// It charges none, so that it does not matter when it is decided.
    Decided(Box<Decision>),
    /// What it comes to depends on those before it.
    Charging(Box<Surveyed>),
}

impl Engine {
    /// Decides requests and charges their limits, each as [`decide`](Self::decide) does, and one after the other: what
    /// comes out is the same each time, however many threads take part. All are asked at the same instant.
    ///
    /// ```
    /// # use policyc::{Engine, request::{Principal, Request, Resource}};
    /// let engine = Engine::builder().text("lab.policy", r#"allow anyone to infer; limit anyone to infer at most 2 per minute;"#).load()?;
    /// let request = Request::new(Principal::user("alice"), "infer", Resource::model("qwen3"));
    /// let decisions = engine.decide_batch(&[request.clone(), request.clone(), request]);
    /// assert_eq!(decisions.iter().map(|decision| decision.is_allow()).collect::<Vec<_>>(), [true, true, false]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn decide_batch(&self, requests: &[Request]) -> Vec<Decision> {
        let now = self.clock.now();
        let early = |request: &Request| -> Result<Early, Refusal> {
            let surveyed = self.survey(request, Some(now))?;
            // A shadow rule may be a limit, which is charged as others are.
            let charges = !surveyed.verdict.limits.is_empty() || !surveyed.verdict.shadow.is_empty();
            Ok(if charges {
                Early::Charging(Box::new(surveyed))
            } else {
                Early::Decided(Box::new(self.answer(request, surveyed, now, Spend::Charge)))
            })
        };
        let early: Vec<Result<Early, Refusal>> = if requests.len() <= FEW {
            requests.iter().map(early).collect()
        } else {
            requests.par_iter().map(early).collect()
        };
        let in_turn = requests.iter().zip(early).map(|(request, early)| match early {
            Ok(Early::Decided(decision)) => *decision,
            Ok(Early::Charging(surveyed)) => self.answer(request, *surveyed, now, Spend::Charge),
            Err(refusal) => self.refused(&refusal),
        });
        in_turn.collect()
    }
}
