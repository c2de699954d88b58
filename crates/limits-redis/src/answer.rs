//! What the script says, as what a caller is told; nothing where the script cannot have said that.

use chrono::{DateTime, Utc};
use policyc::store::limits::{Charge, Receipt, Room, Tally};

/// The time, then four numbers for each charge.
pub(crate) fn receipt(numbers: &[i64], charges: &[Charge]) -> Option<Receipt> {
    let (at, rest) = dated(numbers)?;
    let (rooms, []) = rest.as_chunks::<4>() else { return None };
    if rooms.len() != charges.len() {
        return None;
    }
    let rooms = rooms.iter().zip(charges).map(|(numbers, charge)| room(numbers, charge));
    Some(Receipt { at, rooms: rooms.collect::<Option<_>>()? })
}

fn room(numbers: &[i64; 4], charge: &Charge) -> Option<Room> {
    let [fits, remaining, wait, reset] = *numbers;
    let fits = match fits {
        0 => false,
        1 => true,
        _ => return None,
    };
    let remaining = natural(remaining).filter(|remaining| *remaining <= charge.limit)?;
    let retry_after = if wait == -1 { None } else { Some(natural(wait).filter(|wait| *wait > 0)?) };
    // What fits has nothing to wait for.
    (!fits || retry_after.is_none()).then_some(Room { fits, remaining, retry_after, reset: natural(reset)? })
}

/// The time, then two numbers for each counter.
pub(crate) fn tallies(numbers: &[i64], names: &[String]) -> Option<Vec<Tally>> {
    let (_, rest) = dated(numbers)?;
    let (found, []) = rest.as_chunks::<2>() else { return None };
    if found.len() != names.len() {
        return None;
    }
    let tally = |([used, reset], name): (&[i64; 2], &String)| {
        Some(Tally { counter: name.clone(), used: natural(*used)?, reset: natural(*reset)? })
    };
    found.iter().zip(names).map(tally).collect()
}

/// How many there were, of so many at most.
pub(crate) fn count(numbers: &[i64], most: u64) -> Option<u64> {
    let [number] = numbers else { return None };
    natural(*number).filter(|number| *number <= most)
}

pub(crate) fn is_set(numbers: &[i64]) -> Option<bool> {
    count(numbers, 1).map(|number| number == 1)
}

fn dated(numbers: &[i64]) -> Option<(DateTime<Utc>, &[i64])> {
    let (micros, rest) = numbers.split_first()?;
    Some((DateTime::from_timestamp_micros(*micros)?, rest))
}

fn natural(number: i64) -> Option<u64> {
    u64::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::{count, is_set, receipt, tallies};
    use policyc::store::limits::{Charge, Window};

    #[test]
    fn nonsense_is_no_grant() {
        let window = Window::Sliding { seconds: 10 };
        let one = [Charge { counter: "a".to_owned(), window, limit: 9, cost: 1, binds: true }];
        assert!(receipt(&[1, 1, 8, -1, 10], &one).is_some_and(|receipt| receipt.rooms[0].fits));
        for numbers in [
            &[][..],
            &[1],
            &[1, 1, 8, -1],
            &[1, 1, 8, -1, 10, 0],
            &[1, 1, 8, -1, 10, 1, 8, -1, 10],
            &[1, 2, 8, -1, 10],
            &[1, 1, -8, -1, 10],
            &[1, 1, 10, -1, 10],
            &[1, 1, 8, 3, 10],
            &[1, 0, 8, 0, 10],
            &[1, 0, 8, -2, 10],
            &[1, 0, 8, 3, -1],
            &[i64::MAX, 1, 8, -1, 10],
        ] {
            assert_eq!(receipt(numbers, &one), None, "{numbers:?}");
        }
        assert_eq!((count(&[2], 2), count(&[3], 2), count(&[-1], 2), count(&[], 2)), (Some(2), None, None, None));
        assert_eq!((is_set(&[0]), is_set(&[1]), is_set(&[2])), (Some(false), Some(true), None));
        assert_eq!(tallies(&[1, 2], &["a".to_owned()]), None);
    }
}
