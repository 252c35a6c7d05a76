//! Instances: list, launch, start, stop, terminate, console.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::Filter;
use data_encoding::BASE64;
use jiff::Timestamp;
use planner::failure::codes;
use planner::owner::{self, Tags};
use planner::ports::{
    Answer, Compute, Identity, Instance, LaunchRequest, Refused, Selection, start_or_stop_each, terminate_each,
};
use planner::{CloudError, Failure, ports};

use super::filter::{MOST_VALUES, exactly, tagged};
use super::{instance, launch};
use crate::region::Region;
use crate::sdk::failure::{self, MALFORMED, WOULD_SUCCEED};
use crate::sdk::{pages, sent, sent_launch};
use crate::sts;

/// EC2's limit on instances of one page.
const PAGE: i32 = 1_000;

/// Ids of one request. EC2 takes a thousand; fewer keep one bad id from slowing down many.
const IDS: usize = 200;

impl Compute for Region {
    /// *Guarantees*: account and ARN are those of the credentials that the other calls are signed with.
    /// *Errors*: `CredentialsExpired` when there are none or AWS refuses them.
    /// *Cancellation*: safe, a read.
    async fn identity(&self) -> Answer<Identity> {
        sts::identity(&self.identity).await
    }

    /// *Guarantees*: every page was read to its end, every instance in it was understood, and each carries what was
    /// selected by; in the order of their ids, each once.
    /// *Assumptions*: EC2 may show an instance to one kind of selection before another for some minutes.
    /// *Errors*: `Unreachable` whenever the list could be shorter than the truth.
    /// *Cancellation*: safe, a read.
    async fn instances(&self, of: &Selection) -> Answer<Vec<Instance>> {
        let found = match of {
            Selection::Owner(owner) => self.with_tags(owner.proof()).await?,
            Selection::Installation(name) => self.with_tags(owner::of_installation(name)).await?,
            Selection::Tokens(tokens) => self.with_values("client-token", tokens).await?,
            Selection::Ids(ids) => self.with_ids(ids).await?,
        };
        let by_id: BTreeMap<_, _> = found.into_iter().map(|instance| (instance.id.clone(), instance)).collect();
        Ok(by_id.into_values().collect())
    }

    /// *Guarantees*: exactly one request is sent, whatever happens to it.
    /// *Errors*: `Unreachable` = it may have happened, or may happen within five minutes.
    /// *Cancellation*: like `Unreachable`: the request may be on its way.
    async fn launch(&self, launch: &LaunchRequest) -> Answer<Vec<Instance>> {
        let request = launch::request(launch)?;
        CloudError::too_late(launch.not_after, Timestamp::now())?;
        let answer = sent_launch(request.send_with(&self.effects)).await?;
        answer.instances.unwrap_or_default().into_iter().map(instance::instance).collect()
    }

    /// *Guarantees*: nothing is made. DryRun goes out with a token that the SDK draws, as EC2 does for a request without
    /// one: that of the launch is not for other requests ("You should not reuse the same client token for other API
    /// requests", EC2 developer guide, "Ensuring idempotency"), and whether DryRun binds it is not documented.
    /// *Cancellation*: safe, a read in its effect.
    async fn rehearse(&self, launch: &LaunchRequest) -> Answer<()> {
        let request = launch::request(launch)?.set_client_token(None).dry_run(true);
        match sent_launch(request.send_with(&self.reads)).await {
            Err(error) if error.code == WOULD_SUCCEED => Ok(()),
            Err(error) => Err(error),
            Ok(_) => {
                let message = "an answer to DryRun says that instances were launched";
                Err(CloudError::new(Failure::Unreachable, MALFORMED, message))
            }
        }
    }

    /// *Guarantees*: every id was sent at least once, unless EC2 throttles or does not take our credentials. What it
    /// refuses for one (an id that it does not know, tags that the policy asks for, protection) keeps none of the others
    /// alive: each is asked for alone then. `NotFound` proves nothing: it may not be visible yet.
    /// *Errors*: `Unreachable` when any outcome is unknown.
    /// *Cancellation*: some may be terminated and others not; the call can be repeated.
    async fn terminate(&self, ids: &[String]) -> Answer<Vec<Refused>> {
        terminate_each(ids, is_about_instances, |ids| self.terminate_together(ids)).await
    }

    /// *Guarantees*: one request for all of them. If EC2 refuses it because of some, each is asked for alone, until there is no
    /// capacity for one or EC2 throttles.
    /// *Cancellation*: some may be started and others not; lists tell, and the call can be repeated.
    async fn start(&self, ids: &[String]) -> Answer<()> {
        let together = |ids: Vec<String>| async move {
            sent(self.effects.start_instances().set_instance_ids(Some(ids)).send()).await.map(drop)
        };
        start_or_stop_each(ids, is_about_instances, together).await
    }

    /// *Guarantees*: as of `start`. No hibernation, and the operating system shuts down first.
    /// *Cancellation*: some may be stopped and others not; lists tell, and the call can be repeated.
    async fn stop(&self, ids: &[String]) -> Answer<()> {
        let together = |ids: Vec<String>| async move {
            sent(self.effects.stop_instances().set_instance_ids(Some(ids)).send()).await.map(drop)
        };
        start_or_stop_each(ids, is_about_instances, together).await
    }

