//! Rendezvous hashing: every process that knows the same members gives each topic to the same one.
//!
//! A topic belongs to the member with the largest weight for it. If a member leaves, only its topics move, and they
//! spread evenly over the others (Thaler and Ravishankar, 1998).

use sha2::{Digest as _, Sha256};

/// The hash of a name: the first 8 bytes of its SHA-256, big-endian.
#[must_use]
pub fn hash(name: &str) -> u64 {
    let digest = Sha256::digest(name.as_bytes());
    digest[..8].iter().fold(0, |hash, byte| hash << 8 | u64::from(*byte))
}

/// How much a topic belongs to a member, both given by their [`hash`].
#[must_use]
pub fn weight(topic: u64, member: u64) -> u64 {
    mix(topic ^ mix(member))
}

/// The index of the member that a topic belongs to; `None` if there are no members.
#[must_use]
pub fn owner(topic: u64, members: &[u64]) -> Option<usize> {
    (0..members.len()).max_by_key(|index| (weight(topic, members[*index]), members[*index]))
}

/// splitmix64's finalizer (Steele, Lea and Flood, 2014).
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// One of several equal shares of the topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which one, from 0.
    index: u32,
    /// How many there are.
    count: u32,
}

impl Shard {
    /// The most shares that topics can be divided into.
    pub const MOST: u32 = 1 << 16;

    /// A share, if there is one of this number.
    #[must_use]
    pub fn new(index: u32, count: u32) -> Option<Self> {
        (index < count && count <= Self::MOST).then_some(Self { index, count })
    }

    /// Keeps the topics of this share.
    pub fn keep(self, topics: &mut Vec<String>) {
        let members: Vec<u64> = (0..self.count).map(|index| hash(&index.to_string())).collect();
        topics.retain(|topic| owner(hash(topic), &members) == Some(self.index as usize));
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(count: u32) -> Vec<String> {
        (0..count).map(|n| format!("topic:{n}")).collect()
    }

    fn shard(index: u32, count: u32, mut topics: Vec<String>) -> Vec<String> {
        Shard { index, count }.keep(&mut topics);
        topics
    }

    #[test]
    fn every_topic_is_in_one_shard_and_shards_are_even() {
        for count in [1, 2, 3, 10] {
            let shares: Vec<_> = (0..count).map(|index| shard(index, count, topics(10_000))).collect();
            let mut all = shares.concat();
            all.sort();
            let mut expected = topics(10_000);
            expected.sort();
            assert_eq!(all, expected);
            let even = 10_000 / count as usize;
            for share in shares {
                assert!(share.len().abs_diff(even) < even / 5, "{} of about {even}", share.len());
            }
        }
    }

    #[test]
    fn only_the_topics_of_a_shard_that_leaves_move() {
        let before: Vec<_> = (0..10).map(|index| shard(index, 10, topics(1000))).collect();
        for (index, share) in before.iter().enumerate().take(9) {
            let after = shard(index as u32, 9, topics(1000));
            assert!(share.iter().all(|topic| after.contains(topic)), "shard {index} has lost a topic");
        }
    }

    /// Others may compute it, and processes of two versions share topics.
    #[test]
    fn the_hash_never_changes() {
        assert_eq!(hash("trades:BTC-USD"), 0xa0aa_0af3_94cf_6ed6);
        assert_eq!(shard(0, 3, topics(6)), ["topic:3"]);
    }
}
