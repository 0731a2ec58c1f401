//! Finds the header value or the token in a text that a user pasted, and advises a user who pasted no token.
//! The text may be a header, alone or among other headers, as `curl -v`, a browser or PowerShell shows it. The text may
//! also be the value of a header, base64 with line breaks, or the octets of the token.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::engine::{DecodePaddingMode, general_purpose};
use std::borrow::Cow;
use std::fmt;

/// A header value or a token that a user pasted.
#[derive(Clone)]
pub enum Pasted {
    /// The value of an `Authorization` header.
    Header(Vec<u8>),
    /// The token's octets.
    Token(Vec<u8>),
}

/// Prints no octets, because a token is a credential.
impl fmt::Debug for Pasted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header(_) => "Header(..)",
            Self::Token(_) => "Token(..)",
        })
    }
}

impl Pasted {
    /// Reads the pasted octets. Octets that are neither a header nor base64 are the token itself.
    #[must_use]
    pub fn recognise(contents: &[u8]) -> Self {
        Self::of_text(contents).unwrap_or_else(|| Self::Token(contents.to_vec()))
    }

    /// Reads a header or base64; `None` if the octets are neither.
    #[must_use]
    pub fn of_text(contents: &[u8]) -> Option<Self> {
        let text = text_of(contents)?;
        let header = header_of(&text).map(|value| Self::Header(value.into_bytes()));
        header.or_else(|| token_of(&text).map(Self::Token))
    }
}

/// Advice for a user who pasted no token, or a token that a server would refuse in this form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// The text is empty, or white space.
    Nothing,
    /// The text is of none of the other kinds in this list.
    Prose,
    /// The text is a URL.
    Address,
    /// The text is an HTTP message without the header `Authorization`.
    NoAuthorization,
    /// The text has the header `WWW-Authenticate`, which the server sends.
    Challenge,
    /// The text is a JSON Web Token (RFC 7519), or has the scheme Bearer (RFC 6750) or DPoP (RFC 9449).
    Bearer,
    /// The header has the scheme Basic (RFC 7617).
    Password,
    /// The header has another scheme than Negotiate, NTLM, Basic, Bearer and DPoP.
    OtherScheme,
    /// The header has no token after its scheme.
    NoToken,
    /// The header has the scheme Negotiate, but its value is not a token.
    Garbled,
    /// The token is shorter than its first length field says.
    CutOff,
    /// The token is a NegTokenResp or an AP-REP, not the first token of a client.
    LaterMessage,
    /// The token is in base64 with `-` and `_` (RFC 4648 section 5).
    UrlAlphabet,
    /// The token is an NTLM message, or the header has the scheme NTLM.
    Ntlm,
}

impl Advice {
    /// Returns the advice on a text. Returns `None` for a token that needs no advice, and for octets that are not text.
    #[must_use]
    pub fn on(contents: &[u8]) -> Option<Self> {
        let text = text_of(contents)?;
        match header_of(&text) {
            Some(value) => Self::on_header(&value),
            None => Self::on_text(&text),
        }
    }

    fn on_header(value: &str) -> Option<Self> {
        let (scheme, rest) = value.split_at_checked(scheme_length(value))?;
        match scheme.to_ascii_lowercase().as_str() {
            "negotiate" if rest.trim().is_empty() => Some(Self::NoToken),
            "negotiate" => Self::on_encoded(rest.trim(), Self::Garbled),
            "ntlm" => Some(Self::Ntlm),
            "basic" => Some(Self::Password),
            "bearer" | "dpop" => Some(Self::Bearer),
            "" => Some(Self::NoToken),
            _ => Some(Self::OtherScheme),
        }
    }

    fn on_text(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        if text.is_empty() {
            Some(Self::Nothing)
        } else if lower.contains("www-authenticate") {
            Some(Self::Challenge)
        } else if ["http/1.", "http/2", "http/3"].iter().any(|version| lower.contains(version)) {
            Some(Self::NoAuthorization)
        } else if text.starts_with(JSON_OBJECT) {
            Some(Self::Bearer)
        } else if lower.contains("://") && !lower.contains(char::is_whitespace) {
            Some(Self::Address)
        } else {
            Self::on_encoded(text, Self::Prose)
        }
    }

    /// Returns the advice on a text that should be a token alone, and `otherwise` if the text is not a token.
    fn on_encoded(text: &str, otherwise: Self) -> Option<Self> {
        let token = token_of(text).unwrap_or_default();
        match Start::of(&token) {
            None => Some(otherwise),
            Some(Start::Ntlm) => Some(Self::Ntlm),
            Some(_) if is_cut_off(&token) => Some(Self::CutOff),
            Some(Start::Later) => Some(Self::LaterMessage),
            Some(Start::First) => text.contains(['-', '_']).then_some(Self::UrlAlphabet),
        }
    }

