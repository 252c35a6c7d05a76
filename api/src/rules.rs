//! Rules of the schema for the spelling of texts. A rule has a sentence with the way out, where a `pattern` would answer
//! a mistake with a regular expression.

use kube::core::Rule;

/// The text matches; the regular expression holds no double quote.
fn spelled(pattern: &str, sentence: &str) -> Rule {
    Rule::new(format!("self.matches(r\"{pattern}\")")).message(sentence)
}

pub(crate) fn cluster_name() -> Rule {
    spelled(
        "^[a-z]([-a-z0-9]*[a-z0-9])?$",
        "name: lower-case letters, digits and inner hyphens, the first a letter, such as cluster1: it is a part of a URL and of tags",
    )
}

pub(crate) fn instance_type() -> Rule {
    spelled(
        "^[a-z0-9-]+[.][a-z0-9-]+$",
        "instanceType: write an EC2 instance type in lower-case letters, family and size with a dot between, such as t2.micro",
    )
}

pub(crate) fn cluster_path() -> Rule {
    spelled(
        "^/[-a-z0-9]+(/[-a-z0-9]+)*$",
        "path: a slash and lower-case letters, digits or hyphens, such as /cluster1 or /shop/v2, without a slash at the end; / alone cannot be served",
    )
}

pub(crate) fn shared_path() -> Rule {
    spelled(
        "^/([-a-z0-9]+(/[-a-z0-9]+)*)?$",
        "shared.path: a slash, alone or with lower-case letters, digits or hyphens behind it, such as / or /all, without a slash at the end",
    )
}

/// The same of a path for the members of all clusters.
pub(crate) fn no_shared_page_of_a_worker() -> Rule {
    let pages = wire::WORKER_PAGES.map(|page| format!("'{page}'")).join(", ");
    let sentence = format!(
        "shared.path: workers answer {} themselves, choose another path, such as /",
        wire::WORKER_PAGES.join(", ")
    );
    Rule::new(format!("!(self.path in [{pages}])")).message(sentence.as_str())
}

/// A cluster at such a path would be answered by the page of the worker, and never by the service under test.
pub(crate) fn no_page_of_a_worker() -> Rule {
    let pages = wire::WORKER_PAGES.map(|page| format!("'{page}'")).join(", ");
    let sentence = format!(
        "path: workers answer {} themselves, give the cluster another name or path",
        wire::WORKER_PAGES.join(", ")
    );
    Rule::new(format!("!((has(self.path) ? self.path : '/' + self.name) in [{pages}])")).message(sentence.as_str())
}

pub(crate) fn run_id() -> Rule {
    spelled(
        "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        "runId: lower-case letters, digits and inner hyphens, such as 2 or nightly-2026-11-29: names of reports contain it",
    )
}

pub(crate) fn artifact_url() -> Rule {
    spelled(
        "^https?://[!-&(-~]+$",
        "artifactUrl: an address that begins with http:// or https:// and holds neither spaces nor quotes; instances have no credentials, so of an object in S3 write its https address",
    )
}

pub(crate) fn sha256() -> Rule {
    spelled("^[0-9a-f]{64}$", "artifactSha256: 64 lower-case hexadecimal digits, as sha256sum prints them")
}

pub(crate) fn corpus_url() -> Rule {
    spelled(
        "^https?://[!-&(-~]+$",
        "url: an address that begins with http:// or https:// and holds neither spaces nor quotes",
    )
}

pub(crate) fn corpus_sha256() -> Rule {
    spelled("^[0-9a-f]{64}$", "sha256: 64 lower-case hexadecimal digits, as sha256sum prints them")
}

pub(crate) fn form_field() -> Rule {
    spelled(
        "^[A-Za-z0-9_.-]+$",
        "field: the name of a form's field, letters, digits and the characters _ . -, such as inputFile",
    )
}

pub(crate) fn artifact_with_hash() -> Rule {
    Rule::new("has(self.artifactUrl) == has(self.artifactSha256)")
        .message("worker: artifactUrl and artifactSha256 go together, set both or none")
}

pub(crate) fn time_of_work() -> Rule {
    Rule::new("self.profile == 'Echo' ? !has(self.meanMicros) : has(self.meanMicros)")
        .message("work: Sleep and Spin need meanMicros, Echo has none")
}

/// IAM names are letters, digits and these (IAM API reference, InstanceProfile).
pub(crate) fn instance_profile() -> Rule {
    spelled(
        "^[A-Za-z0-9+=,.@_-]+$",
        "instanceProfile: the name of an instance profile, not its ARN and not that of its role, such as clusterbench-queue",
    )
}

pub(crate) fn image_alias() -> Rule {
    spelled(
        "^[a-z0-9.-]+$",
        "alias: the name of a family of images in lower-case letters, such as al2023; for one image set id instead",
    )
}

pub(crate) fn image_id() -> Rule {
    spelled("^ami-[0-9a-f]+$", "id: the id of an image, such as ami-0123456789abcdef0; for a family set alias instead")
}

pub(crate) fn subnet_ids() -> Rule {
    Rule::new("self.all(id, id.matches(r'^subnet-[0-9a-f]+$'))")
        .message("subnetIds: each entry is the id of a subnet, such as subnet-0123456789abcdef0")
}

pub(crate) fn health_path() -> Rule {
    spelled(
        "^/[-a-zA-Z0-9_.~/%]*$",
        "path: a slash and then letters, digits and the characters - _ . ~ / %, such as /health",
    )
}

/// The success codes of an Application Load Balancer are 200 to 499 (API reference, Matcher).
pub(crate) fn health_statuses() -> Rule {
    spelled(
        "^[234][0-9][0-9]([,-][234][0-9][0-9])*$",
        "statuses: HTTP statuses from 200 to 499, one, several with commas between, or a range, such as 200-499",
    )
}

pub(crate) fn method() -> Rule {
    spelled("^[A-Z]+$", "method: write the method in capitals, such as GET or POST")
}

pub(crate) fn header_name() -> Rule {
    // The characters of a token (RFC 9110, 5.6.2).
    spelled(
        "^[-!#$%&'*+.^_`|~0-9A-Za-z]+$",
        "name: the name of a header is letters, digits and hyphens, without the colon, such as Accept",
    )
}

pub(crate) fn header_value() -> Rule {
    spelled("^[ -~]*$", "value: the value of a header is printable ASCII on one line")
}

/// AWS keeps `aws:` for itself, in keys and values and in any mixture of capitals
/// (https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html).
pub(crate) fn no_reserved_tag() -> Rule {
    Rule::new(
        "self.all(t, !t.key.startsWith('clusterbench.dev/') && !t.key.lowerAscii().startsWith('aws:') && !t.value.lowerAscii().startsWith('aws:'))",
    )
    .message("tags: keys under clusterbench.dev/ and keys and values that begin with aws: are reserved, choose another")
}
