//! The entry of `weft`: runs the command line, prints what went wrong, sets the exit status.
//!
//! It knows no command; they are in [`weft::cli`].

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
        _ => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
