//! The log of a node as it is written: each group is one statement, which names what its writer holds to be last.

use crate::{month::Month, tables::TABLES};
use policyc::store::audit::{AuditWriter, Checkpoint, Group, Outage, Place, hour};
use policyc_line_postgres::{Failed, Held, Line};
use std::collections::BTreeSet;
use tokio_postgres::{
    Row, Transaction,
    types::{ToSql, Type},
};

/// The log of one node.
pub(crate) struct PostgresWriter {
    pub(crate) line: Line,
    pub(crate) node: String,
    /// How the table of its chunks is called.
    pub(crate) table: String,
    /// The months that have a partition.
    pub(crate) months: BTreeSet<Month>,
}

/// A group as rows: what is asked for is asked on another thread.
struct Rows {
    node: String,
    after: Place,
    end: Place,
    numbers: [Vec<i64>; 4],
    bodies: Vec<String>,
    hashes: Vec<Vec<u8>>,
    hours: Vec<i64>,
    codes: Vec<String>,
    counts: Vec<i64>,
    checkpoint: Option<Checkpoint>,
}

impl Rows {
    /// The rows of a group; none where something of it is no text.
    fn of(node: &str, group: &Group<'_>) -> Option<Self> {
        let bodies: Result<Vec<_>, _> = group.chunks.iter().map(|chunk| str::from_utf8(chunk.bodies)).collect();
        let chunks = group.chunks.iter();
        Some(Self {
            node: node.to_owned(),
            after: group.after,
            end: group.end,
            numbers: [
                chunks.clone().map(|chunk| chunk.first).collect(),
                chunks.clone().map(|chunk| chunk.last).collect(),
                chunks.clone().map(|chunk| chunk.earliest).collect(),
                chunks.clone().map(|chunk| chunk.latest).collect(),
            ],
            bodies: bodies.ok()?.into_iter().map(str::to_owned).collect(),
            hashes: chunks.map(|chunk| chunk.hashes.to_owned()).collect(),
            hours: group.tally.iter().map(|counted| counted.hour).collect(),
            codes: group.tally.iter().map(|counted| counted.code.clone()).collect(),
            counts: group.tally.iter().map(|counted| i64::try_from(counted.count).unwrap_or(i64::MAX)).collect(),
            checkpoint: group.checkpoint.cloned(),
        })
    }
}

/// Everything or nothing, and only behind what is named. Before the first record any hash is as good as another.
const APPEND: &str = "
WITH known AS (
    UPDATE audit_nodes SET last = $2, hash = $3
    WHERE name = $1 AND last = $4 AND (hash = $5 OR last = 0) AND (SELECT needs FROM audit) <= $6 RETURNING name
), chunks AS (
    INSERT INTO audit_chunks
    SELECT name, more.* FROM known, unnest($7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::text[], $12::bytea[])
        AS more
), tally AS (
    INSERT INTO audit_tally SELECT name, more.* FROM known, unnest($13::bigint[], $14::text[], $15::bigint[]) AS more
    ON CONFLICT (node, hour, code) DO UPDATE SET count = audit_tally.count + EXCLUDED.count
), checkpoints AS (
    INSERT INTO audit_checkpoints SELECT name, $2, $3, more.* FROM known, unnest($16::text[], $17::bytea[]) AS more
    ON CONFLICT (node, seq) DO UPDATE SET hash = EXCLUDED.hash, time = EXCLUDED.time, signature = EXCLUDED.signature
)
SELECT count(*) FROM known";

const APPENDED: [Type; 17] = [
    Type::TEXT,
    Type::INT8,
    Type::BYTEA,
    Type::INT8,
    Type::BYTEA,
    Type::INT4,
    Type::INT8_ARRAY,
    Type::INT8_ARRAY,
    Type::INT8_ARRAY,
    Type::INT8_ARRAY,
    Type::TEXT_ARRAY,
    Type::BYTEA_ARRAY,
    Type::INT8_ARRAY,
    Type::TEXT_ARRAY,
    Type::INT8_ARRAY,
    Type::TEXT_ARRAY,
    Type::BYTEA_ARRAY,
];

