//! The topic grammar of the documents (Structures, "Topic Components"):
//! `<scope>:<scope_id>:<resource_type>:<resource_id>`, with `*` as the resource id for all of a type.

use crate::dialect::TopicCheck;

/// The scopes of the documents ("Valid Scopes").
pub(super) const SCOPES: [&str; 2] = ["customer_id", "agent_id"];

const FORMAT: &str = "<scope>:<scope_id>:<resource_type>:<resource_id>";

/// Resource types that the service's source knows beside those of the documents: there the type is the part of
/// the event's name before the first `_`.
const UNDOCUMENTED: [&str; 4] = ["conferencecall", "queuecall", "transcribe", "transcript"];

/// A resource type of the documents ("Valid Resource Types").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum ResourceKind {
    Call,
    Message,
    Activeflow,
    Conference,
    Queue,
    Agent,
    Recording,
    Transcription,
}

impl ResourceKind {
    pub(super) const ALL: [Self; 8] = [
        Self::Call,
        Self::Message,
        Self::Activeflow,
        Self::Conference,
        Self::Queue,
        Self::Agent,
        Self::Recording,
        Self::Transcription,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Message => "message",
            Self::Activeflow => "activeflow",
            Self::Conference => "conference",
            Self::Queue => "queue",
            Self::Agent => "agent",
            Self::Recording => "recording",
            Self::Transcription => "transcription",
        }
    }

    fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A topic pattern as the documents' server understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// `customer_id` or `agent_id`.
    pub(super) scope: &'static str,
    pub(super) scope_id: String,
    /// `None` for `*`, which the Overview prints as legal and not recommended.
    pub(super) kind: Option<ResourceKind>,
    /// `None` for `*`.
    pub(super) id: Option<String>,
}

impl Pattern {
    /// Reads a pattern; `None` if the documents do not allow it. Ids need not be UUIDs: the documents' own
    /// examples use `abc123`. A name such as `call_hangup` in the place of the id is the spelling of the
    /// service's later editions and no id.
    pub(super) fn parse(topic: &str) -> Option<Self> {
        let mut parts = topic.split(':');
        let (scope, scope_id, kind, id) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let scope = SCOPES.into_iter().find(|known| *known == scope)?;
        let kind = if kind == "*" { None } else { Some(ResourceKind::by_name(kind)?) };
        let id = if id == "*" { None } else { Some(id.to_owned()) };
        let ids_fit = !scope_id.is_empty()
            && !scope_id.contains('*')
            && id.as_deref().is_none_or(|id| !id.is_empty() && !id.contains('*'));
        let is_event_name = kind.zip(id.as_deref()).is_some_and(|(kind, id)| is_event_name(kind.name(), id));
        let whole = parts.next().is_none() && (kind.is_some() || id.is_none());
        (ids_fit && whole && !is_event_name).then(|| Self { scope, scope_id: scope_id.to_owned(), kind, id })
    }
}

/// The scope of a topic as the running service reads it: a known scope with a UUID; what follows is a prefix of
/// anything.
pub(super) fn scope(topic: &str) -> Option<(&'static str, &str)> {
    let mut parts = topic.split(':');
    let (scope, id) = (parts.next()?, parts.next()?);
    let scope = SCOPES.into_iter().find(|known| *known == scope)?;
    is_uuid(id).then_some((scope, id))
}

/// What is to be said about a topic before it is sent. Wrong is what neither the documents nor the service
/// could ever match; what only one of the two knows is odd.
pub(super) fn check(topic: &str) -> TopicCheck {
    let parts: Vec<&str> = topic.split(':').collect();
    match judge(topic, &parts) {
        Err(why) => TopicCheck::Wrong(why),
        Ok(oddities) if oddities.is_empty() => TopicCheck::Fine,
        Ok(oddities) => TopicCheck::Odd(format!("topic '{topic}': {}", oddities.join("; "))),
    }
}

