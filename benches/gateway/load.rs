//! A load generator that costs little: one thread, ready-made requests, one request in flight per connection.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) struct Load {
    pub(crate) connections: usize,
    pub(crate) seconds: f64,
    pub(crate) warm_up_seconds: f64,
    /// A shorter answer was not the answer.
    pub(crate) body_bytes_min: usize,
}

#[derive(Clone)]
pub(crate) struct Measured {
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) p999_ms: f64,
}

struct Shared {
    next: Cell<usize>,
    begin: Instant,
    end: Instant,
    body_bytes_min: usize,
    latencies: RefCell<Vec<u32>>,
}

impl Load {
    /// Sends the requests round and round (or once each), and measures what is answered after the warm-up.
    pub(crate) fn run(&self, address: SocketAddr, requests: &Rc<Vec<Vec<u8>>>, repeats: bool) -> Measured {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let begin = Instant::now() + Duration::from_secs_f64(self.warm_up_seconds);
        let end = begin + Duration::from_secs_f64(self.seconds);
        let shared = Rc::new(Shared {
            next: Cell::new(0),
            begin,
            end,
            body_bytes_min: self.body_bytes_min,
            latencies: RefCell::default(),
        });
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, async {
            let tasks: Vec<_> = (0..self.connections)
                .map(|_| {
                    let (shared, requests) = (Rc::clone(&shared), Rc::clone(requests));
                    tokio::task::spawn_local(connection(address, requests, repeats, shared))
                })
                .collect();
            for task in tasks {
                task.await.expect("a connection works");
            }
        });
        let elapsed = Instant::now().min(end).saturating_duration_since(begin).as_secs_f64();
        let mut latencies = shared.latencies.take();
        latencies.sort_unstable();
        let at = |share: f64| {
            let place = (latencies.len() as f64 * share) as usize;
            latencies.get(place).map_or(f64::NAN, |&micros| f64::from(micros) / 1000.0)
        };
        Measured {
            per_second: latencies.len() as f64 / elapsed,
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
        }
    }
}

async fn connection(address: SocketAddr, requests: Rc<Vec<Vec<u8>>>, repeats: bool, shared: Rc<Shared>) {
    let mut stream = TcpStream::connect(address).await.expect("the server accepts");
    stream.set_nodelay(true).expect("TCP_NODELAY");
    let mut buffer = vec![0; 64 << 10];
    loop {
        let n = shared.next.get();
        shared.next.set(n + 1);
        let started = Instant::now();
        if started >= shared.end || (!repeats && n >= requests.len()) {
            return;
        }
        stream.write_all(&requests[n % requests.len()]).await.expect("the server reads");
        let (head, body_bytes) = answer(&mut stream, &mut buffer).await;
        assert!(head.starts_with("HTTP/1.1 20"), "request {n} was answered: {head}");
        assert!(body_bytes >= shared.body_bytes_min, "request {n} was answered with {body_bytes} bytes");
        let ended = Instant::now();
        if ended >= shared.begin && ended < shared.end {
            let micros = u32::try_from((ended - started).as_micros()).unwrap_or(u32::MAX);
            shared.latencies.borrow_mut().push(micros);
        }
    }
}

/// Reads one whole answer; returns its head and the length of its body.
pub(crate) async fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> (String, usize) {
    let mut filled = 0;
    let head_length = loop {
        let read = stream.read(&mut buffer[filled..]).await.expect("the server answers");
        assert!(read > 0, "the server hung up: {}", String::from_utf8_lossy(&buffer[..filled]));
        filled += read;
        if let Some(at) = memchr::memmem::find(&buffer[..filled], b"\r\n\r\n") {
            break at + 4;
        }
    };
    let length: usize = match memchr::memmem::find(&buffer[..head_length], b"content-length: ") {
        Some(at) => {
            let digits = buffer[at + 16..head_length].split(|byte| *byte == b'\r').next().unwrap_or_default();
            std::str::from_utf8(digits)
                .ok()
                .and_then(|text| text.parse().ok())
                .expect("content-length is a number")
        }
        None => 0,
    };
    let mut left = (head_length + length).saturating_sub(filled);
    while left > 0 {
        let room = left.min(buffer.len() - head_length);
        let read = stream.read(&mut buffer[head_length..head_length + room]).await.expect("the body arrives");
        assert!(read > 0, "the server hung up in the middle of a body");
        left -= read;
    }
    (String::from_utf8_lossy(&buffer[..head_length.min(300)]).into_owned(), length)
}
