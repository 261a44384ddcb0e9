//! A session on disk: cookies that servers set come back, in later runs and in other processes too.
//!
//! `cargo run -p netreq --example cookies`

use std::error::Error;

use netreq::{ChangeCause, CookieDetails, CookieFilter, SameSite, Session, Url};
use netreq_testserver::Server;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::start();
    let url = Url::parse(&server.url("/headers"))?;
    let folder = std::env::temp_dir().join(format!("netreq-cookies-{}", std::process::id()));

    let session = Session::from_path(&folder)?;
    let mut changes = session.cookies().changed();
    // Requests carry cookies when they say so.
    session.get(server.url("/cookies/set?from=server")).use_session_cookies(true).await?;
    let change = changes.next().await.ok_or("the session lives")?;
    println!("{} {}", change.cause.as_str(), change.cookie.pair().escape_ascii());
    assert_eq!(change.cause, ChangeCause::Inserted);

    // This one outlives the session, and no other site ever makes a request carry it.
    let theme = CookieDetails {
        name: b"theme",
        value: b"dark",
        expiry: Some(netreq::Timestamp::MAX),
        same_site: Some(SameSite::Strict),
        ..CookieDetails::new(&url)
    };
    session.cookies().set(theme).await?;
    let text = session.get(&url).use_session_cookies(true).await?.text().await?;
    println!("{text}");
    assert!(text.contains("from=server; theme=dark"));
    session.close().await?;

    // The same folder later: what ends with the session is gone.
    let session = Session::from_path(&folder)?;
    let kept = session.cookies().get(CookieFilter::default()).await?;
    for cookie in &kept {
        println!("kept {}", cookie.pair().escape_ascii());
    }
    assert_eq!(kept.len(), 1);
    session.cookies().remove(&url, "theme").await?;
    session.close().await?;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
