// Binds each HOST at PORT, PORT+1, … and says what became of each; ends with its input.
use std::io::Read;
use std::net::TcpListener;

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let port: u16 = words[1].parse().unwrap();
    let mut held = Vec::new();
    for (i, host) in words[2..].iter().enumerate() {
        match TcpListener::bind(format!("{}:{}", host, port + i as u16)) {
            Ok(socket) => {
                println!("ok");
                held.push(socket);
            }
            Err(error) => println!("{}", error),
        }
    }
    let _ = std::io::stdin().read(&mut [0u8; 1]);
}
