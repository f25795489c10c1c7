//! The basic types of Kafka's protocol: integers with the highest byte first, texts and lists with their length before
//! them (kafka.apache.org, "Protocol Primitive Types").

/// Writes values one after another.
#[derive(Default)]
pub(super) struct WireWriter(Vec<u8>);

impl WireWriter {
    pub(super) fn int8(&mut self, value: i8) -> &mut Self {
        self.put(&value.to_be_bytes())
    }

    pub(super) fn int16(&mut self, value: i16) -> &mut Self {
        self.put(&value.to_be_bytes())
    }

    pub(super) fn int32(&mut self, value: i32) -> &mut Self {
        self.put(&value.to_be_bytes())
    }

    pub(super) fn int64(&mut self, value: i64) -> &mut Self {
        self.put(&value.to_be_bytes())
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.int16(i16::try_from(text.len()).unwrap_or(i16::MAX));
        self.put(&text.as_bytes()[..text.len().min(i16::MAX as usize)])
    }

    /// No text, which is not the empty one.
    pub(super) fn no_text(&mut self) -> &mut Self {
        self.int16(-1)
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.count(bytes.len()).put(bytes)
    }

    /// How many items follow.
    pub(super) fn count(&mut self, count: usize) -> &mut Self {
        self.int32(i32::try_from(count).unwrap_or(i32::MAX))
    }

    /// A number of variable length, as records have it.
    pub(super) fn varint(&mut self, value: i64) -> &mut Self {
        let mut rest = (value << 1 ^ value >> 63).cast_unsigned();
        while rest >= 0x80 {
            self.0.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        self.0.push((rest & 0x7f) as u8);
        self
    }

    /// Bytes with a length of variable length.
    pub(super) fn varbytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.varint(i64::try_from(bytes.len()).unwrap_or(i64::MAX)).put(bytes)
    }

    /// Bytes as they are.
    pub(super) fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Begins again, in the same memory.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Reads values one after another. `None`: there are not as many bytes as there should be.
pub(super) struct WireReader<'a>(&'a [u8]);

impl<'a> WireReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Everything that was not read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// Passes over bytes that nobody needs.
    pub(super) fn skip(&mut self, length: usize) -> Option<()> {
        self.take(length).map(drop)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn int8(&mut self) -> Option<i8> {
        self.array().map(i8::from_be_bytes)
    }

    pub(super) fn int16(&mut self) -> Option<i16> {
        self.array().map(i16::from_be_bytes)
    }

    pub(super) fn int32(&mut self) -> Option<i32> {
        self.array().map(i32::from_be_bytes)
    }

    pub(super) fn int64(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }

    /// A text. No text reads as the empty one.
    pub(super) fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.int16()?).unwrap_or(0);
        Some(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    /// Bytes. No bytes read as zero bytes.
    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.int32()?).unwrap_or(0);
        self.take(length)
    }

    /// A list. The peer's count is not trusted: memory is taken as items are read, each of which has bytes of its own.
    pub(super) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut items = Vec::new();
        for _ in 0..self.int32()? {
            items.push(item(self)?);
        }
        Some(items)
    }

    pub(super) fn varint(&mut self) -> Option<i64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
            }
        }
        None
    }

    /// Bytes with a length of variable length. `Some(None)`: there are none, which is not zero bytes.
    pub(super) fn varbytes(&mut self) -> Option<Option<&'a [u8]>> {
        match usize::try_from(self.varint()?) {
            Ok(length) => self.take(length).map(Some),
            Err(_) => Some(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut out = WireWriter::default();
        out.int8(-1)
            .int16(-2)
            .int32(3)
            .int64(i64::MIN)
            .text("å")
            .no_text()
            .bytes(b"xy")
            .count(2)
            .int8(1)
            .int8(2);
        for number in [0, -1, 1, 63, 64, -65, i64::MAX, i64::MIN] {
            out.varint(number);
        }
        out.varbytes(b"z").varint(-1);
        let bytes = out.into_bytes();
        let mut from = WireReader::new(&bytes);
        assert_eq!((from.int8(), from.int16(), from.int32()), (Some(-1), Some(-2), Some(3)));
        assert_eq!((from.int64(), from.text().as_deref()), (Some(i64::MIN), Some("å")));
        assert_eq!((from.text().as_deref(), from.bytes()), (Some(""), Some(&b"xy"[..])));
        assert_eq!(from.list(WireReader::int8), Some(vec![1, 2]));
        for number in [0, -1, 1, 63, 64, -65, i64::MAX, i64::MIN] {
            assert_eq!(from.varint(), Some(number));
        }
        assert_eq!((from.varbytes(), from.varbytes()), (Some(Some(&b"z"[..])), Some(None)));
        assert_eq!((from.int8(), from.text(), from.varint()), (None, None, None));
    }

    #[test]
    fn a_length_that_is_too_large_takes_no_memory() {
        let bytes = i32::MAX.to_be_bytes();
        assert_eq!(WireReader::new(&bytes).list(WireReader::int64), None);
        assert_eq!(WireReader::new(&bytes).bytes(), None);
        assert_eq!(WireReader::new(&[0xff; 12]).varint(), None);
    }
}
