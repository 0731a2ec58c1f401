//! What somebody has pasted, to a header value or a token: the header alone or amid others, as `curl -v`, a browser or
//! PowerShell shows it, its value, base64 with line breaks, or the bytes themselves. And what to tell who pasted no token.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::engine::{DecodePaddingMode, general_purpose};
use std::borrow::Cow;
use std::fmt;

/// A header value or a token, as somebody has pasted it.
#[derive(Clone)]
pub enum Pasted {
    /// The value of an `Authorization` header.
    Header(Vec<u8>),
    /// The token's octets.
    Token(Vec<u8>),
}

/// A token is a credential: its octets are not printed.
impl fmt::Debug for Pasted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header(_) => "Header(..)",
            Self::Token(_) => "Token(..)",
        })
    }
}

impl Pasted {
    /// Reads what was pasted. What is neither a header nor base64 is taken for the token's own octets.
    #[must_use]
    pub fn recognise(contents: &[u8]) -> Self {
        Self::of_text(contents).unwrap_or_else(|| Self::Token(contents.to_vec()))
    }

    /// Reads a header or base64; `None` for anything else.
    #[must_use]
    pub fn of_text(contents: &[u8]) -> Option<Self> {
        let text = text_of(contents)?;
        let header = header_of(&text).map(|value| Self::Header(value.into_bytes()));
        header.or_else(|| token_of(&text).map(Self::Token))
    }
}

/// What to tell somebody whose token cannot be judged, or not as it was pasted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Nothing, or blanks.
    Nothing,
    /// Text of any other kind.
    Prose,
    /// A URL.
    Address,
    /// A request without the header.
    NoAuthorization,
    /// `WWW-Authenticate`, which the server sends.
    Challenge,
    /// A JSON Web Token (RFC 7519), or the scheme Bearer (RFC 6750).
    Bearer,
    /// The scheme Basic (RFC 7617).
    Password,
    /// Any other scheme.
    OtherScheme,
    /// A header that ends with its scheme.
    NoToken,
    /// The scheme Negotiate, and something that is no token.
    Garbled,
    /// A token that says that it is longer.
    CutOff,
    /// A NegTokenResp or an AP-REP.
    LaterMessage,
    /// Base64 with `-` and `_` (RFC 4648 section 5).
    UrlAlphabet,
    /// NTLM, in whichever scheme.
    Ntlm,
}

impl Advice {
    /// Returns `None` for a token that can be judged as it is, and for bytes that are no text.
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

    /// Advice on a text that holds a token and nothing else; `otherwise`, if it does not.
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

    /// Returns whether there is a token nevertheless, of which more can be told.
    #[must_use]
    pub const fn leaves_a_token(self) -> bool {
        matches!(self, Self::CutOff | Self::LaterMessage | Self::UrlAlphabet | Self::Ntlm)
    }

    /// Returns what was pasted, in one sentence.
    #[must_use]
    pub const fn finding(self) -> &'static str {
        match self {
            Self::Nothing => "Nothing was pasted.",
            Self::Prose => "This is not a token.",
            Self::Address => "This is a web address.",
            Self::NoAuthorization => "This request has no Authorization header.",
            Self::Challenge => "This is what the server sends.",
            Self::Bearer => "This is a token of OAuth or OpenID Connect.",
            Self::Password => "This is a user name with its password.",
            Self::OtherScheme => "This is another way to sign in.",
            Self::NoToken => "This header holds no token.",
            Self::Garbled => "What follows Negotiate is not a token.",
            Self::CutOff => "This token is cut off.",
            Self::LaterMessage => "This is a later message of a sign-in.",
            Self::UrlAlphabet => "This token is in base64 for URLs.",
            Self::Ntlm => "This is NTLM, and no Kerberos ticket.",
        }
    }

    /// Returns what that means, and what to do.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Nothing | Self::Prose => "A token is one long word of letters, digits, \"+\" and \"/\".",
            Self::Address => "The token is never in the address. The browser sends it in a header of the request.",
            Self::NoAuthorization => {
                "The client sent no token. A browser sends one only to sites that it is allowed to. curl sends one with \
                 \"--negotiate -u :\", if \"klist\" shows a ticket."
            }
            Self::Challenge => {
                "By WWW-Authenticate the server asks for a token, or answers one. The client's token is in another header, \
                 Authorization."
            }
            Self::Bearer => {
                "It holds no Kerberos ticket, so nothing here can judge it. Whoever has such a token can use it until it expires: \
                 do not paste it anywhere."
            }
            Self::Password => {
                "The scheme Basic does not hide the password, and holds no ticket. If others may have seen this header, change \
                 the password."
            }
            Self::OtherScheme => "Only the scheme Negotiate carries a Kerberos ticket.",
            Self::NoToken => {
                "Copy the whole line. If nothing more is in it, the client has no ticket for this address: \"klist\" on that \
                 computer shows which tickets it has."
            }
            Self::Garbled => "Copy the value again, from its beginning to its end, and nothing behind it.",
            Self::CutOff => {
                "The token says that it is longer than what was pasted. Many tools shorten long lines: copy the value again, up \
                 to its end. If it ends there too, a proxy or a web server has cut the header."
            }
            Self::LaterMessage => {
                "As a rule it is the server's answer. The ticket is in the client's first message, in the header Authorization."
            }
            Self::UrlAlphabet => {
                "Some program has written \"-\" for \"+\" and \"_\" for \"/\". A server refuses a header like that."
            }
            Self::Ntlm => {
                "The client found no ticket for this address, and fell back to NTLM. Open the site by its name and not by its \
                 IP address. Let that computer reach a domain controller. There, \"klist get HTTP/NAME\" says why it gets no \
                 ticket."
            }
        }
    }
}

