//! Options that are described only where one of them is typed.
//!
//! clap copies the words of every option it is told of, checks it, and looks for its default. For the hundred
//! options of a session that takes as long as opening a connection on the loopback, and hardly anybody types more
//! than five. So the first parse is told of the groups that are named; whenever it fails, for whatever reason,
//! the second is told of everything and has the last word.

use std::cell::RefCell;
use std::collections::HashSet;
use std::ffi::OsString;
use std::ops::{Deref, DerefMut};

use clap::{ArgMatches, Args, Command, FromArgMatches};

/// A group of options that can be left out. Without any of them typed, clap's defaults are [`Default`]'s.
pub trait Group: Args + Default {
    /// What they can be called, with blanks between: long names as they are, short ones as one letter.
    const NAMES: &'static str;
}

thread_local! {
    /// The names that are described; all, if there is nothing. clap asks for a description without a word on what
    /// it is for.
    static TYPED: RefCell<Option<HashSet<String>>> = const { RefCell::new(None) };
}

/// Has a description made of no more groups than this command line may name.
pub(super) fn described_for(argv: &[OsString], describe: impl FnOnce() -> Command) -> Command {
    TYPED.set(Some(names(argv)));
    let command = describe();
    TYPED.set(None);
    command
}

/// All that may be the name of an option: values that look like one are taken for one, which does no harm.
fn names(argv: &[OsString]) -> HashSet<String> {
    let mut names = HashSet::new();
    for word in argv.iter().map(|word| word.to_string_lossy()) {
        if let Some(long) = word.strip_prefix("--") {
            names.insert(long.split('=').next().unwrap_or_default().to_owned());
        } else if let Some(letters) = word.strip_prefix('-') {
            names.extend(letters.chars().map(String::from));
        }
    }
    names
}

/// A group that can be left out of a description.
#[derive(Clone, Debug, Default)]
pub struct Sparse<T>(T);

impl<T: Group> Args for Sparse<T> {
    fn group_id() -> Option<clap::Id> {
        T::group_id()
    }

    fn augment_args(command: Command) -> Command {
        let is_named = TYPED.with_borrow(|typed| {
            typed.as_ref().is_none_or(|names| T::NAMES.split(' ').any(|name| names.contains(name)))
        });
        if is_named { T::augment_args(command) } else { command }
    }

    fn augment_args_for_update(command: Command) -> Command {
        T::augment_args_for_update(command)
    }
}

impl<T: Group> FromArgMatches for Sparse<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Self::from_arg_matches_mut(&mut matches.clone())
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, clap::Error> {
        // The group of a derived struct is there when one of its options was typed.
        let is_typed = T::group_id().is_some_and(|id| matches.try_contains_id(id.as_str()).unwrap_or(false));
        if is_typed { T::from_arg_matches_mut(matches).map(Self) } else { Ok(Self::default()) }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
}

impl<T> Deref for Sparse<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Sparse<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Debug;

    use clap::Arg;

    use super::*;
    use crate::cli::options::{ConnectionArgs, DecodeArgs, EndArgs, FilterArgs, LivenessArgs, OutputArgs};

    #[test]
    fn every_group_knows_its_names_and_defaults() {
        check::<FilterArgs>();
        check::<DecodeArgs>();
        check::<OutputArgs>();
        check::<EndArgs>();
        check::<ConnectionArgs>();
        check::<LivenessArgs>();
    }

    fn check<T: Group + Debug>() {
        // An option of all commands that one of a group excludes.
        let command = T::augment_args(Command::new("wstap").arg(Arg::new("from")));
        let mut names = BTreeSet::new();
        for option in command.get_arguments().filter(|option| option.get_id() != "from") {
            names.extend(
                option.get_long_and_visible_aliases().unwrap_or_default().into_iter().map(String::from),
            );
            names.extend(option.get_aliases().unwrap_or_default().into_iter().map(String::from));
            names.extend(option.get_short().map(String::from));
        }
        assert_eq!(names, T::NAMES.split(' ').map(ToString::to_string).collect());
        let matches = command.get_matches_from(["wstap"]);
        assert_eq!(format!("{:?}", T::from_arg_matches(&matches).unwrap()), format!("{:?}", T::default()));
    }

    #[test]
    fn names_are_found_however_they_are_typed() {
        let argv = ["wstap", "-qf", ".a", "--count=3", "--", "-x"].map(OsString::from);
        assert_eq!(names(&argv), ["q", "f", "count", "", "x"].map(String::from).into());
    }
}
