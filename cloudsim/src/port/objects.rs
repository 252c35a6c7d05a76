//! Buckets of S3.

use std::sync::Arc;

use planner::Failure;
use planner::ports::{Answer, Bucket, BucketRequest, EMPTIED_AT_ONCE, Objects, QUEUE_PREFIX};
use planner::{CloudError, owner::Tags};

use super::SharedSim;
use crate::engine::query::PageRequest;
use crate::s3::{self, About, Action, CreateBucket, ListBuckets, ListObjects, Namespace, ObjectId};
use crate::sim::Call;

/// Buckets of a page, and keys of one.
const PAGE: usize = 1000;

/// The region that buckets are made in without saying so.
const NO_CONSTRAINT: &str = "us-east-1";

impl Objects for SharedSim {
    async fn buckets(&self) -> Answer<Vec<Bucket>> {
        let mut buckets = Vec::new();
        for bucket in self.listed_buckets()? {
            let name = bucket.name.clone();
            let call = Call::about(About::bucket(Action::GetBucketTagging, &name));
            let tags = self.call(call, move |sim, now| sim.s3(now).get_bucket_tagging(&name, None));
            let tags = match tags {
                Ok(tags) => tags,
                Err(error) if error.code == "NoSuchTagSet" => Tags::new(),
                // It went meanwhile.
                Err(error) if error.code == "NoSuchBucket" => continue,
                Err(error) => return Err(error),
            };
            buckets.push(Bucket { name: bucket.name.clone(), tags });
        }
        Ok(buckets)
    }

    async fn create_bucket(&self, request: &BucketRequest) -> Answer<()> {
        CloudError::too_late(request.not_after, self.now())?;
        let request = Arc::new(CreateBucket {
            name: request.name.clone(),
            location: (self.region != NO_CONSTRAINT).then(|| self.region.clone()),
            namespace: Namespace::AccountRegional,
            tags: request.tags.clone(),
        });
        let call = Call::about(About::NewBucket(request.clone()));
        self.call(call, move |sim, now| sim.s3(now).create_bucket(&request))
    }

    async fn empty_bucket(&self, name: &str, account: &str) -> Answer<bool> {
        let mut emptied = 0;
        loop {
            let (ids, is_last) = match self.objects_of(name, account) {
                // What is in a bucket that is gone is gone.
                Err(error) if error.code == "NoSuchBucket" => return Ok(true),
                listed => listed?,
            };
            if ids.is_empty() {
                return Ok(true);
            }
            emptied += ids.len();
            self.delete_objects(name, account, ids.into())?;
            if is_last || emptied >= EMPTIED_AT_ONCE {
                return Ok(is_last);
            }
        }
    }

    async fn delete_bucket(&self, name: &str, account: &str) -> Answer<()> {
        let (bucket, owner) = (name.to_owned(), account.to_owned());
        let call = Call::about(About::bucket(Action::DeleteBucket, name));
        match self.call(call, move |sim, now| sim.s3(now).delete_bucket(&bucket, Some(&owner))) {
            Err(error) if error.code == "NoSuchBucket" => Ok(()),
            answer => answer,
        }
    }
}

impl SharedSim {
    /// All pages of the list of buckets whose names begin as ours do.
    fn listed_buckets(&self) -> Answer<Vec<Arc<s3::Bucket>>> {
        let (mut found, mut next_token) = (Vec::new(), None);
        loop {
            let request = ListBuckets {
                prefix: Some(QUEUE_PREFIX.to_owned()),
                region: Some(self.region.clone()),
                page: PageRequest { max_results: Some(PAGE), next_token: next_token.clone() },
            };
            let page = self.call(Call::new(Action::ListBuckets), move |sim, now| sim.s3(now).list_buckets(&request))?;
            found.extend(page.items);
            if page.next_token.is_none() {
                return Ok(found);
            }
            if page.next_token == next_token {
                return Err(CloudError::new(Failure::Unreachable, "RepeatedPage", "the same page token came twice"));
            }
            next_token = page.next_token;
        }
    }

    /// The first page of what is in a bucket, and whether it is all.
    fn objects_of(&self, name: &str, account: &str) -> Answer<(Vec<ObjectId>, bool)> {
        let request = ListObjects {
            bucket: name.to_owned(),
            page: PageRequest { max_results: Some(PAGE), next_token: None },
            expected_owner: Some(account.to_owned()),
            ..ListObjects::default()
        };
        let call = Call::about(About::list(Action::ListObjectsV2, name, ""));
        let page = self.call(call, move |sim, now| sim.s3(now).list_objects(&request))?;
        let id = |listed: s3::Listed| ObjectId { key: listed.key, version_id: None };
        Ok((page.objects.into_iter().map(id).collect(), page.next_token.is_none()))
    }

    /// Deletes what these name.
    ///
    /// *Errors*: the first that could not be deleted.
    fn delete_objects(&self, name: &str, account: &str, ids: Arc<[ObjectId]>) -> Answer<()> {
        let (bucket, owner) = (name.to_owned(), account.to_owned());
        let call = Call::about(About::Objects(bucket.clone(), ids.clone()));
        let results = self.call(call, move |sim, now| sim.s3(now).delete_objects(&bucket, &ids, Some(&owner)))?;
        let refused = results.into_iter().find_map(|(_, result)| result.err());
        refused.map_or(Ok(()), |error| Err(error.into()))
    }
}
