//! Records in batches, in the form that Kafka has stored them in since 0.11 (kafka.apache.org, "Message Format").

use bytes::Bytes;

use super::wire::{WireReader, WireWriter};
use crate::codec::{Chain, Decoded, Steps};
use crate::message::Message;

/// What a batch has in front of its checksum, and the form of the batch.
const MAGIC: i8 = 2;
const BEFORE_CHECKSUM: usize = 8 + 4 + 4 + 1;

/// The bits of a batch's attributes.
const COMPRESSION: i16 = 7;
const CONTROL: i16 = 1 << 5;

/// What a record takes besides its key, text and headers, at most.
pub(super) const RECORD_OVERHEAD: usize = 32;

/// How batches are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum BatchCompression {
    #[default]
    None,
    Gzip,
    Zstd,
}

impl BatchCompression {
    const ALL: [Self; 3] = [Self::None, Self::Gzip, Self::Zstd];

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// Its name in URLs, and among the steps that decode and encode.
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    fn bits(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
            Self::Zstd => 4,
        }
    }

    fn chain(self, limit: usize) -> Option<Chain> {
        let steps = Steps::new(&[self.name().to_owned()]).ok()?;
        (self != Self::None).then(|| steps.start(Some(limit)))
    }
}

/// A record.
pub(super) struct KafkaRecord<'a> {
    pub(super) key: Option<&'a str>,
    pub(super) text: &'a [u8],
    pub(super) headers: Vec<(&'a str, &'a str)>,
}

/// What tells a repeated batch from a new one: the producer's number and epoch, and that of the first record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BatchIdentity {
    pub(super) producer: i64,
    pub(super) epoch: i16,
    pub(super) sequence: i32,
}

impl BatchIdentity {
    /// The broker cannot tell.
    pub(super) const NONE: Self = Self { producer: -1, epoch: -1, sequence: -1 };
}

/// Writes a batch, of which the records have this time in milliseconds.
///
/// # Errors
/// If it cannot be compressed.
pub(super) fn write_batch(
    records: &[KafkaRecord<'_>],
    identity: BatchIdentity,
    compression: BatchCompression,
    time: i64,
) -> Result<Vec<u8>, String> {
    let count = i32::try_from(records.len()).map_err(|_| "too many records".to_owned())?;
    let (mut plain, mut body) = (WireWriter::default(), WireWriter::default());
    for (number, record) in records.iter().enumerate() {
        body.clear();
        write_record(number, record, &mut body);
        plain.varbytes(body.as_bytes());
    }
    let mut body = plain.into_bytes();
    if let Some(mut chain) = compression.chain(usize::MAX / 2) {
        let packed = chain.encode(Message::Binary(body.into())).map_err(|failure| failure.to_string())?;
        body = packed.as_bytes().to_vec();
    }
    let mut head = WireWriter::default();
    head.int16(compression.bits()).int32(count - 1).int64(time).int64(time);
    head.int64(identity.producer).int16(identity.epoch).int32(identity.sequence).int32(count);
    let head = head.into_bytes();
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&head), &body);
    let mut batch = WireWriter::default();
    // The length counts what comes behind it.
    batch.int64(0).count(BEFORE_CHECKSUM - 12 + 4 + head.len() + body.len()).int32(-1).int8(MAGIC);
    batch.put(&checksum.to_be_bytes()).put(&head).put(&body);
    Ok(batch.into_bytes())
}

fn write_record(number: usize, record: &KafkaRecord<'_>, out: &mut WireWriter) {
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    out.int8(0).varint(0).varint(number);
    match record.key {
        Some(key) => out.varbytes(key.as_bytes()),
        None => out.varint(-1),
    };
    out.varbytes(record.text).varint(i64::try_from(record.headers.len()).unwrap_or(i64::MAX));
    for (name, value) in &record.headers {
        out.varbytes(name.as_bytes()).varbytes(value.as_bytes());
    }
}

