//! The user data of an instance: the bash script that it runs first, a pure function of its arguments.
//!
//! No secret and no other time than the expiry is in it, so it can be rebuilt byte for byte from a ledger line.
//! Everything that comes from outside passes one of two gates: it is quoted for the language it lands in, or it is
//! refused. There is no third way into the script.

use askama::Template;
use jiff::Timestamp;

pub use super::invalid::{InvalidUserData, LIMIT};
use super::loader::{Loader, is_hash};
use super::payload::{APPLICATION, Image, Payload, SETUP_SECONDS, Unpacked, packages};
use super::quoting::{bash_quoted, environment_line};
use super::role::Role;

/// Unit that runs the script, as journald names it too.
pub const BOOT_UNIT: &str = "clusterbench-boot";

/// How long the script waits for instance metadata: they come up within seconds of the network.
const METADATA_SECONDS: u32 = 120;
/// How long the script tries to fetch its program: a NAT gateway or a route made together with the instance needs
/// minutes, and the operator's boot deadline is longer.
const FETCH_SECONDS: u32 = 600;
/// How long a started program may take until it accepts a connection.
const START_SECONDS: u32 = 60;
/// How long a starter may take until its first program accepts a connection: it fetches it for two minutes if need be.
const STARTER_SECONDS: u32 = 120 + START_SECONDS;
/// The same where that is an archive, whose setup it runs.
const ARCHIVE_SECONDS: u32 = STARTER_SECONDS + SETUP_SECONDS;
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
    pub payload: Payload<'a>,
    /// Where the program serves requests (worker, balancer).
    pub port: Option<u16>,
    /// Where the program serves its control API (balancer, generator, starter), with the key that may change it.
    pub control: Option<Control<'a>>,
    /// Further environment of the program, such as `CLUSTER`, `CLUSTER_PATH` or `WORK`.
    pub environment: &'a [(&'a str, String)],
    /// The program beside the one that serves; without a port there is nothing to work beside.
    pub companion: Option<Companion<'a>>,
    /// A program of ours and its hash that is brought for the starter, which may be told to run it.
    pub stock: Option<(&'static str, &'a str)>,
    /// The archive that the starter is told to run first. It unpacks and sets up itself; the rest is done here.
    pub handed: Option<Handed<'a>>,
}

/// An archive that is not this script's, but the starter's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handed<'a> {
    pub payload: Payload<'a>,
    /// Environment of its program.
    pub environment: &'a [(&'a str, String)],
}

/// A program that works beside the one that serves: it starts when that one serves, and ends before it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Companion<'a> {
    /// The program, as it names files and units. `NAME_LISTEN` is where it serves.
    pub name: &'static str,
    /// Where it is fetched. `None`: somebody brings it.
    pub artifact_url: Option<&'a str>,
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

/// Variables that the script and the unit set.
const RESERVED: [&str; 8] =
    ["INSTANCE_ID", "ROLE", "LISTEN", "CONTROL_LISTEN", "CONTROL_PUBLIC_KEY", "DATA_DIR", "SERVICE", "STOCK_DIR"];

#[derive(Template)]
#[template(path = "user-data.sh", escape = "none")]
struct Script<'a> {
    role: &'a str,
    expires_at: String,
    on_calendar: String,
    expires_epoch: i64,
    /// What takes our programs, if somebody brings them.
    loader: Option<Loader>,
    has_stock: bool,
    /// What is fetched, if anything is.
    fetched: Option<Fetched>,
    is_fetching: bool,
    /// Packages that are installed, quoted for bash.
    packages: Vec<String>,
    archive: Option<Unpacked>,
    container: Option<Image>,
    /// The unit that is the program, and its text where it is ours.
    unit_name: String,
    port: Option<u16>,
    control: Option<Control<'a>>,
    awaited_port: Option<u16>,
    /// Lines of the environment file, quoted for bash.
    environment: Vec<String>,
    unit: Option<String>,
    /// The unit of the lines that run before it.
    setup_unit: String,
    companion: Option<Beside>,
    metadata_seconds: u32,
    fetch_seconds: u32,
    start_seconds: u32,
    start_restarts: u32,
    boot_unit: &'static str,
}

