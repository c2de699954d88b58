//! Bars over time, drawn as SVG within the page, with the numbers as a table for whoever does not see them.

use super::look::Look;
use maud::{Markup, html};

/// Some numbers that belong together, one for each bar.
pub(super) struct Series {
    pub(super) name: String,
    /// Its colour, as `style.css` calls it.
    pub(super) class: &'static str,
    pub(super) values: Vec<u64>,
}

/// Bars, each of several series one upon the other.
pub(super) struct Bars<'a> {
    pub(super) title: &'a str,
    pub(super) labels: &'a [String],
    pub(super) series: &'a [Series],
}

const WIDTH: u64 = 560;
const HEIGHT: u64 = 150;
/// Room for numbers on the left, and for times below.
const LEFT: u64 = 44;
const BELOW: u64 = 22;
const ABOVE: u64 = 10;
/// How many times are written below.
const TIMES: usize = 6;
/// How much of a time is written there: a day, or an hour of the only day.
const SHORT: usize = 5;

impl Bars<'_> {
    pub(super) fn render(&self, look: Look) -> Markup {
        let top = round_up((0..self.labels.len()).map(|bar| self.total(bar)).max().unwrap_or_default());
        let count = u64::try_from(self.labels.len()).unwrap_or(1).max(1);
        let step = WIDTH.saturating_sub(LEFT).saturating_mul(100).checked_div(count).unwrap_or_default();
        html! {
            figure.chart {
                figcaption { (self.title) }
                ul.legend { @for series in self.series { li { span.swatch.(series.class) {} (series.name) " " b { (series.values.iter().sum::<u64>()) } } } }
                svg viewBox=(format!("0 0 {WIDTH} {}", HEIGHT.saturating_add(BELOW))) role="img" aria-label=(self.title) {
                    @for part in [0, 1, 2] {
                        @let value = top.saturating_mul(part) / 2;
                        @let y = height(top.saturating_sub(value), top).saturating_add(ABOVE);
                        line.grid x1=(LEFT) x2=(WIDTH) y1=(y) y2=(y) {}
                        text.axis.number x=(LEFT.saturating_sub(8)) y=(y.saturating_add(4)) { (value) }
                    }
                    @for bar in 0..self.labels.len() { (self.bar(bar, step, top)) }
                }
                (self.numbers(look))
            }
        }
    }

    fn total(&self, bar: usize) -> u64 {
        self.series.iter().filter_map(|series| series.values.get(bar)).fold(0, |sum, value| sum.saturating_add(*value))
    }

    /// One bar, with its time below where there is room.
    fn bar(&self, bar: usize, step: u64, top: u64) -> Markup {
        let place = u64::try_from(bar).unwrap_or_default().saturating_mul(step);
        let x = LEFT.saturating_add(place / 100);
        let width = (step / 100).saturating_sub(3).max(2);
        let mut base = HEIGHT;
        let mut pieces = Vec::new();
        for series in self.series {
            let value = series.values.get(bar).copied().unwrap_or_default();
            // What there is can be seen, however little it is.
            let tall = if value == 0 { 0 } else { height(value, top).max(1) };
            base = base.saturating_sub(tall);
            pieces.push((series, value, base, tall));
        }
        let label = self.labels.get(bar).map_or("", String::as_str);
        let every = self.labels.len().div_ceil(TIMES).max(1);
        html! {
            @for (series, value, y, tall) in pieces { @if tall > 0 {
                rect.(series.class) x=(x.saturating_add(1)) y=(y) width=(width) height=(tall) { title { (label) " · " (series.name) " " (value) } }
            } }
            @if bar.is_multiple_of(every) { text.axis x=(x) y=(HEIGHT.saturating_add(17)) { (label.get(..SHORT).unwrap_or(label)) } }
        }
    }

    fn numbers(&self, look: Look) -> Markup {
        html! {
            details {
                summary { (look.say("audit.numbers")) }
                div.scroll tabindex="0" role="region" aria-label=(self.title) {
                    table {
                        thead { tr { th scope="col" { (look.say("audit.time")) } @for series in self.series { th scope="col" { (series.name) } } } }
                        tbody {
                            @for (bar, label) in self.labels.iter().enumerate() { @if self.total(bar) > 0 {
                                tr { th scope="row" { (label) } @for series in self.series { td.number { (series.values.get(bar).copied().unwrap_or_default()) } } }
                            } }
                        }
                    }
                }
            }
        }
    }
}

/// How tall a value is, of a chart that goes up to `top`.
fn height(value: u64, top: u64) -> u64 {
    let room = HEIGHT.saturating_sub(ABOVE);
    room.saturating_mul(value).checked_div(top).unwrap_or_default()
}

/// The next round number: 1, 2 or 5 with noughts behind it; at least 2, so that half of it is whole.
fn round_up(value: u64) -> u64 {
    let mut unit: u64 = 1;
    loop {
        for digit in [2, 4, 10] {
            let round = unit.saturating_mul(digit);
            if round >= value || unit > u64::MAX / 100 {
                return round;
            }
        }
        unit = unit.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::round_up;

    #[test]
    fn the_top_is_round() {
        assert_eq!([0, 1, 3, 5, 11, 40, 41, 12_345].map(round_up), [2, 2, 4, 10, 20, 40, 100, 20_000]);
        assert!(round_up(u64::MAX) > 1_000);
    }
}
