//! The stand-in for `dnf`: nothing is installed on the lab's machine. It only looks whether the commands are there that
//! packages bring.

use std::path::Path;

/// Where an instance finds commands of this machine.
const DIRECTORIES: [&str; 2] = ["/usr/bin", "/bin"];

/// Answers `dnf install OPTION.. NAME..`.
pub(super) fn dnf(arguments: &[String]) -> Result<(), String> {
    let (options, words): (Vec<&String>, Vec<&String>) = arguments.iter().partition(|word| word.starts_with('-'));
    let known = options.iter().all(|option| matches!(option.as_str(), "--assumeyes" | "-y" | "--quiet" | "-q"));
    match words.split_first() {
        Some((verb, names)) if *verb == "install" && known && !names.is_empty() => {
            names.iter().try_for_each(|name| look(name, &is_there))
        }
        _ => Err("the lab's dnf knows only: dnf install --assumeyes --quiet NAME..".to_owned()),
    }
}

fn look(package: &str, is_there: &dyn Fn(&str) -> bool) -> Result<(), String> {
    let command = command(package);
    if is_there(command) {
        return Ok(());
    }
    Err(format!(
        "LabLacksPackage: {package}: the lab installs nothing, and this machine has no {command} in {}",
        DIRECTORIES.join(" or ")
    ))
}

/// The command that a package brings: mostly it has the package's name.
fn command(package: &str) -> &str {
    let is_java = |end: &str| package.ends_with(end) && !package.starts_with("javascript");
    if package.starts_with("python3") {
        return package.split('-').next().unwrap_or(package);
    }
    if package.starts_with("nodejs") {
        return "node";
    }
    if package.starts_with("java-") || is_java("-jre") || is_java("-jre-headless") || is_java("-jdk") {
        return "java";
    }
    match package {
        "golang" => "go",
        "awscli" | "awscli-2" => "aws",
        "ca-certificates" => "curl",
        other => other,
    }
}

fn is_there(command: &str) -> bool {
    DIRECTORIES.iter().any(|directory| Path::new(directory).join(command).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(text: &str) -> Result<(), String> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        dnf(&words)
    }

    #[test]
    fn packages_are_there_when_their_commands_are() {
        assert_eq!(call("install --assumeyes --quiet bash tar"), Ok(()));
        let refused = call("install -y bash no-such-package").unwrap_err();
        assert!(refused.starts_with("LabLacksPackage: no-such-package: "), "{refused}");
        assert!(["", "install", "update bash", "install --best bash"].iter().all(|text| call(text).is_err()));
    }

    #[test]
    fn packages_of_languages_bring_their_interpreters() {
        for (package, wanted) in [
            ("python3", "python3"),
            ("python3.11-pip", "python3.11"),
            ("python3-venv", "python3"),
            ("nodejs22", "node"),
            ("java-21-amazon-corretto-headless", "java"),
            ("openjdk-17-jre-headless", "java"),
            ("jq", "jq"),
        ] {
            assert_eq!(look(package, &|command| command == wanted), Ok(()), "{package}");
            assert!(look(package, &|_| false).unwrap_err().contains(&format!("has no {wanted} in ")), "{package}");
        }
    }
}
