//! Regular expressions: `test`, `match`, `capture`, `scan`, `split`, `splits`, `sub` and `gsub`.
//!
//! A pattern is compiled once, however often it is used. Most patterns take time linear in the text. Those with
//! look-around, back-references and the like may have to go back, and give up with an error after a million
//! steps. Patterns that would compile to more than 10 MiB are refused.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, OnceLock, PoisonError, RwLock};

use fancy_regex::{Captures, CompileError, Regex, RegexBuilder};
use jaq_core::box_iter::box_once;
use jaq_core::native::{Filter, bome, v};
use jaq_core::{Bind, Cv, RunPtr, ValR, ValX};

use super::natives::{EngineTypes, not_for};
use super::object::Object;
use super::pattern::{self, Translated};
use super::value::{Error, Val};
use super::work;

/// How often a pattern may go back in one search.
const MOST_STEPS: usize = 1_000_000;
/// How large a compiled pattern may be, in bytes.
const LARGEST: usize = 10 << 20;
/// How many instructions it may have where it can go back.
const LONGEST: usize = 1 << 20;
/// How many bytes a search for the longest match may go over.
const MOST_BYTES: usize = 100 << 20;
/// How many patterns are kept.
const KEPT: usize = 256;

pub(super) fn filters() -> Box<[Filter<RunPtr<EngineTypes>>]> {
    let sub = || [Bind::Var(()), Bind::Fun(())].into();
    let sub_with_flags = || [Bind::Var(()), Bind::Fun(()), Bind::Var(())].into();
    Box::new([
        ("test", v(1), |cv| bome(test(one(cv)))),
        ("test", v(2), |cv| bome(test(two(cv)))),
        ("match", v(1), |cv| each(one(cv), "", described)),
        ("match", v(2), |cv| each(two(cv), "", described)),
        ("capture", v(1), |cv| each(one(cv), "", named)),
        ("capture", v(2), |cv| each(two(cv), "", named)),
        ("scan", v(1), |cv| each(one(cv), "g", scanned)),
        ("scan", v(2), |cv| each(two(cv), "g", scanned)),
        ("split", v(2), |cv| bome(split(two(cv)).map(|parts| parts.into_iter().collect()))),
        ("splits", v(1), |cv| stream(split(one(cv)))),
        ("splits", v(2), |cv| stream(split(two(cv)))),
        ("sub", sub(), |cv| replace(cv, false, "")),
        ("sub", sub_with_flags(), |cv| replace(cv, true, "")),
        ("gsub", sub(), |cv| replace(cv, false, "g")),
        ("gsub", sub_with_flags(), |cv| replace(cv, true, "g")),
    ])
}

/// What a search is given.
struct Search {
    text: Val,
    pattern: Val,
    flags: Val,
}

/// One argument: a pattern, or an array of a pattern and flags.
fn one(mut cv: Cv<'_, EngineTypes>) -> Result<Search, Error> {
    let (pattern, flags) = match cv.0.pop_var() {
        Val::Arr(both) if !both.is_empty() => (both[0].clone(), both.get(1).cloned().unwrap_or_default()),
        pattern @ Val::Str(_) => (pattern, Val::Null),
        other => return Err(Error::str(format!("{} not a string or array", other.kind()))),
    };
    Ok(Search { text: cv.1, pattern, flags })
}

fn two(mut cv: Cv<'_, EngineTypes>) -> Result<Search, Error> {
    let flags = cv.0.pop_var();
    let pattern = cv.0.pop_var();
    Ok(Search { text: cv.1, pattern, flags })
}

impl Search {
    /// The text, the compiled pattern, and whether all matches are wanted.
    fn ready(&self, more: &str) -> Result<(&Arc<str>, Arc<CompiledPattern>, bool), Error> {
        let text = string(&self.text, "cannot be matched, as it is not a string")?;
        let pattern = string(&self.pattern, "cannot be matched, as it is not a string")?;
        let flags = match &self.flags {
            Val::Null => "",
            Val::Str(flags) => flags,
            other => return Err(not_for(other, "is not a string")),
        };
        let compiled = compile(pattern, flags).map_err(Error::str)?;
        Ok((text, compiled, more.contains('g') || flags.contains('g')))
    }
}

fn string<'v>(val: &'v Val, why: &str) -> Result<&'v Arc<str>, Error> {
    match val {
        Val::Str(text) => Ok(text),
        other => Err(not_for(other, why)),
    }
}

