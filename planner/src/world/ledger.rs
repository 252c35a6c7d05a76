//! The write-ahead ledger: every launch is written into status before it is made.
//!
//! A line names a token; it never proves that an instance exists. What happened to a launch is told by the cloud:
//! by its answer, or by lists. A launch that was never seen is closed only by proof of absence.

use api::Launch;
use data_encoding::BASE32_NOPAD;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use sha2::{Digest, Sha256};

use crate::failure::Failure;
use crate::owner;
use crate::ports::{Addressing, Credits, Instance, InstanceState, LaunchRequest};
use crate::world::World;

pub use super::line::{LineState, Refusal, is_closed, is_open, is_refused, is_understood, refusal};

/// Client token of a launch: at most 64 ASCII characters, the same for the same line for ever, and another for any
/// other benchmark, pool, number or request.
pub fn token(world: &World, pool: &str, number: i64, request_sha256: &str) -> String {
    let text = format!(
        "clusterbench.dev/launch/v1\n{}\n{}\n{pool}\n{number}\n{request_sha256}",
        world.settings.kubernetes_cluster, world.object.uid
    );
    BASE32_NOPAD.encode(&Sha256::digest(text.as_bytes())).to_ascii_lowercase()
}

/// SHA-256 over every parameter of a launch but its token.
pub fn request_sha256(request: &LaunchRequest) -> String {
    // Another version with a profile, so that no request without one shares a text with it: lines that were written before
    // there were profiles can be rebuilt.
    let version = if request.instance_profile.is_some() { "v2" } else { "v1" };
    let mut text = format!("clusterbench.dev/request/{version}");
    // Lengths before values: no two requests share a text.
    let mut push = |value: &str| text.push_str(&format!("\n{}:{value}", value.len()));
    request.instance_profile.iter().for_each(|profile| push(profile));
    push(&request.instance_type);
    push(&request.count.to_string());
    push(&request.image_id);
    push(&request.subnet_id);
    request.group_ids.iter().for_each(|id| push(id));
    push(match request.public_address {
        Addressing::Private => "private",
        Addressing::Public => "public",
    });
    push(&request.user_data);
    push(&request.root_device);
    push(&request.root_gib.to_string());
    push(match request.credits {
        None => "",
        Some(Credits::Standard) => "standard",
        Some(Credits::Unlimited) => "unlimited",
    });
    for (key, value) in &request.tags {
        push(key);
        push(value);
    }
    // Last, and nothing at all where there are none: lines that were written before there were volumes can be rebuilt.
    // Behind the tags, which are pairs, an odd number of texts is no other request's.
    if !request.volumes.is_empty() {
        push("volumes");
    }
    for volume in &request.volumes {
        push(&volume.device);
        push(&volume.gib.to_string());
    }
    wire::sha256_hex(text.as_bytes())
}

/// Whether the line itself says so: its token made the instance, or its id is in it.
fn is_written(line: &Launch, instance: &Instance) -> bool {
    instance.token.as_ref() == Some(&line.token) || line.instance_ids.contains(&instance.id)
}

/// Whether an instance comes from this launch. Tags say so only of one without a token: people can edit them, and a line
/// that took another's instance for its own would be closed while its own may still appear.
pub fn is_from(line: &Launch, instance: &Instance) -> bool {
    is_written(line, instance)
        || (instance.token.is_none()
            && instance.tags.get(owner::POOL) == Some(&line.pool)
            && number_of(instance) == line.number)
}

/// Whether a line says so that an instance is ours, whatever its tags say.
pub fn is_in(lines: &[Launch], instance: &Instance) -> bool {
    lines.iter().any(|line| is_written(line, instance))
}

/// Pool of an instance: by the ledger, which nobody edits unnoticed, or else by its tag, which people may edit.
pub fn pool_of<'a>(lines: &'a [Launch], instance: &'a Instance) -> Option<&'a str> {
    let written = lines.iter().find(|line| is_written(line, instance)).map(|line| line.pool.as_str());
    written.or_else(|| instance.tags.get(owner::POOL).map(String::as_str))
}

/// Launch number of an instance; unknown ones sort last.
pub fn number_of(instance: &Instance) -> i64 {
    instance.tags.get(owner::LAUNCH).and_then(|number| number.parse().ok()).unwrap_or(i64::MAX)
}

/// What to do about an open line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make the call, or make it again.
    Send,
    /// It must not be sent (any more) and may still appear.
    Settle,
}

