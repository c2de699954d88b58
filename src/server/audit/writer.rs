//! The thread that writes: it takes what has come, chains it, and puts it on the disk in one go.

use super::{
    alert::Watch,
    gather::{Group, Outlet},
    record::Record,
    records::Records,
    store::Store,
    told::Told,
    webhook::Report,
};
use crate::{
    clock::Clock,
    server::ops::{Dependency, Health},
    store::audit::Outage,
};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};
use tokio::sync::{Semaphore, mpsc};

/// How long the writer lets records gather where nobody waits for them: so a decision wakes nobody, and many share what a
/// write costs whatever its size.
const GATHER: Duration = Duration::from_millis(25);
/// How often the writer looks whether something is due.
const TICK: Duration = Duration::from_secs(1);
/// How long the writer waits after it could not write.
const PAUSE: Duration = Duration::from_millis(100);
/// How often it still tries once the service ends.
const LAST_TRIES: u32 = 100;
/// How often old records are looked for.
const RETENTION: TimeDelta = TimeDelta::hours(1);

/// What the writer holds.
pub(super) struct Writer {
    pub(super) outlet: Outlet,
    /// The room in the queue, in bytes.
    pub(super) room: Arc<Semaphore>,
    /// The log; none where nothing is kept.
    pub(super) store: Option<Store>,
    pub(super) watches: Vec<Watch>,
    pub(super) reports: Option<mpsc::Sender<Report>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) plan: Plan,
    /// Who is told whether a store on another machine can be written; none where the log is on this one.
    pub(super) health: Option<Arc<Health>>,
    /// Whether the service ends.
    pub(super) ends: Arc<AtomicBool>,
}

/// What is done when.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Whether records may gather before they are written.
    pub(super) gathers: bool,
    pub(super) checkpoint_records: i64,
    pub(super) checkpoint_every: TimeDelta,
    pub(super) keep: Option<TimeDelta>,
}

impl Writer {
    /// Writes until it is told to end.
    pub(super) fn run(mut self) {
        let mut signed = self.clock.now();
        let mut cleaned = DateTime::<Utc>::MIN_UTC;
        // Whatever no checkpoint covers since the last time is covered now.
        self.write(&Records::default(), true);
        let gather = self.plan.gathers.then_some(GATHER);
        while let Some(mut group) = self.outlet.next(TICK, gather) {
            let now = self.clock.now();
            // What is added here was not brought.
            let brought = group.records.bytes();
            self.watch(now, &mut group);
            if now.signed_duration_since(cleaned) >= RETENTION {
                cleaned = now;
                self.clean(now, &mut group);
            }
            let is_last = group.close.is_some();
            let is_due = now.signed_duration_since(signed) >= self.plan.checkpoint_every;
            let sign = is_last || is_due || self.uncovered(&group.records) >= self.plan.checkpoint_records;
            if sign {
                signed = now;
            }
            if !self.write(&group.records, sign) {
                tracing::error!("{} records were lost: the audit log could not be written", group.records.len());
                return;
            }
            self.room.add_permits(brought);
            // Who does not wait any more has given up.
            for waiting in group.waiting.drain(..) {
                let _ = waiting.send(());
            }
            if let Some(close) = group.close.take() {
                // The database puts all into its one file when it is closed.
                self.store = None;
                let _ = close.send(());
                return;
            }
            self.outlet.reuse(group);
        }
    }

    fn uncovered(&self, records: &Records) -> i64 {
        let written = self.store.as_ref().map_or(0, Store::uncovered);
        written.saturating_add(i64::try_from(records.len()).unwrap_or(i64::MAX))
    }

    /// Writes records, however often that has to be tried; false where the service ends and it still cannot be done.
    fn write(&mut self, records: &Records, sign: bool) -> bool {
        let Some(store) = &mut self.store else { return true };
        let sign = sign && (!records.is_empty() || store.uncovered() > 0);
        if records.is_empty() && !sign {
            // Where nothing has to be written, it is found out whether something could be.
            if let Some(health) = &self.health {
                note(health, &store.look());
            }
            return true;
        }
        let prepared = store.prepare(records, sign.then(|| self.clock.now()));
        let mut said = false;
        let mut tries = 0_u32;
        loop {
            let written = store.write(&prepared);
            if let Some(health) = &self.health {
                note(health, &written);
            }
            let Err(error) = written else { return true };
            if !std::mem::replace(&mut said, true) {
                tracing::error!("the audit log cannot be written, and is tried again: {error}");
            }
            if self.ends.load(Ordering::Relaxed) {
                tries = tries.saturating_add(1);
            }
            if tries >= LAST_TRIES {
                return false;
            }
            thread::sleep(PAUSE);
        }
    }

    /// Counts what the alerts count, and adds a record for each that is raised.
    fn watch(&mut self, now: DateTime<Utc>, group: &mut Group) {
        if self.watches.is_empty() {
            return;
        }
        let mut raised = Vec::new();
        for row in group.records.rows() {
            let Some(told) = str::from_utf8(group.records.line(row)).ok().and_then(Told::of) else { continue };
            for watch in &mut self.watches {
                if let Some(alert) = watch.see(row.kept.time, &told) {
                    raised.push((alert, watch.webhook().map(str::to_owned)));
                }
            }
        }
        for (raised, url) in raised {
            group.records.add(&Record::alert(now, &raised));
            if let (Some(url), Some(reports)) = (url, &self.reports) {
                let time = now.to_rfc3339_opts(SecondsFormat::Micros, true);
                if let Err(error) = reports.try_send(Report { url, time, raised }) {
                    tracing::warn!("an alert is recorded, and not reported: {error}");
                }
            }
        }
    }

    /// Removes what is older than it is kept, and adds a record that says so.
    fn clean(&mut self, now: DateTime<Utc>, group: &mut Group) {
        let (Some(store), Some(keep)) = (&mut self.store, self.plan.keep) else { return };
        let Some(before) = now.checked_sub_signed(keep) else { return };
        match store.remove_before(before.timestamp_micros(), now) {
            Ok(Some((count, through))) => group.records.add(&Record::retention(now, count, through)),
            Ok(None) => {}
            Err(error) => tracing::warn!("old records could not be removed from the audit log: {error}"),
        }
    }
}

/// Takes note of whether the store can be written.
fn note(health: &Health, written: &Result<(), Outage>) {
    match written {
        Ok(()) => health.regain(Dependency::Audit),
        Err(outage) => health.lose(Dependency::Audit, &outage.0),
    }
}