    /// Returns whether a text with this advice contains a token that can be explained.
    #[must_use]
    pub const fn leaves_a_token(self) -> bool {
        matches!(self, Self::CutOff | Self::LaterMessage | Self::UrlAlphabet | Self::Ntlm)
    }

    /// Returns a sentence that names the kind of the pasted text.
    #[must_use]
    pub const fn finding(self) -> &'static str {
        match self {
            Self::Nothing => "Nothing was pasted.",
            Self::Prose => "This is not a token.",
            Self::Address => "This is a web address.",
            Self::NoAuthorization => "This request has no Authorization header.",
            Self::Challenge => "This header comes from the server.",
            Self::Bearer => "This is a token of OAuth or OpenID Connect.",
            Self::Password => "This is a user name with its password.",
            Self::OtherScheme => "This header is for another way to sign in.",
            Self::NoToken => "This header holds no token.",
            Self::Garbled => "The text after Negotiate is not a token.",
            Self::CutOff => "This token is cut off.",
            Self::LaterMessage => "This is a later message of a sign-in.",
            Self::UrlAlphabet => "This token is in base64 for URLs.",
            Self::Ntlm => "This is NTLM, not a Kerberos ticket.",
        }
    }

    /// Returns the meaning of the finding, and the user's next step.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Nothing | Self::Prose => "A token is one long word of letters, digits, \"+\" and \"/\".",
            Self::Address => "The token is never in the address. The browser sends it in a header of the request.",
            Self::NoAuthorization => {
                "The client sent no token. A browser sends a token only to sites that its settings allow. curl sends a token \
                 with \"--negotiate -u :\", if \"klist\" shows a ticket."
            }
            Self::Challenge => {
                "The server asks for a token by WWW-Authenticate, or answers a token. The client's token is in the header \
                 Authorization."
            }
            Self::Bearer => {
                "It contains no Kerberos ticket, so it cannot be explained here. Anybody who has this token can use it until it \
                 expires: do not paste it anywhere."
            }
            Self::Password => {
                "The scheme Basic does not hide the password, and contains no ticket. If others may have seen this header, change \
                 the password."
            }
            Self::OtherScheme => "Only the scheme Negotiate carries a Kerberos ticket.",
            Self::NoToken => {
                "Copy the whole line. If the line has no token, the client has no ticket for this address: \"klist\" on that \
                 computer shows which tickets it has."
            }
            Self::Garbled => "Copy the value again, from its beginning to its end, without any text after it.",
            Self::CutOff => {
                "The token is longer than the pasted text. Many tools shorten long lines: copy the value again, up \
                 to its end. If the value ends at the same place, a proxy or a web server has cut the header."
            }
            Self::LaterMessage => {
                "This message is usually the server's answer. The ticket is in the client's first message, in the header \
                 Authorization."
            }
            Self::UrlAlphabet => {
                "Some program has written \"-\" for \"+\" and \"_\" for \"/\". A server refuses such a header."
            }
            Self::Ntlm => {
                "The client found no ticket for this address, and fell back to NTLM. Open the site by its name and not by its \
                 IP address. Let that computer reach a domain controller. On that computer, \"klist get HTTP/NAME\" shows why \
                 the client gets no ticket."
            }
        }
    }
}

/// Writes the finding and its meaning, and [`WHERE_TO_FIND`] if the text contains no token.
impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.finding(), self.meaning())?;
        if self.leaves_a_token() { Ok(()) } else { write!(f, "\n{WHERE_TO_FIND}") }
    }
}

/// The places where a user finds a token.
pub const WHERE_TO_FIND: &str = "\
In the browser, open the developer tools (F12) and their tab \"Network\", and load the page again. Choose the request, and copy \
its request header Authorization. It reads \"Negotiate YII…\". With curl, add \"-v\": the line begins with \"> Authorization:\".";

/// Returns the text of UTF-8, or of UTF-16 as PowerShell writes files, without the white space around the text.
fn text_of(contents: &[u8]) -> Option<Cow<'_, str>> {
    let Some(units) = contents.strip_prefix(b"\xFF\xFE") else {
        let text = std::str::from_utf8(contents).ok()?;
        return Some(text.trim_start_matches('\u{FEFF}').trim().into());
    };
    let units = units.chunks_exact(2).filter_map(|unit| Some(u16::from_le_bytes(unit.try_into().ok()?)));
    let text: String = char::decode_utf16(units).collect::<Result<_, _>>().ok()?;
    Some(text.trim().to_owned().into())
}

