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
    /// Text: cut at its end where the terminal is too narrow.
    Text,
    /// Keys: cut in the middle, as long keys often differ in their last characters only.
    Key,
}

impl Column {
    pub(crate) const fn text(title: &'static str) -> Self {
        Self { title, shape: Shape::Text }
    }

    pub(crate) const fn key(title: &'static str) -> Self {
        Self { title, shape: Shape::Key }
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
    /// What no column is narrower than.
    widths_min: Vec<usize>,
    waiting: Vec<Vec<Cell>>,
    widths: Option<Vec<usize>>,
}

impl Table {
    pub(crate) fn new(columns: &'static [Column]) -> Self {
        let widths_min = columns.iter().map(|column| column.title.width()).collect();
        Self { columns, widths_min, waiting: Vec::new(), widths: None }
    }

    /// A table that may be printed before all of its rows are known: columns are at least this wide.
    pub(crate) fn at_least(mut self, widths: &[usize]) -> Self {
        for (minimum, width) in self.widths_min.iter_mut().zip(widths) {
            *minimum = (*minimum).max(*width);
        }
        self
    }

    /// Prints what waits, and fixes the widths for the rows that come.
    pub(crate) fn print_so_far(&mut self, out: &mut Out) -> Result<(), Failure> {
        if self.waiting.is_empty() { Ok(()) } else { self.print_waiting(out) }
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
        self.print_so_far(out)
    }

    fn print_waiting(&mut self, out: &mut Out) -> Result<(), Failure> {
        let mut widths = self.widths_min.clone();
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

/// Narrows the columns that may be cut, the widest first, until a line fits.
fn fit(columns: &[Column], widths: &mut [usize], available: usize) {
    let gaps = GAP.len() * columns.len().saturating_sub(1);
    loop {
        let total = widths.iter().sum::<usize>() + gaps;
        if total <= available {
            return;
        }
        let texts = columns.iter().zip(widths.iter_mut()).filter(|(column, _)| column.shape != Shape::Number);
        let Some((_, widest)) = texts.max_by_key(|(_, width)| **width) else { return };
        if *widest <= TEXT_WIDTH_MIN {
            return;
        }
        *widest -= 1;
    }
}

fn print_row(out: &mut Out, columns: &[Column], widths: &[usize], row: &[Cell]) -> Result<(), Failure> {
    let is_narrow = out.width().is_some();
    let last = row.len().saturating_sub(1);
    let mut pieces = Vec::new();
    for (index, ((column, &width), cell)) in columns.iter().zip(widths).zip(row).enumerate() {
        let text = match column.shape {
            Shape::Text if is_narrow => cut(&cell.text, width),
            Shape::Key if is_narrow => cut_in_the_middle(&cell.text, width),
            Shape::Number | Shape::Text | Shape::Key => cell.text.clone(),
        };
        let padding = Cell::plain(" ".repeat(width.saturating_sub(text.width())));
        let cell = Cell::styled(text, cell.style);
        match column.shape {
            Shape::Number => pieces.extend([padding, cell]),
            // Spaces at the end of a line would only wrap it.
            Shape::Text | Shape::Key if index == last => pieces.push(cell),
            Shape::Text | Shape::Key => pieces.extend([cell, padding]),
        }
        if index != last {
            pieces.push(Cell::plain(GAP));
        }
    }
    if let Some(available) = out.width() {
        cut_line(&mut pieces, available);
    }
    let line: String = pieces.iter().map(|piece| out.styled(piece.style, &piece.text)).collect();
    out.line(&line)
}

/// Cuts a line that is too wide all the same, because its numbers are: a line that wraps is harder to read than one that is cut.
fn cut_line(pieces: &mut Vec<Cell>, available: usize) {
    let mut room = available;
    for index in 0..pieces.len() {
        let rest: usize = pieces[index..].iter().map(|piece| piece.text.width()).sum();
        let width = pieces[index].text.width();
        if rest <= room {
            return;
        }
        if width >= room {
            // A text that just fits has to make room for the ellipsis.
            pieces[index].text.push(' ');
            pieces[index].text = cut(&pieces[index].text, room);
            pieces.truncate(index + 1);
            return;
        }
        room -= width;
    }
}

/// The start and the end of a text that does not fit, with an ellipsis between them.
fn cut_in_the_middle(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let tail_max = width.saturating_sub(1) / 2;
    let mut used = 0;
    let tail: Vec<char> = text
        .chars()
        .rev()
        .take_while(|character| {
            used += character.width().unwrap_or(0);
            used <= tail_max
        })
        .collect();
    let tail: String = tail.into_iter().rev().collect();
    cut(text, width - tail.width()) + &tail
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
        assert_eq!(cut_in_the_middle("abcdef", 6), "abcdef");
        assert_eq!(cut_in_the_middle("user-000001", 8), "user…001");
        assert_eq!(cut_in_the_middle("日本語日本語", 7), "日本…語");
    }

    #[test]
    fn a_line_is_cut_where_numbers_leave_no_room() {
        let check = |texts: &[&str], available, expected: &str| {
            let mut pieces: Vec<_> = texts.iter().map(|&text| Cell::plain(text)).collect();
            cut_line(&mut pieces, available);
            let line: String = pieces.into_iter().map(|piece| piece.text).collect();
            assert_eq!(line, expected);
            assert!(line.width() <= available);
        };
        check(&["123", "  ", "456"], 8, "123  456");
        check(&["123", "  ", "456"], 7, "123  4…");
        check(&["123", "  ", "456"], 5, "123 …");
        check(&["123", "456"], 3, "12…");
    }
}
