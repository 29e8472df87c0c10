//! What can go wrong in the shell, in words for the person who typed the command.
//!
//! Messages name the option, file, line or address at fault and never hold a password.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line is wrong, or asks for help or the version.
    #[error("{0}")]
    CommandLine(clap::Error),
    /// Values of the environment or of the configuration file are wrong: a line for each.
    #[error("{}", .0.join("\n       "))]
    Configuration(Vec<String>),
    /// A value is not of its type.
    #[error("expected {0}")]
    Expected(String),
    /// A file or directory cannot be used.
    #[error("{}: {reason}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// There is no home for the database.
    #[error(
        "no directory for the database: set HOME or XDG_STATE_HOME, or name one with --database sqlite:PATH"
    )]
    NoStateDirectory,
    /// The API without authentication would be reachable from elsewhere.
    #[error(
        "--listen-api {0}: the API has no authentication, so it is served on loopback only; \
         listen on 127.0.0.1 or [::1], or accept that anyone who reaches {0} controls the network \
         with --insecure-noauth"
    )]
    Exposed(SocketAddr),
    /// A listener cannot be bound.
    #[error("--{option} {address}: {reason}")]
    Bind {
        /// The option that names the address.
        option: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why, and what may be done.
        reason: String,
    },
    /// The process cannot take signals.
    #[error("cannot handle signals: {0}")]
    Signals(io::Error),
    /// Another recorder of metrics stands in this process.
    #[error("metrics are recorded elsewhere in this process already")]
    Metrics,
    /// Nobody answers where a controller should.
    #[error(
        "no controller answers at {url}: {reason}; start one with `weft serve` or name it with --api"
    )]
    NoController {
        /// Where it was looked for.
        url: String,
        /// Why not.
        reason: String,
    },
    /// What answers does not speak as a controller does.
    #[error("{url} does not answer as a controller does: {reason}")]
    Answer {
        /// What was asked for.
        url: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The controller refused a request.
    #[error("{message} (status {status} of {url})")]
    Refused {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The controller's words.
        message: String,
    },
    /// A switch was to be released that is not held.
    #[error("the switch of {0} is not held: there is nothing to release")]
    NotHeld(String),
    /// Lines describe no messages.
    #[error("{0} lines describe no message")]
    NotEncoded(usize),
    /// A file is no scenario: a line for each problem.
    #[error("{}", .0.replace('\n', "\n       "))]
    Scenario(String),
    /// Expectations of a scenario do not hold.
    #[error("{failed} of {of} expectations do not hold")]
    Expectations {
        /// How many.
        failed: usize,
        /// Of how many.
        of: usize,
    },
    /// One port does not reach another.
    #[error("port '{from}' does not reach port '{to}'")]
    Unreached {
        /// The port that begins.
        from: String,
        /// The other.
        to: String,
    },
    /// No hypervisor has a name.
    #[error("no hypervisor has the system-id, host name or datapath id '{0}'")]
    NoHypervisor(String),
}

impl Error {
    /// Whether the person asked wrongly (exit status 2), rather than the work failed (1).
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::CommandLine(_)
                | Self::Configuration(_)
                | Self::Expected(_)
                | Self::NoStateDirectory
                | Self::Scenario(_)
                | Self::Exposed(_)
        )
    }
}