/// Returns the header value in a text. The value is after the name of the header, or is the whole text.
fn header_of(text: &str) -> Option<String> {
    named_value(text).or_else(|| {
        let text = text.trim_matches(QUOTES);
        begins_with_scheme(text).then(|| value_at(text))
    })
}

/// Returns the last value of the scheme Negotiate after the name `Authorization`, because curl sends its token in its last
/// request. If no value has this scheme, the function returns the last value of another scheme. Only the last [`MAX_NAMES`]
/// names are searched, because each value may be as long as the text.
fn named_value(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let places = lower.rmatch_indices(NAME).take(MAX_NAMES);
    let behind = places.filter_map(|(place, name)| text.get(place.checked_add(name.len())?..));
    let mut values: Vec<_> = behind.filter_map(value_behind_name).collect();
    let is_negotiate = |value: &String| value.to_ascii_lowercase().starts_with("negotiate ");
    let chosen = values.iter().position(is_negotiate).unwrap_or_default();
    if values.is_empty() { None } else { Some(values.swap_remove(chosen)) }
}

/// Returns the value after the name of the header. A colon or an equals sign separates the name and the value. In commands
/// of browsers and PowerShell, quotes may enclose the name and the value: `"authorization": "…"` and `Authorization = '…'`.
fn value_behind_name(rest: &str) -> Option<String> {
    let rest = rest.trim_start_matches(QUOTES).trim_start();
    let rest = rest.strip_prefix(':').or_else(|| rest.strip_prefix('='))?;
    Some(value_at(rest.trim_start_matches([' ', '\t', '"', '\''])))
}

/// Returns the scheme at the beginning of a text, and its value: a token after `Negotiate`, else the rest of the line.
fn value_at(text: &str) -> String {
    let (scheme, rest) = text.split_at_checked(scheme_length(text)).unwrap_or((text, ""));
    let text = rest.split(QUOTES).next().unwrap_or_default();
    if scheme.eq_ignore_ascii_case("Negotiate") {
        return format!("{scheme} {}", one_token(text));
    }
    format!("{scheme}{}", rest.lines().next().unwrap_or_default())
}

/// Returns the first line, joined with the next lines of base64: a mail, a terminal or a shell may have broken the token.
fn one_token(text: &str) -> String {
    let mut lines = text.lines().map(|line| line.trim_end_matches(['`', '\\', '^', ' ', '\t', ']']).trim_start());
    let first = lines.next().unwrap_or_default();
    let rest = lines.take_while(|line| line.chars().all(is_base64));
    std::iter::once(first).chain(rest).collect()
}

/// Returns whether a text begins with a known scheme and a blank (RFC 9110 section 11.4). Other words count as no scheme.
fn begins_with_scheme(text: &str) -> bool {
    let (scheme, rest) = text.split_at_checked(scheme_length(text)).unwrap_or_default();
    let is_known = SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known));
    is_known && (rest.starts_with([' ', '\t']) || scheme.eq_ignore_ascii_case("Negotiate"))
}

fn scheme_length(text: &str) -> usize {
    text.find(|character: char| !character.is_ascii_alphanumeric() && character != '-').unwrap_or(text.len())
}

/// Returns the token in a text without other words. If a text is cut off, has no padding, or is in the alphabet for URLs,
/// it is a token only if its first octets are the start of a token.
fn token_of(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_matches(QUOTES).trim_end_matches(['…', '.']);
    let encoded: String = text.chars().filter(|character| !character.is_whitespace() && *character != '`').collect();
    let whole = STANDARD.decode(&encoded).ok().filter(|token| !token.is_empty());
    whole.or_else(|| decode_start(&encoded).filter(|token| Start::of(token).is_some()))
}

/// Decodes base64 of either alphabet, and ignores an incomplete group of digits at the place where the text was cut off.
fn decode_start(encoded: &str) -> Option<Vec<u8>> {
    let digits = encoded.trim_end_matches('=');
    // A single digit after whole groups of four contains no whole octet.
    let whole = if digits.len() % 4 == 1 { digits.len().saturating_sub(1) } else { digits.len() };
    let digits = digits.get(..whole)?;
    LENIENT.decode(digits).or_else(|_| LENIENT_FOR_URLS.decode(digits)).ok()
}

const fn is_base64(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '+' | '/' | '-' | '_' | '=')
}

