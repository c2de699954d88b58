//! What users and administrators do meanwhile: in goes a cluster, out comes what each of them asked and what they were told.
//!
//! Two threads for each service ask it and nobody else, so that one that is stuck holds nobody else up.

use crate::{
    cluster::{Caller, Cluster, list},
    postgres::until,
    roll::Dice,
};
use serde_json::Value;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Between two questions of one thread, so that a small machine has time for the faults, too.
const ASKS: Duration = Duration::from_millis(5);
const CHANGES: Duration = Duration::from_millis(40);

/// A question, and what became of it.
pub(crate) struct Asked {
    pub(crate) id: String,
    pub(crate) model: &'static str,
    pub(crate) sent: Instant,
    pub(crate) received: Instant,
    /// What was decided; nothing where nobody said.
    pub(crate) decided: Option<bool>,
}

/// A change of a list, and what became of it.
pub(crate) struct Changed {
    pub(crate) id: String,
    pub(crate) model: String,
    /// Whom the list lets in; nobody where it was deleted.
    pub(crate) user: Option<String>,
    pub(crate) outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Accepted,
    Refused,
    /// There was no answer, or it says that nobody can tell.
    Unknown,
}

impl Outcome {
    /// Changes something.
    pub(crate) fn of(caller: &Caller, id: &str, method: &str, path: &str, body: &Value) -> Self {
        let Some(answer) = caller.send(id, method, path, body) else { return Self::Unknown };
        if answer.status().is_success() {
            return Self::Accepted;
        }
        match answer.text() {
            Ok(text) if !text.contains("nobody can tell") => Self::Refused,
            Ok(_) | Err(_) => Self::Unknown,
        }
    }
}

/// All that was asked and changed.
#[derive(Default)]
pub(crate) struct Story {
    pub(crate) asked: Vec<Asked>,
    pub(crate) changed: Vec<Changed>,
}

/// A load that goes on until it is ended.
pub(crate) struct Load {
    ends: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    askers: Vec<JoinHandle<Vec<Asked>>>,
    changers: Vec<JoinHandle<Vec<Changed>>>,
}

impl Load {
    /// `round` is in the name of all that it asks for.
    pub(crate) fn start(cluster: &Cluster, round: &str, dice: &mut Dice) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let answered = Arc::new(AtomicUsize::new(0));
        let (mut askers, mut changers) = (Vec::new(), Vec::new());
        for (number, node) in cluster.nodes.iter().enumerate() {
            let (caller, ends_too, user) = (node.caller(), ends.clone(), format!("user-{round}"));
            let (told, name, mut own) = (answered.clone(), format!("{round}-ask-{number}"), Dice(dice.roll()));
            askers.push(thread::spawn(move || {
                let mut asked = Vec::new();
                while !ends_too.load(Ordering::Relaxed) {
                    let model = ["free", "paced", "counted"][own.below(3)];
                    let one = ask(&caller, format!("{name}-{}", asked.len()), &user, model);
                    told.fetch_add(usize::from(one.decided.is_some()), Ordering::Relaxed);
                    asked.push(one);
                    thread::sleep(ASKS);
                }
                asked
            }));
            let (caller, ends_too, name) = (node.caller(), ends.clone(), format!("{round}-change-{number}"));
            changers.push(thread::spawn(move || {
                let mut changed = Vec::new();
                while !ends_too.load(Ordering::Relaxed) {
                    let one = change(&caller, &name, &changed);
                    changed.push(one);
                    thread::sleep(CHANGES);
                }
                changed
            }));
        }
        Self { ends, answered, askers, changers }
    }

    /// Waits until so many more questions are answered.
    pub(crate) fn goes_on(&self, more: usize) {
        let wanted = self.answered.load(Ordering::Relaxed) + more;
        until("users are answered", || (self.answered.load(Ordering::Relaxed) >= wanted).then_some(()));
    }

    pub(crate) fn end(self) -> Story {
        self.ends.store(true, Ordering::Relaxed);
        Story {
            asked: self.askers.into_iter().flat_map(|asker| asker.join().unwrap()).collect(),
            changed: self.changers.into_iter().flat_map(|changer| changer.join().unwrap()).collect(),
        }
    }
}

/// One question.
pub(crate) fn ask(caller: &Caller, id: String, user: &str, model: &'static str) -> Asked {
    let sent = Instant::now();
    let decided = caller.decides(&id, user, "view", model);
    Asked { id, model, sent, received: Instant::now(), decided }
}

/// Another list for one model, or none. Behind a change of which nobody knows whether it was made, there is always a list: so
/// that the history shows it.
fn change(caller: &Caller, model: &str, before: &[Changed]) -> Changed {
    let (number, last) = (before.len(), before.last());
    let id = format!("{model}-{number}");
    let deletes = number % 4 == 3 && last.is_some_and(|last| last.outcome == Outcome::Accepted);
    let (outcome, user) = if deletes {
        (Outcome::of(caller, &id, "DELETE", &format!("/v1/acl/model/{model}"), &Value::Null), None)
    } else {
        (Outcome::of(caller, &id, "PUT", "/v1/acl/model", &list(model, &id)), Some(id.clone()))
    };
    Changed { id, model: model.to_owned(), user, outcome }
}
