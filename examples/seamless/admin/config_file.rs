//! The tenant's block in the configuration of the sign-in server. The tool keeps what the operator wrote in the file.

use crate::arguments::Arguments;
use crate::directory::Domain;
use crate::failure::Failure;
use crate::tools::Tools;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::json;
use serde_json::value::RawValue;
use std::fmt;
use std::path::Path;

/// Writes the tenant into the configuration that the command line names. If the command line names no configuration,
/// returns the block of the tenant.
///
/// # Errors
/// Returns the [`Failure`] of reading or writing the configuration.
pub fn write(tools: &mut Tools<'_>, arguments: &Arguments, domain: &Domain) -> Result<Option<String>, Failure> {
    let fields = fields(arguments, domain);
    for (name, _) in domain.others.iter().filter(|(_, sid)| sid.is_none()) {
        tools.steps.done("a domain of the forest is left out, because its SID cannot be read", name);
    }
    let Some(path) = &arguments.config else {
        return Ok(Some(object(&fields, 0)));
    };
    let failed = |error: String| Failure::file(path, error);
    let old = tools.files.read(path).map_err(|error| failed(error.to_string()))?;
    let old = old
        .as_deref()
        .map(|octets| std::str::from_utf8(octets))
        .transpose()
        .map_err(|error| failed(error.to_string()))?;
    let new = amend(old, &domain.name, &fields).map_err(failed)?;
    if old != Some(new.as_str()) {
        tools.files.write(path, new.as_bytes()).map_err(|error| failed(error.to_string()))?;
    }
    tools.steps.done("the tenant is in the configuration", &path.display().to_string());
    Ok(None)
}

/// The fields of a JSON object in their order. Each value is the JSON text from the file.
type Fields = Vec<(String, String)>;

/// Returns the fields of the tenant that the tool writes.
fn fields(arguments: &Arguments, domain: &Domain) -> Fields {
    let forest: Vec<(String, String)> = domain
        .others
        .iter()
        .filter_map(|(name, sid)| Some((name.to_uppercase(), json!(sid.as_ref()?.to_string()).to_string())))
        .collect();
    let mut fields = vec![
        ("name".into(), json!(domain.name.to_lowercase()).to_string()),
        ("realm".into(), json!(domain.realm()).to_string()),
        ("account".into(), json!(arguments.account_name()).to_string()),
        ("keytab".into(), json!(keytab_of(arguments)).to_string()),
        ("kdc".into(), json!(arguments.kdc().to_string()).to_string()),
        ("domain_sids".into(), json!([domain.sid.to_string()]).to_string()),
    ];
    if !forest.is_empty() {
        fields.push(("forest_domains".into(), object(&forest, 6)));
    }
    if !domain.suffixes.is_empty() {
        fields.push(("domains".into(), json!(domain.suffixes).to_string()));
    }
    fields
}

/// Returns the path of the keytab as the configuration names it: relative to the folder of the configuration, if both
/// are in the same folder.
fn keytab_of(arguments: &Arguments) -> String {
    let keytab = &arguments.keytab;
    let folder = |path: &Path| std::path::absolute(path).ok().and_then(|path| path.parent().map(Path::to_path_buf));
    let is_beside = arguments.config.as_ref().is_none_or(|config| folder(config) == folder(keytab));
    let relative = keytab.file_name().filter(|_| is_beside).map(Path::new);
    let path =
        relative.map_or_else(|| std::path::absolute(keytab).unwrap_or_else(|_| keytab.clone()), Path::to_path_buf);
    path.display().to_string()
}

