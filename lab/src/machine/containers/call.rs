//! The command lines of `docker` that our user data write, and a refusal of what would be misunderstood.

/// A call.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Call {
    Pull { image: String },
    Run(Run),
    Remove,
}

/// A container to run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Run {
    pub image: String,
    /// Names of variables that it inherits.
    pub variables: Vec<String>,
    /// Take the place of the image's own.
    pub arguments: Vec<String>,
}

/// What every container of ours has; a sandbox keeps all of it.
const KEPT: [[&str; 2]; 6] = [
    ["--network", "host"],
    ["--tmpfs", "/tmp"],
    ["--cap-drop", "ALL"],
    ["--security-opt", "no-new-privileges"],
    ["--pull", "never"],
    ["--name", ""], // any
];

pub(super) fn read(arguments: &[String]) -> Result<Call, String> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // Where the daemon is, and what the client reads first: here are neither.
    let words = match words[..] {
        ["--host", _, "--config", _, ref rest @ ..] => rest,
        ref all => all,
    };
    match *words {
        ["pull", "--quiet", image] => Ok(Call::Pull { image: image.to_owned() }),
        ["rm", "--force", _] => Ok(Call::Remove),
        ["run", ref rest @ ..] => run(rest).map(Call::Run),
        _ => Err("the lab's docker knows only: pull --quiet IMAGE, run [OPTION..] IMAGE [ARGUMENT..], rm --force NAME"
            .into()),
    }
}

fn run(mut rest: &[&str]) -> Result<Run, String> {
    let mut run = Run::default();
    let mut flags = Vec::new();
    loop {
        match rest {
            [flag @ ("--rm" | "--read-only"), after @ ..] => {
                flags.push(*flag);
                rest = after;
            }
            ["--env", name, after @ ..] if !name.contains('=') => {
                run.variables.push((*name).to_owned());
                rest = after;
            }
            [option, value, after @ ..]
                if KEPT.iter().any(|[known, only]| known == option && ["", *value].contains(only)) =>
            {
                flags.push(*option);
                rest = after;
            }
            [image, arguments @ ..] if !image.starts_with('-') => {
                run.image = (*image).to_owned();
                run.arguments = arguments.iter().map(|word| (*word).to_owned()).collect();
                break;
            }
            [other, ..] => return Err(format!("the lab's docker does not know {other} as it stands there")),
            [] => return Err("docker run needs an image".to_owned()),
        }
    }
    let wanted = ["--rm", "--read-only"].into_iter().chain(KEPT.map(|[option, _]| option));
    match wanted.into_iter().find(|option| !flags.contains(option)) {
        Some(missing) => Err(format!("the lab's docker runs nothing without {missing}")),
        None => Ok(run),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIXED: &str = "run --rm --name clusterbench-worker --network host --read-only --tmpfs /tmp --cap-drop ALL \
                         --security-opt no-new-privileges --pull never";

    fn call(fixed: &str, more: &[&str]) -> Result<Call, String> {
        let words = fixed.split(' ').filter(|word| !word.is_empty()).chain(more.iter().copied());
        read(&words.map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn what_user_data_write_is_understood() {
        let run = Run {
            image: "x@sha256:1".to_owned(),
            variables: vec!["LISTEN".to_owned(), "MODE".to_owned()],
            arguments: vec!["serve".to_owned(), "--rm".to_owned(), "a b".to_owned()],
        };
        let words = ["--env", "LISTEN", "--env", "MODE", "x@sha256:1", "serve", "--rm", "a b"];
        assert_eq!(call(FIXED, &words), Ok(Call::Run(run)));
        assert_eq!(call("pull --quiet x@sha256:1", &[]), Ok(Call::Pull { image: "x@sha256:1".to_owned() }));
        assert_eq!(call("rm --force clusterbench-worker", &[]), Ok(Call::Remove));
        assert_eq!(call("--host unix:///a --config /b rm --force x", &[]), Ok(Call::Remove));
    }

    #[test]
    fn what_would_be_misunderstood_is_refused() {
        for (fixed, more, why) in [
            ("", &["ps"][..], "knows only"),
            (FIXED, &["--privileged", "x"], "does not know --privileged"),
            (FIXED, &["--env", "A=b", "x"], "does not know --env"),
            (FIXED, &[], "needs an image"),
            ("run --rm --network bridge", &["x"], "does not know --network"),
            ("run --rm --network host", &["x"], "nothing without --read-only"),
        ] {
            let refused = call(fixed, more).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
    }
}