/// What to do about an open line, apart from whether its request can still be rebuilt.
pub fn step(line: &Launch, now: Timestamp) -> Step {
    let in_time = line.not_after.as_ref().is_some_and(|not_after| now <= not_after.0);
    if in_time && is_open(line) && !is_refused(line) { Step::Send } else { Step::Settle }
}

/// The line as the lists tell it: ids learnt, closed when every instance was seen, terminated instances forgotten.
/// Only *seen terminated* is an end that needs no further proof.
pub fn with_sightings(before: &Launch, instances: &[Instance], now: Timestamp) -> Launch {
    let mut line = before.clone();
    let own: Vec<&Instance> = instances.iter().filter(|instance| is_from(&line, instance)).collect();
    for instance in &own {
        if !line.instance_ids.contains(&instance.id) {
            line.instance_ids.push(instance.id.clone());
        }
    }
    if is_open(&line) && line.instance_ids.len() >= usize::try_from(line.count).unwrap_or(usize::MAX) {
        close(&mut line, now);
    }
    // It is counted as if it had run all the time.
    if own.iter().any(|one| matches!(one.state, InstanceState::Stopping | InstanceState::Stopped)) {
        line.bound = AT_MOST.to_owned();
    }
    if !is_over(before) {
        let written = line.launched_at.as_ref().map(|at| at.0);
        line.launched_at = own.iter().map(|instance| instance.launched_at).chain(written).min().map(Time);
    }
    let ended = |id: &String| own.iter().any(|i| i.id == *id && i.state == InstanceState::Terminated);
    let (was_open, knows_end) = (!is_closed(before), line.ended_at.is_some());
    // What ended is listed for an hour more. It ends once: when its id is in the line, or was never to be.
    let ends = |id: &String| before.instance_ids.contains(id) || was_open && (is_closed(&line) || !knows_end);
    if line.instance_ids.iter().any(|id| ended(id) && ends(id)) {
        // Status holds whole seconds, and an end is not before it was seen.
        line.ended_at = Some(Time(now + SignedDuration::from_millis(999)));
    }
    line.instance_ids.retain(|id| !ended(id));
    line.instance_ids.sort();
    line
}

/// Instances of a line that may exist although no list shows them, before any proof that they do not.
pub(crate) fn unlisted(line: &Launch, instances: &[Instance]) -> u32 {
    let count = usize::try_from(line.count).unwrap_or(0);
    let never_seen = if is_closed(line) { 0 } else { count.saturating_sub(line.instance_ids.len()) };
    let new = instances.iter().filter(|one| !line.instance_ids.contains(&one.id) && is_from(line, one)).count();
    let is_listed = |id: &&String| instances.iter().any(|one| one.id == **id);
    let missing = line.instance_ids.len() - line.instance_ids.iter().filter(is_listed).count();
    u32::try_from(never_seen.saturating_sub(new) + missing).unwrap_or(u32::MAX)
}

/// Whether an instance was never stopped and started again: it runs since its launch.
pub(crate) fn is_first_boot(lines: &[Launch], instance: &Instance) -> bool {
    let line = lines.iter().find(|line| is_from(line, instance));
    let launched = line.and_then(|line| line.launched_at.as_ref());
    // Status holds whole seconds, and the instances of a launch may differ by one.
    launched.is_none_or(|at| instance.launched_at.duration_since(at.0) < SignedDuration::from_secs(3))
}

/// How an end is known.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub now: Timestamp,
    /// When the instances of the line end themselves. `None`: not all of them may.
    pub expires_at: Option<Timestamp>,
    /// Whether this process looked a moment ago: what it sees ended now ended since then.
    pub is_watched: bool,
}

/// Time that an instance takes from its timer to its end: systemd gives a unit 90 s to stop (systemd-system.conf,
/// DefaultTimeoutStopSec).
const SHUTDOWN: SignedDuration = SignedDuration::from_secs(120);
/// Instances of a line that end within this time ended together.
const TOGETHER: SignedDuration = SignedDuration::from_secs(60);