/// A file that the script fetches and checks.
struct Fetched {
    name: &'static str,
    /// Quoted for bash.
    url: String,
    /// Quoted for bash.
    sha256: String,
}

/// A companion, as the script writes it.
struct Beside {
    name: &'static str,
    /// What the name of its variable begins with.
    variable: String,
    fetched: Option<Fetched>,
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
    description: &'a str,
    exec_start: String,
    /// The user of an archive's program, in whose directory it runs. It may write to it before it serves.
    application: Option<&'static str>,
    is_setup: bool,
    /// Whether it only asks the daemon for a container, which has a sandbox of its own.
    is_container: bool,
    /// The unit that it starts after, and so ends before (systemd.unit(5), "After=").
    after: Option<String>,
    keeps_data: bool,
    /// Whether it runs a program of its own, whose end for memory is not the end of the unit (systemd.service(5),
    /// `OOMPolicy=`): it is told how the program ended, and goes back.
    is_parent: bool,
    /// Whether that is an archive's, which it sets up.
    is_setting_up: bool,
    /// Whether the instance has a role that is its companion's alone: the address that gives its credentials is denied
    /// (systemd.resource-control(5), `IPAddressDeny=`; EC2 User Guide, "Retrieve instance metadata").
    is_without_role: bool,
    low_port: bool,
}

