//! The servers, each with the same few resources, and their configurations.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use netreq_testserver::{Authority, Identity, pattern};

use super::daemon::{Daemon, Ports};
use crate::support::Folder;

/// A server with `/small.txt`, `/large.bin`, `/text.txt`, `/moved` and a way to upload.
#[derive(Debug)]
pub(crate) struct Site {
    // Stopped before its folder goes.
    daemon: Daemon,
    ground: Ground,
    pub(crate) authority: Authority,
    pub(crate) uploads: Uploads,
    /// The codings it compresses with.
    pub(crate) codings: &'static [&'static str],
    /// The protocol it agrees on under TLS.
    pub(crate) alpn: Option<&'static str>,
    /// Its status for a field that is too large.
    pub(crate) refuses_with: u16,
}

/// How a server takes a body.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Uploads {
    /// A POST to this path is answered with its own body.
    Echo(&'static str),
    /// A PUT below this path makes a file there.
    Store(&'static str),
}

/// A folder with everything that is served, and the keys for it.
#[derive(Debug)]
struct Ground {
    folder: Folder,
    token: String,
}

impl Site {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.daemon.ports.plain)
    }

    pub(crate) fn secure_url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.daemon.ports.secure)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.ground.folder.path()
    }

    pub(crate) fn nginx() -> Self {
        let (ground, authority) = Ground::new();
        let folder = ground.folder.path().display().to_string();
        let daemon = ground.start("nginx", "nginx", |Ports { plain, secure }, command| {
            let configuration = format!(
                r#"
                daemon off;
                master_process off;
                pid "{folder}/pid";
                error_log stderr;
                events {{ worker_connections 256; }}
                http {{
                    access_log off;
                    client_body_temp_path "{folder}/bodies";
                    proxy_temp_path "{folder}/proxy";
                    fastcgi_temp_path "{folder}/fastcgi";
                    uwsgi_temp_path "{folder}/uwsgi";
                    scgi_temp_path "{folder}/scgi";
                    types {{ text/plain txt; }}
                    gzip on;
                    gzip_types text/plain;
                    gzip_min_length 1000;
                    client_max_body_size 64m;
                    server {{
                        listen 127.0.0.1:{plain};
                        listen 127.0.0.1:{secure} ssl;
                        ssl_certificate "{folder}/chain.pem";
                        ssl_certificate_key "{folder}/key.pem";
                        ssl_protocols TLSv1.2 TLSv1.3;
                        root "{folder}/www";
                        location = /moved {{ return 301 /small.txt; }}
                        location /store/ {{ dav_methods PUT; }}
                    }}
                }}
                "#
            );
            let file = ground.write("nginx.conf", configuration);
            command.arg("-p").arg(ground.folder.path()).arg("-e").arg("stderr").arg("-c").arg(file);
        });
        Self {
            daemon,
            ground,
            authority,
            uploads: Uploads::Store("/store/"),
            codings: &["gzip"],
            alpn: Some("http/1.1"),
            refuses_with: 400,
        }
    }

    pub(crate) fn apache() -> Self {
        let (ground, authority) = Ground::new();
        let folder = ground.folder.path().display().to_string();
        let daemon = ground.start("apache2", "apache2", |Ports { plain, secure }, command| {
            let mut configuration = String::new();
            for module in [
                "mpm_event",
                "authz_core",
                "mime",
                "alias",
                "filter",
                "deflate",
                "brotli",
                "ssl",
                "reflector",
            ] {
                let file = format!("/usr/lib/apache2/modules/mod_{module}.so");
                let _ = writeln!(configuration, "LoadModule {module}_module {file}");
            }
            let _ = write!(
                configuration,
                r#"
                ServerRoot "{folder}"
                DefaultRuntimeDir "{folder}"
                ServerName localhost
                PidFile "{folder}/pid"
                ErrorLog "/dev/stderr"
                User nobody
                Group nogroup
                Listen 127.0.0.1:{plain}
                Listen 127.0.0.1:{secure} https
                KeepAliveTimeout 60
                DocumentRoot "{folder}/www"
                TypesConfig /dev/null
                AddType text/plain .txt
                <Directory "{folder}/www">
                    Require all granted
                </Directory>
                Redirect 301 /moved /small.txt
                <Location "/echo">
                    SetHandler reflector
                </Location>
                # Else a tag that it has sent is one that it does not know again.
                BrotliAlterETag NoChange
                DeflateAlterETag NoChange
                AddOutputFilterByType BROTLI_COMPRESS;DEFLATE text/plain
                SSLSessionCache none
                <VirtualHost 127.0.0.1:{secure}>
                    SSLEngine on
                    SSLCertificateFile "{folder}/chain.pem"
                    SSLCertificateKeyFile "{folder}/key.pem"
                </VirtualHost>
                "#
            );
            command.args(["-X", "-f"]).arg(ground.write("apache2.conf", configuration));
        });
        Self {
            daemon,
            ground,
            authority,
            uploads: Uploads::Echo("/echo"),
            codings: &["gzip", "br"],
            alpn: Some("http/1.1"),
            refuses_with: 400,
        }
    }

    pub(crate) fn caddy() -> Self {
        let (ground, authority) = Ground::new();
        let folder = ground.folder.path().display().to_string();
        let daemon = ground.start("caddy", "caddy", |Ports { plain, secure }, command| {
            let configuration = format!(
                r#"
{{
	admin off
	auto_https off
	servers {{
		max_header_size 16KB
	}}
}}
(site) {{
	bind 127.0.0.1
	root * "{folder}/www"
	encode zstd gzip
	redir /moved /small.txt 301
	handle /echo {{
		respond "{{http.request.body}}"
	}}
	file_server
}}
http://:{plain} {{
	import site
}}
https://:{secure} {{
	tls "{folder}/chain.pem" "{folder}/key.pem"
	import site
}}
"#
            );
            let file = ground.write("Caddyfile", configuration);
            command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
            command.env("HOME", &folder).env("XDG_DATA_HOME", &folder);
            command.env("XDG_CONFIG_HOME", &folder);
        });
        Self {
            daemon,
            ground,
            authority,
            uploads: Uploads::Echo("/echo"),
            codings: &["gzip", "zstd"],
            alpn: Some("http/1.1"),
            refuses_with: 431,
        }
    }

    pub(crate) fn node() -> Self {
        let (ground, authority) = Ground::new();
        let daemon = ground.start("nodejs", "node", |Ports { plain, secure }, command| {
            command.arg(ground.write("server.js", include_str!("server.js")));
            command.arg(ground.folder.path()).args([plain.to_string(), secure.to_string()]);
        });
        Self {
            daemon,
            ground,
            authority,
            uploads: Uploads::Echo("/echo"),
            codings: &["gzip", "deflate", "br"],
            alpn: Some("http/1.1"),
            refuses_with: 431,
        }
    }
}

