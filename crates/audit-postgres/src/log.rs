//! Logs as they are read: a page after the other, so that nobody holds the connection for long.

use policyc::store::audit::{AuditLog, Checkpoint, Chunk, Counted, Order, Unreadable, hour};
use policyc_line_postgres::Line;
use std::{
    ops::{ControlFlow, Range, RangeInclusive},
    sync::Arc,
};
use tokio_postgres::{Row, types::Type};

/// How many chunks are read at a time.
const PAGE: usize = 32;

/// The log of one node.
pub(crate) struct PostgresLog {
    pub(crate) line: Arc<Line>,
    pub(crate) node: String,
}

/// What is asked for with a node and two numbers.
const BETWEEN: [Type; 3] = [Type::TEXT, Type::INT8, Type::INT8];

/// Where a page in which a record is begins.
const CHUNK_OF: &str = "SELECT coalesce(max(first), $2) FROM audit_chunks WHERE node = $1 AND first <= $2";

const WHOLE: &str = "
SELECT (SELECT min(first) FROM audit_chunks WHERE node = $1),
    (SELECT last FROM audit_chunks WHERE node = $1 ORDER BY first DESC LIMIT 1)
WHERE $2 < $3";

const DATED: &str = "SELECT min(first), max(last) FROM audit_chunks WHERE node = $1 AND latest >= $2 AND earliest < $3";

impl PostgresLog {
    /// What a query finds for the node and two numbers.
    fn query(&self, query: impl Into<String>, first: i64, second: i64) -> Result<Vec<Row>, Unreadable> {
        let (node, query) = (self.node.clone(), query.into());
        Ok(self.line.ask(move |client| async move {
            let [text, one, other] = BETWEEN;
            Ok(client.query_typed(&query, &[(&node, text), (&first, one), (&second, other)]).await?)
        })?)
    }

    /// What no program has written.
    fn spoilt(&self) -> Unreadable {
        Unreadable::Spoilt(self.line.outage("its tables hold what cannot be").0)
    }

    /// What stands in rows, of which each is one thing.
    fn each<T>(&self, rows: &[Row], one: impl Fn(&Row) -> Option<T>) -> Result<Vec<T>, Unreadable> {
        rows.iter().map(|row| one(row).ok_or_else(|| self.spoilt())).collect()
    }

    fn points(&self, table: &str) -> Result<Vec<Checkpoint>, Unreadable> {
        let select = format!(
            "SELECT seq, hash, time, signature FROM {table} WHERE node = $1 AND seq BETWEEN $2 AND $3 ORDER BY seq"
        );
        self.each(&self.query(select, i64::MIN, i64::MAX)?, |row| {
            Some(Checkpoint {
                seq: row.try_get(0).ok()?,
                hash: row.try_get::<_, &[u8]>(1).ok()?.try_into().ok()?,
                time: row.try_get(2).ok()?,
                signature: row.try_get::<_, &[u8]>(3).ok()?.try_into().ok()?,
            })
        })
    }
}

fn chunk(row: &Row) -> Option<Chunk<'_>> {
    Some(Chunk {
        first: row.try_get(0).ok()?,
        last: row.try_get(1).ok()?,
        earliest: row.try_get(2).ok()?,
        latest: row.try_get(3).ok()?,
        bodies: row.try_get::<_, &str>(4).ok()?.as_bytes(),
        hashes: row.try_get(5).ok()?,
    })
}

impl AuditLog for PostgresLog {
    fn span(&self, times: Range<i64>) -> Result<Option<(i64, i64)>, Unreadable> {
        let query = if times == (i64::MIN..i64::MAX) { WHOLE } else { DATED };
        let rows = self.query(query, times.start, times.end)?;
        let number = |column| rows.first().and_then(|row| row.try_get::<_, Option<i64>>(column).ok().flatten());
        Ok(number(0).zip(number(1)))
    }

    fn read(
        &self,
        numbers: RangeInclusive<i64>,
        order: Order,
        each: &mut dyn FnMut(Chunk<'_>) -> ControlFlow<()>,
    ) -> Result<(), Unreadable> {
        let (start, mut to) = numbers.into_inner();
        let first = self.query(format!("{CHUNK_OF} AND $3 = 0"), start, 0)?;
        let mut from = first.first().and_then(|row| row.try_get(0).ok()).ok_or_else(|| self.spoilt())?;
        let direction = match order {
            Order::Oldest => "ASC",
            Order::Newest => "DESC",
        };
        let page = format!(
            "SELECT first, last, earliest, latest, bodies, hashes FROM audit_chunks
            WHERE node = $1 AND first BETWEEN $2 AND $3 ORDER BY first {direction} LIMIT {PAGE}"
        );
        loop {
            let rows = self.query(page.as_str(), from, to)?;
            let mut reached = None;
            for row in &rows {
                let chunk = chunk(row).ok_or_else(|| self.spoilt())?;
                reached = Some(chunk.first);
                if chunk.last >= start && each(chunk).is_break() {
                    return Ok(());
                }
            }
            let Some(reached) = reached.filter(|_| rows.len() == PAGE) else { return Ok(()) };
            match order {
                Order::Oldest => from = reached.saturating_add(1),
                Order::Newest => to = reached.saturating_sub(1),
            }
        }
    }

    fn checkpoints(&self) -> Result<Vec<Checkpoint>, Unreadable> {
        self.points("audit_checkpoints")
    }

    fn anchor(&self) -> Result<Option<Checkpoint>, Unreadable> {
        Ok(self.points("audit_anchors")?.pop())
    }

    fn counted(&self, since: i64) -> Result<Vec<Counted>, Unreadable> {
        let select = "SELECT hour, code, count FROM audit_tally WHERE node = $1 AND hour BETWEEN $2 AND $3
            ORDER BY hour, code COLLATE \"C\"";
        self.each(&self.query(select, hour(since), i64::MAX)?, |row| {
            let count: i64 = row.try_get(2).ok()?;
            Some(Counted { hour: row.try_get(0).ok()?, code: row.try_get(1).ok()?, count: count.try_into().ok()? })
        })
    }
}
