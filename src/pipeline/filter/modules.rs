//! Modules: where `import` and `include` find their files, and what these give to a program.
//!
//! The folders are those of jq: the current one, then those of the command line or else `~/.jq`. A file
//! `~/.jq` is included in every program. Programs that come over the network, and those of mocks and probes,
//! have no folders and may import nothing.

use std::path::{Path, PathBuf};

use jaq_core::load::Arena;
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Pattern};

use super::desugar::{Desugar, Scope};
use super::object::Object;
use super::read;
use super::syntax::{self, Def, Import, SyntaxError, Term};
use super::value::Val;
use crate::file;
use crate::sys;

/// Where modules are looked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Library {
    /// The folders after the current one; `None` if nothing may be imported.
    pub(super) folders: Option<Vec<PathBuf>>,
    /// A file that every program includes.
    pub(super) home: Option<PathBuf>,
}

impl Library {
    /// The folders that jq has: those given, or else `~/.jq`, which may be a file of definitions too.
    pub(super) fn new(given: &[PathBuf]) -> Self {
        let home = std::env::var_os(sys::HOME).map(|home| Path::new(&home).join(".jq"));
        let mut folders = given.to_vec();
        if given.is_empty() {
            folders.extend(home.clone().filter(|home| home.is_dir()));
        }
        Self { folders: Some(folders), home: home.filter(|home| home.is_file()) }
    }

    /// The list that `get_search_list` gives.
    pub(super) fn search_list(&self) -> Val {
        let folders = self.folders.iter().flatten();
        folders.map(|folder| Val::string(&folder.to_string_lossy())).collect()
    }

    /// What `modulemeta` gives.
    pub(super) fn metadata(&self, name: &str) -> Result<Val, String> {
        let path = self.find(name, None, Path::new("."), "jq")?;
        let text = read_text(&path)?;
        let arena = Arena::default();
        let parsed = syntax::parse(&text, "", &arena)
            .map_err(|error| format!("{}: {}", path.display(), error.what))?;
        let mut meta = parsed.meta.as_ref().map_or_else(Object::default, |meta| match constant(meta) {
            Val::Obj(fields) => (*fields).clone(),
            _ => Object::default(),
        });
        let import = |import: &Import<'_>| {
            let mut fields = import.meta.as_ref().map_or_else(Object::default, |meta| match constant(meta) {
                Val::Obj(fields) => (*fields).clone(),
                _ => Object::default(),
            });
            let is_data = import.alias.is_some_and(|alias| alias.starts_with('$'));
            if let Some(alias) = import.alias {
                fields.insert("as".into(), Val::string(alias.trim_start_matches('$')));
            }
            fields.insert("is_data".into(), Val::Bool(is_data));
            fields.insert("relpath".into(), Val::string(import.path));
            Val::object(fields)
        };
        meta.insert("deps".into(), parsed.imports.iter().map(import).collect());
        let defs = parsed.defs.iter().map(|def| Val::from(format!("{}/{}", def.name, def.args.len())));
        meta.insert("defs".into(), defs.collect());
        Ok(Val::object(meta))
    }

    /// The file of a module. `search` are the folders that the import itself names.
    fn find(
        &self,
        name: &str,
        search: Option<Vec<PathBuf>>,
        origin: &Path,
        extension: &str,
    ) -> Result<PathBuf, String> {
        let Some(folders) = &self.folders else {
            return Err("this program cannot import modules".to_owned());
        };
        let parts: Vec<&str> = name.split('/').collect();
        if name.is_empty() || name.contains(['\\', '\0']) || parts.contains(&"..") {
            return Err(format!("`{name}` is not a valid path of a module"));
        }
        let folders = match search {
            Some(search) => search.iter().map(|folder| origin.join(folder)).collect(),
            None => [vec![PathBuf::from(".")], folders.clone()].concat(),
        };
        let last = parts.last().copied().unwrap_or_default();
        for folder in &folders {
            for path in [
                format!("{name}.{extension}"),
                format!("{name}/jq/main.{extension}"),
                format!("{name}/{last}.{extension}"),
            ] {
                let path = folder.join(path);
                if path.is_file() {
                    return Ok(path.canonicalize().unwrap_or(path));
                }
            }
        }
        let searched: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
        Err(format!("module `{name}` not found ({name}.{extension}) in {}", searched.join(", ")))
    }
}

