//! S3 on the wire: REST with XML, in the path style (`/BUCKET/KEY`), because the endpoint is an address.
//!
//! A request names its action by method, path and query ([`route`]); its body may come in chunks and carries checksums, which
//! are checked ([`payload`]); the bytes of objects go to [`store`].

mod buckets;
mod chunked;
mod headers;
mod lists;
mod objects;
mod payload;
mod reading;
mod route;
mod store;
mod writing;

use cloudsim::s3::Action;
use cloudsim::{Call, Outcome, Reply, Sim, SimError};
use jiff::Timestamp;

use crate::aws::exchange::{Exchange, Sent, written};
use crate::aws::protocol::rest::Answer;
use crate::aws::protocol::{Api, Content, Protocol};

pub(super) use route::read;
pub(crate) use store::Store;

pub(super) const API: Api =
    Api { protocol: Protocol::RestXml, version: "2006-03-01", namespace: "http://s3.amazonaws.com/doc/2006-03-01/" };

pub(super) fn answer(action: Action, mut exchange: Exchange<'_>) -> Outcome<Sent> {
    headers::check(exchange.request.headers)?;
    // Which action it is, for logs and metrics of the SDKs; it says nothing that the rest does not.
    exchange.params.text("x-id");
    match action {
        Action::CreateBucket => buckets::create(exchange),
        Action::ListBuckets => lists::buckets(exchange),
        Action::HeadBucket => buckets::head(exchange),
        Action::GetBucketLocation => buckets::location(exchange),
        Action::GetBucketTagging => buckets::tagging(exchange),
        Action::PutBucketTagging => buckets::put_tagging(exchange),
        Action::GetBucketVersioning => buckets::versioning(exchange),
        Action::PutBucketVersioning => buckets::put_versioning(exchange),
        Action::DeleteBucket => buckets::delete(exchange),
        Action::ListObjectsV2 => lists::objects(exchange),
        Action::ListObjectVersions => lists::versions(exchange),
        Action::PutObject => objects::put(exchange),
        Action::GetObject => objects::get(exchange),
        Action::HeadObject => objects::head(exchange),
        Action::DeleteObject => objects::delete(exchange),
        Action::DeleteObjects => objects::delete_many(exchange),
    }
}

/// Carries out a call once every parameter of the query is taken, and shapes what it answers.
fn carry_out<T>(
    exchange: Exchange<'_>,
    call: Call,
    operation: impl FnOnce(&mut Sim, Timestamp) -> Outcome<T> + Send + 'static,
    shape: impl FnOnce(T) -> Outcome<Answer>,
) -> Outcome<Sent> {
    exchange.params.finish().map_err(|error| not_implemented(&error.message))?;
    let now = exchange.served.sim.now();
    let call = call.by(exchange.principal);
    let reply: Reply<Outcome<T>> = exchange.served.sim.lock().call(call, now, operation);
    Ok(written(reply, |answer| shape(answer).map(Content::Rest)))
}

/// The refusal of something that S3 does and the lab does not simulate.
fn not_implemented(what: &str) -> SimError {
    let message = format!("A header or query you provided implies functionality that is not implemented: {what}");
    SimError { status: 501, ..SimError::new("NotImplemented", message) }
}
