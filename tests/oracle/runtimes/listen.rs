// NETWORK CALL PORT HOST…: binds each HOST at PORT, PORT+1, … and says what became of each; datagrams are sent back.
// Ends with its input.
use std::io::Read;
use std::net::{TcpListener, UdpSocket};
use std::thread;

fn echo(socket: UdpSocket) {
    let mut buffer = [0u8; 64];
    while let Ok((size, peer)) = socket.recv_from(&mut buffer) {
        let _ = socket.send_to(&buffer[..size], peer);
    }
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let port: u16 = words[3].parse().unwrap();
    let mut held = Vec::new();
    for (i, host) in words[4..].iter().enumerate() {
        let address = format!("{}:{}", host, port + i as u16);
        let bound = if words[1] == "udp" {
            UdpSocket::bind(address).map(|socket| drop(thread::spawn(move || echo(socket))))
        } else {
            TcpListener::bind(address).map(|listener| held.push(listener))
        };
        println!("{}", bound.map_or_else(|error| error.to_string(), |()| "ok".to_string()));
    }
    let _ = std::io::stdin().read(&mut [0u8; 1]);
}
