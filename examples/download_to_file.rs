//! A body into a file that is there whole or not at all, whatever its size.
//!
//! `cargo run -p netreq --example download_to_file`

use std::error::Error;
use std::path::Path;

use netreq::{NetError, Session};
use netreq_testserver::{Server, pattern};
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::start();
    let session = Session::in_memory();
    let folder = std::env::temp_dir().join(format!("netreq-example-{}", std::process::id()));
    fs::create_dir_all(&folder).await?;
    let (whole, cut) = (folder.join("whole"), folder.join("cut"));

    let length = download(&session, &server.url("/chunked/5000000"), &whole).await?;
    println!("{length} bytes in {}", whole.display());
    let stored = fs::read(&whole).await?;

    let broken = download(&session, &server.url("/truncated"), &cut).await;
    let error = broken.expect_err("the server closes before the length is reached");
    println!("{error}: {} is not there", cut.display());
    let cut_is_there = fs::try_exists(&cut).await?;
    fs::remove_dir_all(&folder).await?;

    assert_eq!(stored, pattern(5_000_000));
    assert!(!cut_is_there);
    let error = error.downcast::<netreq::Error>()?;
    assert_eq!(error.net_error(), NetError::ContentLengthMismatch);
    Ok(())
}

/// Writes what `url` gives to `path`, piece by piece, and returns how many bytes it was.
async fn download(session: &Session, url: &str, path: &Path) -> Result<u64, Box<dyn Error>> {
    let mut message = session.get(url).send(()).await?.error_for_status()?;
    // Under another name until it is whole: an error or a kill leaves no file that looks whole.
    let part = path.with_extension("part");
    let mut file = File::create(&part).await?;
    let mut length = 0;
    while let Some(chunk) = message.chunk().await? {
        file.write_all(&chunk).await?;
        length += chunk.len() as u64;
    }
    file.sync_all().await?;
    fs::rename(&part, path).await?;
    Ok(length)
}
