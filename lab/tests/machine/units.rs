//! The stand-ins for systemd's commands.

use super::*;

#[test]
fn systemctl_starts_stops_and_tells() {
    let (mut lab, address) = (Lab::new("systemctl"), address(8));
    let script = r#"#!/bin/bash
cat >"$DESTDIR/etc/systemd/system/a.service" <<'UNIT'
[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=/bin/bash -c 'echo "$GREETING from $DATA_DIR"; exec sleep 600'
Environment=GREETING=hello DATA_DIR=%S/a
StateDirectory=a
[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable --now a || echo "enable failed"
systemctl is-active a
systemctl stop a
systemctl is-active a || echo "code $?"
systemctl restart a
systemctl is-active a
until journalctl -u a -n 1 -o cat --no-pager | grep hello; do sleep 0.05; done
systemctl start absent || echo "code $?"
link=$DESTDIR/etc/systemd/system/multi-user.target.wants/a.service
[ -L "$link" ] && echo linked
systemctl disable a
[ -L "$link" ] || echo unlinked
systemctl is-active a
echo done
"#;
    lab.start(spec(address, script.to_owned()));
    assert_eq!(lab.event(), started());
    let lines = until("the end of the script", || {
        Some(lab.said()).filter(|said| said.last().is_some_and(|line| line == "done"))
    });
    let greeting =
        format!("hello from {}", lab.directory().canonicalize().expect("path").join("root/var/lib/a").display());
    let expected = [
        "active",
        "inactive",
        "code 3",
        "active",
        &greeting,
        "Unit absent.service not found.",
        "code 1",
        "linked",
        "unlinked",
        "active",
        "done",
    ];
    assert_eq!(lines, expected);
}

/// Prints as journald does for `StandardOutput=journal+console`; `--no-block` does not wait for it.
#[test]
fn a_unit_that_speaks_on_the_console_is_named_there_and_tells_how_it_ended() {
    let (mut lab, address) = (Lab::new("speaks"), address(13));
    let script = r#"#!/bin/bash
cat >"$DESTDIR/etc/systemd/system/a.service" <<'UNIT'
[Service]
Type=oneshot
ExecStart=/bin/bash -c 'until [ -e "$DESTDIR/go" ]; do sleep 0.05; done; echo "clusterbench: ready: a"; exit 7'
SyslogIdentifier=clusterbench-boot
StandardOutput=journal+console
UNIT
cat >"$DESTDIR/etc/systemd/system/b.service" <<'UNIT'
[Service]
ExecStart=/absent
Restart=always
RestartSec=50ms
[Unit]
StartLimitIntervalSec=0
UNIT
systemctl start --no-block a
systemctl is-active a || echo "code $?"
touch "$DESTDIR/go"
until [ "$(systemctl is-active a)" = failed ]; do sleep 0.05; done
systemctl show --property=Result,ExecMainStatus a
until journalctl -u a -n 1 | grep ready; do sleep 0.05; done
systemctl start b || echo "b failed"
until systemctl show --property=NRestarts b | grep -qE '=([2-9]|[1-9][0-9])'; do sleep 0.05; done
systemctl show --property=Result --property=ExecMainStatus b
echo done
"#;
    lab.start(spec(address, script.to_owned()));
    assert_eq!(lab.event(), started());
    let said = until("the end", || Some(lab.said()).filter(|said| said.last().is_some_and(|line| line == "done")));
    let first = ["activating", "code 3", "Result=exit-code", "ExecMainStatus=7", "clusterbench: ready: a"];
    assert_eq!(said[..5], first);
    assert_eq!(said[said.len() - 4..], ["b failed", "Result=exit-code", "ExecMainStatus=203", "done"]);
    assert_eq!(lab.last_word(), "clusterbench: ready: a");
    assert!(lab.console().contains("] clusterbench-boot["), "{}", lab.console());
}

#[test]
fn an_expired_instance_powers_off_by_its_timer() {
    let (mut lab, address) = (Lab::new("expiry"), address(5));
    // On a slow day the first lives are too short for a whole boot; then the next one is longer.
    let served = [3, 10, 40].into_iter().any(|seconds| {
        let expires_at = Timestamp::now() + SignedDuration::from_secs(seconds);
        let script = UserData { expires_at, ..lab.user_data() }.script().expect("script");
        lab.start(spec(address, script));
        assert_eq!(lab.event(), started());
        let mut served = false;
        let ended = until("the end", || {
            served = served || get(address, "/health").is_some();
            lab.events.try_recv().ok()
        });
        assert_eq!(ended, MachineEvent::PoweredOff { id: ID.to_owned() });
        assert!(Timestamp::now().as_second() >= expires_at.as_second());
        assert_eq!((count_processes(&lab.state), get(address, "/health")), (0, None));
        served
    });
    // The worker served until then, so it was the timer that ended it and not the script.
    assert!(served, "no boot in time:\n{}", lab.console());
}
