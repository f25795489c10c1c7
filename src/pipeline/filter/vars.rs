//! The variables that a command line gives to a program.

use std::path::Path;

use super::compile::Words;
use super::natives;
use super::object::Object;
use super::read;
use super::value::Val;
use crate::error::{Failure, Result};
use crate::file;
use crate::json;

/// What `--arg` and its relatives define. As in `jq`, the first of a name wins.
#[derive(Clone, Debug, Default)]
pub struct Vars(Vec<(String, Val)>);

impl Vars {
    /// `--arg NAME TEXT`: the text as a string.
    pub fn arg(&mut self, name: &str, text: &str) -> Result<()> {
        self.define("--arg", name, Val::string(text))
    }

    /// `--argjson NAME JSON`.
    pub fn argjson(&mut self, name: &str, text: &str) -> Result<()> {
        let value =
            read::one(text).map_err(|e| Failure::usage(format!("--argjson {name}: not JSON: {e}")))?;
        self.define("--argjson", name, value)
    }

    /// `--slurpfile NAME FILE`: an array of the values that follow each other in the file.
    pub fn slurpfile(&mut self, name: &str, path: &Path) -> Result<()> {
        let fail = |what: String| Failure::usage(format!("--slurpfile {name} {}: {what}", path.display()));
        let bytes = file::bytes(path, file::MAX_RECORDED).map_err(|e| fail(e.to_string()))?;
        let text = String::from_utf8(file::without_mark(&bytes).to_vec()).map_err(|e| {
            fail(json::Error { what: "invalid UTF-8", at: e.utf8_error().valid_up_to() }.to_string())
        })?;
        let values = read::many(&text).map_err(|e| fail(format!("not JSON: {e}")))?;
        self.define("--slurpfile", name, values.into_iter().collect())
    }

    fn define(&mut self, option: &str, name: &str, value: Val) -> Result<()> {
        let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
        if !name.starts_with(letter) || !name.chars().all(|c| letter(c) || c.is_ascii_digit()) {
            return Err(Failure::usage(format!("{option}: `{name}` cannot be the name of a variable")));
        }
        if !self.0.iter().any(|(known, _)| known == name) {
            self.0.push((name.to_owned(), value));
        }
        Ok(())
    }

    /// Every name a program may use, and what it stands for. The environment is only read for a program that
    /// names it: it holds secrets.
    pub(super) fn globals(&self, words: &Words) -> Vec<(String, Val)> {
        let used = |name: &str| words.variables.contains(name);
        let mut globals: Vec<(String, Val)> =
            self.0.iter().map(|(name, value)| (format!("${name}"), value.clone())).collect();
        if used("$ENV") {
            globals.push(("$ENV".to_owned(), natives::environment()));
        }
        if used("$ARGS") {
            let named = self.0.iter().map(|(name, value)| (name.as_str().into(), value.clone()));
            let fields = [
                ("positional".into(), Val::Arr(Vec::new().into())),
                ("named".into(), Val::object(named.collect())),
            ];
            globals.push(("$ARGS".to_owned(), Val::object(fields.into_iter().collect::<Object>())));
        }
        if used("$__loc__") {
            let fields =
                [("file".into(), Val::string("<top-level>")), ("line".into(), Val::from(words.line))];
            globals.push(("$__loc__".to_owned(), Val::object(fields.into_iter().collect::<Object>())));
        }
        globals
    }
}
