//! The server: one page, whatever it is at the moment.

use std::net::SocketAddr;

use anyhow::Context as _;
use axum::Router;
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::serve::IncomingStream;
use tokio::net::TcpListener;
use tokio::sync::watch::Receiver;

use super::asked::judged;

/// What is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) body: String,
    /// Seconds after which the browser asks again by itself. `None`: there is nothing more to come, and what a reader unfolded stays so.
    pub(super) reload_seconds: Option<u32>,
}

/// An address that is listened to.
pub(super) struct Server {
    listener: TcpListener,
    local: SocketAddr,
}

impl Server {
    pub(super) async fn listen(address: SocketAddr) -> anyhow::Result<Self> {
        let other = SocketAddr::new(address.ip(), 0);
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("--serve {address} cannot be listened to: name another address or port; {other} takes a port that is free")
        })?;
        let local = listener.local_addr().context("--serve")?;
        Ok(Self { listener, local })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.local)
    }

    /// Answers with the page as it is then, until it is dropped.
    pub(super) async fn serve(self, shown: Receiver<Page>) -> anyhow::Result<()> {
        let routes = Router::new().fallback(answer).with_state(shown);
        let service = routes.into_make_service_with_connect_info::<Local>();
        axum::serve(self.listener, service).await.context("--serve")
    }
}

/// The address at which a connection came in: with 0.0.0.0 one of several.
#[derive(Clone, Copy, Debug)]
struct Local(Option<SocketAddr>);

impl Connected<IncomingStream<'_, TcpListener>> for Local {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self(stream.io().local_addr().ok())
    }
}

async fn answer(
    State(shown): State<Receiver<Page>>,
    ConnectInfo(Local(local)): ConnectInfo<Local>,
    asked: Request,
) -> Response {
    let Some(local) = local else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let answer = match judged(asked.method(), asked.uri(), asked.headers(), local) {
        Ok(()) => {
            let page = shown.borrow().clone();
            let mut answer = page.body.into_response();
            answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
            if let Some(seconds) = page.reload_seconds {
                answer.headers_mut().insert(header::REFRESH, HeaderValue::from(seconds));
            }
            answer
        }
        Err((status, why)) => (status, format!("{why}\n")).into_response(),
    };
    guarded(answer)
}

/// Nothing is kept, framed, guessed or told to others.
fn guarded(mut answer: Response) -> Response {
    let policy = format!("{}; frame-ancestors 'none'", report::policy());
    let headers = answer.headers_mut();
    headers.extend(HeaderValue::from_str(&policy).map(|policy| (header::CONTENT_SECURITY_POLICY, policy)));
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if answer.status() == StatusCode::METHOD_NOT_ALLOWED {
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    answer
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio::sync::watch::channel;

    use super::*;

    async fn ask(local: SocketAddr, method: &str, host: &str) -> String {
        let mut stream = TcpStream::connect(local).await.unwrap();
        let head = format!("{method} / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn the_page_is_served_as_it_is_and_reloads_while_something_is_to_come() {
        let server = Server::listen((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
        let local = server.local;
        let page = |body: &str, reload_seconds| Page { body: body.to_owned(), reload_seconds };
        let (show, shown) = channel(page("<p>going", Some(2)));
        let serving = tokio::spawn(server.serve(shown));
        let host = local.to_string();
        let going = ask(local, "GET", &host).await;
        assert!(going.starts_with("HTTP/1.1 200 ") && going.ends_with("<p>going"), "{going}");
        for line in [
            "refresh: 2\r\n",
            "content-type: text/html; charset=utf-8\r\n",
            "content-security-policy: default-src 'none'; style-src 'sha256-",
            "; frame-ancestors 'none'\r\n",
            "cache-control: no-store\r\n",
            "x-content-type-options: nosniff\r\n",
        ] {
            assert!(going.contains(line), "{line} is not in {going}");
        }
        show.send_replace(page("<p>over", None));
        let over = ask(local, "GET", &host).await;
        assert!(over.ends_with("<p>over") && !over.contains("refresh:"), "{over}");
        let head = ask(local, "HEAD", &host).await;
        assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"), "{head}");

        let rebound = ask(local, "GET", "evil.example").await;
        assert!(rebound.starts_with("HTTP/1.1 421 ") && !rebound.contains("<p>"), "{rebound}");
        let posted = ask(local, "POST", &host).await;
        assert!(posted.starts_with("HTTP/1.1 405 ") && posted.contains("allow: GET, HEAD\r\n"), "{posted}");

        let taken = Server::listen(local).await.err().unwrap();
        assert!(
            format!("{taken:#}").starts_with(&format!("--serve {local} cannot be listened to: name another")),
            "{taken:#}"
        );
        serving.abort();
    }
}
