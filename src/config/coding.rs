//! How messages are read and written, and what is sent from files.

use std::path::Path;

use crate::cli::options::{DecodeArgs, SendArgs, SessionArgs};
use crate::cli::values::{InvalidUtf8, OnError, StepNames};
use crate::codec::{Coding, Steps};
use crate::dialect::Dialect;
use crate::error::{Failure, Result};
use crate::file;
use crate::message::Message;
use crate::net::Options;

/// The steps, with the files that they need. What is typed takes the place of what a dialect says.
///
/// # Errors
/// A step that cannot be used.
pub fn coding(args: &SessionArgs, send: &SendArgs, dialect: &dyn Dialect) -> Result<Coding> {
    let DecodeArgs { decode, decode_errors, invalid_utf8 } = &*args.decode;
    let failed = |option| move |failure: Failure| failure.of(option);
    let names = |typed: &Option<StepNames>, own: &[String]| match typed {
        Some(StepNames(names)) => names.clone(),
        None => own.to_vec(),
    };
    let limit = args.connection.max_message_size.or(Options::default().max_message_size);
    Ok(Coding {
        decode: Steps::new(&names(decode, dialect.decode())).map_err(failed("--decode"))?,
        encode: Steps::outgoing(&names(&send.encode, dialect.encode())).map_err(failed("--encode"))?,
        limit: limit.filter(|limit| *limit > 0),
        errors_fail: *decode_errors == OnError::Fail,
        replace_utf8: *invalid_utf8 == InvalidUtf8::Replace,
    })
}

/// Does `--send` take what standard input holds?
#[must_use]
pub fn sends_stdin(send: &[String]) -> bool {
    send.iter().any(|text| text == "@-")
}

/// The messages of `--send`. They are encoded once, to say in time what cannot be.
///
/// # Errors
/// A file that cannot be read, or a message that cannot be encoded.
pub fn greeting(send: &[String], encode: &Steps) -> Result<Vec<Message>> {
    let mut chain = encode.start(None);
    let mut messages = Vec::new();
    for text in texts(send)? {
        let message = Message::text(text);
        chain.encode(message.clone()).map_err(|unread| Failure::usage(format!("--send: {unread}")))?;
        messages.push(message);
    }
    Ok(messages)
}

/// The texts of `--send`, which may stand in files.
///
/// # Errors
/// A file that cannot be read.
pub fn texts(send: &[String]) -> Result<Vec<String>> {
    send.iter().map(|text| content(text)).collect()
}

/// What a message stands for that may name a file: `@FILE`, `@-` for standard input, `@@` for an `@`.
fn content(text: &str) -> Result<String> {
    let Some(path) = text.strip_prefix('@') else { return Ok(text.to_owned()) };
    if path.starts_with('@') {
        return Ok(path.to_owned());
    }
    let failed = |error: std::io::Error| {
        let failure = Failure::usage_of_system(format!("--send {text}"), &error);
        match error.kind() {
            std::io::ErrorKind::InvalidData => {
                failure.hint("to send binary data, use `--delimiter none --binary-in raw < FILE`")
            }
            std::io::ErrorKind::NotFound => failure.hint("to send a message that starts with @, write @@"),
            _ => failure,
        }
    };
    file::text_or_stdin(Path::new(path), file::MAX_SENT).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_at_sign_names_a_file_unless_it_is_doubled() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "a\n\0").unwrap();
        let sent = |text: &str| greeting(&[text.to_owned()], &Steps::default());
        assert_eq!(sent(&format!("@{}", file.path().display())).unwrap(), [Message::text("a\n\0")]);
        assert_eq!(sent("@@x").unwrap(), [Message::text("@x")]);
        assert!(sent("@/nowhere").unwrap_err().hint.unwrap().contains("@@"));
        std::fs::write(file.path(), b"\xff").unwrap();
        assert!(sent(&format!("@{}", file.path().display())).unwrap_err().hint.unwrap().contains("raw"));
        let gzip = Steps::new(&["msgpack".to_owned()]).unwrap();
        assert!(greeting(&["{".to_owned()], &gzip).unwrap_err().what.contains("not JSON"));
    }
}
