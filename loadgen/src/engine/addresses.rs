//! Addresses of a name, shared by all threads: the next one in turn, those that let nobody in, and the answers of each.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// How long others take the turns of an address that let nobody in. Asking it again costs the request that does so a
/// round trip, so that it is asked seldom; and one lost connection must not take an address out of a long measurement.
const REST_NANOS: u64 = 1_000_000_000;

/// How long the opening of a connection may take before the name's next address is tried. TCP sends its first packet again
/// after 1 s and after 2 s more (RFC 6298, 2.1 and 5.5): three tries, and a second for the last one's answer.
pub(crate) const OPENING_NANOS: u64 = 4_000_000_000;

/// Addresses in the order in which they should be tried. Every number here is a hint that threads may see late.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    list: Vec<Address>,
    turn: AtomicUsize,
}

#[derive(Debug)]
struct Address {
    at: SocketAddr,
    /// Connections to it that are open or being opened.
    open: AtomicUsize,
    /// It let somebody in.
    works: AtomicBool,
    /// It let somebody in, or refused.
    answers: AtomicBool,
    rests_until_nanos: AtomicU64,
}

impl Addresses {
    pub(crate) fn new(addresses: Vec<SocketAddr>) -> Self {
        let address = |at| Address {
            at,
            open: AtomicUsize::new(0),
            works: AtomicBool::new(false),
            answers: AtomicBool::new(false),
            rests_until_nanos: AtomicU64::new(0),
        };
        Self { list: addresses.into_iter().map(address).collect(), turn: AtomicUsize::new(0) }
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    pub(crate) fn at(&self, number: usize) -> Option<SocketAddr> {
        self.list.get(number).map(|address| address.at)
    }

    pub(crate) fn position(&self, at: SocketAddr) -> Option<usize> {
        self.list.iter().position(|address| address.at == at)
    }

    /// Whether these are they, in whatever order.
    pub(crate) fn are(&self, addresses: &[SocketAddr]) -> bool {
        self.list.len() == addresses.len() && addresses.iter().all(|at| self.position(*at).is_some())
    }

    /// The address that the next connection goes to: each in turn, but for those at rest while there are others. Its place
    /// is taken, until it is `closed`.
    pub(crate) fn next(&self, now_nanos: u64) -> usize {
        let number = self.turn(now_nanos);
        self.opened(number);
        number
    }

    /// The address that the next connection which stays goes to: the one with the fewest, and each in turn among equals.
    /// Turns alone would not level what the end of some connections left uneven. Its place is taken, until it is `closed`:
    /// two threads that ask at once do not both get the last place.
    pub(crate) fn next_to_keep(&self, now_nanos: u64) -> usize {
        let (first, count) = (self.turn(now_nanos), self.list.len());
        loop {
            let from_first = (0..count).map(|step| (first + step) % count);
            let up = from_first.filter(|number| self.is_up(*number, now_nanos));
            let Some((number, open)) = up.map(|number| (number, self.open(number))).min_by_key(|(_, open)| *open)
            else {
                self.opened(first);
                return first;
            };
            if self.took(number, open) {
                return number;
            }
        }
    }

    /// An address without any connection, that should have one. Never the only one: it has nobody to share with. Its place
    /// is taken, until it is `closed`.
    pub(crate) fn unused(&self, now_nanos: u64) -> Option<usize> {
        let mut unused =
            (0..self.list.len()).filter(|number| self.open(*number) == 0 && self.is_up(*number, now_nanos));
        (self.list.len() > 1).then(|| unused.find(|number| self.took(*number, 0))).flatten()
    }

    fn turn(&self, now_nanos: u64) -> usize {
        let count = self.list.len().max(1);
        let turn = || self.turn.fetch_add(1, Relaxed) % count;
        // One turn more when all are at rest, so that it is not always the same one that is asked.
        (0..count).map(|_| turn()).find(|number| self.is_up(*number, now_nanos)).unwrap_or_else(turn)
    }

    fn open(&self, number: usize) -> usize {
        self.list.get(number).map_or(0, |address| address.open.load(Relaxed))
    }

    /// Takes one place more than the `open` that were seen, unless another thread was faster.
    fn took(&self, number: usize, open: usize) -> bool {
        let address = self.list.get(number);
        address.is_some_and(|address| address.open.compare_exchange(open, open + 1, Relaxed, Relaxed).is_ok())
    }

    fn is_up(&self, number: usize, now_nanos: u64) -> bool {
        self.list.get(number).is_some_and(|address| address.rests_until_nanos.load(Relaxed) <= now_nanos)
    }

    /// A place at this very address is taken, until it is `closed`.
    pub(crate) fn opened(&self, number: usize) {
        self.list.get(number).inspect(|address| _ = address.open.fetch_add(1, Relaxed));
    }

    /// It is being asked. Where it let nobody in before, others pass it over until it answers: one request finds out.
    pub(crate) fn asked(&self, number: usize, now_nanos: u64) {
        let Some(address) = self.list.get(number) else { return };
        if address.rests_until_nanos.load(Relaxed) > 0 {
            address.rests_until_nanos.store(now_nanos + OPENING_NANOS, Relaxed);
        }
    }

    pub(crate) fn closed(&self, number: usize) {
        self.list.get(number).inspect(|address| _ = address.open.fetch_sub(1, Relaxed));
    }

    /// It let somebody in.
    pub(crate) fn works(&self, number: usize) {
        let Some(address) = self.list.get(number) else { return };
        // Written once: all threads share the place.
        if !address.works.load(Relaxed) {
            address.works.store(true, Relaxed);
            address.answers.store(true, Relaxed);
        }
        if address.rests_until_nanos.load(Relaxed) > 0 {
            address.rests_until_nanos.store(0, Relaxed);
        }
    }

    /// It let somebody in at some time.
    pub(crate) fn has_worked(&self, number: usize) -> bool {
        self.list.get(number).is_some_and(|address| address.works.load(Relaxed))
    }

    /// It let nobody in just now; `is_answer`: by its own word, or its silence, so that there is a way to it.
    pub(crate) fn failed(&self, number: usize, is_answer: bool, now_nanos: u64) {
        let Some(address) = self.list.get(number) else { return };
        address.rests_until_nanos.store(now_nanos + REST_NANOS, Relaxed);
        if is_answer {
            address.answers.store(true, Relaxed);
        }
    }

    /// Whether any of them has ever answered, be it with a refusal.
    pub(crate) fn any_answers(&self) -> bool {
        self.list.iter().any(|address| address.answers.load(Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Addresses {
        Addresses::new((1..4).map(|last| SocketAddr::from(([127, 0, 0, last], 80))).collect())
    }

    fn turns(addresses: &Addresses, now: u64) -> Vec<usize> {
        (0..6).map(|_| addresses.next(now)).collect()
    }

    #[test]
    fn each_has_its_turn_and_who_let_nobody_in_rests() {
        let all = three();
        assert_eq!(turns(&all, 5), [0, 1, 2, 0, 1, 2]);
        all.failed(1, true, 5);
        assert_eq!(turns(&all, 6), [0, 2, 0, 2, 0, 2], "the others share its turns evenly");
        assert_eq!(turns(&all, 6 + REST_NANOS), [0, 1, 2, 0, 1, 2], "it is asked again");
        all.failed(1, true, 5);
        all.works(1);
        assert_eq!(turns(&all, 6), [0, 1, 2, 0, 1, 2], "it works again");
        (0..3).for_each(|number| all.failed(number, true, 5));
        assert_eq!(turns(&all, 6).iter().filter(|number| **number == 1).count(), 2, "nobody is left: all are asked");
        assert_eq!(Addresses::default().next(5), 0);
    }

    #[test]
    fn connections_that_stay_level_what_is_uneven() {
        let all = three();
        let place = |_| all.next_to_keep(5);
        assert_eq!((0..4).map(place).collect::<Vec<_>>(), [0, 1, 2, 0]);
        (0..2).for_each(|_| all.closed(0));
        all.closed(2);
        let mut next: Vec<usize> = (0..2).map(place).collect();
        next.sort_unstable();
        assert_eq!(next, [0, 2], "those that have none");
        all.failed(1, true, 5);
        assert!((0..6).map(place).all(|number| number != 1), "it let nobody in");
        assert_eq!(Addresses::default().next_to_keep(5), 0);
    }

    #[test]
    fn threads_that_ask_at_once_get_level_places() {
        for _ in 0..200 {
            let all = three();
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| (0..20).for_each(|_| _ = all.next_to_keep(5)));
                }
            });
            assert_eq!([0, 1, 2].map(|number| all.open(number)), [20, 20, 20]);
        }
    }

