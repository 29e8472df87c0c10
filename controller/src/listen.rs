//! Listening sockets: bound with an answer that helps when they cannot be.
//!
//! What is spoken on them is not known here.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tracing::warn;

use crate::Error;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// How long no connection is accepted after the system refused one, which it does when file
/// descriptors or memory are short.
const PAUSE: Duration = Duration::from_millis(100);

/// Lets this process have as many files open as it may, and tells how many that is: a connection is
/// a file, and the usual limit is far below what a cloud needs.
pub fn raise_file_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let limit = match setrlimit(Resource::Nofile, most) {
        Ok(()) => most,
        Err(_) => limit,
    };
    // No limit at all is none that matters.
    limit.current.unwrap_or(u64::MAX)
}

/// A row of what is listened for.
#[derive(Debug)]
pub struct Service {
    /// The option that names the address.
    pub option: &'static str,
    /// What else is often found there.
    pub rivals: &'static str,
}

/// The API.
pub static API: Service = Service {
    option: "listen-api",
    rivals: "another weft or neutron-server",
};

/// Switches.
pub static OPENFLOW: Service = Service {
    option: "listen-openflow",
    rivals: "another weft or OpenFlow controller",
};

/// Hypervisors.
pub static OVSDB: Service = Service {
    option: "listen-ovsdb",
    rivals: "another weft or ovsdb-server",
};

/// Listens at an address.
///
/// # Errors
///
/// [`Error::Bind`], which names the option and the address.
pub fn bind(service: &'static Service, address: SocketAddr) -> Result<TcpListener, Error> {
    let listen = || {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listen().map_err(|error| Error::Bind {
        option: service.option,
        address,
        reason: match error.kind() {
            ErrorKind::AddrInUse => format!("address already in use; {}?", service.rivals),
            ErrorKind::AddrNotAvailable => "no interface of this machine has that address".into(),
            ErrorKind::PermissionDenied => {
                "permission denied; ports below 1024 need CAP_NET_BIND_SERVICE".into()
            }
            _ => error.to_string(),
        },
    })
}

/// The next connection, which sends small messages at once (`TCP_NODELAY`). Failures of single
/// connections are logged and passed over. A peer that comes by IPv4 has an address of IPv4, whatever
/// the socket listens for.
pub async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => match stream.set_nodelay(true) {
                Ok(()) => return (stream, canonical(peer)),
                Err(error) => warn!(%peer, %error, "a connection ended as it began"),
            },
            Err(error) => {
                warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    (address.ip().to_canonical(), address.port()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_in_use_is_said_with_its_option() {
        let first = bind(&OVSDB, "127.0.0.1:0".parse().unwrap()).unwrap();
        let address = first.local_addr().unwrap();
        let error = bind(&OVSDB, address).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "--listen-ovsdb {address}: address already in use; another weft or ovsdb-server?"
            )
        );
        assert!(!error.is_usage());
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_said() {
        let error = bind(&API, "192.0.2.1:0".parse().unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "--listen-api 192.0.2.1:0: no interface of this machine has that address"
        );
    }

    #[test]
    fn who_comes_by_ipv4_has_an_address_of_ipv4() {
        let text = |address: &str| canonical(address.parse().unwrap()).to_string();
        assert_eq!(text("[::ffff:192.0.2.1]:6640"), "192.0.2.1:6640");
        assert_eq!(text("[2001:db8::1]:6640"), "[2001:db8::1]:6640");
    }

    #[tokio::test]
    async fn connections_are_accepted_without_delay_of_small_messages() {
        let listener = bind(&API, "127.0.0.1:0".parse().unwrap()).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (stream, peer) = accept(&listener).await;
        assert_eq!(peer, client.local_addr().unwrap());
        assert!(stream.nodelay().unwrap());
    }
}