/// The kind of a token. The first octets show the kind, so the program knows the kind of a token whose end is missing,
/// too.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    /// The first token of a client: RFC 2743 section 3.1, or an AP-REQ (RFC 4120 section 5.5.1).
    First,
    /// A NegTokenResp (RFC 4178 section 4.2), or an AP-REP (RFC 4120 section 5.5.2).
    Later,
    /// An NTLM message (MS-NLMP section 2.2.1).
    Ntlm,
}

impl Start {
    fn of(token: &[u8]) -> Option<Self> {
        match token.first()? {
            0x60 | 0x6E => Some(Self::First),
            0xA1 | 0x6F => Some(Self::Later),
            _ => token.starts_with(b"NTLMSSP\0").then_some(Self::Ntlm),
        }
    }
}

/// Returns whether a token is shorter than its first length field says (X.690 section 8.1.3).
fn is_cut_off(token: &[u8]) -> bool {
    let Some((first, rest)) = token.get(1..).and_then(<[u8]>::split_first) else { return true };
    let count = usize::from(first & 0x7F);
    if first & 0x80 == 0 {
        return rest.len() < count;
    }
    let Some((length, contents)) = rest.split_at_checked(count) else { return true };
    let length = length.iter().fold(0_usize, |sum, octet| sum.saturating_mul(256).saturating_add(usize::from(*octet)));
    contents.len() < length
}

const NAME: &str = "authorization";

/// The largest number of occurrences of the name `Authorization` that are searched. A request and its answers contain
/// fewer.
const MAX_NAMES: usize = 32;

const QUOTES: [char; 2] = ['"', '\''];

/// The beginning of a JSON object, `{"`, in base64.
const JSON_OBJECT: &str = "eyJ";

/// The schemes that users paste, from the registry of RFC 9110 section 16.4.1 and from Windows.
const SCHEMES: [&str; 8] = ["Negotiate", "NTLM", "Kerberos", "Basic", "Bearer", "DPoP", "Digest", "Mutual"];