fn read_text(path: &Path) -> Result<String, String> {
    file::text(path, file::MAX_WRITTEN).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// A module that was read.
struct Module<'s> {
    path: PathBuf,
    /// What it defines: name, number of arguments, name in the compiled program.
    exports: Vec<(&'s str, usize, &'s str)>,
    /// It is still being read, so importing it would be a circle.
    open: bool,
}

/// Reads the modules that a program needs.
pub(super) struct Loader<'s, 'l> {
    arena: &'s Arena,
    library: &'l Library,
    modules: Vec<Module<'s>>,
    /// The definitions of all modules under names of their own, those that others need first.
    pub(super) defs: Vec<Def<'s>>,
    /// The functions that they call.
    pub(super) calls: Vec<(&'s str, usize)>,
    /// The variables that they name.
    pub(super) variables: Vec<&'s str>,
    /// Global variables with imported data.
    pub(super) data: Vec<(&'s str, Val)>,
    /// Paths and texts of the files, for messages.
    pub(super) files: Vec<(PathBuf, &'s str)>,
}

impl<'s, 'l> Loader<'s, 'l> {
    pub(super) fn new(arena: &'s Arena, library: &'l Library) -> Self {
        let (modules, defs, calls, variables) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { arena, library, modules, defs, calls, variables, data: Vec::new(), files: Vec::new() }
    }

    /// The names that the main program can use.
    pub(super) fn main(&mut self, imports: Vec<Import<'s>>) -> Result<Scope<'s>, SyntaxError<'s>> {
        let mut scope = Scope::default();
        if let Some(home) = &self.library.home {
            let what = |what| SyntaxError { what, place: "" };
            let exports = self.module(home).map_err(|error| error.unwrap_or_else(what))?;
            scope.functions.extend(exports);
        }
        self.imports(imports, Path::new("."), &mut scope)?;
        Ok(scope)
    }

    fn imports(
        &mut self,
        imports: Vec<Import<'s>>,
        origin: &Path,
        scope: &mut Scope<'s>,
    ) -> Result<(), SyntaxError<'s>> {
        for Import { path, place, alias, meta } in imports {
            let meta = meta.as_ref().map(constant);
            let fail = |what| SyntaxError { what, place };
            let is_data = alias.is_some_and(|alias| alias.starts_with('$'));
            let extension = if is_data { "json" } else { "jq" };
            let found = self.library.find(path, search(meta.as_ref()), origin, extension);
            let optional = matches!(field(meta.as_ref(), "optional"), Some(Val::Bool(true)));
            let found = match found {
                Err(_) if optional && self.library.folders.is_some() => continue,
                found => found.map_err(fail)?,
            };
            match alias {
                Some(alias) if is_data => {
                    let raw = matches!(field(meta.as_ref(), "raw"), Some(Val::Bool(true)));
                    let global = &**self.arena.alloc(format!("$data!{}", self.data.len()));
                    self.data.push((global, data(&found, raw).map_err(fail)?));
                    scope.data.push((alias, global));
                    scope.data.push((self.arena.alloc(format!("{alias}::{}", &alias[1..])), global));
                }
                _ => {
                    let exports = self.module(&found).map_err(|error| error.unwrap_or_else(fail))?;
                    let named = exports.into_iter().map(|(name, arity, compiled)| match alias {
                        Some(alias) => (&**self.arena.alloc(format!("{alias}::{name}")), arity, compiled),
                        None => (name, arity, compiled),
                    });
                    scope.functions.extend(named);
                }
            }
        }
        Ok(())
    }

    /// What a file defines. The error is within the file, or is for the place of the import.
    fn module(&mut self, path: &Path) -> Result<Vec<(&'s str, usize, &'s str)>, Unplaced<'s>> {
        if let Some(known) = self.modules.iter().find(|module| module.path == path) {
            if known.open {
                return Err(Unplaced::Here(format!("circular import of {}", path.display())));
            }
            return Ok(known.exports.clone());
        }
        let text = &**self.arena.alloc(read_text(path).map_err(Unplaced::Here)?);
        let number = self.modules.len();
        self.files.push((path.to_owned(), text));
        self.modules.push(Module { path: path.to_owned(), exports: Vec::new(), open: true });
        let label = &**self.arena.alloc(path.display().to_string());
        let parsed = syntax::parse(text, label, self.arena)?;
        if parsed.body.is_some() {
            let what =
                format!("{} is a program, not a module: a module contains only definitions", path.display());
            return Err(Unplaced::Here(what));
        }
        let mut scope = Scope::default();
        self.imports(parsed.imports, path.parent().unwrap_or(Path::new(".")), &mut scope)?;
        let own = scope.functions.len();
        let mut desugar = Desugar::new(self.arena, scope);
        for def in parsed.defs {
            let compiled = &**self.arena.alloc(format!("{}!{number}.{}", def.name, self.defs.len()));
            desugar.scope.functions.push((def.name, def.args.len(), compiled));
            let Def { args, body, .. } = desugar.def(def);
            let body = desugar.with_data(body);
            self.defs.push(Def { name: compiled, args, body });
        }
        if let Some(refused) = desugar.refused {
            return Err(Unplaced::There(refused));
        }
        self.calls.extend(desugar.calls);
        self.variables.extend(desugar.variables);
        let exports = desugar.scope.functions.split_off(own);
        self.modules[number].exports.clone_from(&exports);
        self.modules[number].open = false;
        Ok(exports)
    }
}

/// An error of a module.
enum Unplaced<'s> {
    /// It belongs to the place that names the module.
    Here(String),
    /// It is in a file.
    There(SyntaxError<'s>),
}

impl<'s> Unplaced<'s> {
    fn unwrap_or_else(self, place: impl FnOnce(String) -> SyntaxError<'s>) -> SyntaxError<'s> {
        match self {
            Self::Here(what) => place(what),
            Self::There(error) => error,
        }
    }
}

impl<'s> From<SyntaxError<'s>> for Unplaced<'s> {
    fn from(error: SyntaxError<'s>) -> Self {
        Self::There(error)
    }
}

/// The values of a file, or its text.
fn data(path: &Path, raw: bool) -> Result<Val, String> {
    let bytes = file::bytes(path, file::MAX_RECORDED)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let text = String::from_utf8_lossy(&bytes);
    if raw {
        return Ok(Val::string(&text));
    }
    let values = read::many(&text).map_err(|error| format!("{} is not JSON: {error}", path.display()))?;
    Ok(values.into_iter().collect())
}

fn field<'v>(meta: Option<&'v Val>, name: &str) -> Option<&'v Val> {
    match meta {
        Some(Val::Obj(fields)) => fields.get(name),
        _ => None,
    }
}

