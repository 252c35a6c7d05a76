//! An AWS endpoint alone, without machines: `cargo run --example endpoint [DIRECTORY]`, then
//! `AWS_ACCESS_KEY_ID=lab AWS_SECRET_ACCESS_KEY=lab AWS_REGION=eu-west-1 aws --endpoint-url ... ec2 describe-instances`.

use std::net::{Ipv4Addr, SocketAddr};

use cloudsim::Settings;
use lab::region::Region;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut region = Region::start_without_machines(Settings::default(), listen).await?;
    // Objects of S3 stay in memory without a directory for them.
    if let Some(directory) = std::env::args_os().nth(1) {
        region.keep_objects_in(directory.as_ref());
    }
    println!("http://{}", region.endpoint());
    tokio::select! {
        ended = region.ended() => anyhow::bail!("the endpoint ended: {ended:?}"),
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
    }
}
