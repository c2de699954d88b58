//! The way into the log: bounded, so that what cannot be written in time is not decided either.

use super::{
    Record,
    alert::Watch,
    fault::Fault,
    gather::{Inlet, Over, pair},
    read::Source,
    settings::{Durability, Settings},
    sqlite::SqliteAudit,
    store::{Store, folder},
    webhook,
    writer::{Plan, Writer},
};
use crate::{
    clock::SystemClock,
    server::{
        ops::Health,
        outbound::Outbound,
        settings::{Faulty, Settings as All},
    },
    store::{Stores, audit::AuditStore},
};
use chrono::TimeDelta;
use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};
use tokio::{
    sync::{Mutex, Semaphore, oneshot},
    task::JoinHandle,
    time,
};

/// How long a decision waits for room in the queue.
const ROOM: Duration = Duration::from_millis(100);
/// How long it waits for the disk, where it is answered after that.
const DISK: Duration = Duration::from_secs(10);
/// How long reports of alerts have when the service ends.
const REPORTS: Duration = Duration::from_secs(5);

thread_local! {
    /// Where this thread encodes a record before it takes its place among the others.
    static LINE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The log cannot take a record at the moment.
#[derive(Debug)]
pub(crate) struct Unrecorded;

impl From<Over> for Unrecorded {
    fn from(_: Over) -> Self {
        Self
    }
}

impl Unrecorded {
    /// What whoever asks is told.
    pub(crate) const MESSAGE: &str = "the decision cannot be recorded at the moment";
}

/// Takes records.
#[derive(Debug)]
pub(crate) struct Audit {
    /// None where nothing is recorded and nothing is counted.
    queue: Option<Queue>,
    /// Where it is kept; none where it is not.
    source: Option<Source>,
}

#[derive(Debug)]
struct Queue {
    inlet: Inlet,
    /// The room that is left, in bytes.
    room: Arc<Semaphore>,
    bytes: u32,
    /// Whether an answer waits for the disk.
    is_sync: bool,
    /// Whether the service ends.
    ends: Arc<AtomicBool>,
    /// Who tells others of alerts.
    reports: Mutex<Option<JoinHandle<()>>>,
}

impl Audit {
    pub(in crate::server) fn open(
        settings: &All,
        outbound: &Outbound,
        stores: &Stores,
        health: &Arc<Health>,
    ) -> Result<Self, Faulty> {
        let Settings { durability, queue_bytes, alert, .. } = &settings.audit;
        let keeps = !settings.is_in_memory();
        if *durability == Durability::Off || (!keeps && alert.is_empty()) {
            return Ok(Self { queue: None, source: None });
        }
        let is_sync = *durability == Durability::Sync && keeps;
        let shared = settings.audit.shared(stores)?;
        let health = shared.is_some().then(|| health.clone());
        let log = if keeps { Some(open(settings, shared, is_sync)) } else { None };
        let log = log.transpose().map_err(|fault| Faulty(fault.to_string()))?;
        let (store, source) = log.unzip();
        let (reports, task) = if alert.iter().any(|alert| alert.webhook.is_some()) {
            let (reports, task) = webhook::start(outbound.clone());
            (Some(reports), Some(task))
        } else {
            (None, None)
        };
        let room = Arc::new(Semaphore::new(usize::try_from(*queue_bytes).unwrap_or(Semaphore::MAX_PERMITS)));
        let ends = Arc::new(AtomicBool::new(false));
        let (inlet, outlet) = pair();
        let writer = Writer {
            outlet,
            room: room.clone(),
            store,
            watches: alert.iter().cloned().map(Watch::new).collect(),
            reports,
            clock: Arc::new(SystemClock),
            plan: plan(&settings.audit, is_sync),
            health,
            ends: ends.clone(),
        };
        let thread = thread::Builder::new().name("audit".to_owned()).spawn(move || writer.run());
        thread.map_err(|error| Faulty(format!("cannot write the audit log: {error}")))?;
        let reports = Mutex::new(task);
        let queue = Queue { inlet, room, bytes: *queue_bytes, is_sync, ends, reports };
        Ok(Self { queue: Some(queue), source })
    }

    /// Where the log of this service is read; none where none is kept.
    pub(crate) fn source(&self) -> Option<Source> {
        self.source.clone()
    }

    /// Hands a record to the log, and waits as long as the settings say: until it is on its way, or on the disk.
    ///
    /// # Errors
    /// The log is full, and has been for as long as a decision waits.
    pub(crate) async fn put(&self, record: Record<'_>) -> Result<(), Unrecorded> {
        match &self.queue {
            None => Ok(()),
            Some(queue) => queue.put(record).await,
        }
    }

    /// How many bytes of records wait to be written.
    pub(in crate::server) fn waiting(&self) -> u32 {
        let free = |queue: &Queue| u32::try_from(queue.room.available_permits()).unwrap_or(u32::MAX);
        self.queue.as_ref().map_or(0, |queue| queue.bytes.saturating_sub(free(queue)))
    }

    /// Writes what is still held in memory.
    pub(in crate::server) async fn close(&self) {
        let Some(queue) = &self.queue else { return };
        queue.ends.store(true, Ordering::Relaxed);
        let (say, said) = oneshot::channel();
        if queue.inlet.close(say).is_ok() {
            // Where the writer has given up, it has said so.
            let _ = said.await;
        }
        if let Some(reports) = queue.reports.lock().await.take() {
            let _ = time::timeout(REPORTS, reports).await;
        }
    }
}

impl Queue {
    async fn put(&self, record: Record<'_>) -> Result<(), Unrecorded> {
        let (mut waiting, said) = self.is_sync.then(oneshot::channel).unzip();
        let left = LINE.with_borrow_mut(|line| {
            line.clear();
            let kept = record.encode(line);
            let Ok(room) = self.room.try_acquire_many(room(line)) else { return Ok(Some((kept, line.clone()))) };
            room.forget();
            self.inlet.put(kept, line, waiting.take()).map(|()| None)
        });
        if let Some((kept, line)) = left? {
            self.wait_for_room(room(&line)).await?;
            self.inlet.put(kept, &line, waiting.take())?;
        }
        let Some(said) = said else { return Ok(()) };
        match time::timeout(DISK, said).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Unrecorded),
        }
    }

    /// Takes room for a record out of the queue; the writer gives it back. A record that is larger than the queue has room in
    /// none.
    async fn wait_for_room(&self, bytes: u32) -> Result<(), Unrecorded> {
        if bytes > self.bytes {
            return Err(Unrecorded);
        }
        match time::timeout(ROOM, self.room.acquire_many(bytes)).await {
            Ok(Ok(room)) => {
                room.forget();
                Ok(())
            }
            Ok(Err(_)) | Err(_) => Err(Unrecorded),
        }
    }
}

