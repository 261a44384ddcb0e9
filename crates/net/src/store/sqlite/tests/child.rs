//! What a child process of these tests does.

use std::io::Write;
use std::process::{Child, Command, Stdio};

use super::*;

/// Another process of this test binary, which does `task` in `folder`.
pub(super) fn command(task: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(arguments()).env(TASK, task).env(FOLDER, folder).stdout(Stdio::piped());
    command
}

pub(super) fn arguments() -> [&'static str; 4] {
    ["--exact", "store::sqlite::tests::child::does_its_task", "--nocapture", "--test-threads=1"]
}

/// The lines that a child says, without those of the test runner.
pub(super) fn lines(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let output = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::lines(output)
        .map_while(Result::ok)
        .filter_map(|line| line.strip_prefix("child: ").map(str::to_owned))
}

/// Does nothing but in a child.
#[test]
#[expect(clippy::disallowed_methods, reason = "that is how a child knows its task")]
fn does_its_task() {
    let Ok(task) = std::env::var(TASK) else { return };
    let folder = PathBuf::from(std::env::var(FOLDER).unwrap());
    // The lines must stand alone, and the runner has written half of one.
    println!();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        match &*task {
            "store until killed" => crash::store_until_killed(&folder).await,
            "store and report" => limits::store_and_report(&folder).await,
            "fill a disk" => limits::fill_a_disk(&folder).await,
            "store without a flush" => crash::store_without_a_flush(&folder).await,
            task => {
                let number = task.strip_prefix("write at once ").unwrap().parse().unwrap();
                sharing::write_at_once(&folder, number).await;
            }
        }
    });
}

/// How much to do: what the environment says, for runs that may take longer.
#[expect(clippy::disallowed_methods, reason = "whoever runs the tests has no other way to say so")]
pub(super) fn scale(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |number| number.parse().unwrap())
}

/// Says a line to the parent.
pub(super) fn say(line: fmt::Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "child: {line}").unwrap();
    out.flush().unwrap();
}

const TASK: &str = "NETREQ_STORE_TASK";
const FOLDER: &str = "NETREQ_STORE_FOLDER";
