//! The mock's world: the chats, calls, groups and labels of one WhatsApp instance, which run by a clock of their
//! own. It is a pure function of seed and name, and a filter changes nothing but what is seen.
//!
//! Messages have the nested form of the provider's event catalogue, or the flat one in which consumers report
//! them from the running service. Of `message.status`, `instance.state`, `group.flow` and `label.update` only the
//! consumers' form is known. The payload of `call.update` was found nowhere: it is a guess.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fastrand::Rng;

use crate::dialect::made::{JsonObject, iso_seconds, mix};
use crate::json::quoted;
use crate::provider::Behave;
use crate::text::uuid;

/// The six events (Event catalog), in the document's order.
pub(super) const NAMES: [&str; 6] =
    ["message.exchange", "message.status", "call.update", "group.flow", "instance.state", "label.update"];

/// The instant at which every world begins: 2026-01-01T10:00:00Z.
const EPOCH: i64 = 1_767_261_600_000;

/// Where the instance's REST interface is said to be: the host of the document's examples.
const BASE_URL: &str = "https://api.example.com";

/// Bytes of a media file: as base64 these are "easily" more than 100 KB (Notes).
const MEDIA_SIZE: std::ops::Range<i64> = 80_000..120_000;

const TEXTS: [&str; 5] =
    ["hi", "Is my order on its way?", "Obrigado! 🙏", "See you at \"Café Central\"", "1\n2\n3"];

const PEOPLE: [&str; 4] = ["Ana Lima", "João Souza", "Mia", "Núria"];

/// Kinds of media with their types, and the file names of those that have one.
const MEDIA: [(&str, &str, Option<&str>); 5] = [
    ("image", "image/jpeg", None),
    ("ptt", "audio/ogg; codecs=opus", None),
    ("document", "application/pdf", Some("invoice.pdf")),
    ("video", "video/mp4", None),
    ("sticker", "image/webp", None),
];

/// The token of an instance: always the same for a seed and a name.
pub(super) fn token(seed: u64, instance: &str) -> String {
    uuid(&mut Rng::with_seed(mix(!seed, instance)))
}

/// The frame around the data of an event.
pub(super) fn envelope(name: &str, data: &str, instance: &str, token: &str) -> String {
    let about =
        JsonObject::default().text("baseUrl", BASE_URL).text("instance", instance).text("token", token);
    JsonObject::default().text("event", name).raw("data", data).object("instanceData", about).end()
}

/// An event, still in its parts.
pub(super) struct RyzeEvent {
    /// One of [`NAMES`].
    pub(super) name: &'static str,
    data: EventData,
}

enum EventData {
    Ready(String),
    Message(Box<Exchange>),
}

/// One instance's world.
pub(super) struct InstanceWorld {
    rng: Rng,
    now: i64,
    shape: Behave,
    instance: String,
    token: String,
    me: Person,
    chats: Vec<Chat>,
    pending: Vec<(i64, u64, Task)>,
    scheduled: u64,
}

#[derive(Clone)]
struct Person {
    number: String,
    lid: String,
    name: &'static str,
}

#[derive(Clone)]
struct Chat {
    kind: &'static str,
    number: String,
    lid: String,
    name: String,
    people: Vec<Person>,
}

/// A message.
#[derive(Clone)]
struct Exchange {
    id: String,
    at: i64,
    outgoing: bool,
    chat: Chat,
    sender: Person,
    text: &'static str,
    extra: Extra,
}

#[derive(Clone)]
enum Extra {
    None,
    /// Which of [`MEDIA`], bytes, seed of the bytes.
    Media(usize, i64, u64),
    /// The message before.
    Edit(String),
    Forward(i64),
    Reply(String, Person),
}

