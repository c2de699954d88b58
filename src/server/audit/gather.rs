//! Where decisions leave their records and the writer fetches them: in groups, each of which is written in one go.

use super::{record::Kept, records::Records};
use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};
use tokio::sync::oneshot;

/// How many records are written together at most, and about how many bytes.
const RECORDS: usize = 8_192;
const BYTES: usize = 8 * 1024 * 1024;

/// What is written together.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) records: Records,
    /// Who is told that it was written.
    pub(super) waiting: Vec<oneshot::Sender<()>>,
    /// Who is told that nothing is written any more.
    pub(super) close: Option<oneshot::Sender<()>>,
}

impl Group {
    fn is_full(&self) -> bool {
        self.records.len() >= RECORDS || self.records.bytes() >= BYTES
    }
}

/// The two ends of a queue.
pub(super) fn pair() -> (Inlet, Outlet) {
    let shared = Arc::new(Shared::default());
    (Inlet(shared.clone()), Outlet(shared))
}

/// The end that records are brought to.
#[derive(Debug)]
pub(super) struct Inlet(Arc<Shared>);

/// The end that they are fetched from.
#[derive(Debug)]
pub(super) struct Outlet(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    came: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The last one may still grow.
    groups: VecDeque<Group>,
    /// One that was written, whose memory is used again.
    spare: Group,
    close: Option<oneshot::Sender<()>>,
    /// Whether one end waits to be woken.
    is_awaited: bool,
    /// Whether the other end is gone.
    is_over: bool,
}

/// Nobody fetches what is brought.
#[derive(Debug)]
pub(super) struct Over;

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what there is to fetch, and wakes whoever waits for that.
    fn bring(&self, change: impl FnOnce(&mut State)) -> Result<(), Over> {
        let mut state = self.state();
        if state.is_over {
            return Err(Over);
        }
        change(&mut state);
        let is_awaited = mem::take(&mut state.is_awaited);
        drop(state);
        if is_awaited {
            self.came.notify_one();
        }
        Ok(())
    }
}

impl State {
    /// The group that grows.
    fn group(&mut self) -> &mut Group {
        if self.groups.back().is_none_or(Group::is_full) {
            let group = mem::take(&mut self.spare);
            self.groups.push_back(group);
        }
        // There is one now.
        self.groups.back_mut().unwrap_or(&mut self.spare)
    }

    fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.close.is_none()
    }
}

impl Inlet {
    /// Brings a record, and perhaps somebody who waits for it to be written.
    pub(super) fn put(&self, kept: Kept, line: &[u8], waiting: Option<oneshot::Sender<()>>) -> Result<(), Over> {
        self.0.bring(|state| {
            let group = state.group();
            group.records.put(kept, line);
            group.waiting.extend(waiting);
        })
    }

    /// Asks to end when all is written that was brought.
    pub(super) fn close(&self, close: oneshot::Sender<()>) -> Result<(), Over> {
        self.0.bring(|state| state.close = Some(close))
    }
}

impl Drop for Inlet {
    fn drop(&mut self) {
        let _ = self.0.bring(|state| state.is_over = true);
    }
}

impl Outlet {
    /// What was brought: what is there already, or comes within some time; an empty group if nothing does, and nothing if
    /// nobody brings any more. Where records may `gather`, those that come within that time are taken too.
    pub(super) fn next(&self, patience: Duration, gather: Option<Duration>) -> Option<Group> {
        let mut state = self.0.state();
        if state.is_empty() && !state.is_over {
            state.is_awaited = true;
            let wait = self.0.came.wait_timeout_while(state, patience, |state| state.is_empty() && !state.is_over);
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
            state.is_awaited = false;
        }
        if state.is_empty() {
            return (!state.is_over).then(Group::default);
        }
        if let Some(time) =
            gather.filter(|_| state.close.is_none() && !state.groups.front().is_some_and(Group::is_full))
        {
            drop(state);
            thread::sleep(time);
            state = self.0.state();
        }
        let mut group = state.groups.pop_front().unwrap_or_default();
        if state.groups.is_empty() {
            group.close = state.close.take();
        }
        Some(group)
    }

    /// Gives back a group that is done with.
    pub(super) fn reuse(&self, mut group: Group) {
        group.records.clear();
        group.waiting.clear();
        group.close = None;
        self.0.state().spare = group;
    }
}

impl Drop for Outlet {
    /// Who waits for what is left finds out that it is not written.
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.is_over = true;
        state.groups.clear();
        state.close = None;
    }
}

#[cfg(test)]
mod tests {
    use super::{BYTES, Group, RECORDS, pair};
    use crate::server::audit::record::Kept;
    use std::{thread, time::Duration};
    use tokio::sync::oneshot;

    const LONG: Duration = Duration::from_secs(600);
    const KEPT: Kept = Kept { time: 0, outcome: None };

    fn lines(group: &Group) -> Vec<&[u8]> {
        group.records.rows().iter().map(|row| group.records.line(row)).collect()
    }

    #[test]
    fn what_is_brought_is_fetched_in_order() {
        let (inlet, outlet) = pair();
        assert!(lines(&outlet.next(Duration::ZERO, None).unwrap()).is_empty());
        inlet.put(KEPT, b"a", None).unwrap();
        inlet.put(KEPT, b"b", None).unwrap();
        let group = outlet.next(LONG, None).unwrap();
        assert_eq!((lines(&group), group.records.bytes()), (vec![&b"a"[..], b"b"], 4));
        outlet.reuse(group);
        // Whoever waits is woken, at either end.
        thread::scope(|scope| {
            scope.spawn(|| {
                let group = outlet.next(LONG, None).unwrap();
                assert_eq!((lines(&group), group.records.bytes()), (vec![&b"c"[..]], 2));
                group.waiting.into_iter().for_each(|waiting| waiting.send(()).unwrap());
            });
            let (say, said) = oneshot::channel();
            inlet.put(KEPT, b"c", Some(say)).unwrap();
            said.blocking_recv().unwrap();
        });
    }

    #[test]
    fn groups_are_bounded() {
        let (inlet, outlet) = pair();
        (0..=RECORDS).for_each(|_| inlet.put(KEPT, b"", None).unwrap());
        let line = vec![b'x'; BYTES];
        (0..2).for_each(|_| inlet.put(KEPT, &line, None).unwrap());
        let counts = || outlet.next(LONG, None).unwrap().records.len();
        assert_eq!([counts(), counts(), counts()], [RECORDS, 2, 1]);
    }

    #[test]
    fn the_end_comes_last() {
        let (inlet, outlet) = pair();
        let (say, said) = oneshot::channel();
        inlet.put(KEPT, b"a", None).unwrap();
        inlet.close(say).unwrap();
        let group = outlet.next(LONG, Some(LONG)).unwrap();
        assert_eq!(lines(&group), [b"a"]);
        group.close.unwrap().send(()).unwrap();
        said.blocking_recv().unwrap();
        inlet.put(KEPT, b"b", None).unwrap();
        drop(inlet);
        assert_eq!(lines(&outlet.next(LONG, None).unwrap()), [b"b"]);
        assert!(outlet.next(LONG, None).is_none());
    }

    #[test]
    fn who_waits_in_vain_is_told() {
        let (inlet, outlet) = pair();
        let (say, said) = oneshot::channel();
        inlet.put(KEPT, b"a", Some(say)).unwrap();
        drop(outlet);
        assert!(said.blocking_recv().is_err());
        assert!(inlet.put(KEPT, b"b", None).is_err());
    }
}