impl Ground {
    fn new() -> (Self, Authority) {
        let folder = Folder::new();
        let token = folder.path().display().to_string();
        let authority = Authority::new();
        let ground = Self { folder, token };
        std::fs::create_dir_all(ground.folder.join("www/store")).unwrap();
        ground.write("www/token", &ground.token);
        ground.write("www/small.txt", SMALL);
        ground.write("www/large.bin", pattern(LARGE));
        ground.write("www/text.txt", text());
        ground.write("authority.pem", authority.certificate_pem());
        ground.write_identity(&authority.identity());
        (ground, authority)
    }

    fn start(
        &self,
        package: &str,
        program: &str,
        prepare: impl Fn(Ports, &mut std::process::Command),
    ) -> Daemon {
        Daemon::start(package, program, self.folder.path(), &self.token, prepare)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn write_identity(&self, identity: &Identity) {
        let chain = identity.chain().iter().map(|one| pem("CERTIFICATE", one));
        self.write("chain.pem", chain.collect::<String>());
        self.write("key.pem", pem("PRIVATE KEY", identity.key().secret_der()));
    }
}

/// RFC 7468.
fn pem(label: &str, bytes: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in bytes.chunks(48) {
        for group in line.chunks(3) {
            let mut bits = [0; 4];
            bits[1..=group.len()].copy_from_slice(group);
            let bits = u32::from_be_bytes(bits);
            for place in 0..4 {
                let digit = (bits >> (18 - 6 * place)) as usize & 63;
                text.push(if place <= group.len() { DIGITS[digit] as char } else { '=' });
            }
        }
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}

/// A text that is worth compressing.
pub(crate) fn text() -> Vec<u8> {
    (0..2000).flat_map(|line| format!("This is line {line}.\n").into_bytes()).collect()
}

pub(crate) const SMALL: &str = "twenty small bytes.\n";
pub(crate) const LARGE: usize = 10 * 1024 * 1024;
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
