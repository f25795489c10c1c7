//! Predicts the rule that a message meets from its first 24 bytes, by which rule the last such message met.
//!
//! If the guess is right, only the fields are built that this rule and the conditions before it read. A wrong guess costs
//! time and never changes the rule.

use super::compile::{ClientRules, Rule};
use super::expr::value_of;
use crate::message::Message;
use crate::pipeline::filter::{Globals, Value};

/// The number of slots. The first bytes of a message choose one.
const BEGINNINGS: usize = 64;

/// How many bytes choose the slot.
const BEGINNING: usize = 24;

/// The rule that was met last by each kind of beginning.
#[derive(Debug)]
pub(super) struct RuleGuesses([usize; BEGINNINGS]);

/// No rule.
const NONE: usize = usize::MAX;

impl Default for RuleGuesses {
    fn default() -> Self {
        Self([NONE; BEGINNINGS])
    }
}

impl RuleGuesses {
    /// The first rule that a message meets, with what the rule reads of it. `None`: all that the rules read of the message is
    /// nested too deep.
    pub(super) fn rule_for<'r>(
        &mut self,
        rules: &'r ClientRules,
        globals: &Globals,
        message: &Message,
    ) -> Option<(Value, Option<&'r Rule>)> {
        let slot = slot_of(message.as_bytes());
        let (input, at) = Self::guessed(rules, globals, message, self.0[slot])
            .or_else(|| found(rules, globals, message))?;
        self.0[slot] = at.unwrap_or(NONE);
        Some((input, at.and_then(|at| rules.rules.get(at))))
    }

    /// The rule of a message that meets this one, or one before it.
    fn guessed(
        rules: &ClientRules,
        globals: &Globals,
        message: &Message,
        guess: usize,
    ) -> Option<(Value, Option<usize>)> {
        let input = value_of(message, &rules.rules.get(guess)?.reads)?;
        let at = first_met(&rules.rules[..=guess], globals, &input)?;
        let input = if at == guess { input } else { value_of(message, &rules.rules[at].reads)? };
        Some((input, Some(at)))
    }
}

/// The rule of a message that nothing is known of.
fn found(rules: &ClientRules, globals: &Globals, message: &Message) -> Option<(Value, Option<usize>)> {
    if let Some(input) = value_of(message, &rules.reads) {
        let at = first_met(&rules.rules, globals, &input);
        return Some((input, at));
    }
    // A rule can only be met by a message whose parts that it reads are not too deep.
    rules.rules.iter().enumerate().find_map(|(at, rule)| {
        let input = value_of(message, &rule.reads)?;
        meets(rule, globals, &input).then_some((input, Some(at)))
    })
}

fn first_met(rules: &[Rule], globals: &Globals, input: &Value) -> Option<usize> {
    rules.iter().position(|rule| meets(rule, globals, input))
}

fn meets(rule: &Rule, globals: &Globals, input: &Value) -> bool {
    rule.when.as_ref().is_none_or(|when| when.holds(globals, input))
}

/// The slot of a message. Messages with other beginnings may share it: then guesses are wrong more often.
fn slot_of(bytes: &[u8]) -> usize {
    let mix = |hash: u64, word: &[u8]| {
        let word = word.try_into().map_or(word.len() as u64, u64::from_le_bytes);
        (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
    };
    let hash = bytes[..bytes.len().min(BEGINNING)].chunks(8).fold(0, mix);
    hash as usize % BEGINNINGS
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::dialect::rules::RulesDialect;
    use crate::dialect::rules::vars::CLIENT_VARS;

    const RULES: &str = "
        [dialect]
        version = 2
        name = 'x'
        [[on]]
        when = '.t == \"a\"'
        event = '.'
        id = '.deep'
        [[on]]
        when = '.t == \"b\" and .deep'
        event = '.'
        id = '.id'
        [[on]]
        when = '.t'
        event = '.'
        id = '.other'
        ";

    #[test]
    fn a_guess_changes_what_is_read_and_not_what_is_met() {
        let dialect = RulesDialect::parse(RULES, "x.toml", Path::new("")).unwrap();
        let (rules, globals) = (dialect.rules().unwrap(), Globals::new(CLIENT_VARS));
        let deep = "[".repeat(300) + &"]".repeat(300);
        let messages = [
            r#"{"t":"a","deep":1,"id":1,"other":2}"#.to_owned(),
            r#"{"t":"b","deep":1,"id":1,"other":2}"#.to_owned(),
            r#"{"t":"c","deep":1,"id":1,"other":2}"#.to_owned(),
            format!(r#"{{"t":"a","deep":{deep}}}"#),
            format!(r#"{{"t":"b","id":{deep}}}"#),
            format!(r#"{{"t":"c","id":{deep}}}"#),
            format!(r#"{{"t":"c","other":{deep}}}"#),
            format!(r#"{{"x":{deep}}}"#),
            "{}".to_owned(),
            "text".to_owned(),
        ]
        .map(Message::text);
        let met = |guesses: &mut RuleGuesses, message: &Message| {
            let found = guesses.rule_for(rules, &globals, message)?;
            Some((found.1.map(|rule| rule.place.clone()), found.0))
        };
        for message in &messages {
            let alone = met(&mut RuleGuesses::default(), message);
            for guess in (0..3).chain([7, NONE]) {
                let guessed = met(&mut RuleGuesses([guess; BEGINNINGS]), message);
                assert_eq!(
                    guessed.as_ref().map(|(rule, _)| rule),
                    alone.as_ref().map(|(rule, _)| rule),
                    "{message:?} {guess}"
                );
            }
        }
        let (_, read) = met(&mut RuleGuesses([0; BEGINNINGS]), &messages[0]).unwrap();
        assert_eq!(read.text(), r#"{"t":"a","deep":1}"#);
        let (rule, read) = met(&mut RuleGuesses([2; BEGINNINGS]), &messages[0]).unwrap();
        assert_eq!((rule.unwrap().contains("rule 1"), read.text()), (true, r#"{"t":"a","deep":1}"#.into()));
    }
}
