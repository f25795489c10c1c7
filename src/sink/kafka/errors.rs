//! What the error codes of a broker mean for the lines that wait (kafka.apache.org, "Error Codes").

/// The password is wrong.
pub(super) const AUTHENTICATION: i16 = 58;
/// The broker takes other mechanisms only.
pub(super) const UNSUPPORTED_MECHANISM: i16 = 33;
/// There is no such topic.
pub(super) const UNKNOWN_TOPIC: i16 = 3;
/// The broker has no name for what is wrong.
pub(super) const UNKNOWN: i16 = -1;

/// What follows from an error for a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BatchVerdict {
    /// The batch is stored, from an attempt before.
    Stored,
    /// It may be stored later.
    Later,
    /// The broker does not know the producer any more.
    NewProducer,
    /// The broker refuses a record of the batch, or all of them.
    Refused,
    /// It takes nothing.
    Unusable,
}

/// The name of each error that a producer meets, and what follows from it.
const KNOWN: &[(i16, &str, BatchVerdict)] = {
    use BatchVerdict::{Later, NewProducer, Refused, Stored, Unusable};
    &[
        (UNKNOWN, "UNKNOWN_SERVER_ERROR", Later),
        (2, "CORRUPT_MESSAGE", Refused),
        (UNKNOWN_TOPIC, "UNKNOWN_TOPIC_OR_PARTITION", Later),
        (5, "LEADER_NOT_AVAILABLE", Later),
        (6, "NOT_LEADER_OR_FOLLOWER", Later),
        (7, "REQUEST_TIMED_OUT", Later),
        (9, "REPLICA_NOT_AVAILABLE", Later),
        (10, "MESSAGE_TOO_LARGE", Refused),
        (13, "NETWORK_EXCEPTION", Later),
        (14, "COORDINATOR_LOAD_IN_PROGRESS", Later),
        (15, "COORDINATOR_NOT_AVAILABLE", Later),
        (16, "NOT_COORDINATOR", Later),
        (17, "INVALID_TOPIC_EXCEPTION", Unusable),
        (18, "RECORD_LIST_TOO_LARGE", Refused),
        (19, "NOT_ENOUGH_REPLICAS", Later),
        (20, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", Later),
        (29, "TOPIC_AUTHORIZATION_FAILED", Unusable),
        (31, "CLUSTER_AUTHORIZATION_FAILED", Unusable),
        (32, "INVALID_TIMESTAMP", Refused),
        (UNSUPPORTED_MECHANISM, "UNSUPPORTED_SASL_MECHANISM", Unusable),
        (34, "ILLEGAL_SASL_STATE", Unusable),
        (35, "UNSUPPORTED_VERSION", Unusable),
        (43, "UNSUPPORTED_FOR_MESSAGE_FORMAT", Unusable),
        (44, "POLICY_VIOLATION", Refused),
        (45, "OUT_OF_ORDER_SEQUENCE_NUMBER", NewProducer),
        (46, "DUPLICATE_SEQUENCE_NUMBER", Stored),
        (47, "INVALID_PRODUCER_EPOCH", NewProducer),
        (49, "INVALID_PRODUCER_ID_MAPPING", NewProducer),
        (56, "KAFKA_STORAGE_ERROR", Later),
        (AUTHENTICATION, "SASL_AUTHENTICATION_FAILED", Unusable),
        (59, "UNKNOWN_PRODUCER_ID", NewProducer),
        (72, "LISTENER_NOT_FOUND", Later),
        (74, "FENCED_LEADER_EPOCH", Later),
        (75, "UNKNOWN_LEADER_EPOCH", Later),
        (76, "UNSUPPORTED_COMPRESSION_TYPE", Unusable),
        (78, "OFFSET_NOT_AVAILABLE", Later),
        (87, "INVALID_RECORD", Refused),
        (89, "THROTTLING_QUOTA_EXCEEDED", Later),
        (90, "PRODUCER_FENCED", NewProducer),
    ]
};

/// What follows from an error. Later versions of Kafka have errors that are not known here: those refuse the line.
pub(super) fn verdict(error: i16) -> BatchVerdict {
    KNOWN.iter().find(|(code, ..)| *code == error).map_or(BatchVerdict::Refused, |known| known.2)
}

/// The error for people, with the broker's words if it has any.
pub(super) fn text(error: i16, words: &str) -> String {
    let name = match KNOWN.iter().find(|(code, ..)| *code == error) {
        Some((_, name, _)) => (*name).to_owned(),
        None => format!("error {error}"),
    };
    if words.is_empty() { name } else { format!("{name}: {words}") }
}
