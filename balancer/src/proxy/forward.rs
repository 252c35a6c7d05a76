//! Heads as they are passed on, in one canonical form: some fields are taken out, some are added.

use http1::{Field, Kind, RequestBody, RequestHead, ResponseBody, ResponseHead, tokens};

/// Name of this proxy in `Via`: a pseudonym, for addresses are nobody's business.
const VIA_NAME: &str = "clusterbench";

/// The offer to change to the one protocol that is let through, and the word that it is done.
const WEBSOCKET: &[u8] = b"connection: upgrade\r\nupgrade: websocket\r\n";

/// Names that `Connection` gives, which end here with it (RFC 9110, 7.6.1). Hardly ever more than one.
struct Named<'a>(Vec<&'a [u8]>);

impl<'a> Named<'a> {
    fn of(head: &'a [u8], fields: &[Field]) -> Self {
        let connection = fields.iter().filter(|field| field.kind == Kind::Connection);
        let names = connection.flat_map(|field| tokens(&head[field.value.clone()]));
        // These need no names: what they say is known, and what they stand for goes anyway.
        let is_option = |name: &&[u8]| {
            [&b"close"[..], b"keep-alive", b"upgrade", b"te"].iter().any(|option| name.eq_ignore_ascii_case(option))
        };
        Self(names.filter(|name| !is_option(name)).collect())
    }

    fn has(&self, head: &[u8], field: &Field) -> bool {
        !self.0.is_empty()
            && !field.kind.is_of_the_message()
            && self.0.iter().any(|name| name.eq_ignore_ascii_case(&head[field.name.clone()]))
    }
}

/// The parts of a request's head for a member that are not in the client's own.
pub(crate) struct RequestContext<'a> {
    /// The client's address as text.
    pub(crate) client: &'a str,
    /// The authority for a request that came without one: where it came to.
    pub(crate) fallback_host: &'a str,
}

/// Writes the head for a member.
pub(crate) fn request(
    out: &mut Vec<u8>,
    head: &[u8],
    fields: &[Field],
    request: &RequestHead,
    how: &RequestContext<'_>,
) {
    out.extend_from_slice(&head[request.method_name.clone()]);
    out.push(b' ');
    let target = &head[request.target.clone()];
    if target.is_empty() && &head[request.method_name.clone()] == b"OPTIONS" {
        // It asks about the whole of the host (RFC 9112, 3.2.4).
        out.push(b'*');
    } else if !target.starts_with(b"/") && target != b"*" {
        out.push(b'/');
    }
    out.extend_from_slice(target);
    out.extend_from_slice(b" HTTP/1.1\r\nhost: ");
    let host = request.host.clone().map(|host| &head[host]);
    out.extend_from_slice(host.unwrap_or(how.fallback_host.as_bytes()));
    out.extend_from_slice(b"\r\n");
    let named = Named::of(head, fields);
    let (mut has_via, mut has_forwarded) = (false, false);
    for field in fields {
        match field.kind {
            // Reply by this proxy alone, or written below.
            Kind::Host
            | Kind::ContentLength
            | Kind::Backend
            | Kind::ServerTiming
            | Kind::ForwardedHost
            | Kind::ForwardedProto => continue,
            Kind::Expect if !request.expects_continue => continue,
            Kind::MaxForwards if request.max_forwards.is_some() => continue,
            kind if kind.is_hop_by_hop() => continue,
            _ if named.has(head, field) => continue,
            Kind::Via => has_via = true,
            Kind::ForwardedFor => has_forwarded = true,
            _ => {}
        }
        if !matches!(field.kind, Kind::Via | Kind::ForwardedFor) {
            line(out, &head[field.name.clone()], &head[field.value.clone()]);
        }
    }
    out.extend_from_slice(b"x-forwarded-for: ");
    if has_forwarded {
        list(out, head, fields, &named, Kind::ForwardedFor);
    }
    out.extend_from_slice(how.client.as_bytes());
    if let Some(host) = host {
        out.extend_from_slice(b"\r\nx-forwarded-host: ");
        out.extend_from_slice(host);
    }
    out.extend_from_slice(b"\r\nx-forwarded-proto: http\r\n");
    via(out, head, fields, &named, has_via, &head[request.version.clone()]);
    if let Some(most) = request.max_forwards {
        // One less than it came with: this proxy was one of them (RFC 9110, 7.6.2).
        out.extend_from_slice(b"max-forwards: ");
        decimal(out, u64::from(most.saturating_sub(1)));
        out.extend_from_slice(b"\r\n");
    }
    match request.body {
        RequestBody::Sized(length) => length_line(out, length),
        RequestBody::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        RequestBody::None if request.has_zero_length => length_line(out, 0),
        RequestBody::None => {}
    }
    match (request.asks_websocket, request.takes_trailers) {
        (true, _) => out.extend_from_slice(WEBSOCKET),
        (false, true) => out.extend_from_slice(b"connection: te\r\nte: trailers\r\n"),
        (false, false) => {}
    }
    out.extend_from_slice(b"\r\n");
}

