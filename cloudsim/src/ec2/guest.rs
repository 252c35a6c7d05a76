//! The console of a guest with systemd and cloud-init (Amazon Linux 2023).
//!
//! Nothing reaches a console bare: journald puts a clock and the name of the speaker before each line that it forwards
//! (systemd, `src/journal/journald-console.c`), the terminal ends a line with CR LF, the prompt of a getty has no end
//! of line, and cloud-init has the last word (clustervision/trinity#723, canonical/multipass#2312,
//! aws-samples/big-blue-button-on-aws-cn#6; seen as well in a guest with systemd 252 and cloud-init 22.4.2).

use std::time::Duration;

use jiff::Timestamp;

/// The speaker of lines that a script of user data prints.
pub const CLOUD_INIT: &str = "cloud-init";

/// A line that journald forwards.
pub fn journal_line(uptime: Duration, name: &str, pid: u32, text: &str) -> String {
    format!("[{:>5}.{:06}] {name}[{pid}]: {text}\r\n", uptime.as_secs(), uptime.subsec_micros())
}

/// A line of the kernel.
pub fn kernel_line(uptime: Duration, text: &str) -> String {
    format!("[{:>5}.{:06}] {text}\r\n", uptime.as_secs(), uptime.subsec_micros())
}

/// The lines that a getty writes before cloud-init runs scripts. Whoever writes next writes on the prompt's line.
pub fn prompt(host: &str) -> String {
    format!("\r\nAmazon Linux 2023.7.20250623\r\nKernel 6.1.140-154.222.amzn2023 (-)\r\n\r\n{host} login: ")
}

/// The last lines of cloud-init when the script of the user data has ended; `failed`: with which code, if not 0.
pub fn farewell(now: Timestamp, uptime: Duration, failed: Option<i32>) -> String {
    let clock = now.strftime("%Y-%m-%d %H:%M:%S,%3f");
    let mut lines = Vec::new();
    if let Some(code) = failed {
        lines.push(format!(
            "{clock} - subp.py[WARNING]: Failed to run /var/lib/cloud/instance/scripts/part-001 [{code}]"
        ));
        let scripts = "(scripts in /var/lib/cloud/instance/scripts)";
        lines.push(format!("{clock} - cc_scripts_user.py[WARNING]: Failed to run module scripts-user {scripts}"));
        let module = "/usr/lib/python3.9/site-packages/cloudinit/config/cc_scripts_user.py";
        let module = format!("<module 'cloudinit.config.cc_scripts_user' from '{module}'>");
        lines.push(format!("{clock} - util.py[WARNING]: Running module scripts-user ({module}) failed"));
    }
    let (date, up) = (now.strftime("%a, %d %b %Y %H:%M:%S +0000"), uptime.as_secs_f64());
    lines.push(format!("Cloud-init v. 22.2.2 finished at {date}. Datasource DataSourceEc2Local.  Up {up:.2} seconds"));
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// The line of cloud-init about user data that it does not understand.
pub fn not_understood(now: Timestamp, user_data: &str) -> String {
    let (clock, begin) = (now.strftime("%Y-%m-%d %H:%M:%S,%3f"), user_data.chars().take(24).collect::<String>());
    format!("{clock} - __init__.py[WARNING]: Unhandled non-multipart (text/x-not-multipart) userdata: 'b{begin:?}...'")
}

/// The whole console of a guest whose script printed `lines`.
pub fn console(host: &str, lines: &[&str], failed: Option<i32>) -> String {
    let (booted, pid) = (Duration::from_micros(13_546_234), 1701);
    let script = lines.iter().map(|line| journal_line(booted, CLOUD_INIT, pid, line));
    let farewell = farewell(Timestamp::UNIX_EPOCH, booted, failed);
    let farewell = farewell.lines().map(|line| journal_line(booted, CLOUD_INIT, pid, line));
    [prompt(host)].into_iter().chain(script).chain(farewell).chain([prompt(host)]).collect()
}
