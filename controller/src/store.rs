//! The Kubernetes side of a pass, as a port: the tests implement it with the API server's rules in memory.

use std::future::Future;

use api::{BenchmarkReport, ClusterBenchmark, Status};
use planner::Event;
use planner::world::Finalizer;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Somebody changed the object since it was read: look again.
    #[error("the object changed since it was read")]
    Conflict,
    #[error("the object does not exist any more")]
    Gone,
    /// 403: nothing is known about the object.
    #[error("not allowed: {0}")]
    Forbidden(String),
    #[error("{0}")]
    Failed(String),
}

/// Objects are identified by the uid and the resource version that they were read with: a write never lands on an
/// object of the same name that was made later, nor over a change that was not seen.
pub trait Store: Send + Sync + 'static {
    /// A live read, never from a cache.
    fn get(
        &self,
        namespace: &str,
        name: &str,
    ) -> impl Future<Output = Result<Option<ClusterBenchmark>, StoreError>> + Send;

    /// Adds or removes our finalizer and leaves all others alone.
    fn set_finalizer(
        &self,
        object: &ClusterBenchmark,
        to: Finalizer,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Replaces the status. Answers with the object as the server stored it.
    fn put_status(
        &self,
        object: &ClusterBenchmark,
        status: &Status,
    ) -> impl Future<Output = Result<ClusterBenchmark, StoreError>> + Send;

    /// Creates a report; one of the same name is the same report, because names are content hashes.
    fn put_report(&self, report: &BenchmarkReport) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// `None`: there is no report of this name in the object's namespace.
    fn get_report(
        &self,
        object: &ClusterBenchmark,
        name: &str,
    ) -> impl Future<Output = Result<Option<BenchmarkReport>, StoreError>> + Send;

    /// Adds CloudWatch's account to a report that has none.
    fn add_cloud_watch(
        &self,
        report: &BenchmarkReport,
        account: &str,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Tells people. Never fails: an event is no record, and in a namespace that is being deleted there are none.
    fn publish(&self, _object: &ClusterBenchmark, _events: &[Event]) -> impl Future<Output = ()> + Send {
        async {}
    }
}
