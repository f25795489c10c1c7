//! The requests that a producer needs, each in the oldest version that has what is needed. Kafka 4 still has all of
//! them, and so has every broker since 0.11 (KIP-896).

use std::ops::RangeInclusive;

use super::wire::{WireReader, WireWriter};

/// A request, and how its answer is read.
pub(super) trait KafkaRequest {
    /// The number of the request.
    const API: i16;
    /// Its name in Kafka's documentation.
    const NAME: &'static str;
    /// The versions that are spoken here.
    const VERSIONS: RangeInclusive<i16>;
    type Answer;

    fn write(&self, out: &mut WireWriter);

    /// Reads the answer. `None`: it is shorter than it should be.
    fn read(version: i16, from: &mut WireReader<'_>) -> Option<Self::Answer>;
}

/// Which requests the broker knows, with their lowest and highest version.
pub(super) struct AskVersions;

impl KafkaRequest for AskVersions {
    const API: i16 = 18;
    const NAME: &'static str = "ApiVersions";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    type Answer = Vec<(i16, RangeInclusive<i16>)>;

    fn write(&self, _: &mut WireWriter) {}

    fn read(_: i16, from: &mut WireReader<'_>) -> Option<Self::Answer> {
        from.int16()?;
        from.list(|from| Some((from.int16()?, from.int16()?..=from.int16()?)))
    }
}

/// Begins a login.
pub(super) struct BeginLogin<'a>(pub(super) &'a str);

impl KafkaRequest for BeginLogin<'_> {
    const API: i16 = 17;
    const NAME: &'static str = "SaslHandshake";
    const VERSIONS: RangeInclusive<i16> = 1..=1;
    /// An error, and the mechanisms that the broker takes.
    type Answer = (i16, Vec<String>);

    fn write(&self, out: &mut WireWriter) {
        out.text(self.0);
    }

    fn read(_: i16, from: &mut WireReader<'_>) -> Option<Self::Answer> {
        Some((from.int16()?, from.list(WireReader::text)?))
    }
}

/// A step of a login.
pub(super) struct LoginStep(pub(super) Vec<u8>);

impl KafkaRequest for LoginStep {
    const API: i16 = 36;
    const NAME: &'static str = "SaslAuthenticate";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    /// An error with its words, and what the broker says.
    type Answer = (i16, String, Vec<u8>);

    fn write(&self, out: &mut WireWriter) {
        out.bytes(&self.0);
    }

    fn read(_: i16, from: &mut WireReader<'_>) -> Option<Self::Answer> {
        Some((from.int16()?, from.text()?, from.bytes()?.to_vec()))
    }
}

/// Asks for a topic, without creating it.
pub(super) struct AskTopic<'a>(pub(super) &'a str);

/// The brokers by number, and the topic.
#[derive(Debug, Default)]
pub(super) struct TopicAnswer {
    pub(super) brokers: Vec<(i32, String, i32)>,
    pub(super) error: i16,
    /// Each partition, with the broker that leads it; -1: none does.
    pub(super) partitions: Vec<(i32, i32)>,
}

impl KafkaRequest for AskTopic<'_> {
    const API: i16 = 3;
    const NAME: &'static str = "Metadata";
    const VERSIONS: RangeInclusive<i16> = 4..=4;
    type Answer = TopicAnswer;

    fn write(&self, out: &mut WireWriter) {
        out.count(1).text(self.0).int8(0);
    }

    fn read(_: i16, from: &mut WireReader<'_>) -> Option<Self::Answer> {
        from.int32()?;
        let brokers = from.list(|from| {
            let broker = (from.int32()?, from.text()?, from.int32()?);
            from.text()?;
            Some(broker)
        })?;
        from.text()?;
        from.skip(4)?;
        let mut topics = from.list(|from| {
            let error = from.int16()?;
            from.text()?;
            from.skip(1)?;
            let partitions = from.list(|from| {
                from.int16()?;
                let partition = (from.int32()?, from.int32()?);
                from.list(WireReader::int32)?;
                from.list(WireReader::int32)?;
                Some(partition)
            })?;
            Some((error, partitions))
        })?;
        let (error, mut partitions) = topics.pop()?;
        partitions.sort_unstable();
        Some(TopicAnswer { brokers, error, partitions })
    }
}

/// Asks for the number of a producer whose repeated batches the broker recognizes.
pub(super) struct AskProducer;

impl KafkaRequest for AskProducer {
    const API: i16 = 22;
    const NAME: &'static str = "InitProducerId";
    const VERSIONS: RangeInclusive<i16> = 0..=1;
    /// An error, the number, and its epoch.
    type Answer = (i16, i64, i16);

    fn write(&self, out: &mut WireWriter) {
        out.no_text().int32(60_000);
    }

    fn read(_: i16, from: &mut WireReader<'_>) -> Option<Self::Answer> {
        from.int32()?;
        Some((from.int16()?, from.int64()?, from.int16()?))
    }
}

/// Appends a batch of records to each of these partitions. It is answered when all replicas in sync have them.
pub(super) struct AppendBatches<'a> {
    pub(super) topic: &'a str,
    /// How long the broker may wait for replicas, in milliseconds.
    pub(super) patience: i32,
    pub(super) batches: Vec<(i32, Vec<u8>)>,
}

