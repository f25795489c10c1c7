//! Manual pages of file formats (section 5), made from their JSON Schemas in `docs/schema` and from the tables of dialect
//! files.

use serde_json::Value;

use super::{DATE, ManualPage, escape, list, paragraph, tidied, verbatim};
use crate::dialect::format::{self, FileKey, FileTable};

/// A format that has a page.
pub(crate) struct Format {
    /// What `wstap man` calls it.
    pub(crate) name: &'static str,
    about: &'static str,
    /// Writes what is between the name and the examples.
    body: fn() -> String,
    example: &'static str,
    see_also: &'static [(&'static str, u8)],
}

/// The formats.
pub(crate) const FORMATS: &[Format] = &[
    Format {
        name: "records",
        about: "records of sessions, one JSON object per line",
        body: records,
        example: "\
  # Record a session, then print the close code of each connection
  wstap connect wss://host/path --record session.ndjson
  jq 'select(.type == \"close\") | .code' session.ndjson

  # Run a filter on the recording
  wstap connect --from session.ndjson -f '.price'",
        see_also: &[
            ("wstap-connect", 1),
            ("wstap-subscribe", 1),
            ("wstap-serve-mock", 1),
            ("wstap-dialect", 5),
        ],
    },
    Format {
        name: "dialect",
        about: "files that describe how to speak to a provider",
        body: dialect,
        example: "\
  # ticker.toml
  [dialect]
  version = 2
  name = \"ticker\"
  url = \"wss://ticker.example/v1\"

  [subscribe]
  send = '{op: \"subscribe\", channels: $topics}'

  [[on]]
  when = '.op == \"ping\"'
  send = '{op: \"pong\", id: .id}'
  heartbeat = true

  [[on]]
  when = '.op == \"data\"'
  event = '.items[]'
  id = '.id'

  # Print what the file sends, and use it
  wstap subscribe -d ./ticker.toml --check btc
  wstap subscribe -d ./ticker.toml btc",
        see_also: &[
            ("wstap-subscribe", 1),
            ("wstap-connect", 1),
            ("wstap-serve-mock", 1),
            ("wstap-records", 5),
        ],
    },
];

impl Format {
    /// The page of this format.
    pub(super) fn page(&self) -> ManualPage {
        let name = format!("wstap-{}", self.name);
        let version = env!("CARGO_PKG_VERSION");
        let mut page = format!(
            ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n.TH {} 5 \"{DATE}\" \"wstap {version}\" \"wstap manual\"\n\
             .SH NAME\n{} \\- {}\n",
            name.to_uppercase(),
            escape(&name),
            escape(self.about),
        );
        page.push_str(&(self.body)());
        page.push_str(".SH EXAMPLES\n");
        self.example.split("\n\n").for_each(|example| page.push_str(&verbatim(example)));
        let others =
            self.see_also.iter().map(|(other, section)| format!(".BR {} ({section})", escape(other)));
        page.push_str(&format!(".SH \"SEE ALSO\"\n{}\n", others.collect::<Vec<_>>().join(",\n")));
        ManualPage { name, section: 5, text: tidied(&page) }
    }
}

/// The records of sessions.
fn records() -> String {
    let schema: Value =
        serde_json::from_str(include_str!("../../../docs/schema/record.schema.json")).unwrap_or_default();
    let mut page = format!(
        ".SH DESCRIPTION\n{}\nFields marked with * are always present.\n\
         The JSON Schema is docs/schema/record.schema.json in the source.\n",
        escape(&plain(text(&schema, "description")))
    );
    let shared = shared_fields(&schema);
    page.push_str(&list("FIELDS OF EVERY RECORD", rows(&shared).iter().map(pair)));
    page.push_str(".SH TYPES\n");
    for (kind, of_kind) in schema["$defs"].as_object().into_iter().flatten() {
        page.push_str(&format!(".SS {}\n{}\n", escape(kind), escape(&plain(text(of_kind, "description")))));
        for (term, meaning) in rows(&own_fields(of_kind, &shared)) {
            page.push_str(&format!(".TP\n.B {}\n{}\n", escape(&term), escape(&meaning)));
        }
    }
    page
}

/// What a dialect file is.
const DIALECT: &[&str] = &[
    "A dialect is how wstap speaks to a provider: how to greet and subscribe, what keeps the connection alive, and what \
     each message means. A dialect file describes one in TOML. -d FILE uses it; -d NAME finds \
     ~/.config/wstap/dialects/NAME.toml, or one of the built-in files.",
    "An expression is a jq program. It gets the incoming message as its input, and its outputs are what the key asks for. \
     A string output is sent as it is, any other output as its JSON. A template is text in which \\(...) stands for the \
     value of an expression; in a URL the value is percent-encoded. A time is a text such as \"30s\".",
    "The rules in [[on]] are tried in order, and the first one whose condition holds decides what a message means. A rule \
     has at most one of event, confirm, refuse, drain, heartbeat, pong and ignore. A message that meets no rule is an event.",
];

/// What a file of version 1 is.
const DIALECT_1: &str = "A file without a [dialect] table is of version 1. A mask is a table of fields: a message matches if \
    it has at least these fields with these values, and \"*\" matches any value. A pointer is a JSON pointer (RFC 6901).";

/// Dialect files.
fn dialect() -> String {
    let mut page =
        format!(".SH DESCRIPTION\n{}", DIALECT.iter().map(|text| paragraph(text)).collect::<String>());
    page.push_str(&format!(".SH TABLES\n{}", format::VERSION_2.iter().map(table).collect::<String>()));
    for (heading, names) in
        [("VARIABLES", format::CLIENT_VARIABLES), ("VARIABLES OF THE MOCK", format::MOCK_VARIABLES)]
    {
        let names: Vec<(String, String)> =
            names.iter().map(|(name, meaning)| (format!("${name}"), plain(meaning))).collect();
        page.push_str(&list(heading, names.iter().map(pair)));
    }
    page.push_str(&format!(".SH \"VERSION 1\"\n{}", paragraph(DIALECT_1)));
    page.push_str(&format::VERSION_1.iter().map(table).collect::<String>());
    page
}

/// A table of a dialect file.
fn table(table: &FileTable) -> String {
    let title = if table.headers.is_empty() { "The file".to_owned() } else { table.headers.join(", ") };
    let about = escape(&plain(table.about));
    format!(".SS \"{}\"\n{about}\n{}", escape(&title), table.keys.iter().map(key).collect::<String>())
}

fn key(key: &FileKey) -> String {
    let default = match key.default {
        "" => String::new(),
        format::REQUIRED => "; required".to_owned(),
        default => format!(" [default: {}]", plain(default)),
    };
    let term = format!("{} ({})", key.name, key.kind);
    format!(".TP\n.B {}\n{}\n", escape(&term), escape(&(plain(key.meaning) + &default)))
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
