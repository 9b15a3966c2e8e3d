// As listen.rs, with the sockets of tokio.
use std::io::Read;
use tokio::net::{TcpListener, UdpSocket};

async fn echo(socket: UdpSocket) {
    let mut buffer = [0u8; 64];
    while let Ok((size, peer)) = socket.recv_from(&mut buffer).await {
        let _ = socket.send_to(&buffer[..size], peer).await;
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let words: Vec<String> = std::env::args().collect();
    let port: u16 = words[3].parse().unwrap();
    let mut held = Vec::new();
    for (i, host) in words[4..].iter().enumerate() {
        let address = format!("{}:{}", host, port + i as u16);
        let bound = if words[1] == "udp" {
            UdpSocket::bind(address).await.map(|socket| drop(tokio::spawn(echo(socket))))
        } else {
            TcpListener::bind(address).await.map(|listener| held.push(listener))
        };
        println!("{}", bound.map_or_else(|error| error.to_string(), |()| "ok".to_string()));
    }
    let _ = tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0u8; 1])).await;
}