/// The folders that the metadata of an import names.
fn search(meta: Option<&Val>) -> Option<Vec<PathBuf>> {
    match field(meta, "search")? {
        Val::Str(folder) => Some(vec![PathBuf::from(&**folder)]),
        Val::Arr(folders) => Some(
            folders
                .iter()
                .filter_map(|folder| match folder {
                    Val::Str(folder) => Some(PathBuf::from(&**folder)),
                    _ => None,
                })
                .collect(),
        ),
        _ => None,
    }
}

/// The value of a constant term.
fn constant(term: &Term<'_>) -> Val {
    match term {
        Term::Num(digits) => Val::Num(read::literal(digits)),
        Term::Neg(inner) => (-constant(inner)).unwrap_or_default(),
        Term::Str(_, parts) => {
            let mut text = String::new();
            for part in parts {
                match part {
                    StrPart::Str(plain) => text.push_str(plain),
                    StrPart::Char(c) => text.push(*c),
                    StrPart::Term(_) => {}
                }
            }
            Val::from(text)
        }
        Term::Arr(items) => {
            let mut list = Vec::new();
            let mut rest = items.as_deref();
            while let Some(Term::BinOp(left, BinaryOp::Comma, right)) = rest {
                list.push(constant(right));
                rest = Some(left);
            }
            list.extend(rest.map(constant));
            list.reverse();
            list.into_iter().collect()
        }
        Term::Obj(entries) => {
            let entry = |(key, value): &(Term<'_>, Option<Term<'_>>)| match constant(key) {
                Val::Str(key) => Some((key, value.as_ref().map_or(Val::Null, constant))),
                _ => None,
            };
            Val::object(entries.iter().filter_map(entry).collect())
        }
        Term::Call(name, _) => match *name {
            "true" => Val::Bool(true),
            "false" => Val::Bool(false),
            _ => Val::Null,
        },
        _ => Val::Null,
    }
}

impl<'s> Desugar<'s> {
    /// A term that sees the imported data.
    pub(super) fn with_data(&self, term: Term<'s>) -> Term<'s> {
        let used = self.scope.data.iter().filter(|(name, _)| self.variables.contains(name));
        used.rev().fold(term, |term, (name, global)| {
            let pattern = BinaryOp::Pipe(Some(Pattern::Var(*name)));
            Term::BinOp(Box::new(Term::Var(global)), pattern, Box::new(term))
        })
    }
}
