//! What curl makes of a resource.

use std::process::Command;

use super::servers::Site;

/// A status and a body.
#[derive(PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl std::fmt::Debug for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let start = &self.body[..self.body.len().min(200)];
        let start = String::from_utf8_lossy(start);
        write!(f, "{}, {} bytes: {start:?}", self.status, self.body.len())
    }
}

/// Asks for `url` with these further arguments, trusting the site's authority.
pub(crate) fn curl(site: &Site, arguments: &[&str], url: &str) -> Heard {
    let file = site.folder().join(format!("curl-{}", std::process::id()));
    let output = Command::new("curl")
        .args(["--disable", "--silent", "--show-error", "--http1.1", "--noproxy", "*"])
        .args(["--max-time", "60", "--write-out", "%{http_code}", "--output"])
        .arg(&file)
        .arg("--cacert")
        .arg(site.folder().join("authority.pem"))
        .args(arguments)
        .arg(url)
        .output()
        .unwrap_or_else(|cause| panic!("curl: {cause}; it is in Debian's package `curl`"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "curl {url}: {errors}");
    let status = String::from_utf8_lossy(&output.stdout).parse().expect("a status");
    // Without a body curl writes no file.
    let body = std::fs::read(&file).unwrap_or_default();
    let _ = std::fs::remove_file(&file);
    Heard { status, body }
}
