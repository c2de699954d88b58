//! Charts made small enough for a picture.

use super::{Card, Chart, Row, Step};
use std::collections::BTreeMap;

/// The most boxes that a person wants to look at: cards and their rules.
const MOST: usize = 200;
/// The most rules that a card of a large chart shows.
const MOST_ROWS: usize = 24;
/// The most ways to a card that are named.
const MOST_WAYS: usize = 4;

/// What cards that look alike have in common: the sort of what leads to them, and what their rules do with what,
/// with how many tests and how many notes.
type Looks<'c> = (&'c str, Vec<(Step, String, usize, usize)>);

impl Chart {
    /// The chart for a picture. Of many ways to a card some are named and the others counted. In a large chart, cards that
    /// look alike are drawn once, and what is still too much is counted.
    #[must_use]
    pub(super) fn folded(&self) -> Self {
        let large = self.boxes() > MOST;
        let mut chart = Self { cards: Vec::new(), ..self.clone() };
        let mut known: BTreeMap<Looks<'_>, usize> = BTreeMap::new();
        for card in &self.cards {
            let first = if large { known.get(&self.looks(card)) } else { None };
            if let Some(first) = first.and_then(|place| chart.cards.get_mut(*place)) {
                first.alike = first.alike.saturating_add(card.ways.len()).saturating_add(card.twins.len());
                continue;
            }
            if large && card.step.is_none() {
                known.insert(self.looks(card), chart.cards.len());
            }
            chart.cards.push(shortened(card, if large { MOST_ROWS } else { usize::MAX }));
        }
        while chart.boxes() > MOST && chart.cards.len() > 1 {
            let alike = chart.cards.pop().map_or(0, |card| card.alike);
            chart.left_out = chart.left_out.saturating_add(alike).saturating_add(1);
        }
        chart
    }

    fn boxes(&self) -> usize {
        self.cards.iter().fold(0, |sum, card| sum.saturating_add(card.rows.len()).saturating_add(1))
    }

    fn looks(&self, card: &Card) -> Looks<'_> {
        let way = card.ways.first().and_then(|way| self.ways.get(*way));
        let looks = |row: &Row| (row.step, row.actions_in_words(), row.tests.len(), row.notes.len());
        (way.map_or("", |way| &way.sort), card.rows.iter().map(looks).collect())
    }
}

fn shortened(card: &Card, most: usize) -> Card {
    let mut card = card.clone();
    card.ways.extend(card.twins.iter().map(|twin| twin.way));
    card.unnamed = card.ways.len().saturating_sub(MOST_WAYS);
    card.ways.truncate(MOST_WAYS);
    card.left_out = card.rows.len().saturating_sub(most);
    card.rows.truncate(most);
    card
}
