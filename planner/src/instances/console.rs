//! The console of an instance, and the last line on it that our script wrote.
//!
//! What a script of cloud-init or a unit prints reaches the console through the journal. journald puts a clock and
//! `NAME[PID]: ` before each line (systemd, `src/journal/journald-console.c`), the terminal ends it with CR LF, and the
//! prompt of a getty, which ends without a line break, stands before it on the same line:
//!
//! ```text
//! ip-10-0-0-5 login: [  136.546234] cloud-init[453]: clusterbench: step 1/6 arm expiry 2026-11-29T12:00:00Z
//! ```
//!
//! (Such lines: clustervision/trinity#723, openshift/osd-network-verifier's tests, and a guest with systemd 252 and
//! cloud-init 22.4.2, 2026-11-29.) Everything else that writes there is no word of ours, even if it says the same.

use crate::desired::user_data::BOOT_UNIT;

/// Every line of our script starts so.
const OURS: &str = "clusterbench: ";
/// A word that starts so says that the boot failed, and why.
pub const ERROR: &str = "clusterbench: error:";
/// A word that starts so says that the program was started.
pub const READY: &str = "clusterbench: ready:";
/// A word that starts so says what is being done.
pub const STEP: &str = "clusterbench: step";
/// The step in which an instance waits for programs that are brought to it (templates/await.sh).
pub const AWAIT: &str = "clusterbench: step 3/6 await";

/// Who may speak for us. A program that we started is none of them, whatever it prints.
const SPEAKERS: [&str; 2] = ["cloud-init", BOOT_UNIT];

/// The last thing that our script said, from `clusterbench: ` on. `None`: it has said nothing yet, or EC2 has cut it
/// away (the last 64 KB are kept).
pub fn last_word(console: &str) -> Option<&str> {
    console.rsplit(['\n', '\r']).find_map(word)
}

/// Our word in one line. What is quoted in it may look like another one, so the first counts.
fn word(line: &str) -> Option<&str> {
    let (at, _) = line.match_indices(OURS).find(|(at, _)| is_begun_by_us(&line[..*at]))?;
    let word = line[at..].trim_end();
    [ERROR, READY, STEP].iter().any(|start| word.starts_with(start)).then_some(word)
}

/// Whether what stands before a word is what stands before ours: the name of a speaker, or nothing of a program's.
fn is_begun_by_us(before: &str) -> bool {
    match before.strip_suffix("]: ").and_then(|before| before.rsplit_once('[')) {
        Some((before, pid)) if !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit()) => {
            let name = before.rsplit(|letter: char| letter.is_whitespace()).next().unwrap_or_default();
            SPEAKERS.contains(&name)
        }
        // Without a journal the script writes to the console itself.
        _ => before.is_empty() || before.ends_with(" login: "),
    }
}
