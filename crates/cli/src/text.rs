//! Formats text for a terminal: cuts it, pads it, wraps it and escapes it.

use serde_json::Value;
use std::io::{self, Write};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Writes `text` in lines after `label`. The other lines are indented to the width of `label`. Lines do not break at a
/// no-break space.
pub(crate) fn write_wrapped(out: &mut dyn Write, label: &str, text: &str) -> io::Result<()> {
    let room = LINE_WIDTH.saturating_sub(label.width());
    let mut line = String::new();
    let mut lines = Vec::new();
    for word in text.split_ascii_whitespace() {
        if !line.is_empty() && line.width().saturating_add(word.width()) >= room {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    let below = " ".repeat(label.width());
    lines.iter().enumerate().try_for_each(|(index, line)| {
        let before = if index == 0 { label } else { &below };
        writeln!(out, "{before}{}", line.replace('\u{a0}', " "))
    })
}

/// Returns the text, cut or padded to `width` columns.
pub(crate) fn fit(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.width());
    if text.width() <= width {
        return format!("{text}{}", " ".repeat(missing));
    }
    let mut cut = String::new();
    for character in text.chars() {
        let taken = cut.width().saturating_add(character.width().unwrap_or(0));
        if taken >= width {
            break;
        }
        cut.push(character);
    }
    fit(&format!("{cut}…"), width)
}

/// Returns the text with all unprintable characters escaped, so that a name cannot forge a line of the output.
pub(crate) fn printable(text: &str) -> String {
    let shown = |character: char| match character {
        '\'' | '"' | '\\' => character.to_string(),
        _ => character.escape_debug().to_string(),
    };
    text.chars().map(shown).collect()
}

/// Returns the value as one line. The characters that [`printable`] escapes are escaped as JSON allows (RFC 8259 section 7).
pub(crate) fn json_line(value: &Value) -> String {
    let mut line = String::new();
    for character in value.to_string().chars() {
        if matches!(character, '"' | '\'' | '\\') || character.escape_debug().len() == 1 {
            line.push(character);
        } else {
            let mut units = [0; 2];
            line.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    line
}

const LINE_WIDTH: usize = 120;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn unprintable_characters_are_escaped_and_others_are_kept() {
        assert_eq!(printable("HTTP/würzburg.test"), "HTTP/würzburg.test");
        assert_eq!(printable("a\nb\u{1b}[2J\u{202e}c"), "a\\nb\\u{1b}[2J\\u{202e}c");
        assert_eq!(printable(r#"CONTOSO\o'neill""#), r#"CONTOSO\o'neill""#);
    }

    #[test]
    fn json_line_escapes_unprintable_characters_and_keeps_the_value() {
        let value = Value::from("w\u{fc}\"\\'\n\u{7f}\u{9b}2J\u{202e}\u{e0001}");
        let line = json_line(&value);
        assert_eq!(line, "\"w\u{fc}\\\"\\\\'\\n\\u007f\\u009b2J\\u202e\\udb40\\udc01\"");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value);
    }

    #[test]
    fn wrapped_lines_are_indented_and_do_not_break_at_a_no_break_space() {
        let mut out = Vec::new();
        write_wrapped(&mut out, "label  ", &"word\u{a0}1, ".repeat(15)).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines, [format!("label  {}", ["word 1,"; 14].join(" ")), "       word 1,".to_owned()]);
    }

    #[test]
    fn text_is_cut_or_padded_to_a_number_of_columns() {
        assert_eq!(fit("ab", 4), "ab  ");
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(fit("山田太郎", 4), "山… ");
    }
}
