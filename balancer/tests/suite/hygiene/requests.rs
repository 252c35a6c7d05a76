//! Requests: what is refused, and what reaches the member.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::bytes;
use super::recorder::{After, Recorder};
use crate::client::raw;
use crate::running::{Running, cluster};

/// Section, request, status of the one answer after which the connection is closed. The member sees nothing.
pub(super) const REFUSED: &[(&str, &str, u16)] = &[
    // Lines
    ("9112 2.2", "GET /c HTTP/1.1␊Host: h␊␊", 400),
    ("9112 2.2", "GET /c HTTP/1.1\nHost: h␊\n", 400),
    ("9112 2.2", "GET /c HTTP/1.1\nHost: h␊X: y\n\n", 400),
    ("9112 2.2", "GET /c HTTP/1.1␍Host: h\n\n", 400),
    ("9112 2.2", "GET /c HTTP/1.1\nHost: h\nX: a␍b\n\n", 400),
    ("9112 2.2", "GET /c HTTP/1.1\nHost: h␍\n\n", 400),
    ("9112 2.2", " GET /c HTTP/1.1\nHost: h\n\n", 400),
    ("9112 2.2", "GET /c HTTP/1.1\n Host: h\n\n", 400),
    ("9112 2.2", "GET /c HTTP/1.1\n\tX: y\nHost: h\n\n", 400),
    ("9112 2.2", "\n\nGET /c HTTP/1.1\nHost: h\n\n", 400),
    ("9112 2.2", "␊GET /c HTTP/1.1\nHost: h\n\n", 400),
    // Request line
    ("9112 3", "GET /c\nHost: h\n\n", 400),
    ("9112 3", "GET\nHost: h\n\n", 400),
    ("9112 3", "GET  /c HTTP/1.1\nHost: h\n\n", 400),
    ("9112 3", "GET /c  HTTP/1.1\nHost: h\n\n", 400),
    ("9112 3", "GET\t/c HTTP/1.1\nHost: h\n\n", 400),
    ("9112 3", "GET /c\tHTTP/1.1\nHost: h\n\n", 400),
    ("9112 3", "GET /c HTTP/1.1 \nHost: h\n\n", 400),
    ("9112 3", "GET /c d HTTP/1.1\nHost: h\n\n", 400),
    ("9112 3", "GET /c HTTP/1.1 HTTP/1.1\nHost: h\n\n", 400),
    ("9112 3.1", "G(T /c HTTP/1.1\nHost: h\n\n", 400),
    ("9112 3.1", "G:T /c HTTP/1.1\nHost: h\n\n", 400),
    ("9112 3.1", "GÉT /c HTTP/1.1\nHost: h\n\n", 400),
    ("9112 3.1", "\u{0}GET /c HTTP/1.1\nHost: h\n\n", 400),
    ("9112 3.2", "GET c HTTP/1.1\nHost: h\n\n", 400),
    ("9112 3.2", "GET /c#f HTTP/1.1\nHost: h\n\n", 400),
    ("9112 3.2", "GET /cé HTTP/1.1\nHost: h\n\n", 400),
    ("9112 3.2", "GET /c\u{0} HTTP/1.1\nHost: h\n\n", 400),
    ("9112 3.2", "GET /c\u{7f} HTTP/1.1\nHost: h\n\n", 400),
    ("9112 3.2", "GET ?q HTTP/1.1\nHost: h\n\n", 400),
    ("3986 2.2", "GET /c` HTTP/1.1\nHost: h\n\n", 400),
    ("3986 2.2", "GET /c?\"q\" HTTP/1.1\nHost: h\n\n", 400),
    ("3986 2.2", "GET /c?<q HTTP/1.1\nHost: h\n\n", 400),
    ("3986 2.2", "GET /c?q> HTTP/1.1\nHost: h\n\n", 400),
    ("3986 2.2", "GET /c\\..\\d HTTP/1.1\nHost: h\n\n", 400),
    ("3986 3.2.3", "GET http://h:x/c HTTP/1.1\nHost: h\n\n", 400),
    ("9112 3.2.2", "GET ftp://h/c HTTP/1.1\nHost: h\n\n", 400),
    ("9112 3.2.2", "GET http:/c HTTP/1.1\nHost: h\n\n", 400),
    ("9112 3.2.2", "GET http:///c HTTP/1.1\nHost: h\n\n", 400),
    ("9110 4.2.4", "GET http://user@h/c HTTP/1.1\nHost: h\n\n", 400),
    ("9112 3.2.3", "CONNECT h:443 HTTP/1.1\nHost: h:443\n\n", 501),
    ("9112 3.2.3", "GET h:443 HTTP/1.1\nHost: h:443\n\n", 400),
    ("9112 3.2.4", "GET * HTTP/1.1\nHost: h\n\n", 400),
    // Version
    ("9112 2.3", "GET /c HTTP/2.0\nHost: h\n\n", 505),
    ("9112 2.3", "PRI * HTTP/2.0\n\nSM\n\n", 505),
    ("9112 2.3", "GET /c HTTP/0.9\n\n", 505),
    ("9112 2.3", "GET /c HTTP/3.0\nHost: h\n\n", 505),
    ("9112 2.3", "GET /c HTTP/0.1\nHost: h\n\n", 505),
    ("9112 2.3", "GET /c HTTP/1.12\nHost: h\n\n", 400),
    ("9112 2.3", "GET /c HTTP/1.\nHost: h\n\n", 400),
    ("9112 2.3", "GET /c http/1.1\nHost: h\n\n", 400),
    ("9112 2.3", "GET /c HTTP/1\nHost: h\n\n", 400),
    ("9112 2.3", "GET /c HTTP/01.1\nHost: h\n\n", 400),
    ("9112 2.3", "GET /c HTTP/1,1\nHost: h\n\n", 400),
    ("9112 2.3", "GET /c HTTPS/1.1\nHost: h\n\n", 400),
    // Host
    ("9112 3.2", "GET /c HTTP/1.1\n\n", 400),
    ("9112 3.2", "GET /c HTTP/1.1\nHost: h\nHost: h\n\n", 400),
    ("9112 3.2", "GET /c HTTP/1.1\nHost: h\nhost: i\n\n", 400),
    ("9112 3.2", "GET /c HTTP/1.1\nHost: h i\n\n", 400),
    ("9112 3.2", "GET /c HTTP/1.1\nHost: h,i\n\n", 400),
    ("9112 3.2", "GET /c HTTP/1.1\nHost: u@h\n\n", 400),
    ("9112 3.2", "GET /c HTTP/1.1\nHost: h/c\n\n", 400),
    ("3986 3.2.2", "GET /c HTTP/1.1\nHost: [::1\n\n", 400),
    ("3986 3.2.2", "GET /c HTTP/1.1\nHost: [h]\n\n", 400),
    ("3986 3.2.2", "GET /c HTTP/1.1\nHost: h%41\n\n", 400),
    ("3986 3.2.3", "GET /c HTTP/1.1\nHost: h:x\n\n", 400),
    ("3986 3.2.3", "GET /c HTTP/1.1\nHost: h:1:2\n\n", 400),
    ("9110 4.2.1", "GET /c HTTP/1.1\nHost: :80\n\n", 400),
    ("9112 3.2", "GET /c HTTP/1.1\nHost: h?c\n\n", 400),
    ("9112 3.2", "GET /c HTTP/1.1\nHost: hé\n\n", 400),
    ("9112 3.2", "GET http://i/c HTTP/1.1\n\n", 400),
    // Fields
    ("9112 5.1", "GET /c HTTP/1.1\nHost : h\n\n", 400),
    ("9112 5.1", "GET /c HTTP/1.1\nHost: h\nX : y\n\n", 400),
    ("9112 5.1", "GET /c HTTP/1.1\nHost: h\nX\t: y\n\n", 400),
    ("9112 5.1", "POST /c HTTP/1.1\nHost: h\nContent-Length : 1\n\nx", 400),
    ("9112 5.1", "POST /c HTTP/1.1\nHost: h\nTransfer-Encoding : chunked\n\n0\n\n", 400),
    ("9110 5.1", "GET /c HTTP/1.1\nHost: h\n: y\n\n", 400),
    ("9110 5.1", "GET /c HTTP/1.1\nHost: h\nX\n\n", 400),
    ("9110 5.1", "GET /c HTTP/1.1\nHost: h\nX y: z\n\n", 400),
    ("9110 5.1", "GET /c HTTP/1.1\nHost: h\nX\u{0}: z\n\n", 400),
    ("9110 5.1", "GET /c HTTP/1.1\nHost: h\nXé: z\n\n", 400),
    ("9110 5.1", "GET /c HTTP/1.1\nHost: h\n\"X\": z\n\n", 400),
    ("9110 5.1", "GET /c HTTP/1.1\nHost: h\nX/Y: z\n\n", 400),
    ("9110 5.5", "GET /c HTTP/1.1\nHost: h\nX: a\u{0}b\n\n", 400),
    ("9110 5.5", "GET /c HTTP/1.1\nHost: h\nX: a\u{1}b\n\n", 400),
    ("9110 5.5", "GET /c HTTP/1.1\nHost: h\nX: a\u{7f}b\n\n", 400),
    ("9110 5.5", "GET /c HTTP/1.1\nHost: h\nX: a\u{b}b\n\n", 400),
    ("9112 5.2", "GET /c HTTP/1.1\nHost: h\nX: a\n b\n\n", 400),
    ("9112 5.2", "GET /c HTTP/1.1\nHost: h\nX: a\n\tb\n\n", 400),
    ("9112 5.2", "POST /c HTTP/1.1\nHost: h\nTransfer-Encoding:\n chunked\n\n0\n\n", 400),
    ("9112 5.2", "POST /c HTTP/1.1\nHost: h\nContent-Length:\n 1\n\nx", 400),
    // Length
    ("9112 6.1", "POST /c HTTP/1.1\nHost: h\nContent-Length: 3\nTransfer-Encoding: chunked\n\n0\n\n", 400),
    ("9112 6.1", "POST /c HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\nContent-Length: 3\n\n0\n\n", 400),
    ("9112 6.1", "POST /c HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\nContent-Length: 0\n\n0\n\n", 400),
    ("9112 6.1", "POST /c HTTP/1.0\nTransfer-Encoding: chunked\n\n0\n\n", 400),
    ("9112 6.1", "POST /c HTTP/1.1\nHost: h\nTransfer-Encoding: gzip, chunked\n\n0\n\n", 400),
    ("9112 6.1", "POST /c HTTP/1.1\nHost: h\nTransfer-Encoding: chunked, chunked\n\n0\n\n", 400),
    ("9112 6.1", "POST /c HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\nTransfer-Encoding: chunked\n\n0\n\n", 400),
    ("9112 6.1", "POST /c HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\nTransfer-Encoding: identity\n\n0\n\n", 400),
    ("9112 6.1", "POST /c HTTP/1.1\nHost: h\nTransfer-Encoding: identity\n\n", 400),
    ("9112 6.1", "POST /c HTTP/1.1\nHost: h\nTransfer-Encoding: xchunked\n\n0\n\n", 400),
    ("9112 6.1", "POST /c HTTP/1.1\nHost: h\nTransfer-Encoding: \"chunked\"\n\n0\n\n", 400),
    ("9112 6.1", "POST /c HTTP/1.1\nHost: h\nTransfer-Encoding: chunked;q=1\n\n0\n\n", 400),
    ("9112 6.1", "POST /c HTTP/1.1\nHost: h\nTransfer-Encoding: \u{b}chunked\n\n0\n\n", 400),
    ("9112 6.1", "POST /c HTTP/1.1\nHost: h\nTransfer-Encoding:\n\n0\n\n", 400),
    ("9112 6.2", "POST /c HTTP/1.1\nHost: h\nContent-Length: 1\nContent-Length: 1\n\nx", 400),
    ("9112 6.2", "POST /c HTTP/1.1\nHost: h\nContent-Length: 1\ncontent-length: 2\n\nxx", 400),
    ("9112 6.3", "POST /c HTTP/1.1\nHost: h\nContent-Length: 1, 1\n\nx", 400),
    ("9110 8.6", "POST /c HTTP/1.1\nHost: h\nContent-Length: +1\n\nx", 400),
    ("9110 8.6", "POST /c HTTP/1.1\nHost: h\nContent-Length: -1\n\nx", 400),
    ("9110 8.6", "POST /c HTTP/1.1\nHost: h\nContent-Length: 0x1\n\nx", 400),
    ("9110 8.6", "POST /c HTTP/1.1\nHost: h\nContent-Length: 1.0\n\nx", 400),
    ("9110 8.6", "POST /c HTTP/1.1\nHost: h\nContent-Length: 1 1\n\nx", 400),
    ("9110 8.6", "POST /c HTTP/1.1\nHost: h\nContent-Length: 1a\n\nx", 400),
    ("9110 8.6", "POST /c HTTP/1.1\nHost: h\nContent-Length:\n\nx", 400),
    ("9110 8.6", "POST /c HTTP/1.1\nHost: h\nContent-Length: 18446744073709551617\n\nx", 400),
    // Expectations
    ("9110 10.1.1", "POST /c HTTP/1.1\nHost: h\nExpect: 200-ok\nContent-Length: 1\n\nx", 417),
];

