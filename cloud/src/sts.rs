//! STS: whose credentials calls are signed with.

use planner::ports::{Answer, Identity};

use crate::sdk::failure::need;
use crate::sdk::sent;

pub(crate) async fn identity(client: &aws_sdk_sts::Client) -> Answer<Identity> {
    let answer = sent(client.get_caller_identity().send()).await?;
    Ok(Identity {
        account: need(answer.account, "account", "the caller's identity")?,
        arn: need(answer.arn, "ARN", "the caller's identity")?,
    })
}