enum Task {
    Message(Option<String>),
    Status(Box<Exchange>, &'static str),
    NewCall,
    Call { id: String, from: Person, kind: &'static str },
    Group,
    State(&'static str),
    Label,
}

impl InstanceWorld {
    /// The world of this instance, at its beginning.
    pub(super) fn new(seed: u64, instance: &str, shape: Behave) -> Self {
        let mut rng = Rng::with_seed(mix(seed, instance));
        let people: Vec<Person> = PEOPLE.iter().map(|name| Person::new(name, &mut rng)).collect();
        let mut chats: Vec<Chat> = people.iter().map(Chat::private).collect();
        chats.push(Chat::shared("group", "Equipe", people[..3].to_vec(), &mut rng));
        chats.push(Chat::shared("newsletter", "News", people[3..].to_vec(), &mut rng));
        let me = Person::new("Me", &mut rng);
        let (instance, token) = (instance.to_owned(), token(seed, instance));
        let mut world =
            Self { rng, now: EPOCH, shape, instance, token, me, chats, pending: Vec::new(), scheduled: 0 };
        world.after(0, 0, Task::Message(None));
        world.after(5, 20, Task::NewCall);
        world.after(10, 40, Task::Group);
        world.after(10, 40, Task::Label);
        world.after(20, 60, Task::State("disconnected"));
        world
    }

    /// The next thing that happens.
    pub(super) fn next(&mut self) -> Option<RyzeEvent> {
        let next = self.pending.iter().enumerate().min_by_key(|(_, (at, order, _))| (*at, *order));
        let (at, _, task) = self.pending.swap_remove(next?.0);
        self.now = at;
        Some(match task {
            Task::Message(before) => self.message(before),
            Task::Status(message, status) => self.status(*message, status),
            Task::NewCall => self.new_call(),
            Task::Call { id, from, kind } => self.call(id, from, kind),
            Task::Group => self.group(),
            Task::State(state) => self.state(state),
            Task::Label => self.label(),
        })
    }

    /// The frame that tells of an event. `media`: with the bytes of media in it.
    pub(super) fn frame(&self, event: &RyzeEvent, media: bool) -> String {
        let data = match &event.data {
            EventData::Ready(data) => data.clone(),
            EventData::Message(message) => match self.shape {
                Behave::Documented => self.nested(message, media),
                Behave::Real => self.flat(message, media),
            },
        };
        envelope(event.name, &data, &self.instance, &self.token)
    }

    /// Schedules a task between `least` and `most` seconds from now.
    fn after(&mut self, least: i64, most: i64, task: Task) {
        let wait = self.rng.i64(least * 1000..=most * 1000);
        self.scheduled += 1;
        self.pending.push((self.now + wait, self.scheduled, task));
    }

    fn now(&self) -> String {
        iso_seconds(self.now)
    }
}

/// What happens.
impl InstanceWorld {
    fn message(&mut self, before: Option<String>) -> RyzeEvent {
        let chat = self.rng.usize(0..self.chats.len());
        let chat = self.chats[chat].clone();
        let outgoing = chat.kind != "newsletter" && self.rng.bool();
        let sender = if outgoing || chat.people.is_empty() {
            self.me.clone()
        } else {
            chat.people[self.rng.usize(0..chat.people.len())].clone()
        };
        let id = format!("3EB0{:018X}", self.rng.u128(..) >> 56);
        let text = TEXTS[self.rng.usize(0..TEXTS.len())];
        let extra = self.extra(before, &chat);
        let message = Exchange { id: id.clone(), at: self.now, outgoing, chat, sender, text, extra };
        if outgoing {
            self.after(1, 3, Task::Status(Box::new(message.clone()), "delivered"));
        }
        self.after(1, 8, Task::Message(Some(id)));
        RyzeEvent { name: NAMES[0], data: EventData::Message(Box::new(message)) }
    }

    fn extra(&mut self, before: Option<String>, chat: &Chat) -> Extra {
        let media = (self.rng.usize(0..MEDIA.len()), self.rng.i64(MEDIA_SIZE), self.rng.u64(..));
        match (self.rng.u8(0..12), before) {
            (0 | 1, _) => Extra::Media(media.0, media.1, media.2),
            (2, Some(before)) => Extra::Edit(before),
            (3, _) => Extra::Forward(self.rng.i64(1..5)),
            (4, Some(before)) => {
                let sender = chat.people.first().unwrap_or(&self.me);
                Extra::Reply(before, sender.clone())
            }
            _ => Extra::None,
        }
    }

    fn status(&mut self, message: Exchange, status: &'static str) -> RyzeEvent {
        let chat =
            JsonObject::default().text("jid", &self.jid(&message.chat)).text("type", message.chat.kind);
        let data = JsonObject::default()
            .array("messageIds", &[quoted(&message.id)])
            .text("status", status)
            .text("timestamp", &self.now())
            .object("chat", chat)
            .text("recipient", &self.jid(&message.chat))
            .flag("isFromMe", true);
        match (status, &message.extra) {
            ("delivered", _) => self.after(2, 20, Task::Status(Box::new(message), "read")),
            ("read", Extra::Media(1, ..)) => self.after(1, 10, Task::Status(Box::new(message), "played")),
            _ => {}
        }
        RyzeEvent { name: NAMES[1], data: EventData::Ready(data.end()) }
    }

    fn new_call(&mut self) -> RyzeEvent {
        let from = self.chats[self.rng.usize(0..PEOPLE.len())].people.first().unwrap_or(&self.me).clone();
        let id = uuid(&mut self.rng);
        let answer = if self.rng.u8(0..3) == 0 { "rejected" } else { "accepted" };
        self.after(2, 15, Task::Call { id: id.clone(), from: from.clone(), kind: answer });
        self.call_event(&id, &from, "offer")
    }

    fn call(&mut self, id: String, from: Person, kind: &'static str) -> RyzeEvent {
        let event = self.call_event(&id, &from, kind);
        if kind == "accepted" {
            self.after(5, 40, Task::Call { id, from, kind: "terminated" });
        } else {
            self.after(10, 60, Task::NewCall);
        }
        event
    }

    /// The fields are a guess; the kinds are the overview's.
    fn call_event(&self, id: &str, from: &Person, kind: &str) -> RyzeEvent {
        let data = JsonObject::default()
            .text("type", kind)
            .text("callId", id)
            .text("from", &self.person_jid(from))
            .text("timestamp", &self.now());
        RyzeEvent { name: NAMES[2], data: EventData::Ready(data.end()) }
    }

    /// Somebody leaves who is in the group, or joins who is not.
    fn group(&mut self) -> RyzeEvent {
        let index = PEOPLE.len();
        let who = self.chats[self.rng.usize(0..PEOPLE.len())].people.first().unwrap_or(&self.me).clone();
        let group = &mut self.chats[index];
        let there = group.people.iter().position(|person| person.number == who.number);
        let kind = match (there, self.rng.u8(0..4)) {
            (None, _) => {
                group.people.push(who.clone());
                "joined"
            }
            (Some(at), 0 | 1) => {
                group.people.remove(at);
                "left"
            }
            (Some(_), 2) => "promoted",
            (Some(_), _) => "demoted",
        };
        let participant = JsonObject::default()
            .text("jid", &format!("{}@s.whatsapp.net", who.number))
            .text("lid", &format!("{}@lid", who.lid))
            .text("name", who.name);
        let data = JsonObject::default()
            .text("type", kind)
            .text("groupJid", &format!("{}@g.us", self.chats[index].number))
            .text("groupName", &self.chats[index].name)
            .text("timestamp", &self.now())
            .array("participants", &[participant.end()]);
        self.after(10, 60, Task::Group);
        RyzeEvent { name: NAMES[3], data: EventData::Ready(data.end()) }
    }

    fn state(&mut self, state: &'static str) -> RyzeEvent {
        let data = JsonObject::default().text("state", state).text("timestamp", &self.now());
        let jid = format!("{}@s.whatsapp.net", self.me.number);
        let data = data.with((state == "connected").then_some(|data: JsonObject| data.text("jid", &jid)));
        match state {
            "disconnected" => self.after(1, 2, Task::State("connecting")),
            "keepalive_timeout" => self.after(5, 30, Task::State("keepalive_restored")),
            "connecting" => self.after(1, 5, Task::State("connected")),
            _ => {
                let next = if self.rng.bool() { "disconnected" } else { "keepalive_timeout" };
                self.after(60, 180, Task::State(next));
            }
        }
        RyzeEvent { name: NAMES[4], data: EventData::Ready(data.end()) }
    }

    fn label(&mut self) -> RyzeEvent {
        let add = self.rng.bool();
        let label = 100 + self.rng.i64(0..3);
        let data = if self.rng.u8(0..3) > 0 {
            let chat = &self.chats[self.rng.usize(0..PEOPLE.len())];
            JsonObject::default()
                .text("type", "chat")
                .text("labelId", &label.to_string())
                .text("action", if add { "add" } else { "remove" })
                .text("chatJid", &format!("{}@s.whatsapp.net", chat.number))
                .flag("labeled", add)
        } else {
            JsonObject::default()
                .text("type", "edit")
                .text("labelId", &label.to_string())
                .text("action", if add { "updated" } else { "deleted" })
                .text("name", "VIP")
                .number("color", label - 93)
                .flag("deleted", !add)
        };
        self.after(10, 60, Task::Label);
        RyzeEvent { name: NAMES[5], data: EventData::Ready(data.end()) }
    }
}

/// The two forms of a message.
impl InstanceWorld {
    /// The catalogue's: everything inside of `data.message`.
    fn nested(&self, message: &Exchange, media: bool) -> String {
        let inner = JsonObject::default()
            .text("id", &message.id)
            .text("direction", message.direction())
            .text("timestamp", &iso_seconds(message.at))
            .object("chat", self.chat(&message.chat))
            .object("sender", self.sender(&message.sender));
        let text =
            |object: JsonObject| object.object("content", JsonObject::default().text("text", message.text));
        let inner = match &message.extra {
            Extra::None => text(inner),
            Extra::Media(..) => inner.object("media", message.media("mimetype", media)),
            Extra::Edit(original) => {
                let edit = JsonObject::default().text("original_id", original).text("originalContent", "old");
                text(inner).object("edit", edit.text("text", message.text))
            }
            Extra::Forward(count) => {
                text(inner).object("forward", JsonObject::default().number("count", *count))
            }
            Extra::Reply(id, sender) => {
                let by =
                    JsonObject::default().text("jid", &self.person_jid(sender)).text("name", sender.name);
                let reply = JsonObject::default().text("message_id", id).object("sender", by);
                text(inner).object("reply", reply.text("text", TEXTS[0]))
            }
        };
        JsonObject::default().text("id", &message.id).object("message", inner).end()
    }

    /// The running service's, as far as consumers report it.
    fn flat(&self, message: &Exchange, media: bool) -> String {
        let (kind, content) = match &message.extra {
            Extra::Media(at, ..) => (MEDIA[*at].0, ""),
            _ => ("text", message.text),
        };
        let inner = JsonObject::default()
            .text("type", kind)
            .text("content", content)
            .text("source", if message.outgoing { "api" } else { "whatsapp" });
        let inner = match &message.extra {
            Extra::Media(..) => inner.object("media", message.media("mimeType", media)),
            Extra::Edit(_) => inner.flag("isEdit", true),
            _ => inner,
        };
        let recipient = if message.outgoing { self.jid(&message.chat) } else { self.person_jid(&self.me) };
        JsonObject::default()
            .text("id", &message.id)
            .text("direction", message.direction())
            .text("timestamp", &iso_seconds(message.at))
            .object("chat", self.chat(&message.chat))
            .object("sender", self.sender(&message.sender))
            .text("recipient", &recipient)
            .object("message", inner)
            .end()
    }

    fn chat(&self, chat: &Chat) -> JsonObject {
        JsonObject::default()
            .text("jid", &self.jid(chat))
            .text("lid", &self.lid(&chat.lid))
            .text("name", &chat.name)
            .text("type", chat.kind)
            .flag("isCommunity", false)
    }

    fn sender(&self, person: &Person) -> JsonObject {
        JsonObject::default()
            .text("jid", &self.person_jid(person))
            .text("lid", &self.lid(&person.lid))
            .text("name", person.name)
    }

    /// The catalogue prints bare numbers where live frames have addresses.
    fn jid(&self, chat: &Chat) -> String {
        let host = match chat.kind {
            "group" => "g.us",
            "newsletter" => "newsletter",
            _ => "s.whatsapp.net",
        };
        match self.shape {
            Behave::Documented => chat.number.clone(),
            Behave::Real => format!("{}@{host}", chat.number),
        }
    }

    fn person_jid(&self, person: &Person) -> String {
        match self.shape {
            Behave::Documented => person.number.clone(),
            Behave::Real => format!("{}@s.whatsapp.net", person.number),
        }
    }

    fn lid(&self, lid: &str) -> String {
        match self.shape {
            Behave::Documented => format!("{lid}@s.whatsapp.net"),
            Behave::Real => format!("{lid}@lid"),
        }
    }
}

impl Exchange {
    fn direction(&self) -> &'static str {
        if self.outgoing { "outgoing" } else { "incoming" }
    }

    /// The media object. Its bytes come from a seed of their own, so that whether they are wanted changes
    /// nothing else.
    fn media(&self, type_key: &str, with_bytes: bool) -> JsonObject {
        let Extra::Media(at, size, seed) = self.extra else { return JsonObject::default() };
        let (kind, mimetype, file) = MEDIA[at];
        let media =
            JsonObject::default().text("type", kind).text("url", &format!("{BASE_URL}/media/{}", self.id));
        let bytes = with_bytes.then(|| {
            let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
            Rng::with_seed(seed).fill(&mut bytes);
            STANDARD.encode(bytes)
        });
        let media = media.with(bytes.map(|bytes| move |media: JsonObject| media.text("base64", &bytes)));
        let media = media.text(type_key, mimetype).number("size", size);
        let caption = (kind == "image" || kind == "video").then_some(self.text);
        let media = media.with(caption.map(|text| move |media: JsonObject| media.text("caption", text)));
        media.with(file.map(|name| move |media: JsonObject| media.text("fileName", name)))
    }
}

impl Person {
    fn new(name: &'static str, rng: &mut Rng) -> Self {
        Self {
            number: format!("55119{:08}", rng.u32(0..100_000_000)),
            lid: rng.u64(100_000_000_000..1_000_000_000_000).to_string(),
            name,
        }
    }
}

impl Chat {
    fn private(person: &Person) -> Self {
        let (number, lid) = (person.number.clone(), person.lid.clone());
        Self { kind: "private", number, lid, name: person.name.to_owned(), people: vec![person.clone()] }
    }

    fn shared(kind: &'static str, name: &str, people: Vec<Person>, rng: &mut Rng) -> Self {
        let number = format!("120363{:012}", rng.u64(0..1_000_000_000_000));
        Self { kind, lid: number.clone(), number, name: name.to_owned(), people }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use serde_json::Value;

    use super::*;

    fn frames(shape: Behave, media: bool, count: usize) -> Vec<String> {
        let mut world = InstanceWorld::new(3, "demo", shape);
        (0..count)
            .map(|_| {
                let event = world.next().unwrap();
                world.frame(&event, media)
            })
            .collect()
    }

    fn parsed(shape: Behave, count: usize) -> Vec<Value> {
        frames(shape, false, count).iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    }

    fn keys(value: &Value) -> Vec<&str> {
        value.as_object().unwrap().keys().map(String::as_str).collect()
    }

    #[test]
    fn the_envelope_has_exactly_three_keys_in_the_documents_order() {
        let first = &frames(Behave::Documented, false, 1)[0];
        assert!(first.starts_with(r#"{"event":"message.exchange","data":{"id":"#), "{first}");
        for frame in parsed(Behave::Documented, 500) {
            assert_eq!(keys(&frame), ["data", "event", "instanceData"]);
            assert_eq!(keys(&frame["instanceData"]), ["baseUrl", "instance", "token"]);
            assert_eq!(frame["instanceData"]["token"], token(3, "demo").as_str());
        }
    }

    #[test]
    fn all_six_events_occur_and_the_clock_never_runs_backwards() {
        for shape in [Behave::Documented, Behave::Real] {
            let mut last = String::new();
            let mut seen = HashSet::new();
            for frame in parsed(shape, 500) {
                seen.insert(frame["event"].as_str().unwrap().to_owned());
                let data = &frame["data"];
                let at = data["timestamp"].as_str().or(data["message"]["timestamp"].as_str());
                if let Some(at) = at {
                    assert!(at >= last.as_str());
                    at.clone_into(&mut last);
                }
            }
            assert_eq!(seen.len(), NAMES.len(), "{seen:?}");
        }
    }

    #[test]
    fn messages_have_the_documents_shape_or_the_running_services() {
        let exchanges = |shape| -> Vec<Value> {
            let all = parsed(shape, 800).into_iter();
            all.filter(|frame| frame["event"] == NAMES[0]).map(|frame| frame["data"].clone()).collect()
        };
        let nested = exchanges(Behave::Documented);
        for data in &nested {
            assert_eq!(keys(data), ["id", "message"]);
            let message = &data["message"];
            assert_eq!(data["id"], message["id"]);
            assert!(["incoming", "outgoing"].contains(&message["direction"].as_str().unwrap()));
            assert!(!message["chat"]["jid"].as_str().unwrap().contains('@'));
        }
        for part in ["content", "media", "edit", "forward", "reply"] {
            assert!(nested.iter().any(|data| data["message"][part].is_object()), "{part}");
        }
        for data in exchanges(Behave::Real) {
            assert_eq!(
                keys(&data),
                ["chat", "direction", "id", "message", "recipient", "sender", "timestamp"]
            );
            assert!(data["message"]["content"].is_string());
            assert!(data["chat"]["jid"].as_str().unwrap().contains('@'));
            assert!(data["message"]["media"].get("mimetype").is_none());
        }
    }

    #[test]
    fn media_has_its_bytes_only_where_they_are_wanted_and_nothing_else_changes() {
        let (without, with) = (frames(Behave::Documented, false, 200), frames(Behave::Documented, true, 200));
        let mut big = 0;
        for (without, with) in without.iter().zip(&with) {
            let mut value: Value = serde_json::from_str(with).unwrap();
            let media = value.pointer_mut("/data/message/media").and_then(Value::as_object_mut);
            if let Some(base64) = media.and_then(|media| media.remove("base64")) {
                let bytes = STANDARD.decode(base64.as_str().unwrap()).unwrap();
                assert_eq!(value["data"]["message"]["media"]["size"], bytes.len());
                assert!(with.len() > 100_000);
                big += 1;
            }
            assert_eq!(value, serde_json::from_str::<Value>(without).unwrap());
        }
        assert!(big > 5, "{big}");
    }

    #[test]
    fn what_follows_follows_from_what_was() {
        let mut sent: HashMap<String, &str> = HashMap::new();
        let mut calls: HashMap<String, String> = HashMap::new();
        for frame in parsed(Behave::Documented, 1000) {
            let data = &frame["data"];
            match frame["event"].as_str().unwrap() {
                "message.exchange" if data["message"]["direction"] == "outgoing" => {
                    sent.insert(data["id"].as_str().unwrap().to_owned(), "sent");
                }
                "message.status" => {
                    let id = data["messageIds"][0].as_str().unwrap().to_owned();
                    let (before, after) = match data["status"].as_str().unwrap() {
                        "delivered" => ("sent", "delivered"),
                        "read" => ("delivered", "read"),
                        _ => ("read", "played"),
                    };
                    assert_eq!(sent.insert(id, after), Some(before));
                }
                "call.update" => {
                    let id = data["callId"].as_str().unwrap().to_owned();
                    let kind = data["type"].as_str().unwrap().to_owned();
                    let before = calls.insert(id, kind.clone());
                    assert!(matches!(
                        (before.as_deref(), kind.as_str()),
                        (None, "offer")
                            | (Some("offer"), "accepted" | "rejected")
                            | (Some("accepted"), "terminated")
                    ));
                }
                _ => {}
            }
        }
        assert!(sent.values().any(|status| *status == "played") && calls.len() > 5);
    }

    #[test]
    fn a_long_run_needs_no_more_room_than_a_short_one() {
        let mut world = InstanceWorld::new(4, "demo", Behave::Documented);
        for _ in 0..20_000 {
            world.next().unwrap();
            assert!(world.pending.len() < 60, "{}", world.pending.len());
        }
        assert!(world.chats[PEOPLE.len()].people.len() <= PEOPLE.len());
    }

    #[test]
    fn the_same_seed_and_name_give_the_same_bytes() {
        let run = |seed, name: &str| {
            let mut world = InstanceWorld::new(seed, name, Behave::Documented);
            (0..300)
                .map(|_| world.next().map(|event| world.frame(&event, false)).unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(run(7, "a"), run(7, "a"));
        assert_ne!(run(7, "a"), run(8, "a"));
        assert_ne!(run(7, "a"), run(7, "b"));
    }
}
