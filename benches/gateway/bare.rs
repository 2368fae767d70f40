//! The yardstick: an actix-web server that does nothing but answer.

use actix_web::web::{Bytes, Payload};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use futures_util::StreamExt;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command};

/// A bare server in a process of its own.
pub(crate) struct Bare {
    pub(crate) address: SocketAddr,
    process: Child,
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.process.kill().expect("the bare server is running");
        self.process.wait().expect("the bare server ends");
    }
}

/// Starts this program again as the bare server, with as many workers as the node has.
pub(crate) fn start(folder: &Path) -> Bare {
    let port_file = folder.join("bare-port");
    let program = std::env::current_exe().expect("this program has a path");
    let process =
        Command::new(program).arg("--bare-server").arg(&port_file).spawn().expect("the bare server starts");
    loop {
        match std::fs::read_to_string(&port_file).ok().and_then(|text| text.parse().ok()) {
            Some(address) => return Bare { address, process },
            None => std::thread::sleep(std::time::Duration::from_millis(5)),
        }
    }
}

/// Serves until it is killed; writes its address to `port_file` once it listens.
pub(crate) fn serve(port_file: &Path) {
    actix_web::rt::System::new().block_on(async {
        let server = HttpServer::new(|| App::new().default_service(actix_web::web::to(answer)))
            .workers(std::thread::available_parallelism().map_or(1, usize::from))
            .bind("127.0.0.1:0")
            .expect("a free port");
        let address = server.addrs()[0].to_string();
        let written = port_file.with_extension("new");
        std::fs::write(&written, address).expect("the address can be written");
        std::fs::rename(&written, port_file).expect("the address can be published");
        server.run().await.expect("the bare server runs");
    });
}

/// The bytes that the node would answer: 256 for a read, 100 items for a range, none for a write.
async fn answer(request: HttpRequest, mut body: Payload) -> HttpResponse {
    while let Some(chunk) = body.next().await {
        chunk.expect("the load generator sends whole bodies");
    }
    match request.method().as_str() {
        "GET" => HttpResponse::Ok()
            .insert_header(("x-garage-causality-token", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"))
            .content_type("application/octet-stream")
            .body(Bytes::from_static(&[b'v'; 256])),
        "SEARCH" => {
            HttpResponse::Ok().content_type("application/json").body(Bytes::from_static(&[b'r'; 41_500]))
        }
        _ => HttpResponse::NoContent().finish(),
    }
}
