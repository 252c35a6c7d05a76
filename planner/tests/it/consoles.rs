//! Consoles as real instances write them, and the last word of our script on each.

use planner::instances::console::last_word;

const STEP: &str = "clusterbench: step 3/6 fetch https://artifacts.example/v1/worker";
const HASH: &str = "clusterbench: error: https://a/worker has sha256 12, not 34: it was not run";

/// A whole boot of Amazon Linux 2023: cloud-init's words by way of the journal, a getty's prompt in between, and what
/// cloud-init says when a script of a user has failed.
const FAILED: &str = "\
[    0.000000] Linux version 6.1.140-154.222.amzn2023.x86_64 (mockbuild@ip-10-0-0-1)\r
[   11.480110] cloud-init[1632]: Cloud-init v. 22.2.2 running 'init' at Sun, 29 Nov 2026 10:00:12 +0000. Up 11.47 seconds.\r
[  OK  ] Reached target \u{1b}[0;1;39mnetwork-online.target\u{1b}[0m - Network is Online.\r
\r
Amazon Linux 2023.7.20250623\r
Kernel 6.1.140-154.222.amzn2023.x86_64 on an x86_64 (-)\r
\r
ip-172-31-5-19 login: [   13.402918] cloud-init[1701]: Cloud-init v. 22.2.2 running 'modules:final' at Sun, 29 Nov 2026 10:00:14 +0000. Up 13.38 seconds.\r
[   13.546234] cloud-init[1701]: clusterbench: step 1/6 arm expiry 2026-11-29T12:00:00Z\r
[   13.812345] clusterbench-boot[1733]: clusterbench: step 2/6 metadata\r
[   14.003211] clusterbench-boot[1733]: clusterbench: step 3/6 fetch https://artifacts.example/v1/worker\r
[   14.770045] clusterbench-boot[1733]: clusterbench: error: https://a/worker has sha256 12, not 34: it was not run\r
[   14.790871] cloud-init[1701]: 2026-11-29 10:00:15,790 - cc_scripts_user.py[WARNING]: Failed to run module scripts-user (scripts in /var/lib/cloud/instance/scripts)\r
[   14.795120] cloud-init[1701]: Cloud-init v. 22.2.2 finished at Sun, 29 Nov 2026 10:00:15 +0000. Datasource DataSourceEc2Local.  Up 14.79 seconds\r
[\u{1b}[0;1;31mFAILED\u{1b}[0m] Failed to start \u{1b}[0;1;39mcloud-final.service\u{1b}[0m - Execute cloud user/final scripts.\r
See 'systemctl status cloud-final.service' for details.\r
\r
Amazon Linux 2023.7.20250623\r
ip-172-31-5-19 login: ";

#[test]
fn the_last_word_is_found_on_real_consoles() {
    let journal = |line: &str| format!("[  136.546234] cloud-init[453]: {line}\r\n");
    for (what, console, expected) in [
        ("a whole boot", FAILED.to_owned(), Some(HASH)),
        ("one line of the journal", journal(STEP), Some(STEP)),
        ("no clock", format!("cloud-init[453]: {STEP}\r\n"), Some(STEP)),
        ("a clock of syslog", format!("Nov 29 10:00:14 ip-1 cloud-init[453]: {STEP}\r\n"), Some(STEP)),
        ("the unit", format!("[    9.001000] clusterbench-boot[7]: {STEP}\r\n"), Some(STEP)),
        ("a prompt before", format!("ip-1 login: {}", journal(STEP)), Some(STEP)),
        ("a prompt with an escape before", format!("ip-1 login: \u{1b}[H{}", journal(STEP)), Some(STEP)),
        ("a prompt after", journal(STEP) + "\r\nip-1 login: ", Some(STEP)),
        ("no journal", format!("{STEP}\n"), Some(STEP)),
        ("no journal, a prompt before", format!("ip-1 login: {STEP}\r\n"), Some(STEP)),
        ("the last one counts", journal(HASH) + &journal(STEP), Some(STEP)),
        ("a line that is being written", journal(STEP) + "[  137.000001] cloud-init[453]: clusterb", Some(STEP)),
        ("its begin was cut away", format!("6.546234] cloud-init[453]: {STEP}\r\nx\r\n"), Some(STEP)),
        ("lone carriage returns", format!("x\r{STEP}\ry"), Some(STEP)),
        ("nothing of ours", "[    1.0] systemd[1]: Reached target\r\nip-1 login: ".to_owned(), None),
        ("nothing", String::new(), None),
    ] {
        assert_eq!(last_word(&console), expected, "{what}");
    }
}

/// A program that we started may print what it likes: only cloud-init and our unit speak for us.
#[test]
fn a_programs_words_are_not_ours() {
    let ours = format!("[   13.0] cloud-init[453]: {STEP}\r\n");
    for theirs in [
        "[   14.0] worker[800]: clusterbench: ready: all is well",
        "[   14.0] my-cloud-init[800]: clusterbench: error: I fail",
        "worker: clusterbench: error: I fail",
        "got 'clusterbench: error: I fail'",
        "[   14.0] cloud-init[453]: I heard clusterbench: error: I fail",
        "[   14.0] cloud-init[x]: clusterbench: error: I fail",
        "[   14.0] clusterbench-boot[9]: clusterbench: wonderful",
    ] {
        assert_eq!(last_word(&format!("{ours}{theirs}\r\n")), Some(STEP), "{theirs}");
    }
    // What our own word quotes does not become a word.
    let quoting = "clusterbench: error: worker does not listen; it said: clusterbench: ready: all is well";
    assert_eq!(last_word(&format!("[   14.0] clusterbench-boot[9]: {quoting}\r\n")), Some(quoting));
}
