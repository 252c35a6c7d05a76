//! Checks of members: the puller of each is asked each second how it is, and told its duty with it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::member::Member;
use super::pullers::{Pullers, Unwell};

/// Time from one check of a member to the next.
const INTERVAL: Duration = Duration::from_secs(1);
/// A puller asks its program before it answers, which may take 2 s; one lost packet is sent again after 1 s (RFC 6298, 2.1).
const TIMEOUT: Duration = Duration::from_millis(3_500);
/// One that is no member any more and is not reached for so long is not told any longer: a puller that was started again would
/// have been there.
const GIVEN_UP: Duration = Duration::from_secs(60);

/// Checks a member until it is none any more, and its puller said that it is drained or is not there. `begun` is when the front
/// began.
pub(super) async fn check_until_gone(pullers: Arc<dyn Pullers>, member: Arc<Member>, begun: Instant) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut answered = Instant::now();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = member.is_told() => {}
        }
        if member.is_gone() {
            return;
        }
        let (number, order) = member.order();
        let asked = timeout(TIMEOUT, pullers.ask(member.address, order)).await.unwrap_or(Err(Unwell::Silent));
        if asked.is_ok() {
            answered = Instant::now();
        }
        member.checked(number, asked, u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX));
        if member.has_left() && (member.was_drained() || answered.elapsed() > GIVEN_UP) {
            return member.go();
        }
    }
}