/// Where a log ends. Who cannot write is not answered, either.
const END: &str = "SELECT last, hash, (SELECT needs FROM audit) FROM audit_nodes WHERE name = $1 FOR UPDATE";

async fn append(client: Held, rows: Rows) -> Result<(), Failed> {
    let is_nothing = rows.bodies.is_empty() && rows.checkpoint.is_none();
    if !is_nothing && put(&client, &rows).await? {
        return Ok(());
    }
    let Some(found) = client.query_typed(END, &[(&rows.node, Type::TEXT)]).await?.pop() else {
        return Err(Failed::Refused(format!("the row of node `{}` is gone", rows.node)));
    };
    TABLES.known(found.try_get(2)?)?;
    let is_at = |place: &Place| {
        let (seq, hash): (i64, &[u8]) = (found.try_get(0)?, found.try_get(1)?);
        Ok::<_, Failed>(seq == place.seq && (seq == 0 || hash == place.hash))
    };
    // An answer was lost where it ends with these records already.
    let wanted = if rows.bodies.is_empty() { &rows.after } else { &rows.end };
    let elsewhere = || Failed::Refused(format!("the log of node `{}` does not end where it was left", rows.node));
    if is_at(wanted)? && (is_nothing || !rows.bodies.is_empty()) { Ok(()) } else { Err(elsewhere()) }
}

/// Writes a group; false where the log ends elsewhere, or wants another program.
async fn put(client: &Held, rows: &Rows) -> Result<bool, Failed> {
    let Rows { node, after, end, numbers: [first, last, earliest, latest], bodies, hashes, .. } = rows;
    let checkpoint = rows.checkpoint.iter();
    let times: Vec<&str> = checkpoint.clone().map(|point| point.time.as_str()).collect();
    let signatures: Vec<&[u8]> = checkpoint.map(|point| point.signature.as_slice()).collect();
    let (end_hash, after_hash) = (end.hash.as_slice(), after.hash.as_slice());
    let values: [&(dyn ToSql + Sync); 17] = [
        node,
        &end.seq,
        &end_hash,
        &after.seq,
        &after_hash,
        &TABLES.version,
        first,
        last,
        earliest,
        latest,
        bodies,
        hashes,
        &rows.hours,
        &rows.codes,
        &rows.counts,
        &times,
        &signatures,
    ];
    let values: Vec<_> = values.into_iter().zip(APPENDED).collect();
    let written = client.query_typed_one(APPEND, &values).await?;
    Ok(written.try_get::<_, i64>(0)? == 1)
}

impl PostgresWriter {
    /// Makes the partitions of the months that chunks are of, and of those after them: so the next month finds its own.
    fn make_months(&mut self, group: &Group<'_>) -> Result<(), Outage> {
        let months = group.chunks.iter().filter_map(|chunk| Month::of(chunk.latest));
        let wanted: BTreeSet<Month> =
            months.flat_map(|month| [month, month.next()]).filter(|month| !self.months.contains(month)).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let mut make = String::new();
        for month in &wanted {
            if let (Some(start), Some(end)) = (month.start(), month.next().start()) {
                let (table, name) = (&self.table, month.name(&self.table));
                make.push_str(&format!(
                    "CREATE TABLE IF NOT EXISTS \"{name}\" PARTITION OF {table} FOR VALUES FROM ({start}) TO ({end});"
                ));
            }
        }
        self.line.ask(move |client| async move { Ok(client.batch_execute(&make).await?) })?;
        self.months.extend(wanted);
        Ok(())
    }

    fn try_append(&mut self, group: &Group<'_>) -> Result<(), Outage> {
        self.make_months(group)?;
        let rows = Rows::of(&self.node, group).ok_or_else(|| self.line.outage("what is to be written is no text"))?;
        self.line.ask(move |client| append(client, rows))
    }
}