/// The parts of a response's head for a client that are not in the member's own.
pub(crate) struct ResponseContext<'a> {
    /// The member's id, when it can be a header's value.
    pub(crate) backend: Option<&'a [u8]>,
    pub(crate) date: &'a [u8],
    pub(crate) is_to_http_11: bool,
    /// The client's connection stays open after this response.
    pub(crate) persists: bool,
    pub(crate) queue_micros: u64,
    pub(crate) upstream_micros: u64,
}

/// Writes the head for a client: the final one of an response.
pub(crate) fn response(
    out: &mut Vec<u8>,
    head: &[u8],
    fields: &[Field],
    response: &ResponseHead,
    how: &ResponseContext<'_>,
) {
    status_line(out, &head[response.status_text.clone()]);
    let named = Named::of(head, fields);
    let (mut has_via, mut has_date, mut has_backend) = (false, false, false);
    for field in fields {
        match field.kind {
            // 204 has no length to speak of (RFC 9110, 8.6), and a sized body gets its own below.
            Kind::ContentLength if response.status == 204 || response.body != ResponseBody::None => continue,
            Kind::Via => {
                has_via = true;
                continue;
            }
            kind if kind.is_hop_by_hop() => continue,
            _ if named.has(head, field) => continue,
            Kind::Date => has_date = true,
            Kind::Backend => has_backend = true,
            _ => {}
        }
        line(out, &head[field.name.clone()], &head[field.value.clone()]);
    }
    if !has_date {
        line(out, b"date", how.date);
    }
    via(out, head, fields, &named, has_via, &head[response.version.clone()]);
    if let Some(backend) = how.backend.filter(|_| !has_backend) {
        line(out, wire::BACKEND_HEADER.as_bytes(), backend);
    }
    out.extend_from_slice(b"server-timing: queue;dur=");
    millis(out, how.queue_micros);
    out.extend_from_slice(b", upstream;dur=");
    millis(out, how.upstream_micros);
    out.extend_from_slice(b"\r\n");
    match response.body {
        ResponseBody::Sized(length) => length_line(out, length),
        ResponseBody::Chunked | ResponseBody::UntilClose if how.is_to_http_11 => {
            out.extend_from_slice(b"transfer-encoding: chunked\r\n");
        }
        ResponseBody::None | ResponseBody::Chunked | ResponseBody::UntilClose => {}
    }
    if response.status == 426 && response.names_websocket {
        // What it requires has to be said with it (RFC 9110, 15.5.22).
        out.extend_from_slice(WEBSOCKET);
    }
    match (how.persists, how.is_to_http_11) {
        (true, true) => {}
        (true, false) => out.extend_from_slice(b"connection: keep-alive\r\n"),
        (false, _) => out.extend_from_slice(b"connection: close\r\n"),
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes an interim head (1xx): everything of it but what speaks of the connection or of a body it cannot have.
/// A 101 that is passed on is one that switches to WebSocket.
pub(crate) fn interim(out: &mut Vec<u8>, head: &[u8], fields: &[Field], response: &ResponseHead) {
    status_line(out, &head[response.status_text.clone()]);
    let named = Named::of(head, fields);
    let is_kept =
        |field: &&Field| !field.kind.is_hop_by_hop() && field.kind != Kind::ContentLength && !named.has(head, field);
    for field in fields.iter().filter(is_kept) {
        line(out, &head[field.name.clone()], &head[field.value.clone()]);
    }
    if response.status == 101 {
        out.extend_from_slice(WEBSOCKET);
    }
    out.extend_from_slice(b"\r\n");
}

fn status_line(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(text);
    if text.len() == 3 {
        out.push(b' ');
    }
    out.extend_from_slice(b"\r\n");
}

fn line(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn length_line(out: &mut Vec<u8>, length: u64) {
    out.extend_from_slice(b"content-length: ");
    decimal(out, length);
    out.extend_from_slice(b"\r\n");
}

fn via(out: &mut Vec<u8>, head: &[u8], fields: &[Field], named: &Named<'_>, has_via: bool, version: &[u8]) {
    out.extend_from_slice(b"via: ");
    if has_via {
        list(out, head, fields, named, Kind::Via);
    }
    out.extend_from_slice(version);
    out.push(b' ');
    out.extend_from_slice(VIA_NAME.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Everything that was in a list so far, in one line, each followed by a comma.
fn list(out: &mut Vec<u8>, head: &[u8], fields: &[Field], named: &Named<'_>, kind: Kind) {
    for field in fields.iter().filter(|field| field.kind == kind && !named.has(head, field)) {
        let value = &head[field.value.clone()];
        if !value.is_empty() {
            out.extend_from_slice(value);
            out.extend_from_slice(b", ");
        }
    }
}

/// A number in decimal, without an allocation.
pub(crate) fn decimal(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Microseconds as milliseconds with three places.
fn millis(out: &mut Vec<u8>, micros: u64) {
    decimal(out, micros / 1_000);
    let rest = micros % 1_000;
    out.extend_from_slice(&[b'.', b'0' + (rest / 100) as u8, b'0' + (rest / 10 % 10) as u8, b'0' + (rest % 10) as u8]);
}

#[cfg(test)]
mod tests;
