//! Buckets: created once for each name, listed, deleted when nothing is in them.

use std::sync::Arc;

use super::S3;
use super::bucket::{Bucket, CreateBucket, ListBuckets, Versioning};
use super::names::{NO_CONSTRAINT, check_location, check_name, check_tags};
use super::refusal::{conflict, invalid_argument};
use super::state::BucketRecord;
use crate::engine::audit::Origin;
use crate::engine::error::{Outcome, SimError};
use crate::engine::query::Page;
use crate::engine::visibility::{Path, Versions, later};

/// Bounds of MaxBuckets (API reference, ListBuckets).
const PAGE_SIZES: std::ops::RangeInclusive<usize> = 1..=10_000;

impl S3<'_> {
    /// CreateBucket. A name is good once: that is all its idempotency.
    pub fn create_bucket(&mut self, request: &CreateBucket) -> Outcome<()> {
        let outcome = self.try_to_create(request);
        let name = &request.name;
        match &outcome {
            Ok(()) => self.engine.tell(format!("CreateBucket {name}")),
            Err(error) => self.engine.tell(format!("CreateBucket {name} refused: {error}")),
        }
        outcome
    }

    fn try_to_create(&mut self, request: &CreateBucket) -> Outcome<()> {
        let (account, region) = (&self.settings.account, &self.settings.region);
        check_name(request, account, region)?;
        check_location(request.location.as_deref(), region)?;
        check_tags(&request.tags)?;
        let now = self.engine.now();
        if let Some(record) = self.state.records.get(&request.name) {
            match record.seen.truth() {
                Some(bucket) if bucket.owner != *account => {
                    let message = "The requested bucket name is not available. The bucket namespace is shared by all \
                                   users of the system. Please select a different name and try again.";
                    return Err(conflict("BucketAlreadyExists", message));
                }
                // API reference, CreateBucket: a success in us-east-1, for the sake of old callers.
                Some(_) if region == NO_CONSTRAINT => return Ok(()),
                Some(_) => {
                    let message = "Your previous request to create the named bucket succeeded and you already own it.";
                    return Err(conflict("BucketAlreadyOwnedByYou", message));
                }
                None if now < record.going_until => {
                    let message = "A conflicting conditional operation is currently in progress against this resource. \
                                   Please try again.";
                    return Err(conflict("OperationAborted", message));
                }
                None => (),
            }
        }
        let owned = self.state.records.values().filter_map(|record| record.seen.truth());
        let owned = owned.filter(|bucket| bucket.owner == *account).count();
        if self.settings.buckets.quota.is_some_and(|quota| owned >= quota as usize) {
            let message = "You have attempted to create more buckets than allowed";
            return Err(SimError::new("TooManyBuckets", message));
        }
        let owner = account.clone();
        self.add_bucket(&request.name, &owner, request.tags.clone(), Origin::Called);
        *self.state.made.entry(request.name.clone()).or_default() += 1;
        Ok(())
    }

    pub(super) fn add_bucket(&mut self, name: &str, owner: &str, tags: planner::owner::Tags, origin: Origin) {
        let (now, lag) = (self.engine.now(), self.draw_lag());
        let bucket = Bucket {
            name: name.to_owned(),
            owner: owner.to_owned(),
            tags,
            created_at: now,
            versioning: Versioning::Off,
            origin,
        };
        // What was there before is known to everybody.
        let lag = if origin == Origin::Planted { [0; 3] } else { lag };
        match self.state.records.get_mut(name) {
            Some(record) => record.seen.push(Some(bucket), now, lag),
            None => {
                let seen = Versions::new(bucket, now, lag);
                let record = BucketRecord { seen, objects: Default::default(), going_until: now };
                self.state.records.insert(name.to_owned(), record);
            }
        }
    }

    /// ListBuckets: those of the account, in the order of their names.
    pub fn list_buckets(&mut self, request: &ListBuckets) -> Outcome<Page<Arc<Bucket>>> {
        self.forget();
        let asked = request.page.max_results;
        if asked.is_some_and(|most| !PAGE_SIZES.contains(&most)) {
            return Err(invalid_argument("Argument max-buckets must be an integer between 1 and 10000"));
        }
        let after = request.page.token().map(read_token).transpose()?;
        let view = self.engine.read_view(Path::Tag, self.settings.stale_reads);
        let account = &self.settings.account;
        let is_here = request.region.as_ref().is_none_or(|region| *region == self.settings.region);
        let is_wanted = |bucket: &&Arc<Bucket>| {
            is_here
                && bucket.owner == *account
                && request.prefix.as_ref().is_none_or(|prefix| bucket.name.starts_with(prefix))
                && after.as_ref().is_none_or(|after| bucket.name > *after)
        };
        let seen = self.state.records.values().filter_map(|record| record.seen.seen(view));
        let mut items: Vec<Arc<Bucket>> = seen.filter(is_wanted).cloned().collect();
        let is_paged = asked.is_some() || after.is_some();
        let most = if is_paged { self.page_size(asked, *PAGE_SIZES.end()) } else { usize::MAX };
        let is_cut = items.len() > most;
        items.truncate(most);
        let next = items.last().filter(|_| is_cut).map(|last| token(&last.name));
        let next_token = self.repeated(request.page.token(), next);
        Ok(Page { items, next_token })
    }

    /// DeleteBucket. Former versions and delete markers count as content.
    pub fn delete_bucket(&mut self, name: &str, expected_owner: Option<&str>) -> Outcome<()> {
        let outcome = self.try_to_delete(name, expected_owner);
        match &outcome {
            Ok(()) => self.engine.tell(format!("DeleteBucket {name}")),
            Err(error) => self.engine.tell(format!("DeleteBucket {name} refused: {error}")),
        }
        outcome
    }

    fn try_to_delete(&mut self, name: &str, expected_owner: Option<&str>) -> Outcome<()> {
        self.shown_bucket(name, expected_owner)?;
        let bucket = self.bucket_with_objects(name, expected_owner)?;
        if !self.record(name)?.objects.is_empty() {
            let message = if bucket.versioning == Versioning::Off {
                "The bucket you tried to delete is not empty"
            } else {
                "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
            };
            return Err(conflict("BucketNotEmpty", message));
        }
        self.touch(&bucket, "DeleteBucket");
        let (now, lag) = (self.engine.now(), self.draw_lag());
        let lingers = self.settings.buckets.name_linger.draw(&mut self.state.ids);
        let record = self.record(name)?;
        record.seen.push(None, now, lag);
        record.going_until = later(now, lingers);
        Ok(())
    }

    pub(super) fn draw_lag(&mut self) -> [u64; 3] {
        self.engine.draw_lag(self.settings.buckets.lag.unwrap_or(self.settings.lag))
    }

    /// Items of a page of which so many were asked for.
    pub(super) fn page_size(&self, asked: Option<usize>, most: usize) -> usize {
        let most = asked.unwrap_or(most).min(most);
        if self.settings.page_size == 0 { most } else { most.min(self.settings.page_size) }
    }

    /// The token of a page that goes on, which now and then is that of the page itself.
    pub(super) fn repeated(&mut self, asked: Option<&str>, next: Option<String>) -> Option<String> {
        let repeats = asked.is_some() && self.happens(self.settings.repeated_page_per_mille);
        if repeats && next.is_some() {
            self.engine.count("repeated page");
            return asked.map(str::to_owned);
        }
        next
    }

    /// Lets go of buckets that nobody can see any more.
    fn forget(&mut self) {
        let now = self.engine.now();
        let forgotten_at = self.engine.forgotten_at(self.settings.stale_reads);
        self.state.records.retain(|_, record| !record.seen.is_forgotten(forgotten_at) || now < record.going_until);
    }
}

/// Tokens are opaque: the place where a list goes on, in hexadecimal.
pub(super) fn token(place: &str) -> String {
    super::body::hex(place.as_bytes())
}

pub(super) fn read_token(token: &str) -> Outcome<String> {
    let digits = |at: usize| token.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..token.len()).step_by(2).map(digits).collect();
    let place = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    place.ok_or_else(|| invalid_argument("The continuation token provided is incorrect"))
}