fn judge(topic: &str, parts: &[&str]) -> Result<Vec<String>, String> {
    let wrong = |why: String| format!("topic '{topic}': {why}");
    if parts.len() < 2 || parts.len() > 5 {
        return Err(wrong(format!(
            "it has {} parts (expected {FORMAT}, such as customer_id:<uuid>:call:*)",
            parts.len()
        )));
    }
    if !SCOPES.contains(&parts[0]) {
        let near = nearest(parts[0], &SCOPES);
        return Err(wrong(format!("unknown scope '{}'{near}; valid are {}", parts[0], SCOPES.join(", "))));
    }
    let mut oddities = Vec::new();
    oddities.extend(check_scope_id(parts[0], parts[1]).map_err(wrong)?);
    match parts[2..] {
        [] => oddities.push(
            "the documentation requires four parts; the service treats this as a prefix and sends every event of the \
             scope, each twice"
                .to_owned(),
        ),
        [kind] => {
            check_kind(kind).map_err(wrong)?;
            oddities.push(format!(
                "the documentation requires four parts ({topic}:* for all of a type); the service treats three parts \
                 as a prefix and sends each event twice"
            ));
        }
        [kind, id] => oddities.extend(check_resource(kind, id).map_err(wrong)?),
        [kind, event, _] if is_event_name(kind, event) => oddities.push(
            "the service accepts five parts with an event name, but the documentation allows only four"
                .to_owned(),
        ),
        _ => return Err(wrong(format!("it has five parts (expected {FORMAT})"))),
    }
    Ok(oddities)
}

fn check_scope_id(scope: &str, id: &str) -> Result<Option<String>, String> {
    if id.is_empty() {
        return Err(format!("the id after '{scope}:' is empty"));
    }
    if id.contains('*') {
        return Err("'*' is only valid as the resource id, the last part".to_owned());
    }
    Ok((!is_uuid(id)).then(|| format!("the {scope} '{id}' is not a UUID")))
}

fn check_kind(kind: &str) -> Result<Option<String>, String> {
    if ResourceKind::by_name(kind).is_some() {
        return Ok(None);
    }
    if UNDOCUMENTED.contains(&kind) {
        return Ok(Some(format!("resource type '{kind}' is undocumented, but the service accepts it")));
    }
    let names = ResourceKind::ALL.map(ResourceKind::name);
    Err(format!("unknown resource type '{kind}'{}; valid are {}", nearest(kind, &names), names.join(", ")))
}

fn check_resource(kind: &str, id: &str) -> Result<Option<String>, String> {
    if kind == "*" {
        return if id == "*" {
            Ok(Some("the documentation advises against all events of a customer; name the types".to_owned()))
        } else {
            Err("'*' as the resource type needs '*' as the resource id too".to_owned())
        };
    }
    let odd_kind = check_kind(kind)?;
    if id.is_empty() {
        return Err(format!("the resource id is empty (expected a UUID, or * for every {kind})"));
    }
    if id.contains('*') && id != "*" {
        return Err(format!("'*' cannot match a part of a resource id, as in '{id}'"));
    }
    if is_event_name(kind, id) {
        return Ok(Some(format!(
            "'{id}' is an event name, which the service accepts as the last part, but the documentation does not"
        )));
    }
    Ok(odd_kind
        .or_else(|| (id != "*" && !is_uuid(id)).then(|| format!("the {kind} id '{id}' is not a UUID"))))
}

