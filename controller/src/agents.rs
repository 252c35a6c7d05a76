//! The HTTP client for the control APIs of balancer and generator, and of starters through them. It signs every request that
//! changes something.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::{Method, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::{SignedDuration, Timestamp};
use planner::ports::{AgentError, Agents, Recipient, ReportBytes};
use wire::{
    APPLICATION_PATH, APPLICATIONS_PATH, Application, BalancerStatus, DELIVERIES_PATH, Deliveries, Errand, Loaders,
    Loading, Membership, NOT_AFTER_HEADER, Order, PROGRAMS_PATH, Receiver, Request, RunSpec, RunStatus,
    SIGNATURE_HEADER, Said, Signer,
};

use crate::kubernetes::chain;
use crate::programs::{Body, Programs, whole};
use crate::uploads::{Sent, Uploads};

/// Longest answer that is read: larger than any report that fits into an object.
const LIMIT: usize = 8 << 20;
/// Half of what a verifier accepts: the rest is for clock skew.
const DEADLINE: SignedDuration = SignedDuration::from_secs(60);
/// Bytes of a program that wait here to be sent, in our buffer and in the kernel's: few, so that what goes out is seen to go out.
const WAITING: usize = 64 << 10;

pub struct HttpAgents {
    client: Client<HttpConnector, Body>,
    /// For programs, whose way may be slow.
    carrier: Client<HttpConnector, Body>,
    programs: Programs,
    uploads: Uploads,
    signer: Signer,
    timeout: Duration,
}

impl HttpAgents {
    /// `timeout` is for a whole request, but for one that brings a program.
    pub fn new(signer: Signer, programs: Programs, timeout: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(timeout / 2));
        let mut builder = Client::builder(TokioExecutor::new());
        let client = builder.pool_idle_timeout(Duration::from_secs(5)).build(connector.clone());
        connector.set_send_buffer_size(Some(WAITING));
        let carrier = builder.http1_max_buf_size(WAITING).build(connector);
        Self { client, carrier, programs, uploads: Uploads::default(), signer, timeout }
    }

    async fn get(&self, control: &str, path: &str) -> Result<Answer, AgentError> {
        self.send(control, http::Request::get(format!("http://{control}{path}")), Bytes::new()).await
    }

    /// Signed for this instance: a stranger that took over the address refuses it, and cannot use it elsewhere.
    async fn change(
        &self,
        control: &str,
        instance_id: &str,
        method: Method,
        path: &str,
        if_match: &str,
        body: Vec<u8>,
    ) -> Result<Answer, AgentError> {
        let signed = Request { method: method.as_str(), path, instance_id, if_match, body: &body };
        let (signature, not_after) = self.signer.sign(&signed, Timestamp::now() + DEADLINE);
        let mut request = http::Request::builder()
            .method(method.clone())
            .uri(format!("http://{control}{path}"))
            .header(SIGNATURE_HEADER, signature)
            .header(NOT_AFTER_HEADER, not_after)
            .header(header::CONTENT_TYPE, "application/json");
        if !if_match.is_empty() {
            request = request.header(header::IF_MATCH, if_match);
        }
        self.send(control, request, Bytes::from(body)).await
    }

    /// Brings a program to a loader or a relay, or waits for one that is on its way there.
    async fn bring(&self, control: &str, instance_id: &str, program: &str) -> Result<(), AgentError> {
        self.uploads.join((control, program), |sent| self.upload(control, instance_id, program, sent)).await
    }

    /// What is signed is its path, and in that its hash.
    fn upload(
        &self,
        control: &str,
        instance_id: &str,
        program: &str,
        sent: Sent,
    ) -> BoxFuture<'static, Result<(), AgentError>> {
        let url = format!("http://{control}");
        let (method, path) = (Method::PUT, format!("{PROGRAMS_PATH}/{program}"));
        let signed = Request { method: method.as_str(), path: &path, instance_id, if_match: "", body: &[] };
        let (signature, not_after) = self.signer.sign(&signed, Timestamp::now() + DEADLINE);
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{url}{path}"))
            .header(SIGNATURE_HEADER, signature)
            .header(NOT_AFTER_HEADER, not_after)
            .header(header::CONNECTION, "close");
        let (programs, carrier, program) = (self.programs.clone(), self.carrier.clone(), program.to_owned());
        async move {
            let unread = |why: String| AgentError::Unreachable { url: url.clone(), why };
            let opened = programs.open(&program).await.map_err(|error| unread(error.to_string()))?;
            let (length, body) = opened.ok_or_else(|| unread(format!("this operator has no program {program}")))?;
            let request = request.header(header::CONTENT_LENGTH, length);
            exchange(&carrier, &url, request, sent.counting(body)).await?.success().map(drop)
        }
        .boxed()
    }

    /// An order that only this starter takes, whoever brings it, only for the version that was seen to serve, and only until
    /// `not_after`.
    fn order(&self, recipient: &Recipient, to: &Application, not_after: Timestamp) -> Errand {
        let Recipient { id, address, version } = recipient;
        let (if_match, body) = (format!("\"{version}\""), document(to));
        let signed = Request {
            method: Method::PUT.as_str(),
            path: APPLICATION_PATH,
            instance_id: id,
            if_match: &if_match,
            body: &body,
        };
        // Not from now on: an operator that stood still would sign what it planned long ago.
        let (signature, not_after) = self.signer.sign(&signed, not_after);
        // JSON is text.
        let body = String::from_utf8_lossy(&body).into_owned();
        let order = Some(Order { signature, not_after, if_match, body });
        Errand { id: id.clone(), address: address.clone(), order }
    }

    async fn run_errands(
        &self,
        control: &str,
        instance_id: &str,
        errands: &[Errand],
    ) -> Result<Vec<wire::Answer>, AgentError> {
        let body = document(&errands);
        self.change(control, instance_id, Method::PUT, APPLICATIONS_PATH, "", body).await?.json()
    }

    async fn delete_run(&self, control: &str, instance_id: &str, id: &str, if_match: &str) -> Result<(), AgentError> {
        let path = format!("/v1/runs/{id}");
        gone_is_done(self.change(control, instance_id, Method::DELETE, &path, if_match, Vec::new()).await?)
    }

    async fn send(&self, control: &str, request: http::request::Builder, body: Bytes) -> Result<Answer, AgentError> {
        let url = format!("http://{control}");
        let exchange = exchange(&self.client, &url, request, whole(body));
        tokio::time::timeout(self.timeout, exchange).await.unwrap_or_else(|_| {
            let why = format!("no answer within {} s", self.timeout.as_secs());
            Err(AgentError::Unreachable { url: url.clone(), why })
        })
    }
}