type Row = (&'static str, &'static str, usize, &'static [&'static str], &'static [&'static str]);

/// Section, bytes on one connection, how many requests the member sees, what they hold, and what they do not.
#[rustfmt::skip]
pub(super) const FORWARDED: &[Row] = &[
    ("9112 3", "GET /c HTTP/1.1\nHost: h\n\n", 1, &["GET /c HTTP/1.1\n", "host: h\n", "via: 1.1 clusterbench\n"], &[]),
    ("9112 2.2", "\nGET /c HTTP/1.1\nHost: h\n\n", 1, &["GET /c HTTP/1.1\n"], &[]),
    ("9112 3.2.1", "GET /c/x%20y?a=b&c HTTP/1.1\nHost: h\n\n", 1, &["GET /c/x%20y?a=b&c HTTP/1.1\n"], &[]),
    ("9112 3.2.1", "GET /c?{a:[1]}|^ HTTP/1.1\nHost: h\n\n", 1, &["GET /c?{a:[1]}|^ HTTP/1.1\n"], &[]),
    ("9112 3.2.1", "GET /c/../d HTTP/1.1\nHost: h\n\n", 1, &["GET /c/../d HTTP/1.1\n"], &[]),
    ("9112 3.2.2", "GET http://other:81/c?q HTTP/1.1\nHost: h\n\n", 1, &["GET /c?q HTTP/1.1\n", "host: other:81\n"], &["host: h\n"]),
    ("9112 3.2", "GET /c HTTP/1.1\nHost: [::1]:80\n\n", 1, &["host: [::1]:80\n"], &[]),
    ("9112 3.2", "GET /c HTTP/1.1\nHost:\n\n", 1, &["host: \n"], &[]),
    ("9112 3.2", "GET /c HTTP/1.0\nConnection: keep-alive\n\n", 1, &["host: 127.0.0.1:", "via: 1.0 clusterbench\n"], &["x-forwarded-host"]),
    ("9110 2.5", "GET /c HTTP/1.2\nHost: h\n\n", 1, &["GET /c HTTP/1.1\n", "via: 1.2 clusterbench\n"], &[]),
    ("9110 2.5", "POST /c HTTP/1.9\nHost: h\nTransfer-Encoding: chunked\n\n1\na\n0\n\n", 1, &["POST /c HTTP/1.1\n", "\n1\na\n0\n\n"], &[]),
    ("9110 9.1", "BREW /c HTTP/1.1\nHost: h\n\n", 1, &["BREW /c HTTP/1.1\n"], &[]),
    ("9110 9.1", "get /c HTTP/1.1\nHost: h\n\n", 1, &["get /c HTTP/1.1\n"], &[]),
    ("9110 9.3.8", "TRACE /c HTTP/1.1\nHost: h\n\n", 1, &["TRACE /c HTTP/1.1\n"], &[]),
    ("9110 7.6.2", "TRACE /c HTTP/1.1\nHost: h\nMax-Forwards: 2\n\n", 1, &["max-forwards: 1\n"], &["max-forwards: 2"]),
    ("9110 7.6.2", "OPTIONS /c HTTP/1.1\nHost: h\nMax-Forwards: 0\n\nOPTIONS /c HTTP/1.1\nHost: h\nMax-Forwards: 1\n\n", 1, &["max-forwards: 0\n"], &[]),
    ("9110 5.5", "GET /c HTTP/1.1\nHost: h\nX:  a  b\t\n\n", 1, &["X: a  b\n"], &[]),
    ("9110 5.5", "GET /c HTTP/1.1\nHost: h\nX:\n\n", 1, &["X: \n"], &[]),
    ("9110 5.5", "GET /c HTTP/1.1\nHost: h\nX: é\n\n", 1, &["X: é\n"], &[]),
    ("9110 5.3", "GET /c HTTP/1.1\nHost: h\nX: 1\nY: 2\nX: 3\n\n", 1, &["X: 1\nY: 2\nX: 3\n"], &[]),
    ("9110 7.6.1", "GET /c HTTP/1.1\nHost: h\nConnection: keep-alive\nKeep-Alive: timeout=5\n\n", 1, &[], &["keep-alive", "connection:"]),
    ("9110 7.6.1", "GET /c HTTP/1.1\nHost: h\nConnection: x-a, x-b\nX-A: 1\nX-B: 2\nX-C: 3\n\n", 1, &["x-c: 3\n"], &["x-a:", "x-b:"]),
    ("9110 7.6.1", "GET /c HTTP/1.1\nHost: h\nConnection: x-a\nConnection: x-b\nX-A: 1\nX-B: 2\n\n", 1, &[], &["x-a:", "x-b:"]),
    ("9110 7.6.1", "POST /c HTTP/1.1\nHost: h\nConnection: content-length, host\nContent-Length: 1\n\nx", 1, &["host: h\n", "content-length: 1\n"], &[]),
    ("9110 7.6.1", "GET /c HTTP/1.1\nHost: h\nProxy-Connection: keep-alive\n\n", 1, &[], &["proxy-connection"]),
    ("9110 11.7.2", "GET /c HTTP/1.1\nHost: h\nProxy-Authorization: Basic x\nAuthorization: Basic y\n\n", 1, &["authorization: basic y\n"], &["proxy-authorization"]),
    ("9110 10.1.4", "GET /c HTTP/1.1\nHost: h\nTE: trailers, deflate\n\n", 1, &[], &["te:"]),
    ("9110 10.1.4", "GET /c HTTP/1.1\nHost: h\nConnection: TE\nTE: trailers, deflate\n\n", 1, &["connection: te\n", "te: trailers\n"], &["deflate"]),
    ("9110 6.6.2", "GET /c HTTP/1.1\nHost: h\nTrailer: x\n\n", 1, &[], &["trailer:"]),
    ("9110 7.8", "GET /c HTTP/1.1\nHost: h\nUpgrade: websocket\n\n", 1, &[], &["upgrade"]),
    ("9110 7.8", "GET /c HTTP/1.1\nHost: h\nConnection: upgrade\nUpgrade: h2c\nHTTP2-Settings: x\n\n", 1, &[], &["upgrade"]),
    ("9110 7.8", "GET /c HTTP/1.1\nHost: h\nConnection: Upgrade\nUpgrade: websocket\n\n", 1, &["connection: upgrade\n", "upgrade: websocket\n"], &[]),
    ("9110 7.8", "GET /c HTTP/1.1\nHost: h\nConnection: upgrade\nUpgrade: h2c, WebSocket\n\n", 1, &["connection: upgrade\n", "upgrade: websocket\n"], &["h2c"]),
    ("9110 7.8", "GET /c HTTP/1.1\nHost: h\nConnection: upgrade\nUpgrade: tls/1.2\n\n", 1, &[], &["upgrade"]),
    ("7540 3.2.1", "GET /c HTTP/1.1\nHost: h\nHTTP2-Settings: x\n\n", 1, &[], &["http2-settings"]),
    ("9110 7.8", "GET /c HTTP/1.0\nConnection: keep-alive, upgrade\nUpgrade: websocket\n\n", 1, &[], &["upgrade"]),
    ("9110 7.8", "POST /c HTTP/1.1\nHost: h\nConnection: upgrade\nUpgrade: websocket\nContent-Length: 1\n\nx", 1, &[], &["upgrade"]),
    ("9110 7.6.3", "GET /c HTTP/1.1\nHost: h\nVia: 1.0 a\nVia: 1.1 b\n\n", 1, &["via: 1.0 a, 1.1 b, 1.1 clusterbench\n"], &[]),
    ("own forwarded", "GET /c HTTP/1.1\nHost: h\nX-Forwarded-For: 192.0.2.7\n\n", 1, &["x-forwarded-for: 192.0.2.7, 127.0.0.1\n"], &[]),
    ("own forwarded", "GET /c HTTP/1.1\nHost: h\nX-Forwarded-Proto: https\nX-Forwarded-Host: evil\n\n", 1, &["x-forwarded-proto: http\n", "x-forwarded-host: h\n"], &["evil", "https"]),
    ("own names", "GET /c HTTP/1.1\nHost: h\nX-Backend: forged\nServer-Timing: forged\n\n", 1, &[], &["forged"]),
    ("9112 6.2", "POST /c HTTP/1.1\nHost: h\nContent-Length: 3\n\nabc", 1, &["content-length: 3\n", "\n\nabc"], &["transfer-encoding"]),
    ("9112 6.2", "POST /c HTTP/1.1\nHost: h\nContent-Length: 0003\n\nabc", 1, &["content-length: 3\n"], &["0003"]),
    ("9110 8.6", "POST /c HTTP/1.1\nHost: h\nContent-Length: 0\n\n", 1, &["content-length: 0\n"], &[]),
    ("9112 6.3", "GET /c HTTP/1.1\nHost: h\nContent-Length: 3\n\nabcGET /c/2 HTTP/1.1\nHost: h\n\n", 2, &["\n\nabc", "GET /c/2"], &[]),
    ("9112 7.1", "POST /c HTTP/1.1\nHost: h\nTransfer-Encoding: CHUNKED\n\n3\nabc\n0\n\n", 1, &["transfer-encoding: chunked\n", "\n3\nabc\n0\n\n"], &["content-length"]),
    ("9112 7.1", "POST /c HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n003\nabc\n000\n\n", 1, &["\n3\nabc\n0\n\n"], &["003"]),
    ("9112 7.1.1", "POST /c HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n3;x=\"y\"\nabc\n0;z\n\n", 1, &["\n3\nabc\n0\n\n"], &[";"]),
    ("9112 7.1.1", "POST /c HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n3 ;x\nabc\n0\t; z = \"1\" \n\n", 1, &["\n3\nabc\n0\n\n"], &[";"]),
    ("9110 6.5.1", "POST /c HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n1\na\n0\nMax-Forwards: 9\n\n", 1, &[], &["max-forwards"]),
    ("9112 7.1.2", "POST /c HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n1\na\n0\nX-Sum: 1\n\n", 1, &["0\nX-Sum: 1\n\n"], &[]),
    ("9110 6.5.1", "POST /c HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n1\na\n0\nContent-Length: 9\nHost: i\n\n", 1, &[], &["content-length: 9", "host: i"]),
    ("9112 9.3.2", "GET /c/1 HTTP/1.1\nHost: h\n\nGET /c/2 HTTP/1.1\nHost: h\n\nGET /c/3 HTTP/1.1\nHost: h\n\n", 3, &["/c/1", "/c/2", "/c/3"], &[]),
    ("9112 9.3", "POST /c/1 HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n1\na\n0\n\nGET /c/2 HTTP/1.1\nHost: h\n\n", 2, &["/c/1", "/c/2"], &[]),
    ("9112 9.3", "GET /c HTTP/1.0\nConnection: keep-alive\n\nGET /c/2 HTTP/1.0\nConnection: keep-alive\n\n", 2, &["/c/2"], &[]),
    ("9110 10.1.1", "POST /c HTTP/1.1\nHost: h\nExpect: 100-continue\nContent-Length: 1\n\nx", 1, &["expect: 100-continue\n"], &[]),
    ("9110 10.1.1", "POST /c HTTP/1.0\nExpect: 100-continue\nConnection: keep-alive\nContent-Length: 1\n\nx", 1, &[], &["expect"]),
    ("9110 10.1.1", "GET /c HTTP/1.1\nHost: h\nExpect: 100-continue\n\n", 1, &[], &["expect"]),
];