    /// The last 64 KB of it, which is what EC2 keeps.
    ///
    /// *Assumptions*: types on Xen show their console up to 20 minutes late; those on Nitro as it is now
    /// (GetConsoleOutput, `Latest`).
    /// *Cancellation*: safe, a read.
    async fn console(&self, id: &str) -> Answer<Option<String>> {
        let call = self.reads.get_console_output().instance_id(id);
        let latest = sent(call.clone().latest(true).send()).await;
        let answer = match latest {
            Err(error) if is_not_latest(&error) => sent(call.send()).await?,
            answer => answer?,
        };
        let Some(output) = answer.output else { return Ok(None) };
        let encoded: Vec<u8> = output.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let text = BASE64.decode(&encoded).map_err(|error| {
            CloudError::new(Failure::Unreachable, MALFORMED, format!("the console of {id} is not base64: {error}"))
        })?;
        Ok((!text.is_empty()).then(|| String::from_utf8_lossy(&text).into_owned()))
    }
}

impl Region {
    async fn with_tags(&self, proof: Tags) -> Answer<Vec<Instance>> {
        let found = self.with_filters(tagged(&proof)).await?;
        // Never believed blindly, because what is listed here may be terminated.
        match found.iter().find(|instance| !proof.iter().all(|(key, value)| instance.tags.get(key) == Some(value))) {
            Some(foreign) => Err(CloudError::new(
                Failure::Unreachable,
                MALFORMED,
                format!("{} was listed without the tags that were asked for", foreign.id),
            )),
            None => Ok(found),
        }
    }

    async fn with_values(&self, filter: &str, values: &[String]) -> Answer<Vec<Instance>> {
        let values: BTreeSet<&String> = values.iter().collect();
        let values: Vec<&String> = values.into_iter().collect();
        let mut found = Vec::new();
        // None at all means no call: a filter without values would list everything.
        for chunk in values.chunks(MOST_VALUES) {
            found.extend(self.with_filters(vec![exactly(filter, chunk)]).await?);
        }
        Ok(found)
    }

    async fn with_filters(&self, filters: Vec<Filter>) -> Answer<Vec<Instance>> {
        pages::all(|token| {
            let call = self.reads.describe_instances().set_filters(Some(filters.clone())).max_results(PAGE);
            async move {
                let page = sent(call.set_next_token(token).send()).await?;
                Ok((instance::all(page.reservations)?, page.next_token))
            }
        })
        .await
    }

    /// Looked up by id where possible, because ids become visible before filters do.
    async fn with_ids(&self, ids: &[String]) -> Answer<Vec<Instance>> {
        let ids: BTreeSet<&String> = ids.iter().collect();
        let ids: Vec<String> = ids.into_iter().cloned().collect();
        let mut found = Vec::new();
        for chunk in ids.chunks(IDS) {
            let listed = pages::all(|token| {
                // EC2 refuses a page size beside ids.
                let call = self.reads.describe_instances().set_instance_ids(Some(chunk.to_vec()));
                async move {
                    let page = sent(call.set_next_token(token).send()).await?;
                    Ok((instance::all(page.reservations)?, page.next_token))
                }
            });
            match listed.await {
                Err(error) if is_about_an_id(&error) => found.extend(self.with_values("instance-id", chunk).await?),
                listed => found.extend(listed?),
            }
        }
        Ok(found)
    }

    async fn terminate_together(&self, ids: Vec<String>) -> Answer<()> {
        let call = self.effects.terminate_instances().set_instance_ids(Some(ids));
        sent(call.send()).await.map(drop)
    }
}

/// Not a Nitro type, or not in a state to be asked. No page names the code that other types get: `UnsupportedOperation`
/// and `Unsupported` both say that a type cannot do something.
fn is_not_latest(error: &CloudError) -> bool {
    error.code == "Unsupported" || matches!(error.failure, Failure::Rejected | Failure::NotYetVisible)
}

fn is_about_an_id(error: &CloudError) -> bool {
    matches!(error.code.as_str(), "InvalidInstanceID.NotFound" | "InvalidInstanceID.Malformed")
}

/// Adds to [`planner::ports::is_about_instances`] that a code which nobody knows is a refusal too: asking again changes
/// nothing about what is terminated, started or stopped.
fn is_about_instances(error: &CloudError) -> bool {
    let is_unknown = || failure::is_code(&error.code) && !codes::is_known(&error.code);
    ports::is_about_instances(error) || error.failure == Failure::Unreachable && is_unknown()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_instances_is_told_by_code() {
        let is_so = |code: &str| is_about_instances(&CloudError::new(codes::failure_of(code), code, ""));
        for code in ["UnauthorizedOperation", "OperationNotPermitted", "InvalidInstanceID.NotFound", "BrandNewCode"] {
            assert!(is_so(code), "{code}");
        }
        for code in ["RequestLimitExceeded", "RequestExpired", "Unavailable", "InternalError", "Timeout", "Http503"] {
            assert!(!is_so(code), "{code}");
        }
    }
}
