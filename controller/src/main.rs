//! The entry of `weft`: runs the command line, prints what went wrong, sets the exit status.
//!
//! It knows no command; they are in [`weft::cli`].

use std::io::ErrorKind;
use std::process::ExitCode;

use weft::Error;

fn main() -> ExitCode {
    let Err(error) = weft::cli::run(std::env::args_os().collect()) else {
        return ExitCode::SUCCESS;
    };
    match error.downcast_ref::<Error>() {
        Some(Error::CommandLine(said)) => said.exit(),
        Some(error) if error.is_usage() => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
        // Whoever reads the output has read enough.
        _ if is_broken_pipe(&error) => ExitCode::SUCCESS,
        _ => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
