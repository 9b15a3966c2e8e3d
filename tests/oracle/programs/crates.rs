//! Dials NAME:PORT with a crate's own settings, for at most LIMIT seconds: `crates reqwest|tonic|tokio NAME:PORT`.
use std::time::Duration;
use tokio::io::AsyncWriteExt;

async fn dial(how: &str, target: &str) -> Result<(), Box<dyn std::error::Error>> {
    let page = format!("http://{target}/");
    match how {
        "reqwest" => drop(reqwest::get(page).await?),
        "tonic" => drop(tonic::transport::Endpoint::from_shared(page)?.connect().await?),
        _ => tokio::net::TcpStream::connect(target).await?.write_all(b"GET / HTTP/1.0\r\n\r\n").await?,
    }
    Ok(())
}

#[tokio::main]
async fn main() {
    let given: Vec<String> = std::env::args().collect();
    let limit = Duration::from_secs(std::env::var("LIMIT").expect("LIMIT").parse().expect("seconds"));
    println!("{:?}", tokio::time::timeout(limit, dial(&given[1], &given[2])).await);
}
