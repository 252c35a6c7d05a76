//! Rules of the schema for programs of users: which fields go together, and how they are spelled.
//!
//! What is refused here could not be handed on as it is: a control character would not pass systemd's or the console, and
//! an option would be read where a name is meant.

use kube::core::Rule;

/// Variables that instances set themselves.
pub const RESERVED_VARIABLES: [&str; 15] = [
    "INSTANCE_ID",
    "ROLE",
    "LISTEN",
    "CONTROL_LISTEN",
    "CONTROL_PUBLIC_KEY",
    "DATA_DIR",
    "SERVICE",
    "STOCK_DIR",
    "CLUSTER",
    "CLUSTER_PATH",
    "SHARED_PATH",
    "WORK",
    "APPLICATION",
    "HOME",
    "TMPDIR",
];

/// Text that arrives unchanged: no control characters but line breaks and tabs. The regular expression holds no double quote.
const PLAIN: &str = r"^[^\x00-\x08\x0b-\x1f\x7f\x{80}-\x{9f}]*$";
/// The same on one line.
const ONE_LINE: &str = r"^[^\x00-\x08\x0a-\x1f\x7f\x{80}-\x{9f}]*$";

fn spelled(pattern: &str, sentence: &str) -> Rule {
    Rule::new(format!("self.matches(r\"{pattern}\")")).message(sentence)
}

fn each_spelled(pattern: &str, sentence: &str) -> Rule {
    Rule::new(format!("self.all(e, e.matches(r\"{pattern}\"))")).message(sentence)
}

pub(crate) fn one_kind() -> Rule {
    Rule::new("[has(self.work), has(self.artifactUrl), has(self.archive), has(self.container), has(self.preinstalled)].filter(k, k).size() <= 1")
        .message("worker: work, artifactUrl, archive, container and preinstalled are five kinds of programs: set one of them and remove the others")
}

pub(crate) fn archive_with_command() -> Rule {
    Rule::new("!has(self.archive) || has(self.command)")
        .message("worker: archive needs command, the program and its arguments, such as [python3, app.py]")
}

pub(crate) fn packages_of_archives() -> Rule {
    Rule::new("!has(self.packages) || has(self.archive)")
        .message("worker: packages are installed for an archive: set archive, or remove packages")
}

pub(crate) fn setup_of_archives() -> Rule {
    Rule::new("!has(self.setup) || has(self.archive)")
        .message("worker: setup runs in the directory of an archive: set archive, or remove setup")
}

pub(crate) fn command_of_programs() -> Rule {
    Rule::new("!has(self.command) || has(self.archive) || has(self.container)").message(
        "worker: command starts an archive, or is the arguments of a container: set archive or container, or remove command",
    )
}

pub(crate) fn environment_of_programs() -> Rule {
    Rule::new("!has(self.environment) || has(self.artifactUrl) || has(self.archive) || has(self.container)").message(
        "worker: environment is for artifactUrl, archive and container: set one of them, or remove environment; a unit of the image has its own",
    )
}

pub(crate) fn archive_url() -> Rule {
    spelled(
        "^https?://[!-&(-~]+$",
        "archive.url: an address that begins with http:// or https:// and holds neither spaces nor quotes; instances have no credentials, so of an object in S3 write its https address",
    )
}

pub(crate) fn archive_sha256() -> Rule {
    spelled("^[0-9a-f]{64}$", "archive.sha256: 64 lower-case hexadecimal digits, as sha256sum prints them")
}

pub(crate) fn container_image() -> Rule {
    spelled(
        "^[a-z0-9][a-zA-Z0-9._:/-]*@sha256:[0-9a-f]{64}$",
        "container.image: name the image by its digest, such as public.ecr.aws/x/app@sha256: and 64 hexadecimal digits: what a tag means changes, and a digest is what is measured",
    )
}

pub(crate) fn unit() -> Rule {
    spelled(
        "^[A-Za-z0-9][A-Za-z0-9:_.@-]*[.]service$",
        "preinstalled.unit: the name of a systemd service that the image has, such as app.service",
    )
}

/// Names of packages of Debian (policy manual, 5.6.1) and of RPM; no option of a package manager is one.
pub(crate) fn packages() -> Rule {
    each_spelled(
        "^[A-Za-z0-9][A-Za-z0-9+._-]*$",
        "packages: each entry is the name of a package of the image's repositories, such as python3-pip",
    )
}

pub(crate) fn setup() -> Rule {
    each_spelled(
        ONE_LINE,
        "setup: each entry is one line of shell without control characters: make several entries, or put a script into the archive",
    )
}

pub(crate) fn command() -> Rule {
    each_spelled(PLAIN, "command: words hold no control characters but line breaks and tabs")
}

/// `env` starts it, which takes options and assignments first (POSIX, env).
pub(crate) fn first_word() -> Rule {
    Rule::new("self.size() == 0 || self[0].matches(r\"^[^-=][^=]*$\")").message(
        "command: the first word is the program, by its name or by its path in the archive; it does not begin with - and holds no =",
    )
}

pub(crate) fn variable_name() -> Rule {
    spelled("^[A-Za-z_][A-Za-z0-9_]*$", "environment.name: letters, digits and _, and no digit first, such as WORKERS")
}

pub(crate) fn not_reserved() -> Rule {
    let names = RESERVED_VARIABLES.map(|name| format!("'{name}'")).join(", ");
    Rule::new(format!("!(self in [{names}])"))
        .message("environment.name: instances set this variable themselves, choose another name")
}

pub(crate) fn variable_value() -> Rule {
    spelled(PLAIN, "environment.value: no control characters but line breaks and tabs")
}

pub(crate) fn different_names() -> Rule {
    Rule::new("self.all(v, self.exists_one(w, w.name == v.name))")
        .message("environment: a variable is set twice, set each once")
}
