//! `subscribe --describe`: what a dialect does, for people.

use super::generated::print;
use crate::dialect::{CredentialPlace, Dialect};
use crate::error::Result;
use crate::exit::Exit;

/// Prints it.
///
/// # Errors
/// If the output cannot be written.
pub fn describe(dialect: &dyn Dialect) -> Result<Exit> {
    print(text(dialect).as_bytes())?;
    Ok(Exit::Ok)
}

fn text(dialect: &dyn Dialect) -> String {
    let mut text = format!("{}: {}\n", dialect.name(), dialect.summary());
    let mut row = |name: &str, value: &str| {
        if !value.is_empty() {
            text.push_str(&format!("\n{name:<12} {value}"));
        }
    };
    row("URL", &dialect.default_url(&|_| None).unwrap_or_else(|| "none; give one with --url".to_owned()));
    row("topics", if dialect.takes_topics() { "" } else { "none" });
    dialect.about().iter().for_each(|(name, value)| row(name, value));
    for credential in dialect.credentials() {
        row("credential", &format!("${}, {}", credential.variable, place(credential.place)));
    }
    row("subprotocols", &dialect.subprotocols().join(", "));
    row("decode", &dialect.decode().join(", "));
    let mock = dialect.provider().map(|provider| provider.paths().join(", "));
    row("mock", &mock.map_or_else(|| "none".to_owned(), |paths| format!("serves {paths}")));
    text.push('\n');
    for example in dialect.examples() {
        text.push_str(&format!("\n  wstap {example}"));
    }
    text + "\n"
}

fn place(place: CredentialPlace) -> String {
    match place {
        CredentialPlace::Query(name) => format!("in the query parameter {name}"),
        CredentialPlace::Header(name) => format!("in the header {name}"),
        CredentialPlace::Bearer => "in the header Authorization: Bearer".to_owned(),
        CredentialPlace::Call => "in an HTTP call before each connection".to_owned(),
        CredentialPlace::Message => "in a message".to_owned(),
    }
}
