//! Turns of the files: which request sends which. Pure.

use std::sync::Arc;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::files::{File, Files};

/// Stream of a round's seed that the order of the files is drawn from: apart from those of arrivals, and of the work of
/// requests, which begin at 2^40 and count up.
const STREAM: u64 = (1 << 40) - 1;

/// Files in the order in which the requests of a round send them, over and over.
#[derive(Debug)]
pub(crate) struct Turns {
    files: Arc<Files>,
    /// Numbers of the files. Empty: they are sent in their own order.
    order: Vec<u32>,
}

impl Turns {
    /// `seed`: that of a round, from which the order is drawn; the same for every cluster and every generator. `None`: the order of
    /// their names.
    pub(crate) fn new(files: Arc<Files>, seed: Option<u64>) -> Self {
        let mut order = Vec::new();
        if let Some(seed) = seed {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            random.set_stream(STREAM);
            order.extend(0..u32::try_from(files.count()).unwrap_or(u32::MAX));
            order.shuffle(&mut random);
        }
        Self { files, order }
    }

    /// The file that request `index` sends.
    pub(crate) fn file(&self, index: u64) -> Option<&File> {
        let place = (index % self.files.count() as u64) as usize;
        self.files.get(self.order.get(place).map_or(place, |number| *number as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::Table;
    use super::*;

    fn files(count: usize) -> Arc<Files> {
        let table: String = (0..count).map(|number| format!("f{number:03},r{number}\n")).collect();
        let table = Table::parse(format!("file,result\n{table}").as_bytes(), None).unwrap();
        let files = (0..count).map(|number| (format!("f{number:03}"), number.to_string().into_bytes())).collect();
        Arc::new(Files::new(files, &table, None).unwrap())
    }

    fn sent(seed: Option<u64>, requests: std::ops::Range<u64>) -> Vec<String> {
        let turns = Turns::new(files(100), seed);
        requests.map(|index| String::from_utf8(turns.file(index).unwrap().body.clone()).unwrap()).collect()
    }

    #[test]
    fn without_a_seed_files_come_by_name_over_and_over() {
        let all: Vec<String> = (0..100).chain(0..3).map(|number: u64| number.to_string()).collect();
        assert_eq!(sent(None, 0..103), all);
    }

    #[test]
    fn a_seed_draws_an_order_in_which_every_file_comes_once() {
        let order = sent(Some(7), 0..100);
        assert_eq!(order, sent(Some(7), 100..200), "and comes again in it");
        assert_ne!(order, sent(Some(8), 0..100), "another round has another order");
        let mut sorted: Vec<u32> = order.iter().map(|body| body.parse().unwrap()).collect();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        // A report names its seed so that the run can be repeated years later.
        assert_eq!(order[..5].join(" "), PINNED);
    }

    const PINNED: &str = "21 54 72 74 90";
}
