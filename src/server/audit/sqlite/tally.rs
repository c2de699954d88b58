//! How many decisions came out how in each hour: kept beside the records as they are written, so that a chart of them need
//! read none. It is made of the records and proves nothing: what was changed shows in their chain.

use super::record::Encoded;
use rusqlite::{Connection, Transaction};
use std::{collections::BTreeMap, sync::Arc};

/// An hour, in microseconds.
pub(crate) const HOUR: i64 = 3_600_000_000;

/// The decisions of an hour with one outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counted {
    /// When the hour began, in microseconds since 1970.
    pub(crate) hour: i64,
    /// The code of the denials; empty of what was allowed.
    pub(crate) code: String,
    pub(crate) count: u64,
}

const TABLE: &str = "
CREATE TABLE tally (hour INTEGER NOT NULL, code TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (hour, code))
STRICT, WITHOUT ROWID;
";

const COUNT: &str = "
INSERT INTO tally
SELECT time - time % 3600000000, coalesce(body ->> '$.answer.context.code', ''), count(*) FROM records
WHERE body ->> '$.event' = 'decision' GROUP BY 1, 2;
";

/// Makes the table.
pub(super) fn create(change: &Transaction<'_>) -> rusqlite::Result<()> {
    change.execute_batch(TABLE)
}

/// Makes the table where there is none, of records that have a row each.
pub(super) fn of_rows(change: &Transaction<'_>) -> rusqlite::Result<()> {
    if change.table_exists(None, "tally")? {
        return Ok(());
    }
    create(change)?;
    change.execute_batch(COUNT)
}

/// Counts records that are being written.
pub(super) fn add(change: &Transaction<'_>, records: &[Encoded]) -> rusqlite::Result<()> {
    let mut counts: BTreeMap<(i64, &Arc<str>), i64> = BTreeMap::new();
    for record in records {
        if let Some(code) = &record.outcome {
            let count = counts.entry((hour(record.time), code)).or_default();
            *count = count.saturating_add(1);
        }
    }
    let add = "INSERT INTO tally VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET count = count + excluded.count";
    let mut add = change.prepare_cached(add)?;
    for ((hour, code), count) in counts {
        add.execute((hour, &**code, count))?;
    }
    Ok(())
}

/// Forgets the hours that were over before an instant.
pub(super) fn remove_before(change: &Transaction<'_>, instant: i64) -> rusqlite::Result<()> {
    change.execute("DELETE FROM tally WHERE hour < ?1", [hour(instant)]).map(drop)
}

/// The decisions of an instant's hour and later, by hour and code. A log that nobody has written since there are tallies has
/// none.
pub(super) fn since(connection: &Connection, instant: i64) -> rusqlite::Result<Vec<Counted>> {
    if !connection.table_exists(None, "tally")? {
        return Ok(Vec::new());
    }
    let mut select = connection.prepare("SELECT hour, code, count FROM tally WHERE hour >= ?1 ORDER BY hour, code")?;
    let counted = select.query_map([hour(instant)], |row| {
        let count: i64 = row.get(2)?;
        Ok(Counted { hour: row.get(0)?, code: row.get(1)?, count: count.unsigned_abs() })
    })?;
    counted.collect()
}

/// When the hour of an instant began.
fn hour(instant: i64) -> i64 {
    instant.saturating_sub(instant.rem_euclid(HOUR))
}
