//! The fields of an object in the order in which they came.
//!
//! Messages have a dozen fields, and filters build objects of two or three. At that size comparing keys one
//! after the other beats hashing them, and a plain vector costs one allocation; only large objects, such as
//! counts collected over a stream, get an index.

use std::collections::HashMap;
use std::hash::RandomState;
use std::sync::Arc;

use super::value::Val;

/// From how many fields on there is an index.
const INDEXED: usize = 24;

#[derive(Clone, Debug, Default)]
pub(super) struct Object {
    fields: Vec<(Arc<str>, Val)>,
    /// Where each key is, once there are many. Keyed at random, since keys come from the network.
    #[expect(clippy::box_collection, reason = "most objects have none, and should be small")]
    index: Option<Box<HashMap<Arc<str>, usize, RandomState>>>,
}

impl Object {
    pub(super) fn with_capacity(fields: usize) -> Self {
        Self { fields: Vec::with_capacity(fields), index: None }
    }

    fn place(&self, key: &str) -> Option<usize> {
        match &self.index {
            None => self.fields.iter().position(|(known, _)| **known == *key),
            Some(index) => index.get(key).copied(),
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Val> {
        self.place(key).map(|at| &self.fields[at].1)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Val> {
        self.place(key).map(|at| &mut self.fields[at].1)
    }

    pub(super) fn contains_key(&self, key: &str) -> bool {
        self.place(key).is_some()
    }

    /// Of a key that is there already, the place stays and the value changes.
    pub(super) fn insert(&mut self, key: Arc<str>, value: Val) {
        if let Some(at) = self.place(&key) {
            self.fields[at].1 = value;
            return;
        }
        if let Some(index) = &mut self.index {
            index.insert(Arc::clone(&key), self.fields.len());
        }
        self.fields.push((key, value));
        if self.index.is_none() && self.fields.len() >= INDEXED {
            let places = self.fields.iter().enumerate().map(|(at, (key, _))| (Arc::clone(key), at));
            self.index = Some(Box::new(places.collect()));
        }
    }

    /// The others keep their order.
    pub(super) fn remove(&mut self, key: &str) {
        if let Some(at) = self.place(key) {
            let (key, _) = self.fields.remove(at);
            if let Some(index) = &mut self.index {
                index.remove(&key);
                index.values_mut().filter(|place| **place > at).for_each(|place| *place -= 1);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, (Arc<str>, Val)> {
        self.fields.iter()
    }
}

impl IntoIterator for Object {
    type Item = (Arc<str>, Val);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.fields.into_iter()
    }
}

impl Extend<(Arc<str>, Val)> for Object {
    fn extend<T: IntoIterator<Item = (Arc<str>, Val)>>(&mut self, fields: T) {
        for (key, value) in fields {
            self.insert(key, value);
        }
    }
}

impl FromIterator<(Arc<str>, Val)> for Object {
    fn from_iter<T: IntoIterator<Item = (Arc<str>, Val)>>(fields: T) -> Self {
        let mut object = Self::default();
        object.extend(fields);
        object
    }
}

/// The order of the fields does not count.
impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(key, value)| other.get(key) == Some(value))
    }
}
