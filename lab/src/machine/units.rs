//! Unit files: the part of systemd that our user data uses, and a clear refusal of what would be misunderstood.

use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;

use super::quoting::{assignment, command, split};
use super::spans::{calendar, span};

/// The kind of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Service(Box<Service>),
    Timer(Timer),
    Socket(Socket),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Service {
    pub kind: Kind,
    pub command: Vec<String>,
    pub environment: Vec<(String, String)>,
    /// Paths as the instance sees them; one that starts with `-` may be missing.
    pub environment_files: Vec<String>,
    /// Below /var/lib.
    pub state_directories: Vec<String>,
    pub restart: Restart,
    pub restart_delay: Duration,
    pub stop_limit: Duration,
    /// How long a oneshot may take.
    pub run_limit: Option<Duration>,
    /// How long one that is no oneshot may run.
    pub longest_run: Option<Duration>,
    /// Whether a connection is its input and output (systemd.exec(5), "StandardInput="), and its errors go to the journal.
    pub is_on_socket: bool,
    /// A path of this machine, or one as the instance sees it.
    pub working_directory: Option<String>,
    /// Units that it starts after, and so ends before (systemd.unit(5), "After=").
    pub after: Vec<String>,
    /// At most so many starts in so long; `None`: no limit.
    pub start_limit: Option<(u32, Duration)>,
    /// Whether what it prints goes to the console too, and under which name.
    pub console: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Started once its process runs.
    Lasting,
    /// Started once its process has ended.
    Oneshot,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Restart {
    No,
    OnFailure,
    Always,
}

/// Runs a service at one point in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Timer {
    pub due: Timestamp,
    pub service: String,
    /// Whether it makes up for a time at which it was not active (systemd.timer(5), "Persistent=").
    pub is_persistent: bool,
}

/// Starts a service for each connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Socket {
    pub address: SocketAddr,
    /// Connections at a time (systemd.socket(5), "MaxConnections="), and those of one address (there, "MaxConnectionsPerSource=";
    /// `None`: no limit of their own).
    pub most: usize,
    pub most_of_one: Option<usize>,
}

/// Settings that change what a service does and that the lab does not have.
const NOT_KNOWN: [&str; 8] = [
    "RemainAfterExit",
    "ExecStartPre",
    "ExecStartPost",
    "ExecStop",
    "ExecStopPost",
    "ExecReload",
    "ExecCondition",
    "RootDirectory",
];

/// The directories of this machine that specifiers stand for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places<'a> {
    /// `%S`
    pub state: &'a str,
    /// `%T`
    pub temporary: &'a str,
}

/// Reads the unit `name` from its text.
pub(super) fn parse(name: &str, text: &str, places: Places<'_>) -> Result<Unit, String> {
    let settings = Settings::read(text)?;
    if name.ends_with(".timer") {
        let due = settings.last("Timer", "OnCalendar").ok_or("a timer needs OnCalendar= in [Timer]")?;
        let service = settings.last("Timer", "Unit").map(str::to_owned);
        let service = service.unwrap_or_else(|| name.trim_end_matches(".timer").to_owned() + ".service");
        let is_persistent = settings.last("Timer", "Persistent").map_or(Ok(false), |text| truth("Persistent", text))?;
        return Ok(Unit::Timer(Timer { due: calendar(due)?, service, is_persistent }));
    }
    if name.ends_with(".socket") {
        return settings.socket().map(Unit::Socket);
    }
    if let Some(key) = NOT_KNOWN.iter().find(|key| settings.last("Service", key).is_some()) {
        return Err(format!("the lab's systemctl does not know {key}="));
    }
    settings.service(places).map(|service| Unit::Service(Box::new(service)))
}

/// Targets that want the unit when it is enabled.
pub(super) fn wanted_by(text: &str) -> Vec<String> {
    let settings = Settings::read(text).unwrap_or_default();
    settings.all("Install", "WantedBy").flat_map(str::split_whitespace).map(str::to_owned).collect()
}

/// Names of the units that this one starts after.
pub(super) fn after(text: &str) -> Vec<String> {
    let settings = Settings::read(text).unwrap_or_default();
    settings.all("Unit", "After").flat_map(str::split_whitespace).map(str::to_owned).collect()
}

/// A truth value (systemd.syntax(7)).
fn truth(key: &str, text: &str) -> Result<bool, String> {
    match text {
        "1" | "yes" | "true" | "on" => Ok(true),
        "0" | "no" | "false" | "off" => Ok(false),
        other => Err(format!("{key}={other} is neither true nor false")),
    }
}