fn ok(_target: &str) -> (Vec<u8>, After) {
    (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_vec(), After::Keep)
}

#[tokio::test]
async fn ambiguous_requests_are_refused_and_reach_no_member() {
    let (recorder, member) = Recorder::start(ok).await;
    let running = Running::start(vec![cluster("c", vec![member])]).await;
    for (section, request, status) in REFUSED {
        let answer = raw(running.address, &bytes(request)).await;
        let place = format!("RFC {section}: {request:?} -> {answer:?}");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{place}");
        assert!(
            answer.contains("\r\nconnection: close\r\n") && answer.matches("\r\nHTTP/1.1 ").count() == 0,
            "{place}"
        );
        assert_eq!(recorder.take(), Vec::<String>::new(), "{place}");
    }
}

/// Sends bytes and reads until so many answers are there.
async fn answers(running: &Running, request: &[u8], count: usize) -> String {
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    while String::from_utf8_lossy(&answer).matches("\r\n\r\nok").count() < count {
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read_buf(&mut answer)).await;
        assert!(read.is_ok_and(|read| read.is_ok_and(|read| read > 0)), "{}", String::from_utf8_lossy(&answer));
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn unambiguous_requests_reach_the_member_in_one_form() {
    let (recorder, member) = Recorder::start(ok).await;
    let running = Running::start(vec![cluster("c", vec![member])]).await;
    for (section, request, count, present, absent) in FORWARDED {
        let answer = answers(&running, &bytes(request), *count).await;
        let seen = recorder.take();
        let all = seen.concat().replace("\r\n", "\n");
        let place = format!("RFC {section}: {request:?} -> {answer:?}; the member saw {all:?}");
        assert_eq!(seen.len(), *count, "{place}");
        for text in *present {
            assert!(all.contains(text) || all.to_lowercase().contains(text), "{text:?} is missing, {place}");
        }
        for text in *absent {
            assert!(!all.to_lowercase().contains(text), "{text:?} is there, {place}");
        }
        for one in &seen {
            let head = one.split("\r\n\r\n").next().unwrap().to_lowercase();
            let lengths = head.matches("\r\ncontent-length:").count() + head.matches("\r\ntransfer-encoding:").count();
            assert!(lengths <= 1 && head.matches("\r\nhost:").count() == 1, "{place}");
        }
    }
}

#[tokio::test]
async fn an_upload_that_breaks_its_framing_is_cut_on_both_sides() {
    let (recorder, member) = Recorder::start(ok).await;
    let running = Running::start(vec![cluster("c", vec![member])]).await;
    for body in [
        "3␊abc\n0\n\n",
        "0x3\nabc\n0\n\n",
        "3 \nabc\n0\n\n",
        "3 4;x\nabc\n0\n\n",
        "3\nabcd\n0\n\n",
        "3\nabc␊0\n\n",
        "-1\n\n",
        "\nabc",
        "fffffffffffffffff\nabc",
        "3\nabc\n0\nX : y\n\n",
        "3\nabc\n0\n X: y\n\n",
        "0\nGET /c/smuggled HTTP/1.1\nHost: h\n\n",
    ] {
        let request = format!("POST /c HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n{body}");
        let answer = raw(running.address, &bytes(&request)).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "RFC 9112 7.1: {body:?} -> {answer:?}");
        assert_eq!(recorder.take(), Vec::<String>::new(), "RFC 9112 7.1: {body:?}");
    }
}
