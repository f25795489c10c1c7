//! The variables that a command line gives to a program.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::modules::Library;
use super::natives;
use super::object::Object;
use super::read;
use super::value::Val;
use crate::error::{Failure, Result};
use crate::file;
use crate::json;

/// What a command line gives to its programs: what `--arg` and its relatives define, where as in `jq` the first of
/// a name wins, and the folders that modules are in.
#[derive(Clone, Debug, Default)]
pub struct Vars {
    named: Vec<(String, Val)>,
    positional: Vec<Val>,
    library: Arc<Library>,
}

impl Vars {
    /// Lets programs import modules from these folders, or from `~/.jq` if there are none.
    pub fn modules(&mut self, folders: &[PathBuf]) {
        self.library = Arc::new(Library::new(folders));
    }

    /// Where programs may import modules from.
    pub(super) fn library(&self) -> Arc<Library> {
        Arc::clone(&self.library)
    }

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
        let file = format!("--slurpfile {name} {}", path.display());
        let fail = |what: String| Failure::usage(format!("{file}: {what}"));
        let bytes =
            file::bytes(path, file::MAX_RECORDED).map_err(|error| Failure::usage_of_system(&file, &error))?;
        let text = String::from_utf8(file::without_mark(&bytes).to_vec()).map_err(|e| {
            fail(json::Error { what: "invalid UTF-8", at: e.utf8_error().valid_up_to() }.to_string())
        })?;
        let values = read::many(&text).map_err(|e| fail(format!("not JSON: {e}")))?;
        self.define("--slurpfile", name, values.into_iter().collect())
    }

    /// `--rawfile NAME FILE`: the text of the file as a string. As in jq, invalid UTF-8 becomes U+FFFD.
    pub fn rawfile(&mut self, name: &str, path: &Path) -> Result<()> {
        let bytes = file::bytes(path, file::MAX_RECORDED).map_err(|error| {
            Failure::usage_of_system(format!("--rawfile {name} {}", path.display()), &error)
        })?;
        self.define("--rawfile", name, Val::string(&String::from_utf8_lossy(&bytes)))
    }

    /// One of `--args`: the text as a string in `$ARGS.positional`.
    pub fn positional(&mut self, text: &str) {
        self.positional.push(Val::string(text));
    }

    /// One of `--jsonargs`: the value in `$ARGS.positional`.
    pub fn positional_json(&mut self, text: &str) -> Result<()> {
        let value = read::one(text).map_err(|e| Failure::usage(format!("--jsonargs: not JSON: {e}")))?;
        self.positional.push(value);
        Ok(())
    }

    fn define(&mut self, option: &str, name: &str, value: Val) -> Result<()> {
        let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
        if !name.starts_with(letter) || !name.chars().all(|c| letter(c) || c.is_ascii_digit()) {
            return Err(Failure::usage(format!("{option}: `{name}` cannot be the name of a variable")));
        }
        if !self.named.iter().any(|(known, _)| known == name) {
            self.named.push((name.to_owned(), value));
        }
        Ok(())
    }

    /// Every name a program may use, and what it stands for. The environment is only read for a program that
    /// names it: it holds secrets.
    pub(super) fn globals(&self, variables: &BTreeSet<&str>) -> Vec<(String, Val)> {
        let used = |name: &str| variables.contains(name);
        let mut globals: Vec<(String, Val)> =
            self.named.iter().map(|(name, value)| (format!("${name}"), value.clone())).collect();
        if used("$ENV") {
            globals.push(("$ENV".to_owned(), natives::environment()));
        }
        if used("$ARGS") {
            let named = self.named.iter().map(|(name, value)| (name.as_str().into(), value.clone()));
            let fields = [
                ("positional".into(), self.positional.iter().cloned().collect()),
                ("named".into(), Val::object(named.collect())),
            ];
            globals.push(("$ARGS".to_owned(), Val::object(fields.into_iter().collect::<Object>())));
        }
        globals
    }
}