fn test(asked: Result<Search, Error>) -> ValR<Val> {
    let asked = asked?;
    let (text, pattern, _) = asked.ready("")?;
    let found = pattern.for_text(text)?.is_match(&**text);
    found.map(Val::from).map_err(|error| failed(reason(&error)))
}

/// A filter of every match.
fn each<'a>(
    asked: Result<Search, Error>,
    more: &str,
    show: fn(&FoundMatch<'_>) -> Val,
) -> jaq_core::ValXs<'a, Val> {
    stream(asked.and_then(|asked| {
        let (text, pattern, all) = asked.ready(more)?;
        let mut shown = Vec::new();
        pattern.search(text, all, &mut |found| shown.push(show(found)))?;
        Ok(shown)
    }))
}

fn stream<'a>(values: Result<Vec<Val>, Error>) -> jaq_core::ValXs<'a, Val> {
    match values {
        Ok(values) => Box::new(values.into_iter().map(Ok)),
        Err(error) => box_once(Err(error.into())),
    }
}

/// What stands between the matches.
fn split(asked: Result<Search, Error>) -> Result<Vec<Val>, Error> {
    let asked = asked?;
    let (text, pattern, _) = asked.ready("g")?;
    let (mut parts, mut end) = (Vec::new(), 0);
    pattern.search(text, true, &mut |found| {
        parts.push(Val::string(&text[end..found.start]));
        end = found.end;
    })?;
    parts.push(Val::string(&text[end..]));
    Ok(parts)
}

/// `sub`: where the replacement has several outputs there are several results, each made of the outputs in one
/// place.
fn replace<'a>(mut cv: Cv<'a, EngineTypes>, with_flags: bool, more: &str) -> jaq_core::ValXs<'a, Val> {
    let flags = if with_flags { cv.0.pop_var() } else { Val::Null };
    let (with, with_ctx) = cv.0.pop_fun();
    let asked = Search { pattern: cv.0.pop_var(), text: cv.1, flags };
    let replaced = || -> ValX<'a, Vec<Val>, Val> {
        let (text, pattern, all) = asked.ready(more)?;
        let mut found = Vec::new();
        pattern.search(text, all, &mut |place| found.push((place.start, place.end, named(place))))?;
        let (mut results, mut end): (Vec<String>, _) = (Vec::new(), 0);
        for (start, next, named) in found {
            let gap = &text[end..start];
            for (n, output) in with.run((with_ctx.clone(), named)).enumerate() {
                let insert = match output? {
                    Val::Str(insert) => insert,
                    other => {
                        let why = format!(
                            "{} and {} cannot be added",
                            Val::string(gap).describe(),
                            other.describe()
                        );
                        return Err(Error::str(why).into());
                    }
                };
                if results.len() == n {
                    results.push(String::new());
                }
                results[n].push_str(gap);
                results[n].push_str(&insert);
            }
            end = next;
        }
        if results.is_empty() {
            return Ok(vec![asked.text.clone()]);
        }
        Ok(results.into_iter().map(|result| Val::from(result + &text[end..])).collect())
    };
    match replaced() {
        Ok(values) => Box::new(values.into_iter().map(Ok)),
        Err(error) => box_once(Err(error)),
    }
}

/// A match in a text.
struct FoundMatch<'m> {
    start: usize,
    end: usize,
    text: &'m str,
    /// The place in characters.
    offset: usize,
    captures: &'m Captures<'m, str>,
    names: &'m [Option<Arc<str>>],
}

/// The keys of what a match is shown as.
struct MatchKeys {
    offset: Arc<str>,
    length: Arc<str>,
    string: Arc<str>,
    name: Arc<str>,
    captures: Arc<str>,
}

static KEYS: LazyLock<MatchKeys> = LazyLock::new(|| MatchKeys {
    offset: "offset".into(),
    length: "length".into(),
    string: "string".into(),
    name: "name".into(),
    captures: "captures".into(),
});

impl FoundMatch<'_> {
    /// The groups that can have names, and their texts.
    fn groups(&self) -> impl Iterator<Item = (Option<(usize, usize)>, Option<&Arc<str>>)> {
        let group = |n| self.captures.get(n).map(|group| (group.start(), group.end()));
        self.names.iter().enumerate().skip(1).map(move |(n, name)| (group(n), name.as_ref()))
    }

    fn string(&self, place: Option<(usize, usize)>) -> Val {
        place.map_or(Val::Null, |(start, end)| Val::string(&self.text[start..end]))
    }
}

