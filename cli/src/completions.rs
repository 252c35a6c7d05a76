//! Completions: the scripts of shells, and the answer to kubectl, which asks for those of a plugin. Pure.

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::{Arg, Command, CommandFactory as _};

use crate::arguments::{Arguments, Shell};

/// What [`OF_KUBECTL`] says first. No verb, so that no shell completes it.
const ASK: &str = "__complete";

/// The file `kubectl_complete-clusterbenchmark`. Kubectl runs it with the words after `kubectl clusterbenchmark`, of which the last
/// is being typed.
const OF_KUBECTL: &str = "\
#!/bin/sh
# kubectl_complete-clusterbenchmark, executable and in a directory of the PATH: kubectl asks it what can come next.
exec kubectl-clusterbenchmark __complete \"$@\"
";

/// The last line of an answer: cobra's ShellCompDirectiveNoFileComp. No file can come next.
const NO_FILES: &str = ":4";

pub(crate) fn script(shell: Shell) -> String {
    let shell = match shell {
        Shell::Kubectl => return OF_KUBECTL.to_owned(),
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Elvish => clap_complete::Shell::Elvish,
        Shell::Fish => clap_complete::Shell::Fish,
        Shell::PowerShell => clap_complete::Shell::PowerShell,
        Shell::Zsh => clap_complete::Shell::Zsh,
    };
    let mut text: Vec<u8> = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "kubectl-clusterbenchmark", &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// The words that kubectl asks about, if it is kubectl that asks.
pub(crate) fn asked(mut words: impl Iterator<Item = OsString>) -> Option<Vec<String>> {
    let first = words.next()?;
    (first.to_str() == Some(ASK)).then(|| words.map(|word| word.to_string_lossy().into_owned()).collect())
}

pub(crate) fn answer(words: &[String]) -> String {
    let mut command = Arguments::command();
    // With what every command has: --help, and the flags of the one above it.
    command.build();
    let mut lines = candidates(&command, words);
    lines.push(NO_FILES.to_owned());
    lines.join("\n") + "\n"
}

/// What the last word can become, each with its description: a subcommand, or a flag of the one that was chosen. Names and values are
/// not known here.
fn candidates(command: &Command, words: &[String]) -> Vec<String> {
    let Some((typed, before)) = words.split_last() else { return Vec::new() };
    let mut chosen = command;
    let mut is_value = false;
    for word in before {
        if is_value {
            is_value = false;
        } else if word.starts_with('-') {
            is_value = takes_the_next(chosen, word);
        } else if let Some(subcommand) = chosen.find_subcommand(word) {
            chosen = subcommand;
        } else if chosen.has_subcommands() {
            return Vec::new();
        }
    }
    if is_value {
        return Vec::new();
    }
    let named: Vec<(String, Option<&StyledStr>)> = if typed.starts_with('-') {
        chosen.get_arguments().filter(|arg| !arg.is_hide_set()).flat_map(flags).collect()
    } else {
        let shown = chosen.get_subcommands().filter(|one| !one.is_hide_set());
        shown.map(|one| (one.get_name().to_owned(), one.get_about())).collect()
    };
    let fitting = named.into_iter().filter(|(name, _)| name.starts_with(typed.as_str()));
    fitting.map(|(name, about)| described(&name, about)).collect()
}

fn flags(arg: &Arg) -> Vec<(String, Option<&StyledStr>)> {
    let long = arg.get_long().map(|name| format!("--{name}"));
    let short = arg.get_short().map(|letter| format!("-{letter}"));
    long.into_iter().chain(short).map(|flag| (flag, arg.get_help())).collect()
}

/// Whether the word after this flag is its value.
fn takes_the_next(command: &Command, flag: &str) -> bool {
    let found = command.get_arguments().find(|arg| flags(arg).iter().any(|(name, _)| name == flag));
    found.and_then(Arg::get_num_args).is_some_and(|count| count.min_values() > 0)
}

fn described(name: &str, about: Option<&StyledStr>) -> String {
    let about = about.map(ToString::to_string).unwrap_or_default();
    match about.lines().next() {
        Some(line) => format!("{name}\t{line}"),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(words: &[&str]) -> Vec<String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        answer(&words).lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_first_word_is_a_subcommand_with_what_it_does() {
        let report = "report\tPrint the report of a run; it outlives the benchmark";
        let rerun = "rerun\tMeasure again on the same instances";
        let watch = "watch\tShow how a benchmark goes, until its result is recorded";
        assert_eq!(said(&["re"]), [report, rerun, ":4"]);
        for words in [&["-n", "report", "wat"][..], &["--namespace=report", "wat"], &["--context", "a", "wat"]] {
            assert_eq!(said(words), [watch, ":4"], "{words:?}");
        }
        let all = said(&[""]);
        assert!([report, rerun, watch].iter().all(|line| all.iter().any(|one| one == line)), "{all:?}");
        assert!(!all.iter().any(|line| line.starts_with('_') || line.starts_with('-')), "{all:?}");
    }

    #[test]
    fn a_word_that_begins_with_a_hyphen_is_a_flag_of_the_chosen_subcommand() {
        assert_eq!(said(&["report", "a", "--o"]), ["--output\tForm of the report", ":4"]);
        assert_eq!(said(&["report", "-o"]), ["-o\tForm of the report", ":4"]);
        assert_eq!(said(&["wait", "a", "--o"]), [":4"]);
        let namespace = "--namespace\tNamespace of the benchmark [default: that of the context]";
        for words in [&["--name"][..], &["watch", "a", "--serve", "--name"]] {
            assert_eq!(said(words), [namespace, ":4"], "{words:?}");
        }
        assert!(said(&["report", "-"]).iter().any(|line| line.starts_with("--help\t")));
    }

    #[test]
    fn names_and_values_are_not_guessed() {
        for words in
            [&["report", ""][..], &["report", "a", "-o", ""], &["-n", ""], &["-n", "-"], &["nonsense", ""], &[]]
        {
            assert_eq!(said(words), [":4"], "{words:?}");
        }
    }

    #[test]
    fn the_script_asks_what_is_answered() {
        assert!(script(Shell::Kubectl).contains(&format!("kubectl-clusterbenchmark {ASK} \"$@\"")));
        let asked = |words: &[&str]| asked(words.iter().map(OsString::from));
        assert_eq!(asked(&[ASK, "report", ""]), Some(vec!["report".to_owned(), String::new()]));
        assert_eq!(asked(&["report", ASK]), None);
        assert_eq!(asked(&[]), None);
    }
}