/// `call_hangup` for `call`: how the service's source spells event names.
fn is_event_name(kind: &str, text: &str) -> bool {
    text.strip_prefix(kind).and_then(|rest| rest.strip_prefix('_')).is_some_and(|verb| {
        !verb.is_empty() && verb.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    })
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// ` (did you mean 'call'?)` if one of the names is within two edits.
fn nearest(word: &str, names: &[&str]) -> String {
    names
        .iter()
        .map(|name| (edits(word, name), name))
        .min()
        .filter(|(distance, _)| *distance <= 2)
        .map_or_else(String::new, |(_, name)| format!(" (did you mean '{name}'?)"))
}

/// The Levenshtein distance, one row at a time.
fn edits(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.chars().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[row.len() - 1]
}

/// The grammar once more, as expressions that were written from the documents and not from the code above: what
/// they accept is fine, and what their patterns allow is never refused.
#[cfg(any(test, fuzzing))]
pub(super) fn hostile(topic: &str) {
    const SCOPED: &str = "^(customer_id|agent_id)";
    const TYPE: &str = "(call|message|activeflow|conference|queue|agent|recording|transcription)";
    const UUID: &str = "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}";
    thread_local! {
        static FINE: regex_bites::Regex = regex(&format!(r"{SCOPED}:{UUID}:{TYPE}:(\*|{UUID})$"));
        static PATTERN: regex_bites::Regex = regex(&format!(r"{SCOPED}:[^:*]+:(\*:\*|{TYPE}:(\*|[^:*]+))$"));
        static EVENT: regex_bites::Regex = regex(r":([a-z]+):([a-z]+)_[a-z_]+$");
    }
    let verdict = check(topic);
    assert_eq!(verdict == TopicCheck::Fine, FINE.with(|fine| fine.is_match(topic)), "{topic:?}: {verdict:?}");
    let names_event = EVENT.with(|event| {
        event
            .captures(topic)
            .is_some_and(|parts| parts.get(1).map(|p| p.as_str()) == parts.get(2).map(|p| p.as_str()))
    });
    let allowed = PATTERN.with(|pattern| pattern.is_match(topic)) && !names_event;
    assert_eq!(Pattern::parse(topic).is_some(), allowed, "{topic:?}");
    assert!(!allowed || !matches!(verdict, TopicCheck::Wrong(_)), "{topic:?}: {verdict:?}");
}

#[cfg(any(test, fuzzing))]
fn regex(source: &str) -> regex_bites::Regex {
    regex_bites::Regex::new(source).expect("a pattern")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "12345678-1234-1234-1234-123456789012";

    fn wrong(topic: &str) -> String {
        match check(topic) {
            TopicCheck::Wrong(why) => why,
            other => panic!("{topic}: {other:?}"),
        }
    }

    fn odd(topic: &str) -> String {
        match check(topic) {
            TopicCheck::Odd(why) => why,
            other => panic!("{topic}: {other:?}"),
        }
    }

    #[test]
    fn the_documents_examples_with_uuids_are_fine() {
        for kind in ResourceKind::ALL {
            assert_eq!(check(&format!("customer_id:{ID}:{}:*", kind.name())), TopicCheck::Fine);
            assert_eq!(check(&format!("agent_id:{ID}:{}:{ID}", kind.name())), TopicCheck::Fine);
        }
    }

    #[test]
    fn a_wrong_topic_is_told_the_reason_and_the_valid_set() {
        let why = wrong(&format!("customer_id:{ID}:cals:*"));
        assert!(why.contains("'cals'") && why.contains("did you mean 'call'"), "{why}");
        assert!(
            why.contains("call, message, activeflow, conference, queue, agent, recording, transcription")
        );
        let why = wrong(&format!("customer:{ID}:call:*"));
        assert!(why.contains("customer_id, agent_id"), "{why}");
        assert!(wrong(&format!("agentid:{ID}:call:*")).contains("did you mean 'agent_id'"));
        assert!(!wrong(&format!("zzz:{ID}:call:*")).contains("did you mean"));
        assert!(wrong("call").contains("<scope>:<scope_id>"));
        assert!(wrong("").contains("<scope>:<scope_id>"));
        assert!(wrong(&format!("customer_id:{ID}:call:*:")).contains("five parts"));
        assert!(wrong(&format!("customer_id:{ID}:call:*:a:b")).contains("6 parts"));
        assert!(wrong("customer_id:*:call:*").contains("resource id"));
        assert!(wrong("customer_id::call:*").contains("empty"));
        assert!(wrong(&format!("customer_id:{ID}:call:")).contains("empty"));
        assert!(wrong(&format!("customer_id:{ID}:call:ab*")).contains("'ab*'"));
        assert!(wrong(&format!("customer_id:{ID}:*:{ID}")).contains("resource type"));
    }

    #[test]
    fn what_only_one_side_knows_is_odd() {
        assert!(odd("customer_id:abc123:call:*").contains("not a UUID"));
        assert!(odd(&format!("customer_id:{ID}:call:xyz789")).contains("'xyz789' is not a UUID"));
        assert!(odd("customer_id:abc123:*:*").contains("advises against"));
        assert!(odd(&format!("customer_id:{ID}:call")).contains("prefix"));
        assert!(odd(&format!("customer_id:{ID}")).contains("prefix"));
        assert!(odd(&format!("customer_id:{ID}:call:call_hangup")).contains("an event name"));
        assert!(odd(&format!("customer_id:{ID}:call:call_hangup:{ID}")).contains("five parts"));
        assert!(odd(&format!("customer_id:{ID}:queuecall:*")).contains("is undocumented"));
    }

    #[test]
    fn patterns_are_those_of_the_documents() {
        let pattern = Pattern::parse("agent_id:a:queue:*").unwrap();
        assert_eq!((pattern.scope, pattern.kind, pattern.id), ("agent_id", Some(ResourceKind::Queue), None));
        assert_eq!(Pattern::parse("customer_id:c:call:x").unwrap().id.as_deref(), Some("x"));
        assert_eq!(Pattern::parse("customer_id:c:*:*").unwrap().kind, None);
        for topic in [
            "",
            "customer_id:c:call",
            "customer_id:c:call:",
            "customer_id::call:*",
            "customer_id:*:call:*",
            "customer_id:c:*:x",
            "customer_id:c:call:x*",
            "customer_id:c:calls:*",
            "customer:c:call:*",
            "customer_id:c:call:*:",
            "customer_id:c:call:call_hangup",
        ] {
            assert_eq!(Pattern::parse(topic), None, "{topic}");
        }
    }
}
