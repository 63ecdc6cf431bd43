//! A service behind a socket: HTTP/1.1 on a loopback port of its own.

#[cfg(test)]
mod tests;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use crate::{Fate, Service};

/// The largest request body that any of the services takes: DynamoDB's 16 MB.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// How long a client may take over the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// The deepest that delays may be laid into each other.
const MAX_DELAYS: usize = 8;

/// A service that is being served, until this is dropped: then the port is closed and every connection with it.
#[derive(Debug)]
pub struct Served {
    /// `http://127.0.0.1:` and the port, without a slash at the end.
    pub url: String,
    /// Where it listens.
    pub address: SocketAddr,
    server: AbortHandle,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Serves `service` on a free port.
///
/// # Errors
///
/// When no port can be had.
pub async fn serve(service: Arc<dyn Service>) -> io::Result<Served> {
    serve_at(SocketAddr::from(([127, 0, 0, 1], 0)), service).await
}

/// Serves `service` at `address`.
///
/// # Errors
///
/// When the address cannot be had.
pub async fn serve_at(address: SocketAddr, service: Arc<dyn Service>) -> io::Result<Served> {
    listen(address, move |request| {
        let service = Arc::clone(&service);
        async move { settle(service.call(&request)).await }
    })
    .await
}

/// Waits out a fate. `None` is a lost connection.
pub(crate) async fn settle(mut fate: Fate) -> Option<Response<Bytes>> {
    for _ in 0..MAX_DELAYS {
        match fate {
            Fate::Reply(reply) => return Some(reply),
            Fate::Lost => return None,
            Fate::After(delay, next) => {
                tokio::time::sleep(delay).await;
                fate = *next;
            }
        }
    }
    None
}

/// Answers each request with what `answer` gives, and breaks the connection where it gives nothing.
pub(crate) async fn listen<A, F>(address: SocketAddr, answer: A) -> io::Result<Served>
where
    A: Fn(Request<Bytes>) -> F + Clone + Send + 'static,
    F: Future<Output = Option<Response<Bytes>>> + Send + 'static,
{
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(accept(listener, answer)).abort_handle();
    Ok(Served {
        url: format!("http://{address}"),
        address,
        server,
    })
}

/// Accepts for ever. The connections belong to this task, and end with it.
async fn accept<A, F>(listener: TcpListener, answer: A)
where
    A: Fn(Request<Bytes>) -> F + Clone + Send + 'static,
    F: Future<Output = Option<Response<Bytes>>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(converse(stream, answer.clone()));
                }
                // Out of file descriptors, or a client gone already: the next one may do better.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn converse<A, F>(stream: TcpStream, answer: A)
where
    A: Fn(Request<Bytes>) -> F + Clone + Send + 'static,
    F: Future<Output = Option<Response<Bytes>>> + Send + 'static,
{
    // Without this a small answer may wait 40 ms for the client's acknowledgement.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = answer.clone();
        async move {
            let (head, body) = request.into_parts();
            let reply = match read(body).await {
                Some(body) => answer(Request::from_parts(head, body)).await,
                None => Some(status(StatusCode::PAYLOAD_TOO_LARGE)),
            };
            // An error makes hyper close the connection without a word: that is what "lost" is.
            reply.map(|reply| reply.map(Full::new)).ok_or(LostConnection)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    // How a connection ends is the client's affair, or was decided above.
    drop(connection.await);
}

/// The whole body, unless it is longer than the bound, says that it will be, or breaks off.
async fn read(body: Incoming) -> Option<Bytes> {
    if body.size_hint().lower() > MAX_BODY.try_into().unwrap_or(u64::MAX) {
        return None;
    }
    Some(Limited::new(body, MAX_BODY).collect().await.ok()?.to_bytes())
}

fn status(status: StatusCode) -> Response<Bytes> {
    let mut reply = Response::new(Bytes::new());
    *reply.status_mut() = status;
    reply
}

#[derive(Debug)]
struct LostConnection;

impl std::fmt::Display for LostConnection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the connection is to be lost")
    }
}

impl std::error::Error for LostConnection {}