/// All that there is to say, for a terminal.
impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.finding(), self.meaning())?;
        if self.leaves_a_token() { Ok(()) } else { write!(f, "\n{WHERE_TO_FIND}") }
    }
}

/// Where a token is, for who has pasted none.
pub const WHERE_TO_FIND: &str = "\
In the browser, open the developer tools (F12) and their tab \"Network\", and load the page again. Choose the request, and copy \
its request header Authorization. It reads \"Negotiate YII…\". With curl, add \"-v\": the line begins with \"> Authorization:\".";

/// UTF-8, or UTF-16 as PowerShell writes it into files. Without the white space around it.
fn text_of(contents: &[u8]) -> Option<Cow<'_, str>> {
    let Some(units) = contents.strip_prefix(b"\xFF\xFE") else {
        let text = std::str::from_utf8(contents).ok()?;
        return Some(text.trim_start_matches('\u{FEFF}').trim().into());
    };
    let units = units.chunks_exact(2).filter_map(|unit| Some(u16::from_le_bytes(unit.try_into().ok()?)));
    let text: String = char::decode_utf16(units).collect::<Result<_, _>>().ok()?;
    Some(text.trim().to_owned().into())
}

/// The header value in a text: behind its name, or alone.
fn header_of(text: &str) -> Option<String> {
    named_value(text).or_else(|| {
        let text = text.trim_matches(QUOTES);
        begins_with_scheme(text).then(|| value_at(text))
    })
}

/// The value behind the name: the last of the scheme Negotiate, since curl sends its token in its last request. A text is
/// searched for a few names only, since each may have a value as long as the text.
fn named_value(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let places = lower.rmatch_indices(NAME).take(MAX_NAMES);
    let behind = places.filter_map(|(place, name)| text.get(place.checked_add(name.len())?..));
    let mut values: Vec<_> = behind.filter_map(value_behind_name).collect();
    let is_negotiate = |value: &String| value.to_ascii_lowercase().starts_with("negotiate ");
    let chosen = values.iter().position(is_negotiate).unwrap_or_default();
    if values.is_empty() { None } else { Some(values.swap_remove(chosen)) }
}

/// `Authorization: …`; and `"authorization": "…"` or `Authorization = '…'`, as browsers and PowerShell have it in a command.
fn value_behind_name(rest: &str) -> Option<String> {
    let rest = rest.trim_start_matches(QUOTES).trim_start();
    let rest = rest.strip_prefix(':').or_else(|| rest.strip_prefix('='))?;
    Some(value_at(rest.trim_start_matches([' ', '\t', '"', '\''])))
}

/// The scheme that a text begins with, and what belongs to it: after `Negotiate` a token, after others the rest of the line.
fn value_at(text: &str) -> String {
    let (scheme, rest) = text.split_at_checked(scheme_length(text)).unwrap_or((text, ""));
    let text = rest.split(QUOTES).next().unwrap_or_default();
    if scheme.eq_ignore_ascii_case("Negotiate") {
        return format!("{scheme} {}", one_token(text));
    }
    format!("{scheme}{}", rest.lines().next().unwrap_or_default())
}

/// The first line, and the lines behind it that hold nothing but base64: a mail, a terminal or a shell may have broken it.
fn one_token(text: &str) -> String {
    let mut lines = text.lines().map(|line| line.trim_end_matches(['`', '\\', '^', ' ', '\t', ']']).trim_start());
    let first = lines.next().unwrap_or_default();
    let rest = lines.take_while(|line| line.chars().all(is_base64));
    std::iter::once(first).chain(rest).collect()
}

/// Whether a text begins with a scheme that is in use, and a blank (RFC 9110 section 11.4). Any word could be a scheme.
fn begins_with_scheme(text: &str) -> bool {
    let (scheme, rest) = text.split_at_checked(scheme_length(text)).unwrap_or_default();
    let is_known = SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known));
    is_known && (rest.starts_with([' ', '\t']) || scheme.eq_ignore_ascii_case("Negotiate"))
}

