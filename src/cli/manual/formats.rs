//! Manual pages of file formats (section 5), made from their JSON Schemas in `docs/schema`.

use serde_json::Value;

use super::{DATE, Page, escape, list, paragraph, verbatim};

/// A format that has a page.
pub(crate) struct Format {
    /// What `wstap man` calls it.
    pub(crate) name: &'static str,
    about: &'static str,
    schema: &'static str,
    example: &'static str,
    see_also: &'static [&'static str],
}

/// The formats.
pub(crate) const FORMATS: &[Format] = &[Format {
    name: "records",
    about: "records of sessions, one JSON object per line",
    schema: include_str!("../../../docs/schema/record.schema.json"),
    example: "\
  # Record a session, then print the close code of each connection
  wstap connect wss://host/path --record session.ndjson
  jq 'select(.type == \"close\") | .code' session.ndjson

  # Run a filter on the recording
  wstap connect --from session.ndjson -f '.price'",
    see_also: &["wstap-connect", "wstap-subscribe", "wstap-serve-mock"],
}];

impl Format {
    /// The page of this format.
    pub(super) fn page(&self) -> Page {
        let name = format!("wstap-{}", self.name);
        let schema: Value = serde_json::from_str(self.schema).unwrap_or_default();
        let version = env!("CARGO_PKG_VERSION");
        let mut page = format!(
            ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n.TH {} 5 \"{DATE}\" \"wstap {version}\" \"wstap manual\"\n\
             .SH NAME\n{} \\- {}\n.SH DESCRIPTION\n",
            name.to_uppercase(),
            escape(&name),
            escape(self.about),
        );
        page.push_str(&escape(&plain(text(&schema, "description"))));
        page.push_str("\nFields marked with * are always present.\n");
        let shared = shared_fields(&schema);
        page.push_str(&list("FIELDS OF EVERY RECORD", rows(&shared).iter().map(pair)));
        page.push_str(".SH TYPES\n");
        for (kind, of_kind) in schema["$defs"].as_object().into_iter().flatten() {
            page.push_str(&format!(
                ".SS {}\n{}\n",
                escape(kind),
                escape(&plain(text(of_kind, "description")))
            ));
            for (term, meaning) in rows(&own_fields(of_kind, &shared)) {
                page.push_str(&format!(".TP\n.B {}\n{}\n", escape(&term), escape(&meaning)));
            }
        }
        page.push_str(".SH EXAMPLES\n");
        self.example.split("\n\n").for_each(|example| page.push_str(&verbatim(example)));
        page.push_str(".SH STANDARDS\n");
        page.push_str(&paragraph("The JSON Schema is docs/schema in the source."));
        let others = self.see_also.iter().map(|other| format!(".BR {} (1)", escape(other)));
        page.push_str(&format!(".SH \"SEE ALSO\"\n{}\n", others.collect::<Vec<_>>().join(",\n")));
        Page { name, section: 5, text: page.replace(".SH STANDARDS\n.PP\n", ".SH STANDARDS\n").into_bytes() }
    }
}

/// A field: its name, its schema, and whether it is required.
type Field<'a> = (&'a str, &'a Value, bool);

fn fields(of_kind: &Value) -> impl Iterator<Item = Field<'_>> {
    let required = of_kind["required"].as_array();
    let properties = of_kind["properties"].as_object().into_iter().flatten();
    properties.map(move |(name, field)| {
        let is_required = required.is_some_and(|names| names.iter().any(|required| required == name));
        (name.as_str(), field, is_required)
    })
}

/// The required fields that every type has.
fn shared_fields(schema: &Value) -> Vec<Field<'_>> {
    let mut types = schema["$defs"].as_object().into_iter().flatten().map(|(_, of_kind)| of_kind);
    let first = types.next().map(fields).into_iter().flatten();
    let mut shared: Vec<Field<'_>> = first.filter(|(_, _, required)| *required).collect();
    for of_kind in types {
        shared.retain(|(name, ..)| fields(of_kind).any(|(other, _, required)| required && other == *name));
    }
    shared
}

fn own_fields<'a>(of_kind: &'a Value, shared: &[Field<'a>]) -> Vec<Field<'a>> {
    fields(of_kind).filter(|(name, ..)| !shared.iter().any(|(other, ..)| other == name)).collect()
}

fn rows(fields: &[Field<'_>]) -> Vec<(String, String)> {
    let row = |(name, field, required): &Field<'_>| {
        let mark = if *required { "*" } else { "" };
        let kind = kind_of(field);
        let kind = if kind.is_empty() { kind } else { format!(" ({kind})") };
        (format!("{name}{mark}{kind}"), plain(text(field, "description")))
    };
    fields.iter().map(row).collect()
}

/// The type of a field in words: its JSON types, or its values.
fn kind_of(field: &Value) -> String {
    let words = |values: &Value| {
        let values = values.as_array().into_iter().flatten();
        let words = values.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        words.collect::<Vec<_>>().join(", ")
    };
    match (&field["type"], &field["enum"]) {
        (Value::String(one), _) => one.clone(),
        (several @ Value::Array(_), _) => words(several),
        (_, values @ Value::Array(_)) => words(values),
        _ => String::new(),
    }
}

fn text<'a>(schema: &'a Value, key: &str) -> &'a str {
    schema[key].as_str().unwrap_or_default()
}

/// Markdown's backticks say nothing on a manual page.
fn plain(text: &str) -> String {
    text.replace('`', "")
}

fn pair((term, meaning): &(String, String)) -> (&str, &str) {
    (term, meaning)
}