/// Returns the text of the configuration with the tenant `name`. If the configuration already has this tenant, the
/// tenant keeps the fields that are not in `fields`.
fn amend(old: Option<&str>, name: &str, fields: &Fields) -> Result<String, String> {
    let mut config = match old.filter(|old| !old.trim().is_empty()) {
        Some(old) => read(old)?,
        None => Vec::new(),
    };
    let tenants = config.iter().find(|(key, _)| key == "tenants").map_or("[]", |(_, value)| value);
    let tenants: Vec<Box<RawValue>> = serde_json::from_str(tenants).map_err(|error| error.to_string())?;
    let (mut blocks, mut is_there) = (Vec::new(), false);
    for tenant in &tenants {
        let mut own = read(tenant.get())?;
        let is_meant = own
            .iter()
            .any(|(key, value)| key == "name" && text(value).is_some_and(|own| own.eq_ignore_ascii_case(name)));
        if is_meant {
            is_there = true;
            for (key, value) in fields {
                set(&mut own, key, value);
            }
            blocks.push(object(&own, 4));
        } else {
            blocks.push(tenant.get().to_owned());
        }
    }
    if !is_there {
        blocks.push(object(fields, 4));
    }
    set(&mut config, "tenants", &format!("[\n    {}\n  ]", blocks.join(",\n    ")));
    Ok(format!("{}\n", object(&config, 0)))
}

fn text(value: &str) -> Option<String> {
    serde_json::from_str(value).ok()
}

fn set(fields: &mut Fields, key: &str, value: &str) {
    match fields.iter_mut().find(|(own, _)| own == key) {
        Some((_, own)) => value.clone_into(own),
        None => fields.push((key.into(), value.into())),
    }
}

fn read(text: &str) -> Result<Fields, String> {
    serde_json::from_str::<Ordered>(text).map(|read| read.0).map_err(|error| error.to_string())
}

/// Returns the JSON text of an object. Its fields are indented by two blanks more than `indent`.
fn object(fields: &Fields, indent: usize) -> String {
    let (outer, inner) = (" ".repeat(indent), " ".repeat(indent.saturating_add(2)));
    let lines: Vec<_> = fields.iter().map(|(key, value)| format!("{inner}{}: {value}", json!(key))).collect();
    format!("{{\n{}\n{outer}}}", lines.join(",\n"))
}

/// A JSON object whose fields keep their order and whose values keep their text.
struct Ordered(Fields);

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OrderedVisitor).map(Self)
    }
}

struct OrderedVisitor;

impl<'de> Visitor<'de> for OrderedVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, Box<RawValue>>()? {
            fields.push((key, value.get().to_owned()));
        }
        Ok(fields)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn new() -> Fields {
        let field = |key: &str, value: &str| (key.to_owned(), json!(value).to_string());
        vec![field("name", "contoso.test"), field("realm", "CONTOSO.TEST")]
    }

    #[test]
    fn new_configuration_has_the_tenant() {
        let text = amend(None, "contoso.test", &new()).unwrap();
        let expected = "{\n  \"tenants\": [\n    {\n      \"name\": \"contoso.test\",\n      \"realm\": \"CONTOSO.TEST\"\n    }\n  ]\n}\n";
        assert_eq!(text, expected);
        assert_eq!(amend(Some(&text), "contoso.test", &new()).unwrap(), text);
    }

    #[test]
    fn amended_configuration_keeps_what_the_operator_wrote() {
        let old = r#"{"session_minutes":60,"tenants":[{"name":"b.test","realm":"B"},
            {"proof":{ "users":["S-1-5-21-1-2-3-4"]},"name":"Contoso.test","realm":"OLD"}],"state":{"directory":"/x"}}"#;
        let text = amend(Some(old), "contoso.test", &new()).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let tenants = value.get("tenants").unwrap().as_array().unwrap();
        assert_eq!(tenants.len(), 2);
        let ours = tenants.last().unwrap();
        assert_eq!(ours.get("realm").unwrap(), "CONTOSO.TEST");
        assert!(text.contains(r#""proof": { "users":["S-1-5-21-1-2-3-4"]}"#));
        let at = |part: &str| text.find(part).unwrap();
        assert!(at("session_minutes") < at("tenants") && at("tenants") < at("state"));
    }

    #[test]
    fn text_that_is_no_configuration_is_an_error() {
        for old in ["[]", "{", r#"{"tenants":{}}"#, r#"{"tenants":[1]}"#] {
            assert!(amend(Some(old), "a", &new()).is_err(), "{old}");
        }
    }
}
