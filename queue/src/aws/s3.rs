//! Objects on S3.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;

use super::counting::Attempts;
use super::{Aws, chain, failed};
use crate::ports::{Failed, Object, Objects, Put};
use crate::tally::Tally;

/// For a whole read. The SDK's own limit ends with the head of the answer.
const READ: Duration = Duration::from_secs(30);

impl Aws {
    fn writing(&self, key: &str, object: Object) -> PutObjectFluentBuilder {
        let metadata: HashMap<String, String> = object.metadata.into_iter().collect();
        let client: &Client = &self.s3;
        client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            // In memory, so that length and checksum are in the head and the body goes as it is.
            .body(ByteStream::from(object.body))
            .set_content_type(object.content_type)
            .set_metadata((!metadata.is_empty()).then_some(metadata))
    }

    async fn read(&self, tally: &Tally, key: &str) -> Result<Option<Object>, Failed> {
        let call = self.s3.get_object().bucket(&self.bucket).key(key).customize().interceptor(Attempts::s3_get(tally));
        let answer = match call.send().await {
            Ok(answer) => answer,
            // Without the right to list, S3 says AccessDenied for what is not there: that stays an error ([`Failed::is_denied`]).
            Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
            Err(error) => return Err(failed("GetObject", &error)),
        };
        let body = answer.body.collect().await.map_err(|error| Failed { call: "GetObject", why: chain(&error) })?;
        Ok(Some(Object {
            body: body.into_bytes(),
            content_type: answer.content_type,
            metadata: answer.metadata.unwrap_or_default().into_iter().collect(),
        }))
    }
}

impl Objects for Aws {
    async fn put(&self, tally: &Tally, key: &str, object: Object) -> Result<(), Failed> {
        let call = self.writing(key, object).customize().interceptor(Attempts::s3_put(tally));
        call.send().await.map(drop).map_err(|error| failed("PutObject", &error))
    }

    async fn put_if_absent(&self, tally: &Tally, key: &str, object: Object) -> Result<Put, Failed> {
        let call = self.writing(key, object).if_none_match("*").customize();
        match call.interceptor(Attempts::s3_put(tally)).send().await {
            Ok(_) => Ok(Put::Done),
            // 412. A 409 (ConditionalRequestConflict) says that somebody is just writing: again, then it is known.
            Err(error) if status(&error) == Some(412) => Ok(Put::Exists),
            Err(error) => Err(failed("PutObject", &error)),
        }
    }

    async fn get(&self, tally: &Tally, key: &str) -> Result<Option<Object>, Failed> {
        let late = |_| Err(Failed { call: "GetObject", why: format!("{key} was not read within {READ:?}") });
        tokio::time::timeout(READ, self.read(tally, key)).await.unwrap_or_else(late)
    }
}

/// Status of the service's answer, whatever it calls the error.
fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}
