//! Connects to an address and prints the peer's address.
fn main() {
    let target = std::env::args().nth(1).expect("name:port");
    match std::net::TcpStream::connect(target) {
        Ok(connection) => println!("{}", connection.peer_addr().expect("peer").ip()),
        Err(_) => println!("-"),
    }
}
