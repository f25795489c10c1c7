//! Byte limits of everything that a peer can fill: queues, sets and logs, of clients and of the mock. Limits are in
//! bytes because a peer chooses the size of each item.
//!
//! Each limit names the test that fills it. docs/reference.md has the same table.

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct ByteLimit {
    /// The name of the constant.
    pub name: &'static str,
    /// What it bounds.
    pub what: &'static str,
    /// How many bytes it may take.
    pub bytes: usize,
    /// What happens beyond it.
    pub beyond: &'static str,
    /// The test that fills it, as `file::function`.
    pub test: &'static str,
}

macro_rules! limits {
    ($($name:ident = $bytes:expr, $what:literal, $beyond:literal, $test:literal;)+) => {
        $(#[doc = concat!("Bytes of ", $what, ". Beyond it: ", $beyond, ".")] pub const $name: usize = $bytes;)+

        pub const TABLE: &[ByteLimit] = &[$(
            ByteLimit { name: stringify!($name), what: $what, bytes: $name, beyond: $beyond, test: $test },
        )+];
    };
}

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

limits! {
    // What every session has.
    BUFFER = 64 * MIB, "output that is not read yet (`--buffer`)",
        "as set by `--overflow`", "worker::large_messages_on_their_way_count_toward_the_buffer";
    ON_THE_WAY = 4 * MIB, "events passed to the output thread at once; a larger event is passed alone",
        "later events wait and count toward `--buffer`",
        "worker::large_messages_on_their_way_count_toward_the_buffer";
    SPILL_INDEX = 16 * MIB, "index of the spill file", "wstap stops reading from the server",
        "slow_reader::what_does_not_fit_in_memory_waits_in_a_file_and_comes_in_order";
    KEPT_RECORDS = MIB, "records kept when their messages are dropped (`--overflow drop-oldest`)", "they are dropped too",
        "backlog::records_that_outlive_dropped_messages_are_bounded_in_bytes";
    UNWRITTEN = 64 * MIB, "ids and cursors of events that are not written yet",
        "wstap stops reading from the server", "delivery::what_waits_is_counted_in_bytes";
    SEEN = 16 * MIB, "ids to detect duplicates", "the oldest id is dropped",
        "delivery::ids_are_bounded_in_bytes_however_long_they_are";
    KEY = 64, "an id", "its SHA-256 is stored instead",
        "key::long_names_are_kept_by_their_hash";
    SINK_QUEUE = 4 * MIB, "lines that wait for a command or broker (`--to-cmd`)",
        "they wait as output that is not read yet", "queue::lines_wait_within_bounds";
    SINK_BATCH = MIB, "lines given at once to a command or broker, except to Redis without `--cursor-in-sink`; a larger line is given alone",
        "the next batch has the rest", "queue::lines_wait_within_bounds";
    KAFKA_ANSWER = 64 * MIB, "an answer of a Kafka broker", "the connection is closed",
        "link::an_answer_that_is_too_large_is_not_read";
    ACKS = 16 * MIB, "acknowledgments to send", "further ones are dropped and counted",
        "acks::what_waits_is_bounded_in_bytes";
    UNSENT = 64 * MIB, "messages to send", "wstap stops reading from the server",
        "sending::echo_survives_a_server_that_writes_much_before_it_reads";
    UNREAD_PONGS = 64 * KIB, "pongs that a peer does not read",
        "wstap stops reading from the peer",
        "socket::a_peer_that_does_not_take_the_answers_to_its_pings_is_not_read_meanwhile";
    PROBED = 64 * KIB, "the first 10 messages in the record of `probe-handshake --live`",
        "messages are truncated", "messages::messages_are_bounded_in_number_and_in_bytes";
    REFUSED_TOPICS = MIB, "topics to retry after a temporary refusal", "further ones are not retried",
        "subscription::topics_to_try_again_are_bounded_in_bytes";
    DIALECT_STATE = MIB, "what the rules of a dialect remember of a server's messages",
        "the change is ignored", "vars::states_are_bounded_in_bytes_and_depth";
    DIALECT_SEQUENCES = MIB, "names of numbered streams of a dialect", "they are forgotten",
        "sequence::names_of_streams_are_bounded_in_bytes";
    // The prompt.
    PAST = 64 * MIB, "prompt: past messages", "the oldest are dropped; the last one is always kept",
        "ring::bytes_are_bounded_and_the_last_message_stays";
    UNSHOWN = 16 * MIB, "prompt: outputs and notices to print", "the oldest are skipped",
        "shared_state::what_waits_to_be_shown_is_bounded_in_bytes";
    QUEUED = 16 * MIB, "prompt: messages queued for the next connection", "further ones are refused",
        "state_tests::what_is_typed_without_a_connection_waits_within_bounds";
    // The mock.
    MOCK_CLIENTS = 128 * MIB, "mock: memory of all clients together",
        "the client that uses the most is disconnected", "budget::whoever_takes_the_most_has_to_leave";
    MOCK_MAILBOX = 16 * MIB, "mock: messages for one client that does not read",
        "the client is disconnected, or loses messages if the provider behaves so",
        "conn::a_mailbox_is_bounded_in_bytes";
    MOCK_ANSWERS = MIB, "mock: answers to one client that does not read (`/echo`: 64 MiB)",
        "the mock stops reading from the client", "course::what_is_late_counts_with_all_that_it_takes";
    MOCK_INBOX = 16 * MIB, "mock: messages to process by a scenario or an `--on` program",
        "close 1008", "script::an_inbox_is_bounded_in_bytes";
    TAP_PASSING = 64 * KIB, "tap: bytes that wait for one end (`serve-mock --upstream`)",
        "the mock stops reading from the other end", "tap::a_slow_reader_slows_the_other_end_and_memory_stays_bounded";
    TAP_BUFFER = 64 * MIB, "tap: memory for one connection (`--buffer`)",
        "a message of more than a quarter is neither recorded nor changed",
        "collect::what_is_too_large_is_not_kept_and_the_next_message_is_read";
    TAP_RECORDS = 64 * MIB, "tap: records that are not written yet",
        "later ones wait in an unlinked file of up to 4 GiB", "recorder::records_never_wait_for_the_file";
    MOCK_REPLAY = MIB, "mock: messages replayed to a client at once", "the rest follows when they are written",
        "replay::what_is_played_at_once_is_bounded_in_bytes";
    MOCK_SUBSCRIPTIONS = 96 * MIB, "mock: subscribed topics of one client (about 160,000)",
        "further topics are refused", "hub::what_one_client_may_subscribe_to_is_bounded_in_bytes";
    MOCK_WORLDS = 16 * MIB, "mock: generated resources for the topics of one client",
        "the topics take turns", "turns::sources_take_turns_when_they_do_not_fit";
    MOCK_LOG = 64 * MIB, "mock: log of events to resume from", "the oldest is dropped",
        "log::the_log_is_bounded_in_bytes";
    MOCK_ACKS = 16 * MIB, "mock: acknowledged ids", "the oldest is dropped",
        "mock_tests::acknowledged_ids_are_bounded_in_bytes";
    MOCK_RATE_LIMITS = 2 * MIB, "mock: tokens whose requests are counted", "the counts restart",
        "gate::tokens_without_end_need_no_more_room";
    MOCK_INSTANCES = 64 * MIB, "mock: configured instances", "further ones are refused with 400",
        "mock_tests::instances_are_bounded_in_bytes";
    MOCK_FAULTS = 64 * KIB, "mock: faults set through the control API", "status 400",
        "control/tests::faults_have_a_size";
    JOURNAL = 16 * MIB, "mock: the journal", "the oldest message is dropped",
        "journal::it_never_holds_more_than_its_bounds";
    JOURNAL_ANSWER = 16 * MIB, "mock: messages in one answer of `journal` or `wait`",
        "the answer is truncated; `next` is the place to continue from", "control/tests::an_answer_has_a_size_and_says_where_to_go_on";
    JQ_WORK = 32 * MIB, "mock: memory and steps of a jq program of the control API for one message",
        "the program is stopped", "control/tests::programs_without_end_are_stopped_and_others_still_run";
}

#[cfg(test)]
mod tests {
    use super::*;

    /// That each limit is used, is in the README and has its test is looked at from outside (`tests/cli/generated.rs`).
    #[test]
    fn every_limit_has_a_size_and_says_what_happens_beyond_it() {
        for limit in TABLE {
            assert!(limit.bytes > 0 && limit.bytes <= 128 * MIB, "{limit:?}");
            assert!(
                !limit.what.is_empty() && !limit.beyond.is_empty() && limit.test.contains("::"),
                "{limit:?}"
            );
            assert_eq!(TABLE.iter().filter(|other| other.what == limit.what).count(), 1, "{limit:?}");
        }
    }
}