fn scheme_length(text: &str) -> usize {
    text.find(|character: char| !character.is_ascii_alphanumeric() && character != '-').unwrap_or(text.len())
}

/// The token in a text that holds nothing else. Without its end, its padding, or in the alphabet for URLs, it is one if it
/// begins as one.
fn token_of(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_matches(QUOTES).trim_end_matches(['…', '.']);
    let encoded: String = text.chars().filter(|character| !character.is_whitespace() && *character != '`').collect();
    let whole = STANDARD.decode(&encoded).ok().filter(|token| !token.is_empty());
    whole.or_else(|| decode_start(&encoded).filter(|token| Start::of(token).is_some()))
}

/// As many octets as base64 of either alphabet tells, wherever it ends.
fn decode_start(encoded: &str) -> Option<Vec<u8>> {
    let digits = encoded.trim_end_matches('=');
    // One digit behind whole groups tells no octet.
    let whole = if digits.len() % 4 == 1 { digits.len().saturating_sub(1) } else { digits.len() };
    let digits = digits.get(..whole)?;
    LENIENT.decode(digits).or_else(|_| LENIENT_FOR_URLS.decode(digits)).ok()
}

const fn is_base64(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '+' | '/' | '-' | '_' | '=')
}

/// What a token is by its first octets, so also one that is cut off.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    /// What a client begins with: RFC 2743 section 3.1, or an AP-REQ (RFC 4120 section 5.5.1).
    First,
    /// A NegTokenResp (RFC 4178 section 4.2), or an AP-REP (RFC 4120 section 5.5.2).
    Later,
    /// MS-NLMP section 2.2.1.
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

/// Whether a token is shorter than its first length says (X.690 section 8.1.3).
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

/// More than one request has, and its answers name.
const MAX_NAMES: usize = 32;

const QUOTES: [char; 2] = ['"', '\''];

/// How the base64 of a JSON object begins: `{"`.
const JSON_OBJECT: &str = "eyJ";

/// Of the registry of RFC 9110 section 16.4.1 and of Windows, those that people paste.
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

    /// An object of 62 octets with the tag of a first token: "YD4" and so on.
    fn token() -> Vec<u8> {
        [&[0x60, 62][..], &[0xFB; 62]].concat()
    }

    fn encoded() -> String {
        STANDARD.encode(token())
    }

    fn header(text: &str) -> String {
        match Pasted::of_text(text.as_bytes()) {
            Some(Pasted::Header(value)) => String::from_utf8(value).unwrap(),
            Some(Pasted::Token(_)) => format!("{text:?} is taken for a token"),
            None => format!("{text:?} is taken for neither"),
        }
    }

    #[test]
    fn a_header_amid_others_is_found() {
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
    fn what_powershell_writes_into_a_file_is_text() {
        let text = format!("> Authorization: Negotiate {}\r\n", encoded());
        let units = text.encode_utf16().flat_map(u16::to_le_bytes);
        let file: Vec<u8> = [0xFF, 0xFE].into_iter().chain(units).collect();
        let expected = format!("Negotiate {}", encoded()).into_bytes();
        assert!(matches!(Pasted::of_text(&file), Some(Pasted::Header(value)) if value == expected));
    }

    #[test]
    fn each_kind_of_text_has_its_advice() {
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
    fn a_token_without_its_end_is_cut_off_wherever_that_was() {
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
    fn a_token_in_the_alphabet_for_urls_is_read_and_has_its_advice() {
        let for_urls = encoded().replace('+', "-").replace('/', "_");
        assert_ne!(for_urls, encoded());
        for text in [for_urls.clone(), for_urls.trim_end_matches('=').to_owned()] {
            assert!(
                matches!(Pasted::of_text(text.as_bytes()), Some(Pasted::Token(found)) if found == token()),
                "{text}"
            );
            assert_eq!(Advice::on(text.as_bytes()), Some(Advice::UrlAlphabet), "{text}");
        }
        // A server would refuse the header, so it stays as it is.
        let value = format!("Negotiate {for_urls}");
        assert_eq!((header(&value), Advice::on(value.as_bytes())), (value.clone(), Some(Advice::UrlAlphabet)));
    }

    #[test]
    fn a_text_of_many_names_is_searched_for_a_few() {
        let names = "authorization:".repeat(9_000);
        assert_eq!(Advice::on(names.as_bytes()), Some(Advice::NoToken));
        let behind = "> Authorization: Basic eA==\n".repeat(MAX_NAMES);
        let text = format!("> Authorization: Negotiate {}\n{behind}", encoded());
        assert_eq!(header(&text), "Basic eA==");
    }

    #[test]
    fn only_who_has_pasted_no_token_reads_where_one_is() {
        assert!(Advice::Prose.to_string().ends_with(WHERE_TO_FIND));
        assert!(!Advice::Ntlm.to_string().contains(WHERE_TO_FIND));
    }
}