impl AuditWriter for PostgresWriter {
    fn node(&self) -> &str {
        &self.node
    }

    fn append(&mut self, group: &Group<'_>) -> Result<(), Outage> {
        let written = self.try_append(group);
        if written.is_err() {
            // A partition may have been dropped meanwhile.
            self.months.clear();
        }
        written
    }

    fn removable(&mut self, before: i64) -> Result<Option<Place>, Outage> {
        let (node, bound) = (self.node.clone(), bound(before));
        self.line.ask(move |client| async move {
            let values = [(&node as &(dyn ToSql + Sync), Type::TEXT), (&bound, Type::INT8)];
            let old = client.query_typed_opt(LAST_OLD, &values).await?;
            let kept: Option<i64> = client.query_typed_one(FIRST_KEPT, &values).await?.try_get(0)?;
            let old = old.as_ref().map(place).transpose()?.flatten();
            // Where a clock was set back, what is old may stand behind what is not.
            Ok(old.filter(|old| kept.is_some_and(|kept| old.seq < kept)))
        })
    }

    fn remove(&mut self, anchor: &Checkpoint, before: i64) -> Result<(), Outage> {
        let (node, table, anchor, bound) = (self.node.clone(), self.table.clone(), anchor.clone(), bound(before));
        self.months.clear();
        self.line.ask(move |mut client| async move {
            let change = client.transaction().await?;
            TABLES.known(change.query_one(END, &[&node]).await?.try_get(2)?)?;
            let last = change.query_opt(LAST_OLD, &[&node, &bound]).await?;
            if last.as_ref().map(place).transpose()?.flatten().is_some_and(|last| last.seq > anchor.seq) {
                return Err(Failed::Refused("what is old is not all that the anchor covers".to_owned()));
            }
            drop_months(&change, &table, bound).await?;
            let Checkpoint { seq, hash, time, signature } = &anchor;
            let keep = "INSERT INTO audit_anchors VALUES ($1, $2, $3, $4, $5) ON CONFLICT (node) DO UPDATE
                SET seq = EXCLUDED.seq, hash = EXCLUDED.hash, time = EXCLUDED.time, signature = EXCLUDED.signature";
            change.execute(keep, &[&node, seq, &hash.as_slice(), time, &signature.as_slice()]).await?;
            change.execute("DELETE FROM audit_checkpoints WHERE node = $1 AND seq < $2", &[&node, seq]).await?;
            change.execute("DELETE FROM audit_tally WHERE node = $1 AND hour < $2", &[&node, &hour(bound)]).await?;
            Ok(change.commit().await?)
        })
    }
}

/// Only whole months are removed: those before this one.
fn bound(before: i64) -> i64 {
    Month::of(before).and_then(Month::start).unwrap_or(before)
}

const LAST_OLD: &str =
    "SELECT last, hashes FROM audit_chunks WHERE node = $1 AND latest < $2 ORDER BY first DESC LIMIT 1";
const FIRST_KEPT: &str = "SELECT min(first) FROM audit_chunks WHERE node = $1 AND latest >= $2";

/// The last record of a chunk.
fn place(row: &Row) -> Result<Option<Place>, Failed> {
    let (seq, hashes): (i64, &[u8]) = (row.try_get(0)?, row.try_get(1)?);
    Ok(hashes.last_chunk().map(|hash| Place { seq, hash: *hash }))
}

/// Drops the partitions of the months that were over before an instant.
async fn drop_months(change: &Transaction<'_>, table: &str, bound: i64) -> Result<(), Failed> {
    let select = "SELECT relname::text FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = to_regclass($1) ORDER BY 1";
    for row in change.query(select, &[&table]).await? {
        let name: String = row.try_get(0)?;
        let month = Month::of_name(&name, table);
        if month.and_then(|month| month.next().start()).is_some_and(|end| end <= bound) {
            change.batch_execute(&format!("DROP TABLE \"{name}\"")).await?;
        }
    }
    Ok(())
}