/// A line whose end was just seen, with what is known of it: those that their timers ended did not live longer, however
/// late somebody looked; the end is an upper bound where nobody looked, or where some ended before the others and are not
/// booked.
pub fn with_end(before: &Launch, mut line: Launch, instances: &[Instance], look: &Look) -> Launch {
    if line.ended_at == before.ended_at {
        return line;
    }
    let own = || instances.iter().filter(|instance| is_from(&line, instance));
    let by_itself = own().all(|one| {
        let why = one.state_reason.as_deref().unwrap_or_default();
        one.state == InstanceState::Terminated && why.starts_with("Client.InstanceInitiatedShutdown")
    });
    let timer = look.expires_at.map(|at| at + SHUTDOWN).filter(|at| *at < look.now);
    let is_booked = i64::from(before.count) <= before.booked.saturating_add(i64::try_from(living(before)).unwrap_or(0));
    let is_apart = before.ended_at.as_ref().is_some_and(|at| look.now.duration_since(at.0) > TOGETHER);
    if let Some(at) = timer.filter(|_| by_itself && own().next().is_some() && is_over(&line)) {
        line.ended_at = Some(Time(at));
    }
    if !look.is_watched || is_apart && !is_booked {
        line.bound = AT_MOST.to_owned();
    }
    line
}

/// `bound` of a line whose end is not known to the minute.
pub const AT_MOST: &str = "AtMost";

/// Whether a line has nothing more to cost: it makes no instance any more, and all that it made have ended.
pub fn is_over(line: &Launch) -> bool {
    is_closed(line) && line.instance_ids.is_empty()
}

/// Instances of a line that are there, as far as anybody knows.
pub(crate) fn living(line: &Launch) -> u64 {
    u64::try_from(line.instance_ids.len()).unwrap_or(u64::MAX)
}

/// Instances of a line that no list shows any more have ended, nobody knows when; by their timers at the latest.
pub(crate) fn end_unseen(line: &mut Launch, now: Timestamp, expires_at: Option<Timestamp>) {
    if line.launched_at.is_some() {
        line.ended_at = Some(Time(now.min(expires_at.map_or(now, |at| at + SHUTDOWN))));
        line.bound = AT_MOST.to_owned();
    }
}

/// How long EC2 lists what has ended ("about an hour" by the EC2 user guide, "Terminate Amazon EC2 instances"), on the safe
/// side.
const LISTED: SignedDuration = SignedDuration::from_mins(30);

/// What a line may have made that was never seen, because nobody looked for so long that no list shows it any more, is paid:
/// from the first possible call to the end by the timers at the latest.
pub(crate) fn may_be_forgotten(
    line: &mut Launch,
    window: SignedDuration,
    now: Timestamp,
    expires_at: Option<Timestamp>,
) {
    let Some(first) = line.not_after.as_ref().map(|at| at.0 - window) else { return };
    if line.launched_at.is_none() && now.duration_since(first) > LISTED {
        line.launched_at = Some(Time(first));
        end_unseen(line, now, expires_at);
    }
}

/// The line after its call was answered. `only_send`: no call for it was made before, by anyone.
pub fn with_answer(
    line: &Launch,
    answer: &Result<Vec<Instance>, crate::failure::CloudError>,
    only_send: OnlySend,
    now: Timestamp,
) -> Launch {
    let mut line = line.clone();
    match answer {
        Ok(instances) => {
            line.message.clear();
            line = with_sightings(&line, instances, now);
        }
        // The account is in the way, not the request: the same call may pass a moment later. Or the call was not made,
        // because this process stood still; another one may have made it meanwhile.
        Err(error)
            if matches!(
                error.failure,
                Failure::Unreachable
                    | Failure::Throttled
                    | Failure::Unauthorized
                    | Failure::CredentialsExpired
                    | Failure::TooLate
            ) =>
        {
            line.message = error.to_string();
        }
        Err(error) => {
            line.reason = error.failure.name().to_owned();
            line.message = error.to_string();
            // A refusal after a repeat proves nothing: the first call may have used up what the second one lacked.
            // A spent token was spent by a call that may have made instances.
            if only_send == OnlySend::Yes && error.failure != Failure::TokenSpent {
                close(&mut line, now);
            }
        }
    }
    line
}

/// Whether a call was certainly the first for its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnlySend {
    Yes,
    NotCertain,
}

/// Closes a line whose instances were never seen, and never will be.
pub(crate) fn give_up(line: &mut Launch, why: &str, now: Timestamp) {
    close(line, now);
    if !is_refused(line) {
        line.reason = Refusal::NeverSeen.name().to_owned();
        line.message = why.to_owned();
    }
}

pub fn close(line: &mut Launch, now: Timestamp) {
    line.state = LineState::Closed.name().to_owned();
    line.closed_at = Some(Time(now));
}