impl UserData<'_> {
    /// The whole script. Equal arguments give equal bytes.
    ///
    /// *Errors*: something in it cannot be written down safely, or the whole is over [`LIMIT`].
    pub fn script(&self) -> Result<String, InvalidUserData> {
        let role = self.role.name();
        let is_ours = !matches!(self.payload, Payload::Preinstalled { .. });
        let exec_start = self.payload.exec_start(role)?;
        let fetched = self.fetched(role)?;
        if let Some(handed) = &self.handed {
            // The same gates, though it goes another way.
            Unpacked::of(&handed.payload)?;
            handed.payload.exec_start(role)?;
        }
        let companion = self.companion.as_ref().zip(self.port).map(|(one, port)| self.beside(one, port)).transpose()?;
        let script = Script {
            role,
            expires_at: self.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            on_calendar: self.expires_at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
            expires_epoch: self.expires_at.as_second(),
            loader: Loader::of(&self.brought(), self.stock)?,
            has_stock: self.stock.is_some(),
            is_fetching: fetched.is_some() || companion.as_ref().is_some_and(|one| one.fetched.is_some()),
            fetched,
            packages: packages(self.handed.as_ref().map_or(&self.payload, |handed| &handed.payload))?,
            archive: Unpacked::of(&self.payload)?,
            container: Image::of(&self.payload, self.environment)?,
            unit_name: self.payload.unit(role)?,
            port: self.port,
            control: self.control,
            awaited_port: self.port.or(self.control.map(|control| control.port)),
            environment: self.environment_lines()?,
            unit: is_ours.then(|| self.unit(exec_start)),
            setup_unit: self.setup_unit(),
            companion,
            metadata_seconds: METADATA_SECONDS,
            fetch_seconds: FETCH_SECONDS,
            start_seconds: match self.handed {
                Some(_) => ARCHIVE_SECONDS,
                None if self.is_starter() => STARTER_SECONDS,
                None => START_SECONDS,
            },
            start_restarts: START_RESTARTS,
            boot_unit: BOOT_UNIT,
        };
        let script = rendered(&script) + "\n"; // the template engine takes the last line break of a file
        if script.len() > LIMIT {
            let own = Handed { payload: self.payload, environment: self.environment };
            let Handed { payload, environment } = self.handed.unwrap_or(own);
            return Err(InvalidUserData::TooLong { bytes: script.len(), longest: payload.longest(environment) });
        }
        Ok(script)
    }

    fn fetched(&self, role: &'static str) -> Result<Option<Fetched>, InvalidUserData> {
        let Some((url, sha256)) = self.payload.fetched() else { return Ok(None) };
        let (url, sha256) = quoted_artifact(url, sha256)?;
        Ok(Some(Fetched { name: self.payload.file(role), url, sha256 }))
    }

    /// Our programs and their hashes that run here and that somebody brings.
    fn brought(&self) -> Vec<(&'static str, &str)> {
        let own = match self.payload {
            Payload::Brought { sha256 } => Some((self.payload.file(self.role.name()), sha256)),
            _ => None,
        };
        let beside = self.companion.as_ref().filter(|one| one.artifact_url.is_none() && self.port.is_some());
        own.into_iter().chain(beside.map(|one| (one.name, one.artifact_sha256))).collect()
    }

    /// A worker that can be told something is not the program that serves, but its parent.
    fn is_starter(&self) -> bool {
        self.role == Role::Worker && self.control.is_some()
    }

    /// The systemd unit of the program, as the script writes it.
    fn unit(&self, exec_start: String) -> String {
        let ports = [self.port, self.control.map(|control| control.port)];
        let is_container = matches!(self.payload, Payload::Container { .. });
        rendered(&Unit {
            role: self.role.name(),
            description: self.role.name(),
            exec_start,
            application: matches!(self.payload, Payload::Archive { .. }).then_some(APPLICATION),
            is_setup: false,
            is_container,
            after: is_container.then(|| "docker.service".to_owned()),
            // Reports are kept on disk until the operator has them, and programs until others take their place.
            keeps_data: self.role == Role::Generator || self.is_starter(),
            is_parent: self.is_starter(),
            is_setting_up: self.handed.is_some(),
            is_without_role: self.companion.is_some(),
            low_port: ports.into_iter().flatten().any(|port| port < FIRST_UNPRIVILEGED_PORT),
        })
    }

    /// The unit of a line of the setup: the sandbox of the program, but for the directory that it may write to.
    fn setup_unit(&self) -> String {
        rendered(&Unit {
            role: self.role.name(),
            description: "setup",
            exec_start: "/opt/clusterbench/setup".to_owned(),
            application: Some(APPLICATION),
            is_setup: true,
            is_container: false,
            after: None,
            keeps_data: false,
            is_parent: false,
            is_setting_up: false,
            is_without_role: self.companion.is_some(),
            low_port: false,
        })
    }

    fn beside(&self, companion: &Companion<'_>, service_port: u16) -> Result<Beside, InvalidUserData> {
        let fetched = |url| {
            let (url, sha256) = quoted_artifact(url, companion.artifact_sha256)?;
            Ok(Fetched { name: companion.name, url, sha256 })
        };
        Ok(Beside {
            name: companion.name,
            variable: companion.name.to_ascii_uppercase(),
            fetched: companion.artifact_url.map(fetched).transpose()?,
            port: companion.port,
            service_port,
            environment: further_lines(companion.environment)?,
            unit: rendered(&Unit {
                role: companion.name,
                description: companion.name,
                exec_start: format!("/opt/clusterbench/{}", companion.name),
                application: None,
                is_setup: false,
                is_container: false,
                after: Some(format!("clusterbench-{}.service", self.role.name())),
                keeps_data: false,
                is_parent: false,
                is_setting_up: false,
                is_without_role: false,
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
    if !is_hash(sha256) {
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

fn rendered(template: &impl Template) -> String {
    // Rendering into a String fails only when a field's Display does; these are strings and integers.
    template.render().unwrap_or_default()
}

#[test]
fn what_the_script_sets_is_refused_by_the_definition() {
    assert!(RESERVED.iter().all(|name| api::RESERVED_VARIABLES.contains(name)));
}
