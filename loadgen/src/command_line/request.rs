//! Flags of the request, of the right answer to it, and of how servers are found.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use loadgen::{Given, NoTrust, Trust};
use wire::{Connections, Expect, Header, RequestSpec, RunSpec, Work, WorkDistribution};

use super::files::FilesArguments;
use super::times::{Seconds, seconds, whole_micros};

/// Seconds that an answer may take when nobody says it.
const TIMEOUT: Seconds = Seconds(loadgen::Settings::REQUEST_LIMIT);

#[derive(Debug, Args)]
pub(crate) struct RequestArguments {
    /// How long an answer may take, 30 seconds when absent; then the request is counted as a timeout.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Seconds>,
    /// What a name is taken for instead of looking it up, as in curl; repeat it for more names.
    #[arg(long, value_name = "HOST:PORT:ADDRESS[,ADDRESS]")]
    pub(crate) resolve: Vec<Given>,
    /// A hosts file (hosts(5)) that is read before anybody is asked for a name, anew each time; --resolve comes before it.
    #[arg(long, env = "HOSTS_FILE", value_name = "FILE")]
    pub(crate) hosts: Option<PathBuf>,
    /// Method of every request; when absent GET, or POST with --files.
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,
    /// A header of every request; repeat it for more.
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// The body of every request.
    #[arg(long, value_name = "TEXT", default_value = "")]
    body: String,
    #[command(flatten)]
    pub(crate) files: FilesArguments,
    /// A new connection for every request.
    #[arg(long)]
    new_connections: bool,
    /// Certificates of authorities (PEM) that are believed for https, besides those that this machine knows.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Believes every certificate of https, whoever it is from and whatever host it is for.
    #[arg(long, conflicts_with = "ca")]
    insecure: bool,
    /// The status of a right answer; any below 400 when absent.
    #[arg(long, value_name = "STATUS")]
    expect_status: Option<u16>,
    /// The whole body of a right answer.
    #[arg(long, value_name = "TEXT")]
    expect_body: Option<String>,
    /// Work that each request asks for as ?work_micros=, such as exponential:2ms (or constant, lognormal).
    #[arg(long, value_name = "KIND:TIME", value_parser = work)]
    work: Option<Work>,
    /// Decides order, arrivals, work and the header x-clusterbench-seed; drawn and printed when absent.
    #[arg(long)]
    seed: Option<u64>,
}

impl RequestArguments {
    /// A spec without targets, rounds and load.
    pub(crate) fn spec(&self) -> anyhow::Result<RunSpec> {
        let headers: Vec<Header> = self.headers.iter().map(|text| header(text)).collect::<Result<_, _>>()?;
        let usual = if self.files.files.is_some() { "POST" } else { "GET" };
        if self.files.files.is_some() && !matches!(self.method.as_deref(), None | Some("POST" | "PUT")) {
            bail!("--method: files are sent with POST or PUT");
        }
        Ok(RunSpec {
            id: "command-line".to_owned(),
            // Below 2^53, so that the JSON holds it exactly.
            seed: self.seed.unwrap_or_else(|| rand::random::<u64>() >> 11),
            request: RequestSpec {
                method: self.method.clone().unwrap_or_else(|| usual.to_owned()),
                headers,
                body: self.body.clone(),
                corpus: None,
                connections: if self.new_connections { Connections::PerRequest } else { Connections::Kept },
                work: self.work,
                expect: Expect { status: self.expect_status, body: self.expect_body.clone(), ..Expect::default() },
            },
            timeout_seconds: self.timeout.and_then(Seconds::whole),
            ..RunSpec::default()
        })
    }

    /// How long an answer may take.
    pub(crate) fn timeout(&self) -> Seconds {
        self.timeout.unwrap_or(TIMEOUT)
    }

    /// Authorities whose certificates are believed.
    pub(crate) fn trust(&self) -> Result<Trust, NoTrust> {
        Trust::new(self.ca.as_deref(), self.insecure)
    }
}

fn header(text: &str) -> anyhow::Result<Header> {
    let (name, value) = text.split_once(':').with_context(|| format!("--header: {text:?} is not NAME: VALUE"))?;
    Ok(Header { name: name.trim().to_owned(), value: value.trim().to_owned() })
}

fn work(text: &str) -> Result<Work, String> {
    let wrong = || "give a kind and a mean, such as exponential:2ms, constant:500us or lognormal:1s".to_owned();
    let (kind, time) = text.split_once(':').ok_or_else(wrong)?;
    let distribution = match kind {
        "constant" => WorkDistribution::Constant,
        "exponential" => WorkDistribution::Exponential,
        "lognormal" => WorkDistribution::Lognormal,
        _ => return Err(wrong()),
    };
    let mean_micros = whole_micros(time).ok_or_else(wrong)?;
    Ok(Work { distribution, mean_micros })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_read() {
        let exponential = Work { distribution: WorkDistribution::Exponential, mean_micros: 2000 };
        assert_eq!(work("exponential:2ms"), Ok(exponential));
        assert!(
            ["2ms", "normal:2ms", "constant:2", "constant:-1ms", "constant:99999s"]
                .iter()
                .all(|text| work(text).is_err())
        );
    }
}
