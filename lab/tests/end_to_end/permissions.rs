//! Permissions of the operator's own account, asked of the real API server.

use crate::lab::{Lab, shared};

/// kubectl with the token that the operator was given.
fn as_operator(lab: &Lab, words: &str) -> Result<String, String> {
    let kubeconfig = lab.operator_kubeconfig();
    let mut arguments = vec!["--kubeconfig", kubeconfig.to_str().unwrap()];
    arguments.extend(words.split_whitespace());
    lab.try_kubectl(&arguments, "")
}

/// `kubectl auth can-i` fails when the answer is no.
fn may(lab: &Lab, words: &str) -> bool {
    match as_operator(lab, &format!("auth can-i {words}")) {
        Ok(said) => said.trim() == "yes",
        Err(complaint) => {
            assert!(complaint.trim().is_empty() || complaint.contains("Warning"), "{words}: {complaint}");
            false
        }
    }
}

#[test]
fn the_operator_has_the_permissions_that_it_uses_and_no_others() {
    let Some(lab) = shared("permissions") else { return };
    for words in [
        "get clusterbenchmarks.clusterbench.dev --all-namespaces",
        "list clusterbenchmarks.clusterbench.dev --all-namespaces",
        "watch clusterbenchmarks.clusterbench.dev --all-namespaces",
        // Its finalizer.
        "patch clusterbenchmarks.clusterbench.dev --all-namespaces",
        "update clusterbenchmarks.clusterbench.dev --subresource=status --all-namespaces",
        "update clusterbenchmarks.clusterbench.dev --subresource=finalizers --all-namespaces",
        "get benchmarkreports.clusterbench.dev --all-namespaces",
        "list benchmarkreports.clusterbench.dev --all-namespaces",
        "create benchmarkreports.clusterbench.dev --all-namespaces",
        // Once, to add CloudWatch's account.
        "patch benchmarkreports.clusterbench.dev --all-namespaces",
        "get secrets/clusterbench-control-key --namespace clusterbenchmark-system",
        "create secrets --namespace clusterbenchmark-system",
        "create events.events.k8s.io --all-namespaces",
        "patch events.events.k8s.io --all-namespaces",
        "get namespaces/kube-system",
        "create leases.coordination.k8s.io --namespace clusterbenchmark-system",
        "get leases.coordination.k8s.io/clusterbenchmark-operator --namespace clusterbenchmark-system",
        "update leases.coordination.k8s.io/clusterbenchmark-operator --namespace clusterbenchmark-system",
    ] {
        assert!(may(lab, words), "may not {words}");
    }
    for words in [
        "get secrets/other --namespace clusterbenchmark-system",
        "list secrets --namespace clusterbenchmark-system",
        "get secrets/clusterbench-control-key --namespace default",
        "list secrets --all-namespaces",
        "create secrets --namespace default",
        "update secrets/clusterbench-control-key --namespace clusterbenchmark-system",
        "delete secrets/clusterbench-control-key --namespace clusterbenchmark-system",
        "get configmaps --namespace clusterbenchmark-system",
        "delete benchmarkreports.clusterbench.dev --all-namespaces",
        "update benchmarkreports.clusterbench.dev --all-namespaces",
        "create clusterbenchmarks.clusterbench.dev --all-namespaces",
        "delete clusterbenchmarks.clusterbench.dev --all-namespaces",
        "get namespaces/default",
        "delete events.events.k8s.io --all-namespaces",
        "update leases.coordination.k8s.io/other --namespace clusterbenchmark-system",
        "update leases.coordination.k8s.io/clusterbenchmark-operator --namespace default",
        "list pods --all-namespaces",
        "create pods --all-namespaces",
        "* *",
    ] {
        assert!(!may(lab, words), "may {words}");
    }
    // Not only in theory.
    lab.kubectl("create secret generic other --namespace clusterbenchmark-system --from-literal=key=value");
    let refusal = as_operator(lab, "get secret other --namespace clusterbenchmark-system").unwrap_err();
    assert!(refusal.contains("Forbidden") && refusal.contains("serviceaccount:clusterbenchmark-system:operator"));
    let key = as_operator(lab, "get secret clusterbench-control-key --namespace clusterbenchmark-system --output=name");
    assert_eq!(key.unwrap().trim(), "secret/clusterbench-control-key");
}