const UNPADDED: GeneralPurposeConfig = general_purpose::NO_PAD
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const LENIENT: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, UNPADDED);
const LENIENT_FOR_URLS: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, UNPADDED);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Returns an object with 62 octets of contents and the tag of a first token. In base64 this object begins with "YD4".
    fn token() -> Vec<u8> {
        [&[0x60, 62][..], &[0xFB; 62]].concat()
    }

    fn encoded() -> String {
        STANDARD.encode(token())
    }

    fn header(text: &str) -> String {
        match Pasted::of_text(text.as_bytes()) {
            Some(Pasted::Header(value)) => String::from_utf8(value).unwrap(),
            Some(Pasted::Token(_)) => format!("{text:?} was read as a token"),
            None => format!("{text:?} was read as neither header nor token"),
        }
    }

    #[test]
    fn authorization_header_is_found_among_other_headers_and_in_commands() {
        let token = encoded();
        let value = format!("Negotiate {token}");
        let (start, end) = token.split_at(20);
        for text in [
            format!(
                "> GET / HTTP/1.1\r\n> Host: a.test\r\n> Authorization: {value}\r\n> User-Agent: curl/8\r\n>\r\n< HTTP/1.1 200 OK"
            ),
            format!("> authorization: {value}\n> accept: */*\n< access-control-allow-headers: authorization"),
            format!("* [HTTP/2] [1] [authorization: {value}]\n* more"),
            format!(
                "> Authorization: Negotiate\n< HTTP/1.1 401\n< WWW-Authenticate: Negotiate\n> Authorization: {value}\n"
            ),
            format!("curl 'http://a.test/' -H 'Accept: */*' -H 'Authorization: {value}' --insecure"),
            format!("Invoke-WebRequest -Headers @{{\r\n  \"Accept\"=\"*/*\"\r\n  \"Authorization\"=\"{value}\"\r\n}}"),
            format!("$headers = @{{ Authorization = '{value}' }}"),
            format!("fetch(\"/\", {{ \"headers\": {{ \"authorization\": \"{value}\" }} }})"),
            format!("\"{value}\""),
            format!("Authorization: Negotiate {start}`\r\n  {end}\r\nHost: a.test"),
        ] {
            assert_eq!((header(&text), Advice::on(text.as_bytes())), (value.clone(), None), "{text}");
        }
    }

    #[test]
    fn header_is_found_in_utf16_as_powershell_writes_files() {
        let text = format!("> Authorization: Negotiate {}\r\n", encoded());
        let units = text.encode_utf16().flat_map(u16::to_le_bytes);
        let file: Vec<u8> = [0xFF, 0xFE].into_iter().chain(units).collect();
        let expected = format!("Negotiate {}", encoded()).into_bytes();
        assert!(matches!(Pasted::of_text(&file), Some(Pasted::Header(value)) if value == expected));
    }

    #[test]
    fn text_without_a_whole_first_token_gets_the_advice_for_its_kind() {
        let json = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc";
        for (text, advice) in [
            ("", Advice::Nothing),
            (" \r\n\t", Advice::Nothing),
            ("hello world", Advice::Prose),
            ("password", Advice::Prose),
            ("<script>alert(1)</script>", Advice::Prose),
            ("https://sso.contoso.test/?token=1", Advice::Address),
            ("> GET / HTTP/1.1\n> Host: a.test\n< HTTP/1.1 401 Unauthorized", Advice::NoAuthorization),
            ("< HTTP/1.1 401\n< WWW-Authenticate: Negotiate", Advice::Challenge),
            ("WWW-Authenticate: Negotiate oYG2MIGzoAMKAQ==", Advice::Challenge),
            (json, Advice::Bearer),
            ("Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", Advice::Bearer),
            ("Bearer opaque", Advice::Bearer),
            ("Authorization: Basic dXNlcjpwYXNz", Advice::Password),
            ("basic dXNlcjpwYXNz", Advice::Password),
            ("Digest username=\"alice\"", Advice::OtherScheme),
            ("Authorization: Hawk id=1", Advice::OtherScheme),
            ("Negotiate", Advice::NoToken),
            ("Authorization: Negotiate\nHost: a.test", Advice::NoToken),
            ("Authorization:", Advice::NoToken),
            ("Negotiate hello", Advice::Garbled),
            ("Negotiate AAAA", Advice::Garbled),
            ("Negotiate YII…", Advice::CutOff),
            ("YIIGzgYGKwYBBQUCoII...", Advice::CutOff),
            ("Negotiate oYG2", Advice::CutOff),
            ("oQMKAQA=", Advice::LaterMessage),
            ("TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAAGAgAAAAAADw==", Advice::Ntlm),
            ("Negotiate TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAAGAgAAAAAADw==", Advice::Ntlm),
            ("NTLM TlRMTVNTUAABAAAABoIIAAAAAAAAAAAAAAAAAAAAAAA=", Advice::Ntlm),
        ] {
            assert_eq!(Advice::on(text.as_bytes()), Some(advice), "{text:?}");
        }
    }

    #[test]
    fn token_cut_at_any_length_gets_the_advice_that_it_is_cut_off() {
        let encoded = encoded();
        assert_eq!(Advice::on(encoded.trim_end_matches('=').as_bytes()), None);
        for length in 2..encoded.trim_end_matches('=').len() {
            let cut = encoded.get(..length).unwrap();
            for text in [cut.to_owned(), format!("Negotiate {cut}"), format!("> Authorization: Negotiate {cut}…")] {
                assert_eq!(Advice::on(text.as_bytes()), Some(Advice::CutOff), "{text}");
            }
        }
    }

    #[test]
    fn token_in_the_alphabet_for_urls_is_read_and_gets_the_advice_url_alphabet() {
        let for_urls = encoded().replace('+', "-").replace('/', "_");
        assert_ne!(for_urls, encoded());
        for text in [for_urls.clone(), for_urls.trim_end_matches('=').to_owned()] {
            assert!(
                matches!(Pasted::of_text(text.as_bytes()), Some(Pasted::Token(found)) if found == token()),
                "{text}"
            );
            assert_eq!(Advice::on(text.as_bytes()), Some(Advice::UrlAlphabet), "{text}");
        }
        // In a header, the tool leaves `-` and `_` as they are, because a server refuses such a header, and the tool
        // shows this refusal.
        let value = format!("Negotiate {for_urls}");
        assert_eq!((header(&value), Advice::on(value.as_bytes())), (value.clone(), Some(Advice::UrlAlphabet)));
    }

    #[test]
    fn only_the_last_32_authorization_headers_of_a_text_are_searched() {
        let names = "authorization:".repeat(9_000);
        assert_eq!(Advice::on(names.as_bytes()), Some(Advice::NoToken));
        let behind = "> Authorization: Basic eA==\n".repeat(MAX_NAMES);
        let text = format!("> Authorization: Negotiate {}\n{behind}", encoded());
        assert_eq!(header(&text), "Basic eA==");
    }

    #[test]
    fn advice_tells_where_to_find_a_token_only_if_the_text_has_none() {
        assert!(Advice::Prose.to_string().ends_with(WHERE_TO_FIND));
        assert!(!Advice::Ntlm.to_string().contains(WHERE_TO_FIND));
    }
}
