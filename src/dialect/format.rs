//! The keys of dialect files as data. The reference in `docs/dialects.md` and the page wstap-dialect(5) are made of these
//! tables; tests hold them against the parsers.

/// A table of a dialect file.
#[derive(Debug)]
pub struct FileTable {
    /// How it begins in a file; several if they have the same keys. Without any, it is the file itself.
    pub headers: &'static [&'static str],
    /// What it describes.
    pub about: &'static str,
    /// Its keys.
    pub keys: &'static [FileKey],
}

/// A key of a table.
#[derive(Debug)]
pub struct FileKey {
    /// The key; `NAME` stands for any name.
    pub name: &'static str,
    /// What its value is.
    pub kind: &'static str,
    /// The value without it as TOML, [`REQUIRED`], words that say on what it depends, or empty.
    pub default: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// A value in TOML.
    pub example: &'static str,
}

/// The default of a key that has to be there.
pub const REQUIRED: &str = "required";

const TEXT: &str = "text";
const LIST: &str = "list of texts";
const TEXTS: &str = "text or list of texts";
const EXPRESSION: &str = "expression";
const TEMPLATE: &str = "template";
const BOOLEAN: &str = "boolean";
const INTEGER: &str = "integer";
const TIME: &str = "time";
const MASK: &str = "mask";
const MASKS: &str = "list of masks";
const POINTER: &str = "pointer";

const fn key(
    name: &'static str,
    kind: &'static str,
    default: &'static str,
    meaning: &'static str,
    example: &'static str,
) -> FileKey {
    FileKey { name, kind, default, meaning, example }
}

