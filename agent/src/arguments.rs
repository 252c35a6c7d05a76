//! The three settings by which an agent is put under control of the operator.

use std::net::SocketAddr;

use wire::{Refused, Verifier};

/// Settings to be flattened into an agent's arguments. All absent: the agent serves alone, without a control API.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Control by the operator")]
pub struct ControlArgs {
    /// Name of this instance; signed requests for any other name are refused.
    #[arg(long, env = "INSTANCE_ID", value_name = "ID")]
    pub instance_id: Option<String>,
    /// IP address and port of the control API; without it there is none.
    #[arg(
        long,
        env = "CONTROL_LISTEN",
        value_name = "ADDRESS",
        requires_all = ["instance_id", "control_public_key"]
    )]
    pub control_listen: Option<SocketAddr>,
    /// Ed25519 public key of the operator: 32 bytes as base64url without padding.
    #[arg(
        long,
        env = "CONTROL_PUBLIC_KEY",
        value_name = "KEY",
        value_parser = public_key,
        requires = "control_listen"
    )]
    pub control_public_key: Option<Verifier>,
}

/// Settings of a control API; all or nothing.
#[derive(Clone, Debug)]
pub struct Control {
    pub instance_id: String,
    pub listen: SocketAddr,
    pub verifier: Verifier,
}

impl ControlArgs {
    /// The control API that was asked for, if any.
    pub fn control(&self) -> Option<Control> {
        Some(Control {
            instance_id: self.instance_id.clone()?,
            listen: self.control_listen?,
            verifier: self.control_public_key.clone()?,
        })
    }
}

fn public_key(text: &str) -> Result<Verifier, Refused> {
    Verifier::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Arguments {
        #[command(flatten)]
        control: ControlArgs,
    }

    fn parse(flags: &[&str]) -> Result<ControlArgs, String> {
        Arguments::try_parse_from([&["agent"], flags].concat())
            .map(|arguments| arguments.control)
            .map_err(|e| e.to_string())
    }

    #[test]
    fn all_or_nothing() {
        let key = wire::Signer::new([1; 32]).public_key();
        assert!(parse(&[]).unwrap().control().is_none());
        assert!(parse(&["--instance-id", "i-1"]).unwrap().control().is_none());
        let control = parse(&["--instance-id", "i-1", "--control-listen", "127.0.0.1:1", "--control-public-key", &key]);
        assert_eq!(control.unwrap().control().unwrap().instance_id, "i-1");
        assert!(parse(&["--control-listen", "127.0.0.1:1"]).unwrap_err().contains("--control-public-key"));
        assert!(parse(&["--control-public-key", &key]).unwrap_err().contains("--control-listen"));
    }

    #[test]
    fn a_bad_key_is_named() {
        let error = parse(&["--control-public-key", "short"]).unwrap_err();
        assert!(error.contains("--control-public-key") && error.contains("32 bytes of base64url"), "{error}");
    }
}
