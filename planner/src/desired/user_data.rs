//! The user data of an instance: the bash script that it runs first, a pure function of its arguments.
//!
//! No secret and no other time than the expiry is in it, so it can be rebuilt byte for byte from a ledger line.
//! Everything that comes from outside passes one of two gates: it is quoted for the language it lands in, or it is
//! refused. There is no third way into the script.

use askama::Template;
use jiff::Timestamp;

use super::role::Role;

/// Unit that runs the script, as journald names it too.
pub const BOOT_UNIT: &str = "clusterbench-boot";

/// EC2's limit on user data, in raw bytes.
pub const LIMIT: usize = 16_384;

/// How long the script waits for instance metadata: they come up within seconds of the network.
const METADATA_SECONDS: u32 = 120;
/// How long the script tries to fetch its program: a NAT gateway or a route made together with the instance needs
/// minutes, and the operator's boot deadline is longer.
const FETCH_SECONDS: u32 = 600;
/// How long a started program may take until it accepts a connection.
const START_SECONDS: u32 = 60;
/// How long a starter may take until its first program accepts a connection: it fetches it for two minutes if need be.
const STARTER_SECONDS: u32 = 120 + START_SECONDS;
/// How often a program may end until it is said not to start: it is started again a second after each end.
const START_RESTARTS: u32 = 10;
/// Ports below need a capability.
const FIRST_UNPRIVILEGED_PORT: u16 = 1024;

/// What the script is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserData<'a> {
    pub role: Role,
    /// When the instance shuts itself down, whatever happens to the operator.
    pub expires_at: Timestamp,
    pub artifact_url: &'a str,
    pub artifact_sha256: &'a str,
    /// Where the program serves requests (worker, balancer).
    pub port: Option<u16>,
    /// Where the program serves its control API (balancer, generator, starter), with the key that may change it.
    pub control: Option<Control<'a>>,
    /// Further environment of the program, such as `CLUSTER`, `CLUSTER_PATH` or `WORK`.
    pub environment: &'a [(&'a str, String)],
    /// The program beside the one that serves; without a port there is nothing to work beside.
    pub companion: Option<Companion<'a>>,
}

/// A program that works beside the one that serves: it starts when that one serves, and ends before it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Companion<'a> {
    /// The program, as it names files and units. `NAME_LISTEN` is where it serves.
    pub name: &'static str,
    pub artifact_url: &'a str,
    pub artifact_sha256: &'a str,
    /// Where it serves.
    pub port: u16,
    /// Its environment, but for `INSTANCE_ID`, `NAME_LISTEN`, and `SERVICE`, the address of the program beside it.
    pub environment: &'a [(&'a str, String)],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control<'a> {
    pub port: u16,
    pub public_key: &'a str,
}

/// Why there is no script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUserData {
    #[error("the user data would be {bytes} bytes and EC2 takes {LIMIT}: shorten the worker's environment")]
    TooLong { bytes: usize },
    #[error("environment variable {0:?}: a name is letters, digits and '_', and does not start with a digit")]
    Name(String),
    #[error("environment variable {0}: it is set by us, choose another name")]
    Reserved(String),
    #[error("environment variable {0}: its value holds a control character, which systemd would not pass on")]
    Value(String),
    #[error("artifact url {0:?}: it must start with http:// or https:// and hold visible ASCII characters only")]
    Url(String),
    #[error("artifact sha256 {0:?}: it must be 64 lower-case hexadecimal digits")]
    Sha256(String),
}

/// Variables that the script and the unit set.
const RESERVED: [&str; 7] =
    ["INSTANCE_ID", "ROLE", "LISTEN", "CONTROL_LISTEN", "CONTROL_PUBLIC_KEY", "DATA_DIR", "SERVICE"];

#[derive(Template)]
#[template(path = "user-data.sh", escape = "none")]
struct Script<'a> {
    role: &'a str,
    expires_at: String,
    on_calendar: String,
    expires_epoch: i64,
    /// Quoted for bash.
    url: String,
    /// Quoted for bash.
    sha256: String,
    port: Option<u16>,
    control: Option<Control<'a>>,
    awaited_port: Option<u16>,
    /// Lines of the environment file, quoted for bash.
    environment: Vec<String>,
    unit: String,
    companion: Option<Beside>,
    metadata_seconds: u32,
    fetch_seconds: u32,
    start_seconds: u32,
    start_restarts: u32,
    boot_unit: &'static str,
}

/// A companion, as the script writes it.
struct Beside {
    name: &'static str,
    /// What the name of its variable begins with.
    variable: String,
    /// Quoted for bash.
    url: String,
    /// Quoted for bash.
    sha256: String,
    port: u16,
    /// Where the program serves that it works beside.
    service_port: u16,
    /// Lines of the environment file, quoted for bash.
    environment: Vec<String>,
    unit: String,
}

#[derive(Template)]
#[template(path = "unit.service", escape = "none")]
struct Unit<'a> {
    role: &'a str,
    /// The unit that it starts after, and so ends before (systemd.unit(5), "After=").
    after: Option<String>,
    keeps_data: bool,
    /// Whether it runs a program of its own, whose end for memory is not the end of the unit (systemd.service(5),
    /// `OOMPolicy=`): it is told how the program ended, and goes back.
    is_parent: bool,
    low_port: bool,
}

