//! Parts of the time of an answered request, as `server-timing` says them. Pure.
//!
//! Times of one clock are compared only with times of the same: the front's, the puller's, and the queues' own, whose two
//! stamps (SentTimestamp of request and answer) tell what passed between the two without any clock being right.

/// Times in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Timing {
    /// From the head of the request until it was in its queue, and its body from the object to the puller.
    pub(super) input: u64,
    /// Waiting in the request queue, failed attempts included.
    pub(super) queue: u64,
    /// The program's time.
    pub(super) work: u64,
    /// The output's way into its object.
    pub(super) output: u64,
    /// Waiting in the answer queue, and the way from there to the front.
    pub(super) answer: u64,
}

/// What is known when the answer is here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// At the front, from the head of the request until now.
    pub(super) total_micros: u64,
    /// At the front, from the head of the request until it was sent.
    pub(super) sending_micros: u64,
    /// At the puller.
    pub(super) input_micros: u64,
    pub(super) work_micros: u64,
    pub(super) output_micros: u64,
    /// Stamps of the clock of the queues. 0: not known.
    pub(super) request_sent_millis: u64,
    pub(super) answer_sent_millis: u64,
}

impl Timing {
    /// Splits the whole time. What the queues' clock does not tell is counted as waiting in the request queue.
    pub(super) fn of(known: Known) -> Self {
        let at_work = known.input_micros + known.work_micros + known.output_micros;
        let elsewhere = known.total_micros.saturating_sub(known.sending_micros + at_work);
        let between = known.answer_sent_millis.saturating_sub(known.request_sent_millis) * 1_000;
        let has_stamps = known.request_sent_millis > 0 && known.answer_sent_millis > 0;
        let queue = if has_stamps { between.saturating_sub(at_work).min(elsewhere) } else { elsewhere };
        Self {
            input: known.sending_micros + known.input_micros,
            queue,
            work: known.work_micros,
            output: known.output_micros,
            answer: elsewhere - queue,
        }
    }

    /// Value of the header (W3C Server Timing): milliseconds.
    pub(super) fn header(self) -> String {
        let millis = |micros: u64| format!("{}.{:03}", micros / 1_000, micros % 1_000);
        format!(
            "input;dur={}, queue;dur={}, work;dur={}, output;dur={}, answer;dur={}",
            millis(self.input),
            millis(self.queue),
            millis(self.work),
            millis(self.output),
            millis(self.answer)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Known = Known {
        total_micros: 1_000_000,
        sending_micros: 20_000,
        input_micros: 5_000,
        work_micros: 500_000,
        output_micros: 10_000,
        request_sent_millis: 7_000_000,
        answer_sent_millis: 7_000_915,
    };

    #[test]
    fn the_parts_are_the_whole() {
        let timing = Timing::of(KNOWN);
        assert_eq!((timing.input, timing.queue, timing.work), (25_000, 400_000, 500_000));
        assert_eq!((timing.output, timing.answer), (10_000, 65_000));
        let header = timing.header();
        assert_eq!(
            header,
            "input;dur=25.000, queue;dur=400.000, work;dur=500.000, output;dur=10.000, answer;dur=65.000"
        );
    }

    #[test]
    fn without_stamps_or_with_odd_ones_nothing_is_negative() {
        let without = Timing::of(Known { answer_sent_millis: 0, ..KNOWN });
        assert_eq!((without.queue, without.answer), (465_000, 0));
        let odd = Timing::of(Known { answer_sent_millis: 1, ..KNOWN });
        assert_eq!((odd.queue, odd.answer), (0, 465_000));
        let late = Timing::of(Known { total_micros: 10, ..KNOWN });
        assert_eq!((late.queue, late.answer), (0, 0));
    }
}
