//! Images that the lab has.

use crate::kubelet::launch::Waiting;
use crate::kubelet::spec::Container;

/// The repository of the operator's image, as the chart names it by default. What stands behind each of its tags and digests is
/// the binary that this lab was started with.
const REPOSITORY: &str = "registry.invalid/clusterbenchmark/operator";

/// Refuses what the lab has no binary for, as a kubelet says it (`pkg/kubelet/images/types.go`).
pub(super) fn judge(container: &Container) -> Result<(), Waiting> {
    let image = &container.image;
    if repository(image) == REPOSITORY {
        return Ok(());
    }
    let has = format!("the lab pulls no images and has {REPOSITORY} only, with any tag");
    Err(if container.image_pull_policy == "Never" {
        let message = format!("Container image \"{image}\" is not present with pull policy of Never: {has}");
        Waiting { reason: "ErrImageNeverPull", message }
    } else {
        Waiting { reason: "ImagePullBackOff", message: format!("Back-off pulling image \"{image}\": {has}") }
    })
}

/// The name without tag and digest. A colon before the last slash is of a port.
fn repository(image: &str) -> &str {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(image: &str, policy: &str) -> Result<(), Waiting> {
        judge(&serde_json::from_value(json!({ "name": "a", "image": image, "imagePullPolicy": policy })).unwrap())
    }

    #[test]
    fn only_the_operators_image_is_there_with_any_tag() {
        for tag in ["", ":0.1.0", ":next", "@sha256:11", ":1@sha256:11"] {
            assert_eq!(judged(&format!("{REPOSITORY}{tag}"), "Always"), Ok(()));
        }
        for image in ["nginx", "registry.invalid:5000/clusterbenchmark/operator:1", "registry.example.com/operator:1"] {
            let waiting = judged(image, "IfNotPresent").unwrap_err();
            assert_eq!(waiting.reason, "ImagePullBackOff");
            assert!(waiting.message.contains(image) && waiting.message.contains(REPOSITORY), "{waiting:?}");
            assert_eq!(judged(image, "Never").unwrap_err().reason, "ErrImageNeverPull");
        }
    }
}