/// The keys of a file of version 2.
#[rustfmt::skip]
pub const VERSION_2: &[FileTable] = &[
    FileTable {
        headers: &["[dialect]"],
        about: "General settings.",
        keys: &[
            key("version", INTEGER, REQUIRED, "version of the format: 2", "2"),
            key("name", TEXT, REQUIRED, "name of the dialect", r#""ticker""#),
            key("summary", TEXT, "", "one line about it", r#""prices of Example""#),
            key("group", TEXT, "", "heading in the list of built-in files", r#""exchanges""#),
            key("source", TEXT, "", "document that the file was written from", r#""https://docs.example/ws""#),
            key("date", TEXT, "", "when that document was read", r#""2026-11-30""#),
            key("notes", TEXT, "", "what the file leaves out, and other remarks", r#""no private topics""#),
            key("examples", TEXTS, "", "command lines, without `wstap`", r#""subscribe -d ticker btc --mock""#),
            key("url", TEXT, "", "URL to connect to when none is given", r#""wss://api.example/v1""#),
            key("hosts", LIST, "[]", "hosts whose URLs use this dialect", r#"["*.example.com"]"#),
            key("subprotocols", LIST, "[]", "subprotocols to offer", r#"["v12.stomp"]"#),
            key("pings", BOOLEAN, "true", "whether wstap sends pings", "false"),
            key("json", BOOLEAN, "true", "whether messages to send are JSON", "false"),
            key("dedupe", INTEGER, "1000 if a rule has `id`", "event ids to remember, to drop duplicates", "5000"),
            key("decode", TEXTS, "[]", "steps that decode messages, as of `--decode`", r#""gzip""#),
            key("encode", TEXTS, "[]", "steps that encode messages, as of `--encode`", r#""gzip""#),
        ],
    },
    FileTable {
        headers: &["[credential]"],
        about: "The credential (`--token`), and where it goes.",
        keys: &[
            key("in", TEXT, REQUIRED,
                "`query:NAME`, `header:NAME`, `bearer`, or `message` if expressions use `$token`",
                r#""bearer""#),
            key("env", TEXT, REQUIRED, "environment variable of the credential", r#""TICKER_TOKEN""#),
        ],
    },
    FileTable {
        headers: &["[keys]"],
        about: "Further credentials.",
        keys: &[key("NAME", TEXT, "", "environment variable of `$keys.NAME`", r#""TICKER_SECRET""#)],
    },
    FileTable {
        headers: &["[topics]"],
        about: "The topics. If topics are part of the URL, use this table without `[subscribe]`.",
        keys: &[
            key("what", TEXT, "", "what a topic is", r#""CHANNEL:SYMBOL""#),
            key("required", BOOLEAN, "true", "whether topics must be given", "false"),
            key("check", EXPRESSION, "", "gets a topic as `.`; an output says why it is invalid",
                r#"'if contains(":") then empty else "expected CHANNEL:SYMBOL" end'"#),
            key("per_message", INTEGER, "", "most topics in one message", "100"),
            key("per_connection", INTEGER, "",
                "most topics on one connection; for more, further connections are opened",
                "1000"),
        ],
    },
    FileTable {
        headers: &["[connect]"],
        about: "The connection.",
        keys: &[
            key("url", EXPRESSION, "",
                "URL to connect to, for servers that say where; without an output, the usual one",
                "'$s.url'"),
            key("path", TEMPLATE, "", "path of the URL", r"'/stream/\($topics[0])'"),
            key("query.NAME", EXPRESSION, "", "query parameter: one for each output that is not `null`",
                "'$topics[]'"),
            key("sequence", EXPRESSION, "",
                "number that grows by one with every message of a connection, as `sequence` of a rule",
                "'.seq'"),
            key("messages_per_second", INTEGER, "", "most messages to send in a second; the others wait", "5"),
            key("replace_after", TIME, "",
                "open a second connection after this time, because the server ends every connection a little later",
                r#""23h 50m""#),
        ],
    },
    FileTable {
        headers: &["[[connect.before]]", "[subscribe.call]", "[unsubscribe.call]", "[on.ack_call]"],
        about: "An HTTP call: before each connection, to subscribe or unsubscribe each `$topic`, or once an event's line is written.",
        keys: &[
            key("purpose", TEXT, REQUIRED, "what the call is for, used in notices and errors",
                r#""the session token""#),
            key("method", TEXT, r#""POST""#, "method", r#""GET""#),
            key("url", TEMPLATE, REQUIRED, "URL; without an output, no call is made",
                "'https://api.example/session'"),
            key("headers.NAME", TEMPLATE, "", "header", r"'Bearer \($token)'"),
            key("body", EXPRESSION, "", "body", "'{topic: $topic}'"),
            key("keep", EXPRESSION, "",
                "gets the body of the answer; the output is an object of fields to change in the state (before a connection only)",
                "'{url: .endpoint}'"),
            key("secret", EXPRESSION, "",
                "gets the body of the answer; outputs are texts that must never be shown (before a connection only)",
                "'.token'"),
        ],
    },
    FileTable {
        headers: &["[open]"],
        about: "Messages that are sent first on every connection.",
        keys: &[key("send", EXPRESSION, REQUIRED, "messages", "'{op: \"login\", key: $token}'")],
    },
    FileTable {
        headers: &["[subscribe]", "[unsubscribe]"],
        about: "How to subscribe and unsubscribe.",
        keys: &[
            key("send", EXPRESSION, "", "messages for all `$topics`", "'{op: \"subscribe\", args: $topics}'"),
            key("each", EXPRESSION, "", "messages for each `$topic`", "'{op: \"subscribe\", arg: $topic, id: $n}'"),
        ],
    },
    FileTable {
        headers: &["[[on]]"],
        about: "A rule for incoming messages.",
        keys: &[
            key("name", TEXT, "", "name of the rule, for people", r#""trades""#),
            key("when", EXPRESSION, "every message", "condition", "'.op == \"data\"'"),
            key("set", EXPRESSION, "",
                "object of fields to change in the state `$s` until the connection ends; `null` removes a field",
                "'{session: .id}'"),
            key("keep", EXPRESSION, "", "fields to change until the session ends", "'{resume: .url}'"),
            key("send", EXPRESSION, "", "messages to send back", "'{op: \"pong\", id: .id}'"),
            key("event", EXPRESSION, "", "events in the message; `'.'` passes the message on unchanged",
                "'.items[]'"),
            key("id", EXPRESSION, "", "id of an event, which is `.` here", "'.id'"),
            key("cursor", EXPRESSION, "", "cursor of an event, to resume from", "'.offset'"),
            key("sequence", EXPRESSION, "",
                "number that grows by one with each event: `N`, `[NAME, N]` for one of several streams, or `[NAME, FIRST, LAST]`, where a FIRST of 0, as of a snapshot, begins the stream again; a jump is a warning and a `gap` record",
                "'[.symbol, .seq]'"),
            key("ack", EXPRESSION, "", "message to send once the event's line is written",
                "'{op: \"ack\", id: .id}'"),
            key("ready", BOOLEAN, "false",
                "what `[open]` sent is accepted: subscribe now; if a rule has `ready`, wstap waits for it, unless `[open]` has nothing to send",
                "true"),
            key("confirm", EXPRESSION, "", "topics that are confirmed", "'.channels'"),
            key("refuse", EXPRESSION, "",
                "text of a refusal, or object with `topic` or `topics`, `code`, `message`, `action` and `retry`",
                "'{topic: .channel, message: .error}'"),
            key("drain", EXPRESSION, "",
                "the server is about to close: open a second connection after this many milliseconds",
                "'.in_seconds * 1000'"),
            key("heartbeat", BOOLEAN, "false", "the server is alive", "true"),
            key("pong", BOOLEAN, "false", "it answers a keep-alive message", "true"),
            key("ignore", BOOLEAN, "false", "nothing follows from the message", "true"),
        ],
    },
    FileTable {
        headers: &["[keepalive]"],
        about: "Keep-alive messages and timeouts.",
        keys: &[
            key("send", EXPRESSION, "", "messages to send at intervals", "'{op: \"ping\", id: $n}'"),
            key("every", TIME, "", "the interval", r#""20s""#),
            key("every_ms", EXPRESSION, "", "the interval in milliseconds, for servers that name it",
                "'$s.interval'"),
            key("answered", BOOLEAN, "true", "whether an answer must come within the ping timeout", "false"),
            key("silence", TIME, "",
                "the connection is lost after this time without a heartbeat, or without any frame if no rule has `heartbeat`",
                r#""60s""#),
            key("silence_ms", EXPRESSION, "", "this time in milliseconds, for servers that name it", "'$s.timeout'"),
        ],
    },
    CLOSE,
    FileTable {
        headers: &["[mock]"],
        about: "The mock of the server.",
        keys: &[
            key("path", TEXT, REQUIRED, "path that it is served at; `*` at the end matches any text", r#""/v1""#),
            key("token", EXPRESSION, "", "credential in the request; a wrong one is refused with 401",
                "'$query.token'"),
            key("topics", EXPRESSION, "", "first topics, if the request names them", "'$query.stream / \",\"'"),
            key("set", EXPRESSION, "", "first state", "'{ids: {}}'"),
            key("start", EXPRESSION, "", "number of the first event, for clients that resume", "'$query.after'"),
            key("open", EXPRESSION, "", "messages sent first", "'{op: \"welcome\"}'"),
            key("event", EXPRESSION, "", "messages of the next event; without an output, the mock waits",
                "'{op: \"data\", items: [{id: $n, channel: $topic}]}'"),
            key("beat", EXPRESSION, "", "messages sent at intervals", "'{op: \"ping\"}'"),
            key("every", TIME, "", "the interval", r#""15s""#),
            key("drain", EXPRESSION, "", "messages that announce a shutdown (`--drain-after`)", "'{op: \"bye\"}'"),
            key("session", EXPRESSION, "", "name of the connection, for HTTP calls that subscribe it",
                "'$s.session'"),
        ],
    },
    FileTable {
        headers: &["[[mock.on]]"],
        about: "A rule of the mock for messages of clients.",
        keys: &[
            key("when", EXPRESSION, "every message", "condition", "'.op == \"subscribe\"'"),
            key("set", EXPRESSION, "", "object of fields to change in the state", "'{user: .user}'"),
            key("send", EXPRESSION, "", "messages to send back", "'{op: \"welcome\"}'"),
            key("pong", EXPRESSION, "", "answer to a keep-alive message", "'{op: \"pong\"}'"),
            key("token", EXPRESSION, "", "credential; a wrong one is answered with `refuse` and `close`", "'.key'"),
            key("subscribe", EXPRESSION, "", "topics to make events for", "'.channels[]'"),
            key("unsubscribe", EXPRESSION, "", "topics to stop making events for", "'.channels[]'"),
            key("ack", EXPRESSION, "", "answer for the accepted `$topics`",
                "'{op: \"subscribed\", channels: $topics}'"),
            key("refuse", EXPRESSION, "", "answer for each refused `$topic` (`--deny`)",
                "'{op: \"error\", channel: $topic}'"),
            key("start", EXPRESSION, "", "number of the next event, for clients that resume", "'.after'"),
            key("close", EXPRESSION, "", "close code, or `[CODE, REASON]`", "'[4001, \"bye\"]'"),
        ],
    },
    FileTable {
        headers: &["[[mock.http]]"],
        about: "An answer of the mock to HTTP calls.",
        keys: &[
            key("path", TEXT, REQUIRED, "path of the call", r#""/session""#),
            key("method", TEXT, "any method", "method of the call", r#""POST""#),
            key("token", EXPRESSION, "", "credential in the call; a wrong one is refused with 401",
                "'$headers.authorization'"),
            key("status", INTEGER, "200", "status of the answer", "202"),
            key("body", EXPRESSION, "", "body of the answer", "'{token: \"abc\"}'"),
            key("subscribe", EXPRESSION, "", "topics to make events for, on the connection in `session`",
                "'.channel'"),
            key("session", EXPRESSION, "", "name of the connection that the call subscribes", "'.session'"),
            key("refuse", EXPRESSION, "", "body of the answer, with 403, for a refused `$topic` (`--deny`)",
                "'{error: \"no such channel\"}'"),
        ],
    },
];

/// Both versions have this one.
#[rustfmt::skip]
const CLOSE: FileTable = FileTable {
    headers: &["[close.CODE]"],
    about: "A close code of the server.",
    keys: &[
        key("meaning", TEXT, REQUIRED, "what it means", r#""the login has expired""#),
        key("retry", BOOLEAN, "false", "whether wstap reconnects", "true"),
        key("exit", TEXT, r#""abnormal""#,
            "exit status: `clean`, `credentials`, `not-found`, `refused` or `abnormal`",
            r#""credentials""#),
    ],
};

/// The variables of a client's expressions.
pub const CLIENT_VARIABLES: &[(&str, &str)] = &[
    ("s", "the state: an object, empty at first"),
    ("topics", "all topics of a request"),
    ("topic", "the one topic of `each`, `call` or `check`"),
    ("n", "number of the message, new for each one that subscribes, unsubscribes or keeps alive"),
    ("sub", "when unsubscribing, the number with which the topic was subscribed to"),
    ("sent", "object from the number of a subscribe message, as text, to its topics"),
    ("cursor", "cursor to resume from, or `null`"),
    ("token", "the credential, or `null`"),
    ("keys", "object of the further credentials in `[keys]`"),
    ("url", "the URL, without secrets"),
];

/// The variables of the mock's expressions.
pub const MOCK_VARIABLES: &[(&str, &str)] = &[
    ("s", "the state of the connection: an object, empty at first"),
    ("topics", "topics that the client has subscribed to; in `ack`, the accepted ones"),
    ("topic", "topic of the event (topics take turns), or the one that is refused"),
    ("n", "number of the event, from 0"),
    ("i", "number of the event within its topic, from 0"),
    ("now", "milliseconds since 1970"),
    ("random", "four numbers from 0 to 1"),
    ("uuid", "a UUID"),
    ("path", "path of the request"),
    ("query", "object of the request's query parameters"),
    ("headers", "object of the request's headers, with names in lower case"),
];

/// The keys of a file of version 1.
#[rustfmt::skip]
pub const VERSION_1: &[FileTable] = &[
    FileTable {
        headers: &[],
        about: "General settings.",
        keys: &[
            key("name", TEXT, REQUIRED, "name of the dialect", r#""ticker""#),
            key("summary", TEXT, "", "one line about it", r#""prices of Example""#),
            key("url", TEXT, "", "URL to connect to when none is given", r#""wss://api.example/v1""#),
            key("hosts", LIST, "[]", "hosts whose URLs use this dialect", r#"["*.example.com"]"#),
            key("subprotocols", LIST, "[]", "subprotocols to offer", r#"["v12.stomp"]"#),
            key("pings", BOOLEAN, "true", "whether wstap sends pings", "false"),
            key("decode", LIST, "[]", "steps that decode messages, as of `--decode`", r#"["gzip"]"#),
            key("encode", LIST, "[]", "steps that encode messages, as of `--encode`", r#"["gzip"]"#),
        ],
    },
    FileTable {
        headers: &["[credential]"],
        about: "The credential (`--token`), and where it goes.",
        keys: &[
            key("in", TEXT, REQUIRED,
                "`query:NAME`, `header:NAME`, `bearer`, or `message` for `{token}` in a greeting",
                r#""bearer""#),
            key("env", TEXT, REQUIRED, "environment variable of the credential", r#""TICKER_TOKEN""#),
        ],
    },
    FileTable {
        headers: &["[greeting]"],
        about: "Messages that are sent first on every connection.",
        keys: &[
            key("send", TEXTS, REQUIRED, "messages; `{token}` is the credential",
                r#"'{"op":"login","key":"{token}"}'"#),
            key("wait_for", MASK, "", "message that must arrive before the subscription is sent",
                r#"{ op = "ready" }"#),
        ],
    },
    FileTable {
        headers: &["[subscribe]", "[unsubscribe]"],
        about: "How to subscribe and unsubscribe.",
        keys: &[
            key("send", TEXT, REQUIRED,
                "with `{topics}` sent once, otherwise once for each topic with `{topic}`; `{n}` is a new number each time",
                r#"'{"op":"subscribe","channel":"{topic}"}'"#),
            key("resume", TEXT, "", "sent instead once there is a cursor, as `{cursor}`",
                r#"'{"after":"{cursor}"}'"#),
        ],
    },
    FileTable {
        headers: &["[keepalive]"],
        about: "Keep-alive messages and timeouts.",
        keys: &[
            key("send", TEXT, "", "message to send at intervals", r#"'{"op":"ping"}'"#),
            key("every", TIME, "", "the interval", r#""20s""#),
            key("silence", TIME, "",
                "the connection is lost after this time without a heartbeat, or without any frame if none is recognized",
                r#""60s""#),
        ],
    },
    FileTable {
        headers: &["[[reply]]"],
        about: "An answer to messages of the server.",
        keys: &[
            key("to", MASK, REQUIRED, "messages to answer", r#"{ op = "ping" }"#),
            key("send", TEXT, REQUIRED, "the answer", r#"'{"op":"pong"}'"#),
        ],
    },
    FileTable {
        headers: &["[recognise]"],
        about: "Messages that are not events; the first match counts.",
        keys: &[
            key("pong", MASKS, "[]", "answers to keep-alive messages", r#"[{ op = "pong" }]"#),
            key("heartbeat", MASKS, "[]", "the server is alive", r#"[{ op = "beat" }]"#),
            key("ack", MASKS, "[]", "a subscription is confirmed", r#"[{ op = "subscribed" }]"#),
            key("refusal", MASKS, "[]", "a subscription is refused", r#"[{ op = "error" }]"#),
            key("refusal_code", POINTER, "", "code of a refusal", r#""/code""#),
            key("refusal_text", POINTER, "", "text of a refusal", r#""/message""#),
            key("ignore", MASKS, "[]", "nothing follows from the message", r#"[{ op = "info" }]"#),
        ],
    },
    FileTable {
        headers: &["[event]"],
        about: "The events.",
        keys: &[
            key("id", POINTER, "", "id of an event", r#""/data/id""#),
            key("cursor", POINTER, "", "cursor of an event, to resume from", r#""/offset""#),
            key("dedupe", INTEGER, "1000", "event ids to remember, to drop duplicates", "5000"),
        ],
    },
    CLOSE,
];