async fn exchange(
    client: &Client<HttpConnector, Body>,
    url: &str,
    request: http::request::Builder,
    body: Body,
) -> Result<Answer, AgentError> {
    let unreachable = |why: String| AgentError::Unreachable { url: url.to_owned(), why };
    let request = request.body(body).map_err(|error| unreachable(error.to_string()))?;
    let answer = client.request(request).await.map_err(|error| unreachable(chain(&error)))?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), LIMIT).collect().await;
    let body = body.map_err(|error| unreachable(error.to_string()))?.to_bytes();
    Ok(Answer { url: url.to_owned(), status, body })
}

struct Answer {
    url: String,
    status: StatusCode,
    body: Bytes,
}

impl Answer {
    fn success(self) -> Result<Self, AgentError> {
        match self.status {
            status if status.is_success() => Ok(self),
            StatusCode::PRECONDITION_FAILED => Err(AgentError::Conflict),
            StatusCode::SERVICE_UNAVAILABLE if self.loading().is_some() => {
                Err(AgentError::Loading { missing: self.loading().unwrap_or_default(), url: self.url })
            }
            // A full disk is among these, and the agent says so.
            status if status.is_server_error() => {
                Err(AgentError::Unreachable { why: format!("{status}: {}", self.words()), url: self.url })
            }
            status => Err(AgentError::Refused { why: self.words(), url: self.url, status: status.as_u16() }),
        }
    }

    /// What a loader waits for, if one answers.
    fn loading(&self) -> Option<Vec<String>> {
        serde_json::from_slice(&self.body).ok().map(|Loading { missing, .. }| missing)
    }

    fn words(&self) -> String {
        String::from_utf8_lossy(&self.body).trim().chars().take(300).collect()
    }

    fn json<T: for<'a> serde::Deserialize<'a>>(self) -> Result<T, AgentError> {
        let answer = self.success()?;
        serde_json::from_slice(&answer.body).map_err(|error| AgentError::Unreachable {
            url: answer.url,
            why: format!("not the expected document: {error}"),
        })
    }
}

/// A run that is not there (any more) is as good as deleted, held or let go.
fn gone_is_done(answer: Answer) -> Result<(), AgentError> {
    if answer.status == StatusCode::NOT_FOUND { Ok(()) } else { answer.success().map(drop) }
}

/// Whether a starter took its order.
fn taken(recipients: &[Recipient], answer: wire::Answer) -> Result<(), AgentError> {
    let wire::Answer { id, said } = answer;
    let address = recipients.iter().find(|one| one.id == id).map(|one| one.address.as_str()).unwrap_or_default();
    let url = format!("http://{address} ({id})");
    match said {
        Said::Status(_) => Ok(()),
        // It does something else by now; the next look tells.
        Said::Refused { status: 409 | 412, .. } => Err(AgentError::Conflict),
        Said::Refused { status, why } => Err(AgentError::Refused { url, status, why }),
        Said::Silent(why) => Err(AgentError::Unreachable { url, why }),
    }
}