/// A match as `match` shows it.
fn described(found: &FoundMatch<'_>) -> Val {
    let shown = |place: Option<(usize, usize)>| {
        let (offset, length, string) = match place {
            Some((start, end)) => {
                let before = found.text[found.start.min(start)..found.start.max(start)].chars().count();
                let offset = if start < found.start { found.offset - before } else { found.offset + before };
                let string = &found.text[start..end];
                (Val::from(offset), string.chars().count(), Val::string(string))
            }
            None => (Val::from(-1_isize), 0, Val::Null),
        };
        let mut fields = Object::default();
        fields.insert(Arc::clone(&KEYS.offset), offset);
        fields.insert(Arc::clone(&KEYS.length), Val::from(length));
        fields.insert(Arc::clone(&KEYS.string), string);
        fields
    };
    let capture = |(place, name): (_, Option<&Arc<str>>)| {
        let mut fields = shown(place);
        fields.insert(Arc::clone(&KEYS.name), name.map_or(Val::Null, |name| Val::Str(Arc::clone(name))));
        Val::object(fields)
    };
    let captures = found.groups().map(capture).collect();
    let mut fields = shown(Some((found.start, found.end)));
    fields.insert(Arc::clone(&KEYS.captures), captures);
    Val::object(fields)
}

/// The named groups, as an object.
fn named(found: &FoundMatch<'_>) -> Val {
    let named = found.groups().filter_map(|(place, name)| Some((Arc::clone(name?), found.string(place))));
    Val::object(named.collect())
}

/// The groups if there are any, or else the whole.
fn scanned(found: &FoundMatch<'_>) -> Val {
    if found.names.len() > 1 {
        return found.groups().map(|(place, _)| found.string(place)).collect();
    }
    Val::string(&found.text[found.start..found.end])
}

/// A compiled pattern.
pub(super) struct CompiledPattern {
    translated: Translated,
    options: RegexOptions,
    plain: Regex,
    /// For texts that end with a line break; `None` if that makes no difference.
    before_break: OnceLock<Option<Regex>>,
    names: Vec<Option<Arc<str>>>,
}

/// What flags mean.
#[derive(Clone, Copy, Default)]
struct RegexOptions {
    ignore_case: bool,
    extended: bool,
    dot_all: bool,
    longest: bool,
    not_empty: bool,
}

impl RegexOptions {
    fn read(flags: &str) -> Result<Self, String> {
        let mut options = Self::default();
        for flag in flags.chars() {
            match flag {
                'g' | 's' => {}
                'i' => options.ignore_case = true,
                'x' => options.extended = true,
                'm' | 'p' => options.dot_all = true,
                'l' => options.longest = true,
                'n' => options.not_empty = true,
                _ => return Err(format!("{flags} is not a valid modifier string")),
            }
        }
        Ok(options)
    }

    fn build(self, pattern: &str) -> Result<Regex, fancy_regex::Error> {
        let build = |not_empty| {
            RegexBuilder::new(pattern)
                .oniguruma_mode(true)
                .case_insensitive(self.ignore_case)
                .ignore_whitespace(self.extended)
                .dot_matches_new_line(self.dot_all)
                .leftmost_longest(self.longest)
                .find_not_empty(not_empty)
                .backtrack_limit(MOST_STEPS)
                .delegate_size_limit(LARGEST)
                .max_prog_size(LONGEST)
                .build()
        };
        match build(self.not_empty) {
            // It matches nothing but what is empty.
            Err(fancy_regex::Error::CompileError(error))
                if matches!(*error, CompileError::PatternCanNeverMatch) =>
            {
                RegexBuilder::new("(?!)").build()
            }
            built => built,
        }
    }
}

/// The patterns that are compiled, by flags and text.
type Cache = HashMap<String, HashMap<String, Arc<CompiledPattern>>>;

static CACHE: LazyLock<RwLock<Cache>> = LazyLock::new(RwLock::default);