    #[test]
    fn one_request_finds_out_whether_a_silent_one_is_back() {
        let all = three();
        all.asked(1, 5);
        assert_eq!(turns(&all, 6), [0, 1, 2, 0, 1, 2], "nothing speaks against it");
        all.failed(1, true, 5);
        let again = 6 + REST_NANOS;
        all.asked(1, again);
        assert_eq!(turns(&all, again), [0, 2, 0, 2, 0, 2]);
        assert_eq!(turns(&all, again + OPENING_NANOS).iter().filter(|number| **number == 1).count(), 2);
        all.works(1);
        assert_eq!(turns(&all, again).iter().filter(|number| **number == 1).count(), 2);
    }

    #[test]
    fn who_has_no_connection_is_found_unless_it_rests_or_is_alone() {
        let all = three();
        assert_eq!(all.unused(0), Some(0));
        all.failed(1, true, 0);
        assert_eq!(all.unused(1), Some(2));
        assert_eq!(all.unused(1), None);
        all.closed(0);
        assert_eq!(all.unused(1), Some(0));
        assert_eq!(Addresses::new(vec![SocketAddr::from(([127, 0, 0, 1], 80))]).unused(0), None);
    }

    #[test]
    fn the_same_addresses_in_another_order_are_the_same() {
        let at = |last| SocketAddr::from(([127, 0, 0, last], 80));
        assert!(three().are(&[at(3), at(1), at(2)]));
        assert!(!three().are(&[at(3), at(1)]) && !three().are(&[at(3), at(1), at(4)]));
    }
}