impl UserData<'_> {
    /// The whole script. Equal arguments give equal bytes.
    ///
    /// *Errors*: something in it cannot be written down safely, or the whole is over [`LIMIT`].
    pub fn script(&self) -> Result<String, InvalidUserData> {
        let (url, sha256) = quoted_artifact(self.artifact_url, self.artifact_sha256)?;
        let script = Script {
            role: self.role.name(),
            expires_at: self.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            on_calendar: self.expires_at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
            expires_epoch: self.expires_at.as_second(),
            url,
            sha256,
            port: self.port,
            control: self.control,
            awaited_port: self.port.or(self.control.map(|control| control.port)),
            environment: self.environment_lines()?,
            unit: self.unit(),
            companion: self.companion.as_ref().zip(self.port).map(|(one, port)| self.beside(one, port)).transpose()?,
            metadata_seconds: METADATA_SECONDS,
            fetch_seconds: FETCH_SECONDS,
            start_seconds: if self.is_starter() { STARTER_SECONDS } else { START_SECONDS },
            start_restarts: START_RESTARTS,
            boot_unit: BOOT_UNIT,
        };
        let script = rendered(&script) + "\n"; // the template engine takes the last line break of a file
        if script.len() > LIMIT { Err(InvalidUserData::TooLong { bytes: script.len() }) } else { Ok(script) }
    }

    /// A worker that can be told something is not the program that serves, but its parent.
    fn is_starter(&self) -> bool {
        self.role == Role::Worker && self.control.is_some()
    }

    /// The systemd unit of the program, as the script writes it.
    fn unit(&self) -> String {
        let ports = [self.port, self.control.map(|control| control.port)];
        rendered(&Unit {
            role: self.role.name(),
            after: None,
            // Reports are kept on disk until the operator has them, and programs until others take their place.
            keeps_data: self.role == Role::Generator || self.is_starter(),
            is_parent: self.is_starter(),
            low_port: ports.into_iter().flatten().any(|port| port < FIRST_UNPRIVILEGED_PORT),
        })
    }

    fn beside(&self, companion: &Companion<'_>, service_port: u16) -> Result<Beside, InvalidUserData> {
        let (url, sha256) = quoted_artifact(companion.artifact_url, companion.artifact_sha256)?;
        Ok(Beside {
            name: companion.name,
            variable: companion.name.to_ascii_uppercase(),
            url,
            sha256,
            port: companion.port,
            service_port,
            environment: further_lines(companion.environment)?,
            unit: rendered(&Unit {
                role: companion.name,
                after: Some(format!("clusterbench-{}.service", self.role.name())),
                keeps_data: false,
                is_parent: false,
                low_port: companion.port < FIRST_UNPRIVILEGED_PORT,
            }),
        })
    }

    fn environment_lines(&self) -> Result<Vec<String>, InvalidUserData> {
        let key = self.control.iter().map(|control| ("CONTROL_PUBLIC_KEY", control.public_key));
        let key = key.map(|(name, value)| Ok(bash_quoted(&environment_line(name, value)?)));
        key.chain(further_lines(self.environment)?.into_iter().map(Ok)).collect()
    }
}

/// Where a program comes from, quoted for bash.
fn quoted_artifact(url: &str, sha256: &str) -> Result<(String, String), InvalidUserData> {
    let is_http = url.starts_with("https://") || url.starts_with("http://");
    if !is_http || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(InvalidUserData::Url(url.to_owned()));
    }
    if sha256.len() != 64 || !sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(InvalidUserData::Sha256(sha256.to_owned()));
    }
    Ok((bash_quoted(url), bash_quoted(sha256)))
}

/// Lines of an environment file, quoted for bash, without what the script sets itself.
fn further_lines(environment: &[(&str, String)]) -> Result<Vec<String>, InvalidUserData> {
    if let Some((name, _)) = environment.iter().find(|(name, _)| RESERVED.contains(name)) {
        return Err(InvalidUserData::Reserved((*name).to_owned()));
    }
    environment.iter().map(|(name, value)| Ok(bash_quoted(&environment_line(name, value)?))).collect()
}

/// `NAME="value"` as systemd reads it from an `EnvironmentFile=`: inside double quotes a backslash takes the meaning
/// from `"`, `\`, `` ` `` and `$`, and everything else stands for itself, line breaks included.
fn environment_line(name: &str, value: &str) -> Result<String, InvalidUserData> {
    let starts_well = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    if !starts_well || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(InvalidUserData::Name(name.to_owned()));
    }
    if value.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\t')) {
        return Err(InvalidUserData::Value(name.to_owned()));
    }
    let mut line = format!("{name}=\"");
    for character in value.chars() {
        if matches!(character, '"' | '\\' | '`' | '$') {
            line.push('\\');
        }
        line.push(character);
    }
    line.push('"');
    Ok(line)
}

/// One bash word that means exactly `text`: single quotes keep everything but the single quote.
fn bash_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn rendered(template: &impl Template) -> String {
    // Rendering into a String fails only when a field's Display does; these are strings and integers.
    template.render().unwrap_or_default()
}
