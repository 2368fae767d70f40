//! Columns. Widths come from the first rows; later ones stream, so a listing of any length needs no memory.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::out::Out;
use super::style;
use crate::failure::Failure;

/// One column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) title: &'static str,
    pub(crate) shape: Shape,
}

/// How a column behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Numbers: flush right, never cut.
    Number,
    /// Text: cut at the terminal's edge.
    Text,
}

impl Column {
    pub(crate) const fn text(title: &'static str) -> Self {
        Self { title, shape: Shape::Text }
    }

    pub(crate) const fn number(title: &'static str) -> Self {
        Self { title, shape: Shape::Number }
    }
}

/// One field of a row: printable text, perhaps in a style.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) style: anstyle::Style,
}

impl Cell {
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), style: anstyle::Style::new() }
    }

    pub(crate) fn styled(text: impl Into<String>, style: anstyle::Style) -> Self {
        Self { text: text.into(), style }
    }

    pub(crate) fn number(number: u64) -> Self {
        Self::plain(number.to_string())
    }
}

/// How many rows decide the widths.
const ROWS_MEASURED: usize = 500;

/// No text column gets narrower than this.
const TEXT_WIDTH_MIN: usize = 8;

const GAP: &str = "  ";

/// A table that is being printed.
pub(crate) struct Table {
    columns: &'static [Column],
    waiting: Vec<Vec<Cell>>,
    widths: Option<Vec<usize>>,
}

impl Table {
    pub(crate) fn new(columns: &'static [Column]) -> Self {
        Self { columns, waiting: Vec::new(), widths: None }
    }

    pub(crate) fn push(&mut self, out: &mut Out, row: Vec<Cell>) -> Result<(), Failure> {
        if let Some(widths) = &self.widths {
            return print_row(out, self.columns, widths, &row);
        }
        self.waiting.push(row);
        if self.waiting.len() == ROWS_MEASURED { self.print_waiting(out) } else { Ok(()) }
    }

    /// Prints what waits. A table without rows prints nothing, not even its head.
    pub(crate) fn finish(mut self, out: &mut Out) -> Result<(), Failure> {
        if self.waiting.is_empty() { Ok(()) } else { self.print_waiting(out) }
    }

    fn print_waiting(&mut self, out: &mut Out) -> Result<(), Failure> {
        let mut widths: Vec<usize> = self.columns.iter().map(|column| column.title.width()).collect();
        for row in &self.waiting {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.text.width());
            }
        }
        if let Some(available) = out.width() {
            fit(self.columns, &mut widths, available);
        }
        let head: Vec<Cell> =
            self.columns.iter().map(|column| Cell::styled(column.title, style::HEADING)).collect();
        print_row(out, self.columns, &widths, &head)?;
        for row in self.waiting.drain(..) {
            print_row(out, self.columns, &widths, &row)?;
        }
        self.widths = Some(widths);
        Ok(())
    }
}

/// Narrows text columns, the widest first, until a line fits.
fn fit(columns: &[Column], widths: &mut [usize], available: usize) {
    let gaps = GAP.len() * columns.len().saturating_sub(1);
    loop {
        let total = widths.iter().sum::<usize>() + gaps;
        if total <= available {
            return;
        }
        let texts = columns.iter().zip(widths.iter_mut()).filter(|(column, _)| column.shape == Shape::Text);
        let Some((_, widest)) = texts.max_by_key(|(_, width)| **width) else { return };
        if *widest <= TEXT_WIDTH_MIN {
            return;
        }
        *widest -= 1;
    }
}

fn print_row(out: &mut Out, columns: &[Column], widths: &[usize], row: &[Cell]) -> Result<(), Failure> {
    let mut line = String::new();
    let last = row.len().saturating_sub(1);
    for (index, ((column, &width), cell)) in columns.iter().zip(widths).zip(row).enumerate() {
        let text = match column.shape {
            Shape::Number => cell.text.clone(),
            Shape::Text if out.is_terminal() => cut(&cell.text, width),
            Shape::Text => cell.text.clone(),
        };
        let padding = " ".repeat(width.saturating_sub(text.width()));
        let styled = out.styled(cell.style, &text);
        match column.shape {
            Shape::Number => line.extend([padding.as_str(), styled.as_str()]),
            // Spaces at the end of a line would only wrap it.
            Shape::Text if index == last => line.push_str(&styled),
            Shape::Text => line.extend([styled.as_str(), padding.as_str()]),
        }
        if index != last {
            line.push_str(GAP);
        }
    }
    out.line(&line)
}

/// As much of a text as fits, with an ellipsis where something is missing.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 1;
    for character in text.chars() {
        let wide = character.width().unwrap_or(0);
        if used + wide > width {
            break;
        }
        used += wide;
        out.push(character);
    }
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_columns_give_way_and_numbers_stay() {
        let columns = [Column::text("key"), Column::number("bytes"), Column::text("value")];
        let mut widths = [20, 30, 100];
        fit(&columns, &mut widths, 80);
        assert_eq!(widths, [20, 30, 26]);
        fit(&columns, &mut widths, 10);
        assert_eq!(widths, [TEXT_WIDTH_MIN, 30, TEXT_WIDTH_MIN]);
    }

    #[test]
    fn text_is_cut_by_the_columns_it_takes() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdefg", 6), "abcde…");
        assert_eq!(cut("日本語", 5), "日本…");
    }
}