/// What became of the batch of a partition.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct AppendAnswer {
    pub(super) partition: i32,
    pub(super) error: i16,
    /// The broker's words, if it has any.
    pub(super) words: String,
}

impl KafkaRequest for AppendBatches<'_> {
    const API: i16 = 0;
    const NAME: &'static str = "Produce";
    const VERSIONS: RangeInclusive<i16> = 3..=8;
    type Answer = Vec<AppendAnswer>;

    fn write(&self, out: &mut WireWriter) {
        out.no_text().int16(-1).int32(self.patience).count(1).text(self.topic).count(self.batches.len());
        for (partition, batch) in &self.batches {
            out.int32(*partition).bytes(batch);
        }
    }

    fn read(version: i16, from: &mut WireReader<'_>) -> Option<Self::Answer> {
        let mut answers = Vec::new();
        from.list(|from| {
            from.text()?;
            answers.extend(from.list(|from| read_append_answer(version, from))?);
            Some(())
        })?;
        Some(answers)
    }
}

fn read_append_answer(version: i16, from: &mut WireReader<'_>) -> Option<AppendAnswer> {
    let (partition, error) = (from.int32()?, from.int16()?);
    from.skip(if version >= 5 { 24 } else { 16 })?;
    let mut words = String::new();
    if version >= 8 {
        let of_records = from.list(|from| {
            from.int32()?;
            from.text()
        })?;
        words = from.text()?;
        if words.is_empty() {
            words = of_records.into_iter().find(|words| !words.is_empty()).unwrap_or_default();
        }
    }
    Some(AppendAnswer { partition, error, words })
}

/// Asks where a partition ends.
pub(super) struct AskEnd<'a> {
    pub(super) topic: &'a str,
    pub(super) partition: i32,
}

impl KafkaRequest for AskEnd<'_> {
    const API: i16 = 2;
    const NAME: &'static str = "ListOffsets";
    const VERSIONS: RangeInclusive<i16> = 1..=1;
    /// An error, and the number of the record that will come next.
    type Answer = (i16, i64);

    fn write(&self, out: &mut WireWriter) {
        out.int32(-1).count(1).text(self.topic).count(1).int32(self.partition).int64(-1);
    }

    fn read(_: i16, from: &mut WireReader<'_>) -> Option<Self::Answer> {
        let mut topics = from.list(|from| {
            from.text()?;
            from.list(|from| {
                from.int32()?;
                let error = from.int16()?;
                from.int64()?;
                Some((error, from.int64()?))
            })
        })?;
        topics.pop()?.pop()
    }
}

/// Fetches the batch that has this record.
pub(super) struct FetchBatch<'a> {
    pub(super) topic: &'a str,
    pub(super) partition: i32,
    pub(super) record: i64,
}

impl KafkaRequest for FetchBatch<'_> {
    const API: i16 = 1;
    const NAME: &'static str = "Fetch";
    const VERSIONS: RangeInclusive<i16> = 4..=4;
    /// An error, and the batch.
    type Answer = (i16, Vec<u8>);

    fn write(&self, out: &mut WireWriter) {
        // A broker sends at least one whole batch, however few bytes it may send.
        let bytes = 1 << 20;
        out.int32(-1).int32(500).int32(1).int32(bytes).int8(0).count(1).text(self.topic);
        out.count(1).int32(self.partition).int64(self.record).int32(bytes);
    }

    fn read(_: i16, from: &mut WireReader<'_>) -> Option<Self::Answer> {
        from.int32()?;
        let mut topics = from.list(|from| {
            from.text()?;
            from.list(|from| {
                from.int32()?;
                let error = from.int16()?;
                from.skip(16)?;
                from.list(|from| from.skip(16))?;
                Some((error, from.bytes()?.to_vec()))
            })
        })?;
        topics.pop()?.pop()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read<R: KafkaRequest>(version: i16, bytes: &[u8]) -> Option<R::Answer> {
        R::read(version, &mut WireReader::new(bytes))
    }

    /// The answer of a broker that has refused a batch, in the versions that differ.
    #[test]
    fn refusals_are_read_in_every_version() {
        for version in [3, 5, 8] {
            let mut out = WireWriter::default();
            out.count(1).text("feed").count(1).int32(2).int16(87).int64(-1).int64(-1);
            if version >= 5 {
                out.int64(-1);
            }
            if version >= 8 {
                out.count(1).int32(0).text("no key").no_text();
            }
            out.int32(0);
            let words = if version >= 8 { "no key".to_owned() } else { String::new() };
            let expected = AppendAnswer { partition: 2, error: 87, words };
            assert_eq!(
                read::<AppendBatches<'_>>(version, &out.into_bytes()),
                Some(vec![expected]),
                "{version}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_answer_stops_a_reader(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            read::<AskVersions>(0, &bytes);
            read::<BeginLogin<'_>>(1, &bytes);
            read::<LoginStep>(0, &bytes);
            read::<AskTopic<'_>>(4, &bytes);
            read::<AskProducer>(1, &bytes);
            read::<AskEnd<'_>>(1, &bytes);
            read::<FetchBatch<'_>>(4, &bytes);
            for version in AppendBatches::VERSIONS {
                read::<AppendBatches<'_>>(version, &bytes);
            }
        }
    }
}