/// `(section, key, value)` in file order.
#[derive(Default)]
struct Settings(Vec<(String, String, String)>);

impl Settings {
    fn read(text: &str) -> Result<Self, String> {
        let (mut section, mut settings) = (String::new(), Vec::new());
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = name.to_owned();
                continue;
            }
            if line.ends_with('\\') {
                return Err(format!("{line:?}: the lab's systemctl does not know continued lines"));
            }
            let (key, value) = assignment(line)?;
            settings.push((section.clone(), key.trim().to_owned(), value.trim().to_owned()));
        }
        Ok(Self(settings))
    }

    fn all<'a>(&'a self, section: &str, key: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(s, k, _)| s == section && k == key).map(|(_, _, value)| value.as_str())
    }

    fn last(&self, section: &str, key: &str) -> Option<&str> {
        self.all(section, key).last()
    }

    fn span(&self, section: &str, key: &str, default: Duration) -> Result<Duration, String> {
        self.last(section, key).map_or(Ok(default), |text| span(text).map_err(|why| format!("{key}=: {why}")))
    }

    /// One address, one service for each connection.
    fn socket(&self) -> Result<Socket, String> {
        let accepts = self.last("Socket", "Accept").map_or(Ok(false), |text| truth("Accept", text))?;
        if !accepts {
            return Err("the lab's systemctl knows sockets with Accept=yes only".to_owned());
        }
        let mut addresses = self.all("Socket", "ListenStream");
        let address = addresses.next().and_then(|text| text.parse().ok());
        let address = address.filter(|_| addresses.next().is_none());
        let address = address.ok_or("the lab's systemctl knows one ListenStream= of an IP address and a port")?;
        let number = |key: &str, default| {
            let number = self.last("Socket", key).map_or(Ok(default), str::parse::<usize>);
            number.map_err(|_| format!("{key}= must be a number"))
        };
        let of_one = number("MaxConnectionsPerSource", 0)?;
        Ok(Socket { address, most: number("MaxConnections", 64)?, most_of_one: (of_one > 0).then_some(of_one) })
    }

    /// Defaults are systemd's own.
    fn service(&self, places: Places<'_>) -> Result<Service, String> {
        let expand = |text: &str| specifiers(text, places);
        let mut commands = self.all("Service", "ExecStart");
        let line = commands.next().ok_or("a service needs ExecStart= in [Service]")?;
        if commands.next().is_some() {
            return Err("the lab's systemctl knows one ExecStart= only".to_owned());
        }
        let command = command(&expand(line)?)?;
        if !command.first().is_some_and(|program| program.starts_with('/')) {
            return Err("ExecStart= must start with an absolute path".to_owned());
        }
        let kind = match self.last("Service", "Type").unwrap_or("simple") {
            "simple" | "exec" => Kind::Lasting,
            "oneshot" => Kind::Oneshot,
            other => return Err(format!("the lab's systemctl does not know Type={other}")),
        };
        let restart = match self.last("Service", "Restart").unwrap_or("no") {
            "no" => Restart::No,
            "on-failure" => Restart::OnFailure,
            "always" => Restart::Always,
            other => return Err(format!("the lab's systemctl does not know Restart={other}")),
        };
        let mut environment = Vec::new();
        for text in self.all("Service", "Environment") {
            for word in split(&expand(text)?)? {
                environment.push(assignment(&word)?);
            }
        }
        let interval = self.span("Unit", "StartLimitIntervalSec", Duration::from_secs(10))?;
        let burst = self.last("Unit", "StartLimitBurst").map_or(Ok(5), str::parse);
        let burst: u32 = burst.map_err(|_| "StartLimitBurst= must be a number")?;
        let name = self.last("Service", "SyslogIdentifier").map(str::to_owned);
        let name = name.or_else(|| Some(command.first()?.rsplit('/').next()?.to_owned()));
        let streams = ["StandardInput", "StandardOutput", "StandardError"].map(|key| self.last("Service", key));
        let is_on_socket = streams == [Some("socket"), Some("socket"), Some("journal")];
        let console = match streams[1].unwrap_or("journal") {
            _ if !is_on_socket && (streams[0].is_some() || streams[2].is_some()) => {
                return Err("the lab's systemctl knows StandardInput= and StandardError= only as socket and journal, with StandardOutput=socket".to_owned());
            }
            "socket" if is_on_socket => None,
            "journal" => None,
            "journal+console" => name,
            other => return Err(format!("the lab's systemctl does not know StandardOutput={other}")),
        };
        let words_of =
            |section, key| self.all(section, key).flat_map(str::split_whitespace).map(str::to_owned).collect();
        let words = |key| words_of("Service", key);
        Ok(Service {
            kind,
            command,
            environment,
            environment_files: self.all("Service", "EnvironmentFile").map(str::to_owned).collect(),
            state_directories: words("StateDirectory"),
            restart,
            restart_delay: self.span("Service", "RestartSec", Duration::from_millis(100))?,
            stop_limit: self.span("Service", "TimeoutStopSec", Duration::from_secs(90))?,
            run_limit: self
                .last("Service", "TimeoutStartSec")
                .map(span)
                .transpose()
                .map_err(|why| format!("TimeoutStartSec=: {why}"))?,
            longest_run: self
                .last("Service", "RuntimeMaxSec")
                .map(span)
                .transpose()
                .map_err(|why| format!("RuntimeMaxSec=: {why}"))?,
            is_on_socket,
            working_directory: self.last("Service", "WorkingDirectory").map(expand).transpose()?,
            after: words_of("Unit", "After"),
            start_limit: (!interval.is_zero()).then_some((burst, interval)),
            console,
        })
    }
}

