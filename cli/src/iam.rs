//! `iam`: the operator's policies with the ids filled in, ready for `aws iam create-policy`.

use anyhow::{Context as _, bail};
use api::ClusterBenchmark;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::ListParams;

use crate::access::Access;
use crate::arguments::{Iam, Policy};
use crate::exit::Exit;

const ACCOUNT: &str = "ACCOUNT_ID";
const CLUSTER: &str = "KUBERNETES_CLUSTER_UID";
/// The installation as the files have it.
const INSTALLATION: &str = r#"clusterbench.dev/installation": "default""#;

pub(crate) async fn iam(access: &Access, wanted: &Iam) -> anyhow::Result<Exit> {
    let account = match &wanted.account {
        Some(account) => account.clone(),
        None => placed(access).await.context("set --account to the AWS account, twelve digits")?,
    };
    // The tags hold the uid of this namespace: another Kubernetes cluster's things are out of reach.
    let cluster = match &wanted.cluster_uid {
        Some(uid) => uid.clone(),
        None => {
            let namespaces: Api<Namespace> = Api::all(access.client.clone());
            let system = namespaces.get("kube-system").await.context(
                "the uid of the namespace kube-system cannot be read, which takes `get` on namespaces: have somebody run \
                 `kubectl get namespace kube-system -o jsonpath={.metadata.uid}`, and set --cluster-uid",
            )?;
            system.metadata.uid.context("the namespace kube-system has no uid")?
        }
    };
    say::text(filled(wanted, &account, &cluster)?);
    Ok(Exit::Done)
}

/// The account of a benchmark that is there, if they all have the same one.
async fn placed(access: &Access) -> Option<String> {
    let all: Api<ClusterBenchmark> = Api::all(access.client.clone());
    let benchmarks = all.list(&ListParams::default()).await.ok()?;
    let mut accounts: Vec<String> =
        benchmarks.items.into_iter().filter_map(|one| Some(one.status?.placement?.account_id)).collect();
    accounts.sort();
    accounts.dedup();
    accounts.pop().filter(|_| accounts.is_empty())
}

fn filled(wanted: &Iam, account: &str, cluster: &str) -> anyhow::Result<String> {
    if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
        bail!("--account {account}: an AWS account is twelve digits");
    }
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    for (flag, word) in [("--installation", wanted.installation.as_str()), ("--cluster-uid", cluster)] {
        if word.is_empty() || !word.bytes().all(is_word) {
            bail!("{flag} {word:?}: letters, digits, -, _ and . only");
        }
    }
    let policy = match wanted.policy {
        Policy::Operator => include_str!("../../docs/iam-policy.json"),
        Policy::Application => include_str!("../../docs/iam-policy-application.json"),
        Policy::Queue => include_str!("../../docs/iam-policy-queue.json"),
        Policy::Instances => include_str!("../../docs/iam-instance-policy.json"),
    };
    let installation = INSTALLATION.replace("default", &wanted.installation);
    Ok(policy.replace(ACCOUNT, account).replace(CLUSTER, cluster).replace(INSTALLATION, &installation))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(policy: Policy, account: &str, installation: &str) -> anyhow::Result<String> {
        of_cluster(policy, account, installation, "5b1f0c8e-uid")
    }

    fn of_cluster(policy: Policy, account: &str, installation: &str, cluster: &str) -> anyhow::Result<String> {
        let wanted = Iam { account: None, cluster_uid: None, installation: installation.to_owned(), policy };
        filled(&wanted, account, cluster)
    }

    #[test]
    fn nothing_is_left_to_fill_in() {
        for policy in [Policy::Operator, Policy::Application, Policy::Queue, Policy::Instances] {
            let text = of(policy, "123456789012", "blue").unwrap();
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
            for word in [ACCOUNT, CLUSTER, INSTALLATION] {
                assert!(!text.contains(word), "{policy:?} {word}");
            }
            // A word in capitals with an underscore would be one more that somebody has to replace.
            let blanks =
                text.split(|one: char| !one.is_ascii_uppercase() && one != '_').filter(|word| word.contains('_'));
            assert_eq!(blanks.count(), 0, "{policy:?}");
        }
        assert!(of(Policy::Operator, "123456789012", "blue").unwrap().contains(r#"installation": "blue""#));
    }

    #[test]
    fn what_is_no_account_is_said() {
        assert!(of(Policy::Operator, "1234", "default").unwrap_err().to_string().contains("twelve digits"));
        assert!(of(Policy::Operator, "123456789012", "a\"b").unwrap_err().to_string().contains("--installation"));
    }

    #[test]
    fn a_uid_is_a_word_that_cannot_end_a_string_of_the_policy() {
        for wrong in ["", "a\"b", "a*", "a b", "a\n"] {
            let why = of_cluster(Policy::Operator, "123456789012", "default", wrong).unwrap_err().to_string();
            assert_eq!(why, format!("--cluster-uid {wrong:?}: letters, digits, -, _ and . only"));
        }
    }
}
