//! The last items of a stream, within two bounds.

use std::collections::VecDeque;

/// The last items, oldest first: at most so many, and at most so many bytes. The newest always stays.
#[derive(Debug)]
pub(crate) struct Ring<T> {
    items: VecDeque<T>,
    /// Bytes of the items.
    bytes: usize,
    most: usize,
    most_bytes: usize,
    /// Bytes of an item.
    cost: fn(&T) -> usize,
}

impl<T> Ring<T> {
    pub(crate) fn holding(most: usize, most_bytes: usize, cost: fn(&T) -> usize) -> Self {
        Self { items: VecDeque::new(), bytes: 0, most, most_bytes, cost }
    }

    /// Adds an item, and says how many had to make room for it.
    pub(crate) fn push(&mut self, item: T) -> u64 {
        self.bytes += (self.cost)(&item);
        self.items.push_back(item);
        let mut dropped = 0;
        while self.items.len() > self.most.max(1) || (self.bytes > self.most_bytes && self.items.len() > 1) {
            self.bytes -= self.items.pop_front().map_or(0, |oldest| (self.cost)(&oldest));
            dropped += 1;
        }
        dropped
    }

    /// Drops all items, and says how many there were.
    pub(crate) fn clear(&mut self) -> usize {
        self.bytes = 0;
        std::mem::take(&mut self.items).len()
    }

    pub(crate) fn items(&self) -> &VecDeque<T> {
        &self.items
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(most: usize, most_bytes: usize) -> Ring<&'static str> {
        Ring::holding(most, most_bytes, |text| text.len())
    }

    #[test]
    fn the_oldest_make_room() {
        let mut ring = ring(2, 100);
        assert_eq!(["a", "b", "c", "d"].map(|text| ring.push(text)), [0, 0, 1, 1]);
        assert_eq!((ring.items().iter().copied().collect::<String>(), ring.bytes()), ("cd".to_owned(), 2));
        assert_eq!((ring.clear(), ring.bytes(), ring.push("e")), (2, 0, 0));
    }

    #[test]
    fn bytes_are_bounded_and_the_last_message_stays() {
        let mut ring = ring(9, 4);
        assert_eq!(["aa", "bb", "cccccccc", "d"].map(|text| ring.push(text)), [0, 0, 2, 1]);
        assert_eq!((ring.items().len(), ring.bytes()), (1, 1));
    }
}
