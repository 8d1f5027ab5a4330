//! The egress guard: the proxy of a run, which refuses everything and writes down what it was asked for.
//!
//! A run stays on its machine. Whatever is started in one has its proxy variables point here, loopback exempt, so that a
//! program which keeps to them cannot reach another host, and each attempt stands in the journal with the host's name
//! and nothing else: no path, no header, no body. A program that ignores proxies is not seen; the guard is no sandbox.
//!
//! Every request gets `403` and the connection is closed. What is no request of a proxy (a SOCKS greeting, a TLS
//! handshake) is an attempt too, without a name.

use std::io;
use std::net::{Ipv4Addr, TcpListener as StdListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::journal::{Broken, Egress, Journal, Kind, Lane};
use crate::limits::{EGRESS_ATTEMPTS, EGRESS_CONNECTIONS, EGRESS_HEAD_BYTES, EGRESS_READ_MS};

/// What is answered to everything.
const REFUSAL: &[u8] =
    b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: 48\r\nConnection: close\r\n\r\n\
                         a run of Rehydra reaches nothing but its machine";
/// Hosts that are reached without a proxy.
const EXEMPT: &str = "127.0.0.1,localhost,::1";

/// A running guard; it stops when it is dropped.
#[derive(Debug)]
pub struct Guard {
    port: u16,
    accepting: AbortHandle,
}

impl Guard {
    /// Listens on a free loopback port. Must be called within a tokio runtime that has time and IO enabled.
    pub fn start(journal: Journal) -> io::Result<Guard> {
        let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let listener = TcpListener::from_std(listener)?;
        let accepting = tokio::spawn(accept(listener, journal)).abort_handle();
        Ok(Guard { port, accepting })
    }

    /// The variables that make a program ask here. Both cases of a name are in use.
    pub fn env(&self) -> Vec<(String, String)> {
        let proxy = format!("http://127.0.0.1:{}", self.port);
        let names =
            [("HTTP_PROXY", &proxy), ("HTTPS_PROXY", &proxy), ("ALL_PROXY", &proxy), ("NO_PROXY", &EXEMPT.to_owned())]
                .map(|(name, value)| (name.to_owned(), value.clone()));
        let lower = names.clone().map(|(name, value)| (name.to_ascii_lowercase(), value));
        names.into_iter().chain(lower).collect()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, journal: Journal) {
    let places = Arc::new(Semaphore::new(EGRESS_CONNECTIONS));
    let attempts = Arc::new(AtomicU32::new(0));
    // The semaphore is never closed.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
            // A machine out of files. Without a listener whoever asks is refused all the same, by the kernel.
            Err(error) => {
                let text =
                    format!("the egress guard can accept no more connections: {error}; raise the limit of open files");
                journal.append(Lane::Target, Kind::Broken(Broken { step: None, text }));
                return;
            }
        };
        let (journal, attempts) = (journal.clone(), Arc::clone(&attempts));
        tokio::spawn(async move {
            let _place = place;
            // A client that says nothing in time is refused with what it has said.
            refuse(stream, |host| {
                if attempts.fetch_add(1, Ordering::Relaxed) < EGRESS_ATTEMPTS {
                    journal.append(Lane::Target, Kind::Egress(Egress { host }));
                }
            })
            .await;
        });
    }
}

/// Reads the head of a request, tells its host, and refuses it.
async fn refuse(mut stream: TcpStream, told: impl FnOnce(Option<String>)) {
    let mut head = Vec::new();
    let whole = async {
        let mut part = [0; 1024];
        while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < EGRESS_HEAD_BYTES {
            match stream.read(&mut part).await {
                Ok(0) | Err(_) => break,
                Ok(read) => head.extend(part.iter().take(read)),
            }
        }
    };
    let _ = timeout(Duration::from_millis(EGRESS_READ_MS), whole).await;
    told(host_of(&head));
    // Whoever has gone away needs no answer.
    let _ = stream.write_all(REFUSAL).await;
    let _ = stream.shutdown().await;
}

/// The host and port that a request is for: `CONNECT host:port`, or the authority of an absolute URI without what may be
/// a password in it.
fn host_of(head: &[u8]) -> Option<String> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    words.next()?.strip_prefix("HTTP/")?;
    let authority = match method {
        "CONNECT" => target,
        _ => target.split_once("://")?.1.split(['/', '?', '#']).next()?,
    };
    let host = authority.rsplit('@').next()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    (!host.is_empty() && host.len() <= 300 && host.chars().all(plain)).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Redactor, Run, testing::header};

    #[test]
    fn the_host_of_a_request_is_told_and_nothing_else_of_it() {
        for (head, host) in [
            ("CONNECT api.openai.com:443 HTTP/1.1\r\nHost: x\r\n\r\n", Some("api.openai.com:443")),
            ("GET http://user:secret@example.org/path?token=1 HTTP/1.1\r\n\r\n", Some("example.org")),
            ("POST http://[2001:db8::1]:8080?x HTTP/1.1\r\n\r\n", Some("[2001:db8::1]:8080")),
            ("GET /path HTTP/1.1\r\n\r\n", None),
            ("CONNECT a\u{1b}b HTTP/1.1\r\n\r\n", None),
            ("CONNECT  HTTP/1.1\r\n\r\n", None),
            ("\u{5}\u{1}", None),
            ("", None),
        ] {
            assert_eq!(host_of(head.as_bytes()).as_deref(), host, "{head:?}");
        }
        assert_eq!(host_of(b"\x16\x03\x01\xff"), None);
    }

    #[tokio::test]
    async fn everything_is_refused_and_stands_in_the_journal() {
        let dir = tempfile::tempdir().expect("a directory");
        let journal = Journal::create(dir.path(), &header("", 0), Redactor::new([]), || 0).expect("a journal");
        let guard = Guard::start(journal).expect("a guard");
        for request in ["CONNECT chatgpt.com:443 HTTP/1.1\r\n\r\n", "\u{16}\u{3}"] {
            let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, guard.port)).await.expect("connected");
            client.write_all(request.as_bytes()).await.expect("written");
            client.shutdown().await.expect("closed");
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.expect("an answer");
            assert!(answer.starts_with("HTTP/1.1 403 ") && answer.ends_with("its machine"), "{answer}");
            let body = answer.split("\r\n\r\n").nth(1).expect("a body");
            assert!(answer.contains(&format!("Content-Length: {}\r\n", body.len())));
        }
        let run = Run::read(dir.path()).expect("a journal");
        let hosts = run.events.iter().filter_map(|event| match &event.kind {
            Kind::Egress(egress) => Some(egress.host.as_deref()),
            _ => None,
        });
        assert_eq!(hosts.collect::<Vec<_>>(), [Some("chatgpt.com:443"), None]);
    }
}
