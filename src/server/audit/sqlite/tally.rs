//! How many decisions came out how in each hour: kept beside the records as they are written, so that a chart of them need
//! read none. It is made of the records and proves nothing: what was changed shows in their chain.

use crate::store::audit::{Counted, hour};
use rusqlite::{Connection, Transaction};

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

/// Adds what is counted of records that are being written.
pub(super) fn add(change: &Transaction<'_>, tally: &[Counted]) -> rusqlite::Result<()> {
    let add = "INSERT INTO tally VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET count = count + excluded.count";
    let mut add = change.prepare_cached(add)?;
    for Counted { hour, code, count } in tally {
        add.execute((hour, code, i64::try_from(*count).unwrap_or(i64::MAX)))?;
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
