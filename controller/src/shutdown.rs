//! The end of the process: the first SIGTERM or SIGINT asks for it, the second forces it.
//!
//! What ends, and in which order, is the business of whoever holds the token.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::Error;

/// A token that the first signal cancels. The second signal ends the process at once, with the
/// status that shells give to a process that the signal killed.
///
/// # Errors
///
/// [`Error::Signals`] when the handlers cannot be installed.
pub fn on_signal() -> Result<CancellationToken, Error> {
    let handler = |kind| signal(kind).map_err(Error::Signals);
    let mut signals = Signals {
        terminate: handler(SignalKind::terminate())?,
        interrupt: handler(SignalKind::interrupt())?,
    };
    let token = CancellationToken::new();
    let asked = token.clone();
    tokio::spawn(async move {
        let name = signals.next().await.0;
        info!("{name}: ending; a second one ends at once");
        asked.cancel();
        let (name, kind) = signals.next().await;
        warn!("{name} again: ended at once");
        std::process::exit(128 + kind.as_raw_value());
    });
    Ok(token)
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    async fn next(&mut self) -> (&'static str, SignalKind) {
        tokio::select! {
            _ = self.terminate.recv() => ("SIGTERM", SignalKind::terminate()),
            _ = self.interrupt.recv() => ("SIGINT", SignalKind::interrupt()),
        }
    }
}
