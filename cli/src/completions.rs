//! Completions: the scripts of shells, and the answer to kubectl, which asks for those of a plugin. Pure.

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::{Arg, Command, CommandFactory as _, ValueHint};

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

/// The last line of an answer where a file can come next, and where none can: cobra's ShellCompDirectiveDefault and
/// ShellCompDirectiveNoFileComp.
const FILES: &str = ":0";
const NO_FILES: &str = ":4";

pub(crate) fn script(shell: Shell) -> String {
    let shell = match shell {
        Shell::Kubectl => return OF_KUBECTL.to_owned(),
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Elvish => clap_complete::Shell::Elvish,
        Shell::Fish => clap_complete::Shell::Fish,
        Shell::Powershell => clap_complete::Shell::PowerShell,
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
    let (mut lines, files) = candidates(&command, words);
    lines.push(if files { FILES } else { NO_FILES }.to_owned());
    lines.join("\n") + "\n"
}

/// What the last word can become, each with its description: a subcommand, a flag of the one that was chosen, or one of the values
/// that an argument may have; and whether it can be a file. Names of benchmarks are not known here.
fn candidates(command: &Command, words: &[String]) -> (Vec<String>, bool) {
    let Some((typed, before)) = words.split_last() else { return (Vec::new(), false) };
    let mut chosen = command;
    let mut value_of: Option<&Arg> = None;
    let mut given = 0;
    for word in before {
        if value_of.take().is_some() {
            continue;
        }
        if word.starts_with('-') {
            value_of = taking_the_next(chosen, word);
        } else if let Some(subcommand) = chosen.find_subcommand(word) {
            (chosen, given) = (subcommand, 0);
        } else if chosen.has_subcommands() {
            return (Vec::new(), false);
        } else {
            given += 1;
        }
    }
    let named: Vec<Named> = match value_of {
        Some(arg) => values(arg),
        None if typed.starts_with('-') => {
            chosen.get_arguments().filter(|arg| !arg.is_hide_set()).flat_map(flags).collect()
        }
        None if chosen.has_subcommands() => {
            let shown = chosen.get_subcommands().filter(|one| !one.is_hide_set());
            shown.map(|one| (one.get_name().to_owned(), one.get_about().cloned())).collect()
        }
        None => chosen.get_positionals().nth(given).map(values).unwrap_or_default(),
    };
    let fitting = named.into_iter().filter(|(name, _)| name.starts_with(typed.as_str()));
    let is_file = value_of.is_some_and(|arg| arg.get_value_hint() == ValueHint::AnyPath);
    (fitting.map(|(name, about)| described(&name, about.as_ref())).collect(), is_file)
}

/// A candidate and what it is.
type Named = (String, Option<StyledStr>);

/// The values that an argument may have, if those are few.
fn values(arg: &Arg) -> Vec<Named> {
    let values = arg.get_possible_values().into_iter();
    values.map(|value| (value.get_name().to_owned(), value.get_help().cloned())).collect()
}

fn flags(arg: &Arg) -> Vec<Named> {
    let long = arg.get_long().map(|name| format!("--{name}"));
    let short = arg.get_short().map(|letter| format!("-{letter}"));
    long.into_iter().chain(short).map(|flag| (flag, arg.get_help().cloned())).collect()
}

/// The argument whose value is the word after this flag, if it takes one.
fn taking_the_next<'a>(command: &'a Command, flag: &str) -> Option<&'a Arg> {
    let found = command.get_arguments().find(|arg| flags(arg).iter().any(|(name, _)| name == flag))?;
    found.get_num_args().is_some_and(|count| count.min_values() > 0).then_some(found)
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
    fn names_are_not_guessed_and_values_are_those_that_there_are() {
        for words in [&["report", ""][..], &["report", "a", "b"], &["-n", ""], &["-n", "-"], &["nonsense", ""], &[]] {
            assert_eq!(said(words), [":4"], "{words:?}");
        }
        assert_eq!(said(&["report", "a", "-o", "h"]), ["html\tOne page, for a browser", ":4"]);
        assert!(said(&["completions", "k"])[0].starts_with("kubectl\t"), "{:?}", said(&["completions", "k"]));
        assert_eq!(said(&["--kubeconfig", ""]), [":0"], "a file can come");
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