fn deliveries(program: Option<&str>, members: &[(String, String)]) -> Deliveries {
    let receiver = |(id, address): &(String, String)| Receiver { id: id.clone(), address: address.clone() };
    Deliveries { program: program.map(str::to_owned), members: members.iter().map(receiver).collect() }
}

fn document<T: serde::Serialize>(value: &T) -> Vec<u8> {
    // Plain structs of `wire`: serialisation cannot fail; an empty document would be refused by the agent.
    serde_json::to_vec(value).unwrap_or_default()
}

impl Agents for HttpAgents {
    async fn balancer_status(&self, control: &str) -> Result<BalancerStatus, AgentError> {
        self.get(control, "/status").await?.json()
    }

    async fn set_membership(
        &self,
        control: &str,
        instance_id: &str,
        expect: &str,
        to: &Membership,
    ) -> Result<(), AgentError> {
        let if_match = format!("\"{expect}\"");
        let body = document(to);
        self.change(control, instance_id, Method::PUT, "/v1/membership", &if_match, body).await?.success().map(drop)
    }

    async fn loaders(
        &self,
        control: &str,
        instance_id: &str,
        members: &[(String, String)],
    ) -> Result<Loaders, AgentError> {
        let body = document(&deliveries(None, members));
        self.change(control, instance_id, Method::PUT, DELIVERIES_PATH, "", body).await?.json()
    }

    async fn deliver(
        &self,
        control: &str,
        instance_id: &str,
        program: &str,
        members: &[(String, String)],
    ) -> Result<(), AgentError> {
        if members.is_empty() {
            return self.bring(control, instance_id, program).await;
        }
        let order = document(&deliveries(Some(program), members));
        let order = || self.change(control, instance_id, Method::PUT, DELIVERIES_PATH, "", order.clone());
        let answer = order().await?;
        if answer.status != StatusCode::NOT_FOUND {
            return answer.success().map(drop);
        }
        // It does not hold the program, or no more.
        self.bring(control, instance_id, program).await?;
        order().await?.success().map(drop)
    }

    async fn applications(
        &self,
        control: &str,
        instance_id: &str,
        members: &[(String, String)],
    ) -> Result<BTreeMap<String, Said>, AgentError> {
        let errand =
            |(id, address): &(String, String)| Errand { id: id.clone(), address: address.clone(), order: None };
        let errands: Vec<Errand> = members.iter().map(errand).collect();
        let answers = self.run_errands(control, instance_id, &errands).await?;
        Ok(answers.into_iter().map(|answer| (answer.id, answer.said)).collect())
    }

    async fn update_workers(
        &self,
        control: &str,
        instance_id: &str,
        recipients: &[Recipient],
        to: &Application,
        not_after: Timestamp,
    ) -> Result<(), AgentError> {
        let errands: Vec<Errand> = recipients.iter().map(|recipient| self.order(recipient, to, not_after)).collect();
        let answers = self.run_errands(control, instance_id, &errands).await?;
        answers.into_iter().try_for_each(|answer| taken(recipients, answer))
    }

    async fn run_status(&self, control: &str, id: &str) -> Result<Option<RunStatus>, AgentError> {
        let answer = self.get(control, &format!("/v1/runs/{id}")).await?;
        if answer.status == StatusCode::NOT_FOUND { Ok(None) } else { answer.json().map(Some) }
    }

    async fn start_run(&self, control: &str, instance_id: &str, run: &RunSpec) -> Result<(), AgentError> {
        let path = format!("/v1/runs/{}", run.id);
        self.change(control, instance_id, Method::PUT, &path, "", document(run)).await?.success().map(drop)
    }

    async fn hold_run(&self, control: &str, instance_id: &str, id: &str) -> Result<(), AgentError> {
        let path = format!("/v1/runs/{id}/hold");
        gone_is_done(self.change(control, instance_id, Method::PUT, &path, "", Vec::new()).await?)
    }

    async fn resume_run(&self, control: &str, instance_id: &str, id: &str) -> Result<(), AgentError> {
        let path = format!("/v1/runs/{id}/hold");
        gone_is_done(self.change(control, instance_id, Method::DELETE, &path, "", Vec::new()).await?)
    }

    async fn stop_run(&self, control: &str, instance_id: &str, id: &str) -> Result<(), AgentError> {
        self.delete_run(control, instance_id, id, "").await
    }

    async fn forget_run(
        &self,
        control: &str,
        instance_id: &str,
        id: &str,
        report_sha256: &str,
    ) -> Result<(), AgentError> {
        self.delete_run(control, instance_id, id, &format!("\"{report_sha256}\"")).await
    }

    async fn report(&self, control: &str, id: &str) -> Result<ReportBytes, AgentError> {
        let answer = self.get(control, &format!("/v1/runs/{id}/report")).await?.success()?;
        Ok(answer.body.to_vec())
    }
}