/// The value of a header of the last record in these batches. A batch that was cut off at the end does not count.
///
/// # Errors
/// If the batch cannot be read.
pub(super) fn last_header(batches: &[u8], name: &str, limit: usize) -> Result<Option<String>, String> {
    let mut from = WireReader::new(batches);
    let mut last = None;
    while let Some(batch) = next_batch(&mut from) {
        last = Some(batch);
    }
    let Some(batch) = last else { return Ok(None) };
    let cut = || "its batch is cut short".to_owned();
    let mut from = WireReader::new(batch);
    let (Some(_), Some(magic), Some(_), Some(attributes)) =
        (from.int32(), from.int8(), from.int32(), from.int16())
    else {
        return Err(cut());
    };
    if magic != MAGIC {
        return Err(format!("its batch has the form {magic}"));
    }
    if attributes & CONTROL != 0 {
        return Ok(None);
    }
    let rest = from.take(4 + 8 + 8 + 8 + 2 + 4).and_then(|_| Some((from.int32()?, from.rest())));
    let (count, body) = rest.ok_or_else(cut)?;
    let compression =
        BatchCompression::ALL.into_iter().find(|known| known.bits() == attributes & COMPRESSION);
    let compression = compression.ok_or("its batch is compressed with neither gzip nor zstd")?;
    let body = Message::Binary(Bytes::copy_from_slice(body));
    let plain = match compression.chain(limit) {
        None => body,
        Some(mut chain) => match chain.decode(body) {
            Decoded::One(plain) => plain,
            Decoded::Unread(failure, _) => return Err(failure.to_string()),
            Decoded::Parts(_) | Decoded::Nothing(_) => return Err(cut()),
        },
    };
    let mut from = WireReader::new(plain.as_bytes());
    let mut found = None;
    for _ in 0..count {
        found = read_header(&mut from, name).ok_or_else(cut)?;
    }
    Ok(found)
}

/// The next batch, from behind its length.
fn next_batch<'a>(from: &mut WireReader<'a>) -> Option<&'a [u8]> {
    from.int64()?;
    from.bytes()
}

/// Reads a record, for the value of one of its headers.
fn read_header(from: &mut WireReader<'_>, name: &str) -> Option<Option<String>> {
    let mut record = WireReader::new(from.varbytes()??);
    record.skip(1)?;
    for _ in ["time", "number"] {
        record.varint()?;
    }
    for _ in ["key", "text"] {
        record.varbytes()?;
    }
    let mut found = None;
    for _ in 0..record.varint()? {
        let (header, value) = (record.varbytes()??, record.varbytes()?);
        if header == name.as_bytes() {
            found = value.map(|value| String::from_utf8_lossy(value).into_owned());
        }
    }
    Some(found)
}

/// The partition of a key, as Kafka's own producer chooses it (murmur2), so that several producers agree.
pub(super) fn partition_of(key: &[u8], partitions: usize) -> usize {
    (murmur2(key) & 0x7fff_ffff) as usize % partitions.max(1)
}

fn murmur2(bytes: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mix = |hash: u32, word: u32| {
        let word = word.wrapping_mul(M);
        hash.wrapping_mul(M) ^ (word ^ word >> 24).wrapping_mul(M)
    };
    let (words, rest) = bytes.as_chunks::<4>();
    let seed = 0x9747_b28c ^ u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let mut hash = words.iter().fold(seed, |hash, word| mix(hash, u32::from_le_bytes(*word)));
    if !rest.is_empty() {
        let rest = rest.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
        hash = (hash ^ rest).wrapping_mul(M);
    }
    hash = (hash ^ hash >> 13).wrapping_mul(M);
    hash ^ hash >> 15
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From Kafka's `UtilsTest`.
    #[test]
    fn keys_go_where_kafkas_own_producer_sends_them() {
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), hash, "{key}");
        }
    }

    #[test]
    fn the_header_of_the_last_record_is_read_back() {
        let record =
            |cursor| KafkaRecord { key: Some("k"), text: b"text", headers: vec![("id", "1"), ("c", cursor)] };
        for compression in [BatchCompression::None, BatchCompression::Gzip, BatchCompression::Zstd] {
            let batch = |cursors: &[&'static str]| {
                let records: Vec<_> = cursors.iter().map(|cursor| record(cursor)).collect();
                write_batch(&records, BatchIdentity::NONE, compression, 7).unwrap()
            };
            let mut bytes = batch(&["a", "b"]);
            assert_eq!(last_header(&bytes, "c", 1000), Ok(Some("b".to_owned())), "{compression:?}");
            assert_eq!(last_header(&bytes, "d", 1000), Ok(None));
            bytes.extend(batch(&["e"]));
            let two = bytes.clone();
            assert_eq!(last_header(&two, "c", 1000), Ok(Some("e".to_owned())));
            bytes.extend(&batch(&["f"])[..30]);
            assert_eq!(last_header(&bytes, "c", 1000), Ok(Some("e".to_owned())), "one is cut off");
            for end in 0..two.len() {
                // No part of it makes anything stop.
                let _ = last_header(&two[..end], "c", 1000);
                let mut wrong = two.clone();
                wrong[end] ^= 0xff;
                let _ = last_header(&wrong, "c", 1000);
            }
        }
        assert_eq!(last_header(b"", "c", 1000), Ok(None));
        let many = vec![b'x'; 5000];
        let large = KafkaRecord { key: None, text: &many, headers: Vec::new() };
        let batch = write_batch(&[large], BatchIdentity::NONE, BatchCompression::Gzip, 7).unwrap();
        assert!(last_header(&batch, "c", 1000).unwrap_err().contains("more than 1000 bytes"));
    }
}
