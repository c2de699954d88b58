//! How many decisions came out how in each hour: kept beside the records as they are written, so that a chart of them need
//! read none. It is made of the records and proves nothing: what was changed shows in their chain.

use super::records::Records;
use crate::store::audit::{Counted, hour};
use std::{collections::BTreeMap, sync::Arc};

/// Counts records.
pub(super) fn tally(records: &Records) -> Vec<Counted> {
    let mut counts: BTreeMap<(i64, &Arc<str>), u64> = BTreeMap::new();
    for row in records.rows() {
        if let Some(code) = &row.kept.outcome {
            let count = counts.entry((hour(row.kept.time), code)).or_default();
            *count = count.saturating_add(1);
        }
    }
    counts.into_iter().map(|((hour, code), count)| Counted { hour, code: code.to_string(), count }).collect()
}
