//! Dials NAME:PORT with the standard library.
use std::io::Write;

fn main() -> std::io::Result<()> {
    let target = std::env::args().nth(1).expect("NAME:PORT");
    std::net::TcpStream::connect(target)?.write_all(b"GET / HTTP/1.0\r\n\r\n")
}
