use std::net::Ipv4Addr;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::*;
use crate::balancer::Balancer;
use crate::settings::Settings;

#[tokio::test(start_paused = true)]
async fn a_connection_that_never_says_anything_is_closed_within_a_minute() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let silent = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, address) = listener.accept().await.unwrap();
    let balancer = Balancer::new("b", Settings::default());
    let connections = balancer.connections();
    let client = Client::new(stream, address.ip(), connections.timeouts().idle);
    let begun = Instant::now();
    Connection::new(connections, client, 0).run().await;
    assert_eq!(begun.elapsed().as_secs(), 60);
    drop(silent);
}
