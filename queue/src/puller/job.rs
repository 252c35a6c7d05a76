//! One message from its receive to its deletion. A process may end at any step: the message is then visible again when its
//! time is up, and nothing that was done before is contradicted.
//!
//! All of it has one deadline, from the receive on, which no step moves. A message that is not answered by then is visible again,
//! and has used one of its attempts.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::decide::{self, Effect, First, Verdict};
use super::{Puller, Stage};
use crate::backoff::{persist, persist_unless};
use crate::message::{AnswerMessage, Content, RequestMessage, Unreadable, input_key, output_key};
use crate::ports::{Answer, Call, Failed, Object, Objects, Outcome, Program, Put, Queues, Received, Sick};

/// Time that a message may be worked on beside the time of its program: its input is read, its output written and told, with all
/// repetitions. What the program leaves of its own time is for that as well.
pub(super) const BESIDE: Duration = Duration::from_secs(30);

/// How the work on a message ended.
#[derive(Debug)]
enum Ended {
    /// Answered and deleted, or at least answered.
    Answered,
    /// Visible again in so long.
    Again(Duration),
    /// Deleted without an answer: nobody could read it.
    Dropped,
}

/// An answer on its way, with the times and names that belong to it.
struct Output {
    message: AnswerMessage,
    answer: Answer,
}

impl<C: Queues + Objects, P: Program> Puller<C, P> {
    /// Works on a message until it is answered, visible again, or given back.
    pub(super) async fn work(&self, received: Received) {
        let (mut stage, deadline) = (self.stage.subscribe(), Instant::now() + self.settings.timeout + BESIDE);
        let ended = tokio::select! {
            biased;
            _ = stage.wait_for(|stage| *stage == Stage::GivingBack) => {
                self.numbers.given_back.fetch_add(1, Relaxed);
                Ended::Again(Duration::ZERO)
            }
            ended = self.answer(&received, deadline) => ended.unwrap_or_else(|failed| {
                self.numbers.call_failures.fetch_add(1, Relaxed);
                tracing::warn!(%failed, "given up: the request becomes visible again");
                Ended::Again(decide::again_after(received.count))
            }),
            never = self.heartbeat(&received.receipt) => match never {},
        };
        match ended {
            Ended::Answered => drop(self.numbers.answered.fetch_add(1, Relaxed)),
            Ended::Again(after) => self.release(&received.receipt, after).await,
            Ended::Dropped => {}
        }
    }

    /// Lets a message be visible again. If that fails it becomes so by itself, only later.
    pub(super) async fn release(&self, receipt: &str, after: Duration) {
        let queue = &self.settings.request_queue;
        if let Err(failed) = self.cloud.change_visibility(&self.calls, queue, receipt, after).await {
            tracing::warn!(%failed, "not given back: it becomes visible again when its time is up");
        }
    }

    /// Keeps a message hidden for as long as this future lives.
    async fn heartbeat(&self, receipt: &str) -> Infallible {
        let (queue, visibility) = (&self.settings.request_queue, self.settings.visibility);
        let mut pause = visibility / 3;
        loop {
            sleep(pause).await;
            let told = self.cloud.change_visibility(&self.calls, queue, receipt, visibility).await;
            // Two more may fail before somebody else takes the message, which only costs the work.
            pause = if told.is_ok() { visibility / 3 } else { visibility / 8 };
            if let Err(failed) = told {
                tracing::debug!(%failed, "heartbeat");
            }
        }
    }

    async fn answer(&self, received: &Received, deadline: Instant) -> Result<Ended, Failed> {
        let begun = Instant::now();
        let request = match RequestMessage::read(&received.body) {
            Ok(request) => request,
            Err(unreadable) => return Ok(self.unreadable(received, &unreadable, deadline).await),
        };
        let (answer, input_micros, work_micros) = match decide::first(received.count, self.settings.attempts) {
            First::Exhausted => {
                self.numbers.exhausted.fetch_add(1, Relaxed);
                let last = self.health.last_failure();
                (decide::exhausted(request.id, self.settings.attempts, last.as_deref()), 0, None)
            }
            First::Run => {
                let (outcome, input_micros, work_micros) = self.run_program(&request, deadline).await?;
                match decide::judge(outcome, received.count) {
                    Verdict::Answer(answer) => (answer, input_micros, Some(work_micros)),
                    Verdict::Again { after, why } => {
                        tracing::info!(id = %request.id, count = received.count, %why, "no answer");
                        self.numbers.failed.fetch_add(1, Relaxed);
                        self.health.failed(why);
                        return Ok(Ended::Again(after));
                    }
                }
            }
        };
        let message = AnswerMessage {
            backend: self.settings.instance_id.clone(),
            boot: self.boot_with(answer.boot.as_deref()),
            attempts: received.count,
            input_micros,
            work_micros,
            request_sent_millis: received.sent_millis,
            ..AnswerMessage::new(request.id, answer.status, Content::Stored(0))
        };
        let (mut output, mut told_after) = (Output { message, answer }, 0);
        for effect in self.settings.order {
            match effect {
                Effect::Store => self.store(&request, &mut output, deadline).await?,
                Effect::Tell => {
                    // What follows is not known yet: it takes about as long as the last time.
                    told_after = micros(begun);
                    output.message.busy_micros = told_after + self.tail_micros.load(Relaxed);
                    self.tell(&output, deadline).await?;
                }
                Effect::Forget => self.forget(&received.receipt, deadline).await,
            }
        }
        self.tail_micros.store(micros(begun) - told_after, Relaxed);
        Ok(Ended::Answered)
    }

