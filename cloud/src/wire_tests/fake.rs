//! The other end of the wire, for what no cloud does on purpose: cuts, resets, silence.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Parameters of one request, decoded, in the order of the wire.
pub(super) type Form = Vec<(String, String)>;

/// The act of the other end after it has read a request whole.
pub(super) enum Reply {
    /// An answer with its length.
    Answer(u16, String),
    /// The same, with one more line in its head.
    Headed(u16, &'static str, String),
    /// An answer that ends where the connection does, as a proxy between may leave it.
    Unframed(u16, Vec<u8>),
    /// An answer that promises more bytes than come.
    Short(String, usize),
    /// The connection breaks.
    Reset,
    /// Nothing, for ever.
    Silence,
}

/// One request as it came.
#[derive(Clone)]
pub(super) struct Seen {
    /// First line and headers, whose names are in small letters.
    head: String,
    form: Form,
    pub(super) body: Vec<u8>,
}

impl Seen {
    pub(super) fn method(&self) -> &str {
        self.head.split(' ').next().unwrap_or_default()
    }

    /// Path and query.
    pub(super) fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        headers.find(|(one, _)| *one == name).map(|(_, value)| value.trim())
    }
}

pub(super) struct Fake {
    pub(super) url: String,
    requests: Arc<Mutex<Vec<Seen>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Fake {
    /// Answers each request with what `reply` makes of it and of the number of requests before it.
    pub(super) async fn start(reply: impl Fn(usize, &Form) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_whole(move |before, seen| reply(before, &seen.form)).await
    }

    /// The same for protocols whose requests are more than a form.
    pub(super) async fn start_whole(reply: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, reply) = (requests.clone(), Arc::new(reply));
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, seen.clone(), reply.clone()));
            }
        });
        Self { url, requests, task }
    }

    pub(super) fn requests(&self) -> Vec<Form> {
        self.requests.lock().unwrap().iter().map(|seen| seen.form.clone()).collect()
    }

    /// Each request whole.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.requests.lock().unwrap().clone()
    }

    /// Path and body of each request, for protocols whose bodies are no forms.
    pub(super) fn bodies(&self) -> Vec<(String, Vec<u8>)> {
        self.seen().into_iter().map(|seen| (seen.path().to_owned(), seen.body)).collect()
    }

    /// `Action` of each request.
    pub(super) fn actions(&self) -> Vec<String> {
        self.requests().iter().map(|form| value(form, "Action").unwrap_or_default().to_owned()).collect()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) fn value<'a>(form: &'a Form, key: &str) -> Option<&'a str> {
    form.iter().find(|(one, _)| one == key).map(|(_, value)| value.as_str())
}

/// Values of a flat list such as `InstanceId.1`, `InstanceId.2`, in order.
pub(super) fn list<'a>(form: &'a Form, prefix: &str) -> Vec<&'a str> {
    (1..).map_while(|index| value(form, &format!("{prefix}.{index}"))).collect()
}

async fn serve(mut stream: TcpStream, seen: Arc<Mutex<Vec<Seen>>>, reply: Arc<impl Fn(usize, &Seen) -> Reply>) {
    let mut buffer = Vec::new();
    while let Some(request) = read(&mut stream, &mut buffer).await {
        let before = {
            let mut seen = seen.lock().unwrap();
            seen.push(request.clone());
            seen.len() - 1
        };
        let framed = |body: &str| format!("content-length: {}", body.len());
        let written = match reply(before, &request) {
            Reply::Answer(status, body) => write(&mut stream, status, &framed(&body), body.as_bytes()).await,
            Reply::Headed(status, line, body) => {
                write(&mut stream, status, &format!("{line}\r\n{}", framed(&body)), body.as_bytes()).await
            }
            Reply::Unframed(status, body) => {
                let _ = write(&mut stream, status, "connection: close", &body).await;
                return;
            }
            Reply::Short(body, bytes) => {
                let _ = write(&mut stream, 200, &framed(&body), &body.as_bytes()[..bytes]).await;
                return;
            }
            Reply::Reset => {
                stream.set_zero_linger().unwrap();
                return;
            }
            Reply::Silence => std::future::pending().await,
        };
        if written.is_err() {
            return;
        }
    }
}

async fn write(stream: &mut TcpStream, status: u16, framing: &str, body: &[u8]) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 {status} -\r\ncontent-type: text/xml\r\n{framing}\r\n\r\n");
    stream.write_all(&[head.as_bytes(), body].concat()).await?;
    stream.flush().await
}

async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Seen> {
    loop {
        if let Some(head) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&buffer[..head]).into_owned();
            let mut seen = Seen { head: text, form: Form::new(), body: Vec::new() };
            let end = head + 4 + seen.header("content-length").map_or(0, |length| length.parse::<usize>().unwrap());
            if buffer.len() >= end {
                seen.body = buffer[head + 4..end].to_vec();
                seen.form = form_urlencoded::parse(&seen.body).into_owned().collect();
                buffer.drain(..end);
                return Some(seen);
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}
