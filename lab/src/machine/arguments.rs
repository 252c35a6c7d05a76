//! Arguments of the real commands, as far as the stand-ins understand them.

/// A `systemctl` call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Systemctl {
    DaemonReload,
    Enable {
        now: bool,
        units: Vec<String>,
    },
    Disable(Vec<String>),
    Start {
        wait: bool,
        units: Vec<String>,
    },
    Stop(Vec<String>),
    Restart(Vec<String>),
    IsActive(Vec<String>),
    /// Properties of a unit, one `NAME=VALUE` a line.
    Show {
        properties: Vec<String>,
        unit: String,
    },
}

/// Reads a `systemctl` call. A verb that is not known is an error: a boot script that uses it would work here and
/// mean something else.
pub(super) fn systemctl(arguments: &[String]) -> Result<Systemctl, String> {
    let (options, words): (Vec<&String>, Vec<&String>) = arguments.iter().partition(|word| word.starts_with('-'));
    let mut units: Vec<_> = words.iter().skip(1).map(|name| full_name(name)).collect();
    let (mut now, mut wait, mut properties) = (false, true, Vec::new());
    for option in options {
        match option.as_str() {
            "--now" => now = true,
            "--no-block" => wait = false,
            "--quiet" | "-q" | "--system" => {}
            other => match other.strip_prefix("--property=") {
                Some(names) => properties.extend(names.split(',').map(str::to_owned)),
                None => return Err(format!("the lab's systemctl does not know {other}")),
            },
        }
    }
    let verb = words.first().map_or("", |verb| verb.as_str());
    if let Some(strange) = units.iter().find(|name| name.contains('/')) {
        return Err(format!("{strange:?} is not the name of a unit"));
    }
    if verb == "daemon-reload" {
        units.clear();
    } else if units.is_empty() {
        return Err(format!("systemctl {verb}: which unit?"));
    }
    match verb {
        "daemon-reload" => Ok(Systemctl::DaemonReload),
        "enable" => Ok(Systemctl::Enable { now, units }),
        "disable" => Ok(Systemctl::Disable(units)),
        "start" => Ok(Systemctl::Start { wait, units }),
        "show" if units.len() == 1 && !properties.is_empty() => {
            Ok(Systemctl::Show { properties, unit: units.remove(0) })
        }
        "stop" => Ok(Systemctl::Stop(units)),
        "restart" => Ok(Systemctl::Restart(units)),
        "is-active" => Ok(Systemctl::IsActive(units)),
        other => Err(format!(
            "the lab's systemctl does not know {other:?}: it has daemon-reload, enable [--now], disable, start [--no-block], stop, restart, is-active, show --property=NAME UNIT"
        )),
    }
}

/// A name without a type is a service.
fn full_name(name: &str) -> String {
    if name.contains('.') { name.to_owned() } else { format!("{name}.service") }
}

/// Whether a `shutdown` call means "power off now".
pub(super) fn shutdown(arguments: &[String]) -> Result<(), String> {
    let (options, times): (Vec<&String>, Vec<&String>) = arguments.iter().partition(|word| word.starts_with('-'));
    let known = options.iter().all(|option| matches!(option.as_str(), "-h" | "-P" | "--poweroff" | "--no-wall"));
    match times.first().map(|time| time.as_str()) {
        Some("now" | "+0") if known => Ok(()),
        _ => Err("the lab's shutdown knows only: shutdown -h now".to_owned()),
    }
}

/// Unit and number of lines that a `journalctl` call asks for.
pub(super) fn journalctl(arguments: &[String]) -> Result<(String, usize), String> {
    let (mut unit, mut lines) = (None, 10);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let (option, inline) = word.split_once('=').map_or((word.as_str(), None), |(a, b)| (a, Some(b.to_owned())));
        let mut value = || inline.clone().or_else(|| words.next().cloned()).ok_or(format!("{option} needs a value"));
        match option {
            "-u" | "--unit" => unit = Some(full_name(&value()?)),
            "-n" | "--lines" => lines = value()?.parse().map_err(|_| format!("{option} needs a number"))?,
            "-o" | "--output" => drop(value()?),
            "--no-pager" | "-q" | "--quiet" => {}
            // What the unit itself said, without systemd's words about it, of which the lab has none.
            "_SYSTEMD_UNIT" => unit = Some(full_name(&value()?)),
            other => return Err(format!("the lab's journalctl does not know {other}")),
        }
    }
    let unit = unit.ok_or("the lab's journalctl needs --unit")?;
    if unit.contains('/') { Err(format!("{unit:?} is not the name of a unit")) } else { Ok((unit, lines)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn systemctl_takes_options_anywhere_and_completes_names() {
        let units = vec!["a.service".to_owned(), "b.timer".to_owned()];
        assert_eq!(
            systemctl(&words("enable --now a b.timer")),
            Ok(Systemctl::Enable { now: true, units: units.clone() })
        );
        assert_eq!(systemctl(&words("is-active -q a b.timer")), Ok(Systemctl::IsActive(units)));
        assert_eq!(systemctl(&words("daemon-reload")), Ok(Systemctl::DaemonReload));
        assert_eq!(
            systemctl(&words("start --no-block a")),
            Ok(Systemctl::Start { wait: false, units: vec!["a.service".to_owned()] })
        );
        assert_eq!(
            systemctl(&words("show --property=Result,NRestarts --property=ExecMainStatus a")),
            Ok(Systemctl::Show {
                properties: ["Result", "NRestarts", "ExecMainStatus"].map(str::to_owned).into(),
                unit: "a.service".to_owned()
            })
        );
        for wrong in ["", "start", "mask a", "start --user a", "start ../a", "show a", "show --property=A a b"] {
            assert!(systemctl(&words(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn shutdown_means_now_or_nothing() {
        assert!(["-h now", "-P now", "now", "-h +0"].iter().all(|text| shutdown(&words(text)).is_ok()));
        assert!(["", "-r now", "+5", "-c", "-h 12:00"].iter().all(|text| shutdown(&words(text)).is_err()));
    }

    #[test]
    fn journalctl_takes_both_spellings() {
        let expected = Ok(("a.service".to_owned(), 1));
        assert_eq!(journalctl(&words("-u a -n 1 -o cat --no-pager")), expected);
        assert_eq!(journalctl(&words("--unit=a.service --lines=1")), expected);
        assert_eq!(journalctl(&words("-n 1 _SYSTEMD_UNIT=a.service")), expected);
        assert!(journalctl(&words("-f")).is_err() && journalctl(&words("-u ../x")).is_err());
    }
}