    /// Gets the input and gives it to the program. Answers what came of it, and what both took in microseconds.
    async fn run_program(&self, request: &RequestMessage, deadline: Instant) -> Result<(Outcome, u64, u64), Failed> {
        let begun = Instant::now();
        let key = input_key(&request.cluster, request.id);
        let read = persist_unless(Failed::is_denied, deadline, || self.cloud.get(&self.calls, &key)).await;
        let input_micros = micros(begun);
        let input = match read {
            Ok(Some(input)) => input,
            // Who put it there sent the message after: somebody has deleted it.
            Ok(None) => return Ok((no_input(format!("{key} is gone")), input_micros, 0)),
            // Our role may not list the bucket, so this is what S3 says of one that is gone. Asked again and again, it would keep
            // the slot for the whole time of the message.
            Err(failed) if failed.is_denied() => {
                return Ok((no_input(format!("{key} is gone, or may not be read: {failed}")), input_micros, 0));
            }
            Err(failed) => return Err(failed),
        };
        let call = Call {
            id: request.id.to_string(),
            method: request.method.clone(),
            path: self.settings.paths.at_the_program(&request.path).into_owned(),
            content_type: request.content_type.clone(),
            seed: request.seed.clone(),
            body: input.body,
        };
        let begun = Instant::now();
        let limit = self.settings.timeout.min(deadline.saturating_duration_since(begun));
        let outcome = tokio::time::timeout(limit, self.program.run(call)).await;
        let outcome = outcome.unwrap_or(Outcome::Failed(Sick::Silent(limit)));
        let work_micros = micros(begun);
        if let Outcome::Failed(sick) = &outcome {
            self.health.doubt(&sick.to_string());
        }
        Ok((outcome, input_micros, work_micros))
    }

    /// Makes the output an object. If there is one already, that one is the answer: its request may have been answered.
    async fn store(&self, request: &RequestMessage, output: &mut Output, deadline: Instant) -> Result<(), Failed> {
        let begun = Instant::now();
        let (key, object) = (output_key(&request.cluster, request.id), object(output));
        let put = persist(deadline, || self.cloud.put_if_absent(&self.calls, &key, object.clone())).await?;
        if put == Put::Exists {
            let call = "GetObject";
            let gone = || Failed { call, why: format!("{key} was there a moment ago and is gone") };
            let read = persist_unless(Failed::is_denied, deadline, || self.cloud.get(&self.calls, &key)).await;
            let there = read?.ok_or_else(gone)?;
            if there.body != object.body || there.metadata != object.metadata {
                self.numbers.outrun.fetch_add(1, Relaxed);
            }
            take_over(output, there);
        }
        output.message.output_micros = micros(begun);
        Ok(())
    }

    async fn tell(&self, output: &Output, deadline: Instant) -> Result<(), Failed> {
        let message = AnswerMessage {
            status: output.answer.status,
            content_type: output.answer.content_type.clone(),
            content: Content::of(&output.answer.body),
            ..output.message.clone()
        };
        let text = message.text();
        persist(deadline, || self.cloud.send(&self.calls, &self.settings.answer_queue, text.clone())).await
    }

    /// The request is answered: if it cannot be deleted, it is answered once more, which the front drops.
    async fn forget(&self, receipt: &str, deadline: Instant) {
        let (queue, receipt) = (&self.settings.request_queue, [receipt.to_owned()]);
        if let Err(failed) = persist(deadline, || self.cloud.delete(&self.calls, queue, &receipt)).await {
            self.numbers.call_failures.fetch_add(1, Relaxed);
            tracing::warn!(%failed, "an answered request was not deleted");
        }
    }

    /// Somebody else's message, or one of another version of the front, which other pullers may understand.
    async fn unreadable(&self, received: &Received, why: &Unreadable, deadline: Instant) -> Ended {
        tracing::warn!(%why, count = received.count, "skipped");
        self.numbers.failed.fetch_add(1, Relaxed);
        if decide::first(received.count, self.settings.attempts) == First::Exhausted {
            self.forget(&received.receipt, deadline).await;
            return Ended::Dropped;
        }
        Ended::Again(decide::again_after(received.count))
    }
}

/// What comes of a request whose input cannot be had: one of its attempts is used, as after a failure of the program.
fn no_input(why: String) -> Outcome {
    Outcome::Failed(Sick::NoInput(why))
}

const STATUS: &str = "status";
const BACKEND: &str = "backend";
const BOOT: &str = "boot";
const WORK: &str = "work-micros";

/// The output as it is kept: its body as it is, the rest beside it.
fn object(output: &Output) -> Object {
    let Output { message, answer } = output;
    let mut metadata = BTreeMap::from([
        (STATUS.to_owned(), answer.status.to_string()),
        (BACKEND.to_owned(), message.backend.clone()),
        (BOOT.to_owned(), message.boot.clone()),
    ]);
    metadata.extend(message.work_micros.map(|work| (WORK.to_owned(), work.to_string())));
    Object { body: answer.body.clone(), content_type: answer.content_type.clone(), metadata }
}

/// The answer that was given before, by whoever gave it.
fn take_over(output: &mut Output, there: Object) {
    let text = |name: &str| there.metadata.get(name).cloned();
    output.message.backend = text(BACKEND).unwrap_or_default();
    output.message.boot = text(BOOT).unwrap_or_default();
    output.message.work_micros = text(WORK).and_then(|work| work.parse().ok());
    let status = text(STATUS).and_then(|status| status.parse().ok()).unwrap_or(200);
    output.answer = Answer { status, content_type: there.content_type, body: there.body, boot: None };
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}
