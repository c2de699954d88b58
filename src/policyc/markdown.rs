//! Pages of Markdown as a terminal shows them: headings bold, prose wrapped, code set apart.
//!
//! It knows what our own pages have: headings, paragraphs, lists, fenced code, code between backticks.

use super::style::Style;
use std::iter;

/// The widest that prose is set, however wide the terminal is.
const MEASURE: usize = 88;

/// The page, in colour.
pub(super) fn render(page: &str, width: usize) -> String {
    let mut writer = Writer { style: Style::new(true), width: width.clamp(20, MEASURE), out: String::new() };
    let mut prose = String::new();
    let mut in_code = false;
    for line in page.lines().chain(iter::once("")) {
        if line.trim_start().starts_with("```") {
            writer.prose(&mut prose);
            in_code = !in_code;
        } else if in_code {
            writer.code(line);
        } else if line.starts_with('#') {
            writer.prose(&mut prose);
            writer.heading(line);
        } else if line.trim().is_empty() {
            writer.prose(&mut prose);
            writer.blank();
        } else {
            if is_item(line) {
                writer.prose(&mut prose);
            } else if !prose.is_empty() {
                prose.push(' ');
            }
            prose.push_str(line.trim_end());
        }
    }
    format!("{}\n", writer.out.trim_end())
}

fn is_item(line: &str) -> bool {
    line.starts_with("- ") || line.starts_with("* ")
}

struct Writer {
    style: Style,
    width: usize,
    out: String,
}

impl Writer {
    fn heading(&mut self, line: &str) {
        self.out.push_str(&self.style.bold(line.trim_start_matches('#').trim()));
        self.out.push('\n');
    }

    fn code(&mut self, line: &str) {
        if !line.is_empty() {
            self.out.push_str("    ");
            self.out.push_str(line);
        }
        self.out.push('\n');
    }

    fn blank(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// A paragraph or an item of a list, wrapped; what is between backticks is coloured, and may go on over lines.
    fn prose(&mut self, text: &mut String) {
        if text.is_empty() {
            return;
        }
        let indent = if is_item(text) { "  " } else { "" };
        let options = textwrap::Options::new(self.width).subsequent_indent(indent).break_words(false);
        let mut in_code = false;
        for line in textwrap::wrap(text, options) {
            for (index, piece) in line.split('`').enumerate() {
                in_code ^= index > 0;
                self.out.push_str(&if in_code { self.style.hint(piece) } else { piece.to_owned() });
            }
            self.out.push('\n');
        }
        text.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::render;

    #[test]
    fn a_page_is_set_for_a_terminal() {
        let page = "# P0001: a title\n\nSome prose with `code in\nit` that is long enough to be wrapped.\n\n\
                    - one item, also long enough that it goes on\n- two\n\n```policy\nallow anyone;\n```\n";
        let plain =
            render(page, 30).replace("\u{1b}[1m", "<b>").replace("\u{1b}[36m", "<c>").replace("\u{1b}[0m", "</>");
        insta::assert_snapshot!(plain, @r"
        <b>P0001: a title</>

        Some prose with <c>code in it</>
        that is long enough to be
        wrapped.

        - one item, also long enough
          that it goes on
        - two

            allow anyone;
        ");
    }
}
