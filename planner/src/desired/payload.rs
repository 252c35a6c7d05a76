//! The program of an instance in its four forms, as the user data brings it there.

use super::invalid::InvalidUserData;
use super::quoting::{bash_quoted, exec_words, is_plain};

/// The user that programs of an archive run as, and the directory below `/var/lib` that they run in.
pub(super) const APPLICATION: &str = "clusterbench-app";
/// What all lines of a setup may take together.
pub(super) const SETUP_SECONDS: u32 = 600;

/// What an instance runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// One executable file.
    File { url: &'a str, sha256: &'a str },
    /// One executable file of ours, which somebody brings.
    Brought { sha256: &'a str },
    /// Files, and a command that is started among them.
    Archive { url: &'a str, sha256: &'a str, packages: &'a [String], setup: &'a [String], command: &'a [String] },
    /// A container image, by its digest, and the arguments that it is given.
    Container { image: &'a str, arguments: &'a [String] },
    /// A unit that the image has.
    Preinstalled { unit: &'a str },
}

impl<'a> Payload<'a> {
    /// What is fetched, and its hash.
    pub(super) fn fetched(&self) -> Option<(&'a str, &'a str)> {
        match *self {
            Self::File { url, sha256 } | Self::Archive { url, sha256, .. } => Some((url, sha256)),
            Self::Brought { .. } | Self::Container { .. } | Self::Preinstalled { .. } => None,
        }
    }

    /// The name of the file that is fetched.
    pub(super) fn file(&self, program: &'static str) -> &'static str {
        if matches!(self, Self::Archive { .. }) { "archive" } else { program }
    }

    /// The unit that is the program.
    pub(super) fn unit(&self, program: &str) -> Result<String, InvalidUserData> {
        match *self {
            Self::Preinstalled { unit } => plain_name(unit).map(str::to_owned),
            _ => Ok(format!("clusterbench-{program}.service")),
        }
    }

    /// What its unit starts.
    pub(super) fn exec_start(&self, program: &str) -> Result<String, InvalidUserData> {
        match *self {
            // `env` looks names up and takes paths below the working directory, neither of which systemd does.
            Self::Archive { command, .. } => Ok(format!("/usr/bin/env {}", exec_words(command)?)),
            Self::Container { arguments, .. } if !arguments.is_empty() => {
                Ok(format!("/opt/clusterbench/{program} {}", exec_words(arguments)?))
            }
            _ => Ok(format!("/opt/clusterbench/{program}")),
        }
    }

    /// What takes most of the room that a user's fields have, for one who has to shorten it.
    pub(super) fn longest(&self, environment: &[(&str, String)]) -> &'static str {
        let length = |words: &[String]| words.iter().map(String::len).sum::<usize>();
        let of_environment = environment.iter().map(|(name, value)| name.len() + value.len()).sum();
        let mut fields = vec![("worker.environment", of_environment)];
        match *self {
            Self::Archive { packages, setup, command, .. } => {
                fields.extend([
                    ("worker.packages", length(packages)),
                    ("worker.setup", length(setup)),
                    ("worker.command", length(command)),
                ]);
            }
            Self::Container { arguments, .. } => fields.push(("worker.command", length(arguments))),
            Self::File { .. } | Self::Brought { .. } | Self::Preinstalled { .. } => {}
        }
        fields.into_iter().max_by_key(|(_, length)| *length).map_or("worker.environment", |(name, _)| name)
    }
}

/// What of an archive the script writes.
pub(super) struct Unpacked {
    pub(super) user: &'static str,
    /// Quoted for bash.
    pub(super) setup: Vec<String>,
    pub(super) setup_seconds: u32,
}

/// What of a container the script writes.
pub(super) struct Image {
    /// Quoted for bash.
    pub(super) name: String,
    /// Names of the variables that it is given.
    pub(super) variables: Vec<String>,
}

/// Packages that are installed for a program, quoted for bash.
pub(super) fn packages(payload: &Payload<'_>) -> Result<Vec<String>, InvalidUserData> {
    let Payload::Archive { packages, .. } = payload else { return Ok(Vec::new()) };
    packages.iter().map(|name| plain_name(name).map(bash_quoted)).collect()
}

impl Unpacked {
    pub(super) fn of(payload: &Payload<'_>) -> Result<Option<Self>, InvalidUserData> {
        let Payload::Archive { setup, .. } = payload else { return Ok(None) };
        let setup = setup.iter().map(|line| {
            let is_one_line = is_plain(line) && !line.contains('\n');
            if is_one_line { Ok(bash_quoted(line)) } else { Err(InvalidUserData::Setup(line.clone())) }
        });
        Ok(Some(Self { user: APPLICATION, setup: setup.collect::<Result<_, _>>()?, setup_seconds: SETUP_SECONDS }))
    }
}

impl Image {
    /// `environment` is that of the program, beside what every instance is told.
    pub(super) fn of(payload: &Payload<'_>, environment: &[(&str, String)]) -> Result<Option<Self>, InvalidUserData> {
        let Payload::Container { image, .. } = payload else { return Ok(None) };
        let (name, digest) = image.split_once('@').unwrap_or_default();
        let is_digest = digest.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64 && hex.bytes().all(is_hex));
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/-".contains(&byte);
        let starts_well = name.starts_with(|first: char| first.is_ascii_alphanumeric());
        if !is_digest || !starts_well || !name.bytes().all(is_name) {
            return Err(InvalidUserData::Image((*image).to_owned()));
        }
        let told = ["INSTANCE_ID", "ROLE", "LISTEN"].into_iter();
        let variables = told.chain(environment.iter().map(|(name, _)| *name)).map(str::to_owned).collect();
        Ok(Some(Self { name: bash_quoted(image), variables }))
    }
}

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// A name of a package or of a unit: no option of a command is one, and no path.
fn plain_name(name: &str) -> Result<&str, InvalidUserData> {
    let starts_well = name.starts_with(|first: char| first.is_ascii_alphanumeric());
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"+._:@-".contains(&byte);
    if starts_well && name.bytes().all(is_name) { Ok(name) } else { Err(InvalidUserData::PlainName(name.to_owned())) }
}
