//! Regular expressions: what `test`, `match`, `split` and the others are defined by. The engine takes time linear in
//! the text for each match, and refuses patterns that would compile to more than 10 MiB.
//!
//! The library's own filters look up places in the order of the groups and panic where a later group stands before
//! an earlier one, as in `(?:(b)|(a))*` on `ab`.

use jaq_core::native::{Filter, bome};
use jaq_core::{Bind, RunPtr, ValR};
use regex_bites::{Match, Regex, RegexBuilder};

use super::natives::{Kind, text};
use super::value::{Error, Val};

/// The filters that take a pattern and flags.
pub(super) fn filters() -> Box<[Filter<RunPtr<Kind>>]> {
    let two = || [Bind::Var(()), Bind::Var(())].into();
    Box::new([
        ("matches", two(), |mut cv| {
            let flags = cv.0.pop_var();
            bome(search(&cv.1, &cv.0.pop_var(), &flags, Parts::Matches))
        }),
        ("split_matches", two(), |mut cv| {
            let flags = cv.0.pop_var();
            bome(search(&cv.1, &cv.0.pop_var(), &flags, Parts::All))
        }),
        ("split_", two(), |mut cv| {
            let flags = cv.0.pop_var();
            bome(search(&cv.1, &cv.0.pop_var(), &flags, Parts::Between))
        }),
    ])
}

/// What of a text is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Parts {
    Matches,
    Between,
    All,
}

/// A text between two matches is a string, a match an array: of itself and of its groups that took part.
fn search(input: &Val, pattern: &Val, flags: &Val, parts: Parts) -> ValR<Val> {
    let (input, flags) = (text(input)?, text(flags)?);
    let regex = compile(text(pattern)?, flags)?;
    let (all, no_empty) = (flags.contains('g'), flags.contains('n'));
    let (mut places, mut found, mut end) = (Places { text: input, byte: 0, at: 0 }, Vec::new(), 0);
    for captures in regex.captures_iter(input) {
        let Some(whole) = captures.get(0) else { continue };
        if no_empty && whole.is_empty() {
            continue;
        }
        if parts != Parts::Matches {
            found.push(Val::string(&input[end..whole.start()]));
            end = whole.end();
        }
        if parts != Parts::Between {
            let groups = captures.iter().zip(regex.capture_names());
            found.push(
                groups.filter_map(|(group, name)| Some(described(&group?, name, &mut places))).collect(),
            );
        }
        if !all {
            break;
        }
    }
    if parts != Parts::Matches {
        found.push(Val::string(&input[end..]));
    }
    Ok(found.into_iter().collect())
}

fn compile(pattern: &str, flags: &str) -> Result<Regex, Error> {
    let mut builder = RegexBuilder::new(pattern);
    for flag in flags.chars() {
        match flag {
            'g' | 'n' => &mut builder,
            'i' => builder.case_insensitive(true),
            'm' => builder.multi_line(true),
            's' => builder.dot_matches_new_line(true),
            'p' => builder.multi_line(true).dot_matches_new_line(true),
            'l' => builder.swap_greed(true),
            'x' => builder.ignore_whitespace(true),
            other => return Err(Error::str(format!("invalid regex flag: {other}"))),
        };
    }
    builder.build().map_err(|error| Error::str(format!("invalid regex: {error}")))
}

fn described(found: &Match<'_>, name: Option<&str>, places: &mut Places<'_>) -> Val {
    let fields = [
        ("offset", Val::from(places.char_at(found.start()))),
        ("length", Val::from(found.as_str().chars().count())),
        ("string", Val::string(found.as_str())),
    ];
    let name = name.map(|name| ("name", Val::string(name)));
    Val::object(fields.into_iter().chain(name).map(|(key, value)| (key.into(), value)).collect())
}

/// Turns places in bytes into places in characters, from where it was asked last.
struct Places<'a> {
    text: &'a str,
    byte: usize,
    at: usize,
}

impl Places<'_> {
    fn char_at(&mut self, byte: usize) -> usize {
        self.at = if byte >= self.byte {
            self.at + self.text[self.byte..byte].chars().count()
        } else {
            self.at - self.text[byte..self.byte].chars().count()
        };
        self.byte = byte;
        self.at
    }
}
