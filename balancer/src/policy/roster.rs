//! The memory that a policy has of each member, in order of keys.

use super::MemberKey;

/// One record for each member.
#[derive(Clone, Debug)]
pub(super) struct Roster<T> {
    records: Vec<(MemberKey, T)>,
}

impl<T> Default for Roster<T> {
    fn default() -> Self {
        Self { records: Vec::new() }
    }
}

impl<T> Roster<T> {
    /// Keeps the records of those in `members` (rising keys), makes new ones for the others.
    pub(super) fn change(&mut self, members: &[MemberKey], mut new: impl FnMut() -> T) {
        let mut old = std::mem::take(&mut self.records).into_iter().peekable();
        self.records = members
            .iter()
            .map(|key| {
                while old.next_if(|(gone, _)| gone < key).is_some() {}
                (*key, old.next_if(|(kept, _)| kept == key).map_or_else(&mut new, |(_, record)| record))
            })
            .collect();
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn get(&self, key: MemberKey) -> Option<&T> {
        self.position(key).map(|index| &self.records[index].1)
    }

    pub(super) fn get_mut(&mut self, key: MemberKey) -> Option<&mut T> {
        self.position(key).map(|index| &mut self.records[index].1)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.records.iter().map(|(_, record)| record)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.records.iter_mut().map(|(_, record)| record)
    }

    fn position(&self, key: MemberKey) -> Option<usize> {
        self.records.binary_search_by_key(&key, |(key, _)| *key).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_those_that_stay_are_kept() {
        let mut roster = Roster::default();
        let mut number = 0;
        for (members, expected) in [(&[1, 3, 5][..], "1:1 3:2 5:3"), (&[2, 3, 4, 5], "2:4 3:2 4:5 5:3"), (&[], "")] {
            let keys: Vec<_> = members.iter().copied().map(MemberKey).collect();
            roster.change(&keys, || {
                number += 1;
                number
            });
            let records = roster.records.iter().map(|(key, record)| format!("{}:{record}", key.0));
            assert_eq!(records.collect::<Vec<_>>().join(" "), expected);
        }
        assert_eq!(roster.get(MemberKey(1)), None);
    }
}
