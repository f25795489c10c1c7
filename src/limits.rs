//! The limits of everything that a peer can fill, in bytes: queues, sets and logs, of clients and of the mock. One
//! table, so that nothing is bounded by a count of things whose size somebody else chooses.
//!
//! Each limit has the name of the test that fills what it bounds. The README has the same table.

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

        /// All limits.
        pub const TABLE: &[ByteLimit] = &[$(
            ByteLimit { name: stringify!($name), what: $what, bytes: $name, beyond: $beyond, test: $test },
        )+];
    };
}

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

limits! {
    // What every session has.
    BUFFER = 64 * MIB, "events that wait for the reader of the output (`--buffer` changes it)",
        "`--overflow` decides", "worker::large_messages_on_their_way_count_toward_the_buffer";
    ON_THE_WAY = 192 * KIB, "events on their way to the thread that writes; a larger one goes alone",
        "the next one waits, and counts toward `--buffer`",
        "worker::large_messages_on_their_way_count_toward_the_buffer";
    SPILL_INDEX = 16 * MIB, "what events in a file take in memory", "the server is not read until there is room",
        "slow_reader::what_does_not_fit_in_memory_waits_in_a_file_and_comes_in_order";
    KEPT_RECORDS = MIB, "records that outlive dropped messages (`--overflow drop-oldest`)", "they are dropped too",
        "backlog::records_that_outlive_dropped_messages_are_bounded_in_bytes";
    UNWRITTEN = 64 * MIB, "ids and cursors of events that are not written yet",
        "the server is not read until they are", "delivery::what_waits_is_counted_in_bytes";
    SEEN = 16 * MIB, "ids that duplicates are recognized by", "the oldest id is forgotten",
        "delivery::ids_are_bounded_in_bytes_however_long_they_are";
    KEY = 64, "an id that is kept as it is", "its SHA-256 is kept in its place",
        "key::long_names_are_kept_by_their_hash";
    ACKS = 16 * MIB, "acknowledgments that wait to be made", "an acknowledgment is not made, and counted",
        "acks::what_waits_is_bounded_in_bytes";
    UNSENT = 64 * MIB, "messages that wait to be sent", "the server is not read until they are sent",
        "sending::echo_survives_a_server_that_writes_much_before_it_reads";
    UNREAD_PONGS = 64 * KIB, "pongs that a peer does not read",
        "nothing more is read from it until it reads them",
        "socket::a_peer_that_does_not_take_the_answers_to_its_pings_is_not_read_meanwhile";
    PROBED = 64 * KIB, "the first 10 messages in the record of `probe-handshake --live`",
        "the beginning of a message is kept", "messages::messages_are_bounded_in_number_and_in_bytes";
    REFUSED_TOPICS = MIB, "topics that a server refused for the moment", "the rest is not tried again",
        "subscription::topics_to_try_again_are_bounded_in_bytes";
    // The prompt.
    PAST = 64 * MIB, "prompt: past messages", "the oldest is forgotten; the last one stays, whatever its size",
        "ring::bytes_are_bounded_and_the_last_message_stays";
    UNSHOWN = 16 * MIB, "prompt: outputs and notices that wait to be shown", "the oldest are skipped",
        "shared_state::what_waits_to_be_shown_is_bounded_in_bytes";
    QUEUED = 16 * MIB, "prompt: messages that wait for a connection", "a message is not taken",
        "state_tests::what_is_typed_without_a_connection_waits_within_bounds";
    // The mock.
    MOCK_CLIENTS = 128 * MIB, "mock: what all its clients together make it keep",
        "the client that takes the most is disconnected", "budget::whoever_takes_the_most_has_to_leave";
    MOCK_MAILBOX = 16 * MIB, "mock: messages for one client that does not read",
        "it is disconnected, or loses them where the provider does that",
        "conn::a_mailbox_is_bounded_in_bytes";
    MOCK_ANSWERS = MIB, "mock: answers to one client that does not read (`/echo`: 64 MiB)",
        "the client is not read until it reads", "course::what_is_late_counts_with_all_that_it_takes";
    MOCK_INBOX = 16 * MIB, "mock: messages that wait for a scenario or an `--on` program",
        "close 1008", "script::an_inbox_is_bounded_in_bytes";
    MOCK_REPLAY = MIB, "mock: what is replayed to a client at once", "the rest follows once that is written",
        "replay::what_is_played_at_once_is_bounded_in_bytes";
    MOCK_SUBSCRIPTIONS = 96 * MIB, "mock: topics that one client is subscribed to (about 160,000)",
        "a topic is refused", "hub::what_one_client_may_subscribe_to_is_bounded_in_bytes";
    MOCK_WORLDS = 16 * MIB, "mock: made-up resources behind the topics of one client",
        "the topics take turns", "turns::sources_take_turns_when_they_do_not_fit";
    MOCK_LOG = 64 * MIB, "mock: events that a client can resume from", "the oldest is dropped",
        "log::the_log_is_bounded_in_bytes";
    MOCK_ACKS = 16 * MIB, "mock: acknowledged ids", "the oldest is dropped",
        "mock_tests::acknowledged_ids_are_bounded_in_bytes";
    MOCK_RATE_LIMITS = 2 * MIB, "mock: tokens whose requests are counted", "the counts start again",
        "gate::tokens_without_end_need_no_more_room";
    MOCK_INSTANCES = 64 * MIB, "mock: configured instances", "a new one is refused with 400",
        "mock_tests::instances_are_bounded_in_bytes";
    MOCK_FAULTS = 64 * KIB, "mock: faults set through the control API", "400",
        "control/tests::faults_have_a_size";
    JOURNAL = 16 * MIB, "mock: the journal", "the oldest message is dropped",
        "journal::it_never_holds_more_than_its_bounds";
    JOURNAL_ANSWER = 16 * MIB, "mock: messages in one answer of `journal` or `wait`",
        "it ends there, and `next` says where to go on", "control/tests::an_answer_has_a_size_and_says_where_to_go_on";
    JQ_WORK = 32 * MIB, "mock: what a jq program of the control API may make of one message, and the steps it takes",
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
