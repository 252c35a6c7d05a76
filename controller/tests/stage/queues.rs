//! Queues and buckets as one process sees them.

use cloudsim::{s3, sqs};
use planner::owner::{BENCHMARK_UID, INSTALLATION, KUBERNETES_CLUSTER, Tags};
use planner::ports::{Answer, Bucket, BucketRequest, Objects, Queue, QueueRequest, Queues};

use crate::stage::cloud::{Lie, Mortal};

impl Mortal {
    /// Tags as this process reads them.
    fn read(&self, tags: &mut Tags) {
        if self.lie == Lie::AnyQueue {
            let ours = [(INSTALLATION, "test"), (KUBERNETES_CLUSTER, "k8s-uid"), (BENCHMARK_UID, "uid-1")];
            tags.extend(ours.map(|(key, value)| (key.to_owned(), value.to_owned())));
        }
    }
}

impl Queues for Mortal {
    async fn queues(&self) -> Answer<Vec<Queue>> {
        let answer = match self.elsewhere(Ok(Vec::new())) {
            Some(answer) => answer,
            None => self.sim.queues().await,
        };
        let answer = answer.map(|mut all| {
            all.iter_mut().for_each(|queue| self.read(&mut queue.tags));
            all
        });
        self.sight.note("queues", answer)
    }

    async fn create_queue(&self, request: &QueueRequest) -> Answer<()> {
        self.must_not_be_paused("a queue is made");
        self.must_see(&["identity", "account", "queues"], "a queue is made");
        self.effect(sqs::Action::CreateQueue, self.sim.create_queue(request)).await
    }

    async fn delete_queue(&self, url: &str) -> Answer<()> {
        let call = async {
            self.must_see(&["account", "instances", "queues"], "a queue is deleted");
            let name = url.rsplit('/').next().unwrap_or_default();
            self.judge.nobody_writes(&self.sim.lock(), name);
            self.sim.delete_queue(url).await
        };
        self.effect(sqs::Action::DeleteQueue, call).await
    }
}

impl Objects for Mortal {
    async fn buckets(&self) -> Answer<Vec<Bucket>> {
        let answer = match self.elsewhere(Ok(Vec::new())) {
            Some(answer) => answer,
            None => self.sim.buckets().await,
        };
        let answer = answer.map(|mut all| {
            all.iter_mut().for_each(|bucket| self.read(&mut bucket.tags));
            all
        });
        self.sight.note("buckets", answer)
    }

    async fn create_bucket(&self, request: &BucketRequest) -> Answer<()> {
        self.must_not_be_paused("a bucket is made");
        self.must_see(&["identity", "account", "buckets"], "a bucket is made");
        self.effect(s3::Action::CreateBucket, self.sim.create_bucket(request)).await
    }

    async fn empty_bucket(&self, name: &str, account: &str) -> Answer<bool> {
        let call = async {
            self.must_see(&["account", "instances", "buckets"], "a bucket is emptied");
            self.judge.nobody_writes(&self.sim.lock(), name);
            self.sim.empty_bucket(name, account).await
        };
        self.effect(s3::Action::DeleteObjects, call).await
    }

    async fn delete_bucket(&self, name: &str, account: &str) -> Answer<()> {
        let call = async {
            self.must_see(&["account", "instances", "queues", "buckets"], "a bucket is deleted");
            self.judge.nobody_writes(&self.sim.lock(), name);
            self.sim.delete_bucket(name, account).await
        };
        self.effect(s3::Action::DeleteBucket, call).await
    }
}
