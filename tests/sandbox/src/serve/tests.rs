use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// Answers with the request's method, target and body, and loses what asks for it.
struct Echo;

impl Service for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }

    fn call(&self, request: &Request<Bytes>) -> Fate {
        let body = String::from_utf8_lossy(request.body()).into_owned();
        let reply = Fate::Reply(Response::new(Bytes::from(format!(
            "{} {} {body}",
            request.method(),
            request.uri()
        ))));
        match request.uri().path() {
            "/lost" => Fate::Lost,
            "/slow" => Fate::After(Duration::from_millis(50), Box::new(reply)),
            "/slow-lost" => Fate::After(Duration::from_millis(50), Box::new(Fate::Lost)),
            _ => reply,
        }
    }
}

/// Everything that comes back until the server closes.
async fn raw(served: &Served, request: &str) -> String {
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A connection that is reset has said what it has said.
    drop(stream.read_to_end(&mut answer).await);
    String::from_utf8(answer).unwrap()
}

fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
}

#[tokio::test]
async fn a_request_reaches_the_service_and_its_reply_comes_back() {
    let served = serve(Arc::new(Echo)).await.unwrap();
    let answer = raw(&served, &post("/a?b=c", "hello")).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nPOST /a?b=c hello"), "{answer}");
    assert_eq!(served.url, format!("http://127.0.0.1:{}", served.address.port()));
}

#[tokio::test]
async fn a_chunked_body_is_put_together() {
    let served = serve(Arc::new(Echo)).await.unwrap();
    let head = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answer = raw(&served, &format!("{head}3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n")).await;
    assert!(answer.ends_with("POST / hello"), "{answer}");
}

#[tokio::test]
async fn a_lost_connection_closes_without_a_byte() {
    let served = serve(Arc::new(Echo)).await.unwrap();
    assert_eq!(raw(&served, &post("/lost", "hello")).await, "");
    assert_eq!(raw(&served, &post("/slow-lost", "hello")).await, "");
}

#[tokio::test]
async fn a_late_reply_comes_late() {
    let served = serve(Arc::new(Echo)).await.unwrap();
    let start = Instant::now();
    assert!(raw(&served, &post("/slow", "x")).await.ends_with("POST /slow x"));
    assert!(start.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn one_connection_carries_many_requests_without_stalling() {
    let served = serve(Arc::new(Echo)).await.unwrap();
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let start = Instant::now();
    for _ in 0..50 {
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        let mut answer = [0; 1024];
        let length = stream.read(&mut answer).await.unwrap();
        // Head and body come in one piece.
        assert!(
            answer[..length].ends_with(b"GET / "),
            "{}",
            String::from_utf8_lossy(&answer[..length])
        );
    }
    // A stall is 40 ms a request.
    assert!(
        start.elapsed() < Duration::from_millis(50 * 20),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn a_body_beyond_the_bound_is_refused() {
    let served = serve(Arc::new(Echo)).await.unwrap();
    let length = MAX_BODY + 1;
    let head = format!("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 1024];
    let length = stream.read(&mut answer).await.unwrap();
    assert!(
        answer[..length].starts_with(b"HTTP/1.1 413 "),
        "{}",
        String::from_utf8_lossy(&answer[..length])
    );
}

#[tokio::test]
async fn what_is_dropped_is_served_no_more() {
    let served = serve(Arc::new(Echo)).await.unwrap();
    let address = served.address;
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = [0; 1024];
    assert!(idle.read(&mut answer).await.unwrap() > 0);
    drop(served);
    assert_eq!(idle.read(&mut answer).await.unwrap_or(0), 0);
    assert!(TcpStream::connect(address).await.is_err());
}
