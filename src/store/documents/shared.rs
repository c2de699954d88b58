//! What threads of one process share beside the documents: how far they are, and a bell that rings at each write.

use super::{Mark, Node};
use std::{
    collections::BTreeMap,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// The mark as it is known to those who wait, and the nodes.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    mark: Mutex<Mark>,
    bell: Condvar,
    nodes: Mutex<BTreeMap<String, (Mark, Instant)>>,
}

impl Shared {
    /// Something was written.
    pub(crate) fn ring(&self, mark: Mark) {
        *lock(&self.mark) = mark;
        self.bell.notify_all();
    }

    /// Waits until something was written since a mark.
    pub(crate) fn wait(&self, seen: Mark, most: Duration) {
        let mark = lock(&self.mark);
        // Whoever waits looks for themselves afterwards.
        drop(self.bell.wait_timeout_while(mark, most, |mark| *mark <= seen));
    }

    pub(crate) fn report(&self, node: &str, mark: Mark) {
        lock(&self.nodes).insert(node.to_owned(), (mark, now()));
    }

    pub(crate) fn leave(&self, node: &str) {
        lock(&self.nodes).remove(node);
    }

    pub(crate) fn nodes(&self) -> Vec<Node> {
        let now = now();
        let node = |(name, (mark, at)): (&String, &(Mark, Instant))| Node {
            name: name.clone(),
            mark: *mark,
            age: now.saturating_duration_since(*at),
        };
        lock(&self.nodes).iter().map(node).collect()
    }
}

#[expect(clippy::disallowed_methods, reason = "how long ago something was said decides nothing about a request")]
fn now() -> Instant {
    Instant::now()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
