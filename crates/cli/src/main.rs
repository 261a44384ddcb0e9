//! The command `netreq`: read the line, find the task, do it, end with a code from the table.

mod answer;
mod body;
mod complete;
mod cookies;
mod demo;
mod download;
mod encode;
mod exit;
mod facts;
mod flags;
mod help;
mod high;
mod hints;
mod items;
mod json;
mod left_out;
mod low;
mod man;
mod output;
mod progress;
mod run;
mod serve;
mod session;
mod style;
mod surroundings;
mod waterfall;
mod words;

use std::io::Write;
use std::process::ExitCode;

use exit::{Exit, Failure};
use high::Task;
use surroundings::Surroundings;

fn main() -> ExitCode {
    let ended = low::parse(std::env::args_os().skip(1))
        .and_then(|low| Task::from_low(low, Surroundings::look()))
        .and_then(perform);
    match ended {
        Ok(exit) => exit.into(),
        Err(failure) => {
            // Nobody is left to tell when standard error is gone.
            let _ = writeln!(std::io::stderr(), "netreq: {failure}");
            failure.exit.into()
        }
    }
}

fn perform(task: Task) -> Result<Exit, Failure> {
    match task {
        Task::Print(print) => {
            let _ = std::io::stdout().write_all(help::text(print).as_bytes());
            Ok(Exit::Success)
        }
        Task::Demo(style) => demo::run(style),
        Task::Serve(address) => serve::run(address),
        Task::Cookies(task) => Ok(cookies::run(&task)),
        Task::Request(request) => Ok(run::run(&request)),
    }
}
