//! The XML that the server sends to clients. The templates escape every value that they receive.
//!
//! All XML is ASCII, because MSAL for Python encodes an assertion as ASCII.

use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value};
use std::fmt;
use std::sync::LazyLock;

/// Renders a template. Returns `None` if a value has a character that XML does not allow.
pub(super) fn render(name: &str, values: Value) -> Option<String> {
    TEMPLATES.get_template(name).and_then(|template| template.render(values)).ok()
}

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(environment);

#[expect(clippy::expect_used, reason = "the templates are part of the program")]
fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_formatter(write_value);
    for (name, source) in [
        ("assertion.xml", include_str!("assertion.xml")),
        ("fault.xml", include_str!("fault.xml")),
        ("mex.xml", include_str!("mex.xml")),
        ("realm_info.xml", include_str!("realm_info.xml")),
        ("rstr.xml", include_str!("rstr.xml")),
    ] {
        environment.add_template(name, source).expect("a template that can be read");
    }
    environment
}

fn write_value(output: &mut Output<'_>, _: &State<'_, '_>, value: &Value) -> Result<(), Error> {
    let text = value
        .as_str()
        .ok_or_else(|| Error::new(ErrorKind::BadSerialization, "a value that is not text cannot be put into XML"))?;
    let written = if value.is_safe() { output.write_str(text) } else { write_escaped(output, text) };
    written.map_err(|_| Error::new(ErrorKind::WriteFailure, "a character that XML does not allow"))
}

fn write_escaped(output: &mut impl fmt::Write, text: &str) -> fmt::Result {
    text.chars().try_for_each(|character| match character {
        '&' | '<' | '>' | '"' | '\'' | '\t' | '\n' | '\r' => write!(output, "&#{};", u32::from(character)),
        // XML 1.0 section 2.2 does not allow these characters.
        '\0'..='\x1F' | '\u{FFFE}' | '\u{FFFF}' => Err(fmt::Error),
        '\x7F'.. => write!(output, "&#{};", u32::from(character)),
        _ => output.write_char(character),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_a_value_is_escaped_and_a_control_character_is_refused() {
        let mut text = String::new();
        write_escaped(&mut text, "<a b='\"'>&amp;]]>é\u{1F600}\r\n").unwrap();
        assert_eq!(text, "&#60;a b=&#39;&#34;&#39;&#62;&#38;amp;]]&#62;&#233;&#128512;&#13;&#10;");
        for text in ["\0", "\u{1B}", "\u{FFFF}"] {
            assert!(write_escaped(&mut String::new(), text).is_err(), "{text:?}");
        }
    }
}