/// The room that a line takes, with the break behind it.
fn room(line: &[u8]) -> u32 {
    u32::try_from(line.len().saturating_add(1)).unwrap_or(u32::MAX)
}

/// Opens the log to write it, and says where it is read.
fn open(settings: &All, shared: Option<Arc<dyn AuditStore>>, is_sync: bool) -> Result<(Store, Source), Fault> {
    let folder = folder(&settings.state);
    let (store, name): (Arc<dyn AuditStore>, _) = match shared {
        None => (Arc::new(SqliteAudit::new(folder, is_sync)), String::new()),
        // One key is for one chain.
        Some(_) if SqliteAudit::is_in(&folder) => {
            let what = "it has a log of its own: move it elsewhere before the log goes to `audit.store`";
            return Err(Fault::new(&folder, what));
        }
        Some(store) => {
            let name = settings.node();
            (store, name.ok_or_else(|| Fault::of("`audit.store` needs a name for this node: set `node`"))?)
        }
    };
    let log = Store::open(&*store, &settings.state, &name)?;
    let source = Source { store, node: log.node().to_owned(), state: settings.state.clone() };
    Ok((log, source))
}

fn plan(settings: &Settings, is_sync: bool) -> Plan {
    Plan {
        gathers: !is_sync,
        checkpoint_records: i64::from(settings.checkpoint_records),
        checkpoint_every: TimeDelta::seconds(i64::from(settings.checkpoint_seconds)),
        keep: settings.keep_days.map(|days| TimeDelta::days(i64::from(days))),
    }
}
