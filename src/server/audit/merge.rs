//! The records of several nodes, in the order of time: of each so many are read ahead.

use super::{
    read::{Entry, Looked, Part},
    told::Filter,
};
use crate::store::audit::{Order, Unreadable};
use std::{collections::VecDeque, ops::ControlFlow};

/// How many records of a node are read together.
const TOGETHER: usize = 256;

/// What comes next of one node.
pub(super) struct Queue<'a> {
    part: &'a Part,
    /// The numbers that were not read yet.
    rest: Option<(i64, i64)>,
    /// Records, each with its time.
    ready: VecDeque<(i64, Entry)>,
}

impl<'a> Queue<'a> {
    /// Goes through the records of all that a filter takes. Those of one node come in the order of their numbers, whatever its
    /// clock did.
    pub(super) fn merge(
        parts: &'a [Part],
        filter: &Filter,
        order: Order,
        each: &mut dyn FnMut(Entry) -> ControlFlow<()>,
        looked: &mut Looked<'_>,
    ) -> Result<(), Unreadable> {
        let mut queues = Vec::with_capacity(parts.len());
        for part in parts {
            queues.push(Queue { part, rest: part.range(filter)?, ready: VecDeque::new() });
        }
        loop {
            for queue in &mut queues {
                queue.fill(filter, order, looked)?;
            }
            let next = queues.iter_mut().filter(|queue| !queue.ready.is_empty());
            let time = |queue: &&mut Queue<'_>| {
                let time = queue.ready.front().map_or(0, |(time, _)| *time);
                match order {
                    Order::Oldest => time,
                    Order::Newest => time.saturating_neg(),
                }
            };
            let Some((_, entry)) = next.min_by_key(time).and_then(|queue| queue.ready.pop_front()) else {
                return Ok(());
            };
            if each(entry).is_break() {
                return Ok(());
            }
        }
    }

    /// Reads on, where nothing is ready.
    fn fill(&mut self, filter: &Filter, order: Order, looked: &mut Looked<'_>) -> Result<(), Unreadable> {
        let Some((first, last)) = self.rest.take_if(|_| self.ready.is_empty()) else { return Ok(()) };
        let ready = &mut self.ready;
        let mut each = |entry: Entry| {
            let time = entry.told.instant().map_or(0, |time| time.timestamp_micros());
            ready.push_back((time, entry));
            if ready.len() < TOGETHER { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        self.part.read((first, last), filter, order, &mut each, looked)?;
        if ready.len() >= TOGETHER {
            let reached = ready.back().map(|(_, entry)| entry.seq);
            self.rest = reached.map(|seq| match order {
                Order::Oldest => (seq.saturating_add(1), last),
                Order::Newest => (first, seq.saturating_sub(1)),
            });
        }
        Ok(())
    }
}