/// A compiled pattern, from the cache if it is there.
pub(super) fn compile(pattern: &str, flags: &str) -> Result<Arc<CompiledPattern>, String> {
    let cache = CACHE.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = cache.get(flags).and_then(|patterns| patterns.get(pattern)) {
        return Ok(Arc::clone(known));
    }
    drop(cache);
    let compiled = Arc::new(CompiledPattern::new(pattern, flags)?);
    let mut cache = CACHE.write().unwrap_or_else(PoisonError::into_inner);
    if cache.values().map(HashMap::len).sum::<usize>() >= KEPT {
        cache.clear();
    }
    let patterns = cache.entry(flags.to_owned()).or_default();
    patterns.insert(pattern.to_owned(), Arc::clone(&compiled));
    Ok(compiled)
}

/// Why a pattern is refused.
fn reason(error: &fancy_regex::Error) -> String {
    match error {
        fancy_regex::Error::ParseError(at, error) => format!("{error} at byte {at}"),
        fancy_regex::Error::CompileError(error) => match &**error {
            CompileError::InnerError(error) if error.size_limit().is_some() => {
                "the pattern is too large".to_owned()
            }
            CompileError::InnerError(error) => error.syntax_error().map_or_else(
                || error.to_string(),
                |error| {
                    let text = error.to_string();
                    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
                },
            ),
            CompileError::PatternTooComplex => "the pattern is too large".to_owned(),
            error => error.to_string(),
        },
        fancy_regex::Error::RuntimeError(_) => format!("gave up after {MOST_STEPS} steps"),
        error => error.to_string(),
    }
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::str(format!("Regex failure: {error}"))
}

impl CompiledPattern {
    fn new(pattern: &str, flags: &str) -> Result<Self, String> {
        let options = RegexOptions::read(flags)?;
        let refused = |why: String| format!("Regex failure: {why}");
        let translated = pattern::translate(pattern, options.extended).map_err(refused)?;
        let plain = options.build(&translated.plain).map_err(|error| refused(reason(&error)))?;
        let names = plain.capture_names().map(|name| name.map(Arc::from)).collect();
        Ok(Self { translated, options, plain, before_break: OnceLock::new(), names })
    }

    /// What to search this text with.
    fn for_text(&self, text: &str) -> Result<&Regex, Error> {
        let (true, Some(pattern)) = (text.ends_with('\n'), &self.translated.before_break) else {
            return Ok(&self.plain);
        };
        self.before_break
            .get_or_init(|| self.options.build(pattern).ok())
            .as_ref()
            .ok_or_else(|| failed("the pattern is too large"))
    }

    /// Hands every match, or the first one, to `take`.
    fn search(&self, text: &str, all: bool, take: &mut dyn FnMut(&FoundMatch<'_>)) -> Result<(), Error> {
        let regex = self.for_text(text)?;
        // Places are counted from where it was counted last.
        let (mut from, mut counted, mut offset) = (0, 0, 0);
        while let Some(captures) = self.next(regex, text, from)? {
            let Some(whole) = captures.get(0) else { break };
            let (start, end) = (whole.start(), whole.end());
            offset = if start >= counted {
                offset + text[counted..start].chars().count()
            } else {
                offset - text[start..counted].chars().count()
            };
            counted = start;
            take(&FoundMatch { start, end, text, offset, captures: &captures, names: &self.names });
            if !all {
                break;
            }
            from = end;
            if start == end {
                // After an empty match the search goes on one character later.
                match text[end..].chars().next() {
                    Some(c) => from += c.len_utf8(),
                    None => break,
                }
            }
        }
        Ok(())
    }

    fn next<'t>(
        &self,
        regex: &Regex,
        text: &'t str,
        from: usize,
    ) -> Result<Option<Captures<'t, str>>, Error> {
        let first =
            work::timed(|| regex.captures_from_pos(text, from)).map_err(|error| failed(reason(&error)))?;
        if !self.options.longest {
            return Ok(first);
        }
        // The longest of all matches in the text, not only of those that begin first.
        let (mut best, mut next, mut bytes) = (None, first, 0);
        let length = |found: &Captures<'_, str>| found.get(0).map_or(0, |whole| whole.end() - whole.start());
        while let Some(found) = next {
            bytes += length(&found) + 1;
            if bytes > MOST_BYTES {
                return Err(failed("too many matches to find the longest"));
            }
            let start = found.get(0).map_or(text.len(), |whole| whole.start());
            if best.as_ref().is_none_or(|best| length(&found) > length(best)) {
                best = Some(found);
            }
            let Some(c) = text[start..].chars().next() else { break };
            next = regex
                .captures_from_pos(text, start + c.len_utf8())
                .map_err(|error| failed(reason(&error)))?;
        }
        Ok(best)
    }
}
