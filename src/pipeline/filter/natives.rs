//! The filters written in Rust, and of them those that touch the world around a program.

use std::sync::OnceLock;

use jaq_core::box_iter::box_once;
use jaq_core::native::{Filter, Fun, bome, run, v};
use jaq_core::{Bind, DataT, Exn, Lut, RunPtr, data};

use super::modules::Library;
use super::object::Object;
use super::strings::raw;
use super::value::{Error, Val};
use super::{
    arrays, compile, dates, entries, formats, numbers, paths, regex, signatures, streams, strings, work,
};

/// What the engine is told about: our values, and the surroundings of a run.
pub(super) struct EngineTypes;

impl DataT for EngineTypes {
    type V<'a> = Val;
    type Data<'a> = Data<'a>;
}

/// Handed to every filter of one run.
pub(super) struct Data<'a> {
    pub(super) lut: &'a Lut<EngineTypes>,
    pub(super) scene: &'a dyn Scene,
    /// Where modules are looked for.
    pub(super) library: &'a Library,
}

impl Clone for Data<'_> {
    /// The engine does so for every call, so that this is where calls are counted.
    fn clone(&self) -> Self {
        work::step();
        Self { lut: self.lut, scene: self.scene, library: self.library }
    }
}

impl<'a> data::HasLut<'a, EngineTypes> for Data<'a> {
    fn lut(&self) -> &'a Lut<EngineTypes> {
        self.lut
    }
}

/// The surroundings of a run: where its inputs come from and where its asides go.
pub(super) trait Scene {
    /// The next input, pulled when a program asks for it.
    fn next_input(&self) -> Option<Result<Val, String>>;
    /// How many inputs were pulled.
    fn pulled(&self) -> usize;
    /// What `debug` and `stderr` write.
    fn aside(&self, text: &str);
    /// What `halt_error` leaves behind.
    fn last_words(&self, text: String);
}

/// The first of a name wins, so ours come before those of the library.
pub(super) fn all() -> impl Iterator<Item = Fun<EngineTypes>> {
    written().map(run::<EngineTypes>).chain(others())
}

/// The filters among [`ours`] that may have no output or several.
pub(super) const GENERATORS: &[&str] =
    &["capture", "debug_empty", "inputs", "match", "range", "scan", "splits", "stderr_empty", "tostream"];

/// The filters among [`ours`] whose work and output are bounded by the length of input and arguments, where they are
/// common. The others run on the worker.
pub(super) const BOUNDED: &[&str] =
    &["endswith", "has", "length", "ltrimstr", "rtrimstr", "startswith", "tonumber"];

/// The filters among [`ours`] with side effects, or with a result that depends on more than input and arguments.
pub(super) const WORLDLY: &[&str] = &[
    "debug_empty",
    "halt",
    "halt_error",
    "input",
    "inputs",
    "input_line_number",
    "now",
    "now_ms",
    "stderr_empty",
];

/// The native filters whose outputs have no paths.
pub(super) fn ours() -> &'static [Filter<RunPtr<EngineTypes>>] {
    static OURS: OnceLock<Vec<Filter<RunPtr<EngineTypes>>>> = OnceLock::new();
    OURS.get_or_init(|| written().collect())
}

/// The filter with this name and number of arguments among the others, with the kinds of its arguments.
pub(super) fn another(name: &str, arity: usize) -> Option<(&'static str, Box<[Bind]>)> {
    let mut same = others().filter(|(known, binds, _)| *known == name && binds.len() == arity);
    same.next().map(|(name, binds, _)| (name, binds))
}

/// The filters whose outputs have paths, and those of the library that this crate does not replace: functions of
/// numbers, and `first`, `last`, `limit`.
fn others() -> impl Iterator<Item = Fun<EngineTypes>> {
    paths::path_filters().into_iter().chain(jaq_core::funs()).chain(jaq_std::funs())
}

fn written() -> impl Iterator<Item = Filter<RunPtr<EngineTypes>>> {
    let written = [
        arrays::filters(),
        dates::filters(),
        entries::filters(),
        formats::filters(),
        numbers::filters(),
        paths::filters(),
        regex::filters(),
        signatures::filters(),
        streams::filters(),
        strings::filters(),
        world(),
    ];
    written.into_iter().flat_map(<[_]>::into_vec)
}

/// The error of a filter that is not for this input.
pub(super) fn not_for(input: &Val, why: &str) -> Error {
    Error::str(format!("{} {why}", input.describe()))
}

fn world() -> Box<[Filter<RunPtr<EngineTypes>>]> {
    Box::new([
        ("env", v(0), |_| bome(Ok(environment()))),
        ("builtins", v(0), |_| bome(Ok(compile::known().iter().map(|name| Val::string(name)).collect()))),
        ("input_line_number", v(0), |cv| bome(Ok(Val::from(cv.0.data().scene.pulled())))),
        ("input", v(0), |cv| {
            let input = cv.0.data().scene.next_input();
            box_once(
                input
                    .unwrap_or_else(|| Err("No more inputs".to_owned()))
                    .map_err(|e| Exn::from(Error::str(e))),
            )
        }),
        ("inputs", v(0), |cv| {
            let scene = cv.0.data().scene;
            let next = move || scene.next_input().map(|input| input.map_err(|e| Exn::from(Error::str(e))));
            Box::new(std::iter::from_fn(next))
        }),
        ("debug_empty", v(0), |cv| {
            cv.0.data().scene.aside(&format!("[\"DEBUG:\",{}]\n", cv.1.text()));
            Box::new(std::iter::empty())
        }),
        ("get_search_list", v(0), |cv| bome(Ok(cv.0.data().library.search_list()))),
        ("modulemeta", v(0), |cv| {
            let meta = match &cv.1 {
                Val::Str(name) => cv.0.data().library.metadata(name).map_err(Error::str),
                _ => Err(Error::str("modulemeta input module name must be a string")),
            };
            bome(meta)
        }),
        ("stderr_empty", v(0), |cv| {
            cv.0.data().scene.aside(&raw(&cv.1));
            Box::new(std::iter::empty())
        }),
        ("halt", v(0), |_| box_once(Err(Exn::halt(0)))),
        ("halt_error", v(1), |mut cv| {
            let status = cv.0.pop_var();
            let Some(status) = status.float() else {
                return bome(Err(Error::str(format!("{} halt_error/1: number required", cv.1.describe()))));
            };
            // A string is printed as it is, anything else as a line of JSON.
            let newline = if matches!(cv.1, Val::Str(_)) { "" } else { "\n" };
            cv.0.data().scene.last_words(raw(&cv.1) + newline);
            box_once(Err(Exn::halt(status as i32)))
        }),
    ])
}

/// The environment of this process, read once.
pub(super) fn environment() -> Val {
    static ENVIRONMENT: OnceLock<Val> = OnceLock::new();
    ENVIRONMENT.get_or_init(read_environment).clone()
}

fn read_environment() -> Val {
    let text = |os: std::ffi::OsString| os.to_string_lossy().into_owned();
    let vars = std::env::vars_os().map(|(name, value)| (text(name).into(), Val::from(text(value))));
    Val::object(vars.collect::<Object>())
}