fn specifiers(text: &str, places: Places<'_>) -> Result<String, String> {
    let mut out = String::new();
    let mut parts = text.split('%');
    out.push_str(parts.next().unwrap_or_default());
    while let Some(part) = parts.next() {
        match part.chars().next() {
            Some(which @ ('S' | 'T')) => {
                out.push_str(if which == 'S' { places.state } else { places.temporary });
                out.push_str(&part[1..]);
            }
            // Two percent signs are one, and what follows is text.
            None if parts.clone().next().is_some() => {
                out.push('%');
                out.push_str(parts.next().unwrap_or_default());
            }
            _ => return Err(format!("{text:?}: the lab's systemctl knows only the specifiers %S, %T and %%")),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(text: &str) -> Result<Service, String> {
        let places = Places { state: "/instance/var/lib", temporary: "/instance/tmp" };
        match parse("x.service", text, places)? {
            Unit::Service(service) => Ok(*service),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_service_is_read_with_systemds_defaults() {
        let read = service("[Unit]\nDescription=x\n[Service]\nExecStart=/opt/x --a 'b c' 5%%\n").expect("service");
        assert_eq!(read.command, ["/opt/x", "--a", "b c", "5%"]);
        assert_eq!(
            (read.kind, read.restart, read.restart_delay),
            (Kind::Lasting, Restart::No, Duration::from_millis(100))
        );
        assert_eq!(read.start_limit, Some((5, Duration::from_secs(10))));
    }

    #[test]
    fn all_that_our_units_use_is_understood() {
        let read = service(
            "[Unit]\nAfter=network-online.target y.service\nStartLimitIntervalSec=0\n[Service]\nType=exec\nExecStart=/opt/x\nEnvironmentFile=/etc/x.env\n\
             Restart=always\nRestartSec=1\nTimeoutStopSec=30\nStateDirectory=x y\nEnvironment=DATA_DIR=%S/x \"B=c d\"\n\
             SystemCallFilter=~@privileged\n",
        )
        .expect("service");
        assert_eq!(
            (read.restart, read.restart_delay, read.start_limit),
            (Restart::Always, Duration::from_secs(1), None)
        );
        assert_eq!(
            (read.after, read.stop_limit),
            (vec!["network-online.target".into(), "y.service".into()], Duration::from_secs(30))
        );
        assert_eq!(read.environment[0], ("DATA_DIR".to_owned(), "/instance/var/lib/x".to_owned()));
        assert_eq!(read.environment[1], ("B".to_owned(), "c d".to_owned()));
        assert_eq!(
            (read.state_directories, read.environment_files),
            (vec!["x".into(), "y".into()], vec!["/etc/x.env".into()])
        );
    }

    #[test]
    fn a_setup_has_its_directory_and_its_time() {
        let read = service(
            "[Service]\nType=oneshot\nExecStart=/opt/setup\nUser=x\nWorkingDirectory=%S/x\nEnvironment=HOME=%S/x TMPDIR=%T\nTimeoutStartSec=600\n",
        )
        .expect("service");
        assert_eq!(read.working_directory.as_deref(), Some("/instance/var/lib/x"));
        assert_eq!(read.environment[1], ("TMPDIR".to_owned(), "/instance/tmp".to_owned()));
        assert_eq!((read.kind, read.run_limit), (Kind::Oneshot, Some(Duration::from_secs(600))));
    }

    #[test]
    fn a_service_that_speaks_on_the_console_has_a_name_there() {
        let console = |more: &str| service(&format!("[Service]\nExecStart=/opt/x a\n{more}")).expect("service").console;
        assert_eq!(console(""), None);
        assert_eq!(console("StandardOutput=journal+console\n"), Some("x".to_owned()));
        assert_eq!(console("SyslogIdentifier=y\nStandardOutput=journal+console\n"), Some("y".to_owned()));
    }

    #[test]
    fn a_service_of_a_connection_has_it_as_input_and_output() {
        let read = service(
            "[Service]\nExecStart=/opt/x\nStandardInput=socket\nStandardOutput=socket\nStandardError=journal\nRuntimeMaxSec=180\n",
        )
        .expect("service");
        assert_eq!((read.is_on_socket, read.longest_run), (true, Some(Duration::from_secs(180))));
        let half = "[Service]\nExecStart=/opt/x\nStandardInput=socket\nStandardOutput=socket\n";
        assert!(service(half).expect_err("refused").contains("StandardError="));
    }

    #[test]
    fn a_socket_has_an_address_and_a_limit() {
        let socket = |text: &str| parse("x.socket", text, Places { state: "", temporary: "" });
        let address = "10.0.0.1:8081".parse().expect("address");
        let of = |most, most_of_one| Ok(Unit::Socket(Socket { address, most, most_of_one }));
        let text = "[Socket]\nListenStream=10.0.0.1:8081\nAccept=yes\n";
        assert_eq!(socket(text), of(64, None));
        assert_eq!(socket(&format!("{text}MaxConnections=4\nMaxConnectionsPerSource=2\n")), of(4, Some(2)));
        assert!(socket("[Socket]\nListenStream=10.0.0.1:8081\n").expect_err("refused").contains("Accept=yes"));
        assert!(socket("[Socket]\nListenStream=8081\nAccept=yes\n").expect_err("refused").contains("ListenStream="));
    }

    #[test]
    fn what_would_be_misunderstood_is_refused() {
        for (text, why) in [
            ("[Service]\n", "needs ExecStart="),
            ("[Service]\nExecStart=x\n", "absolute path"),
            ("[Service]\nExecStart=/x\nExecStartPre=/y\n", "does not know ExecStartPre="),
            ("[Service]\nExecStart=/x\nType=notify\n", "does not know Type=notify"),
            ("[Service]\nExecStart=/x\nRestart=on-abort\n", "does not know Restart=on-abort"),
            ("[Service]\nExecStart=/x\nStandardOutput=tty\n", "does not know StandardOutput=tty"),
            ("[Service]\nExecStart=/x %i\n", "only the specifiers"),
            ("[Service]\nExecStart=/x \\\n y\n", "continued lines"),
        ] {
            let error = service(text).expect_err(text);
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn a_timer_names_its_time_and_its_service() {
        let timer = |text: &str| parse("x.timer", text, Places { state: "", temporary: "" });
        let due: Timestamp = "2026-11-22T14:30:05Z".parse().expect("time");
        assert_eq!(
            timer("[Timer]\nOnCalendar=2026-11-22 14:30:05 UTC\nPersistent=true\n"),
            Ok(Unit::Timer(Timer { due, service: "x.service".to_owned(), is_persistent: true }))
        );
        let once = Timer { due, service: "y.service".to_owned(), is_persistent: false };
        assert_eq!(timer("[Timer]\nOnCalendar=2026-11-22 14:30:05 UTC\nUnit=y.service\n"), Ok(Unit::Timer(once)));
        let unsure = "[Timer]\nOnCalendar=2026-11-22 14:30:05 UTC\nPersistent=perhaps\n";
        assert!(timer(unsure).expect_err("refused").contains("Persistent=perhaps"));
        assert!(timer("[Timer]\nOnCalendar=hourly\n").expect_err("refused").contains("one point"));
        assert_eq!(wanted_by("[Install]\nWantedBy=timers.target\n"), ["timers.target"]);
    }
}
