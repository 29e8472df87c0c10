//! The types of options: what is written, parsed once into what cannot be wrong.
//!
//! Which option has which type stands in [`super::Config`].

use std::fmt;
use std::fs::DirBuilder;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use rust_openflow::MacAddr;
use weft_topology::TunnelKind;

use crate::Error;

fn expected(what: impl Into<String>) -> Error {
    Error::Expected(what.into())
}

/// An address to listen at; `:6653` is that port of every IPv4 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen(pub SocketAddr);

impl FromStr for Listen {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let port = text.strip_prefix(':').map(str::parse::<u16>);
        match port {
            Some(Ok(port)) => Ok(Self((Ipv4Addr::UNSPECIFIED, port).into())),
            _ => text.parse().map(Self).map_err(|_| {
                expected("an IP address and a port, such as 127.0.0.1:9696, [::]:6653 or :6653")
            }),
        }
    }
}

/// An address that others reach us at, with a port when it is not the one we listen at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advertise {
    /// The address.
    pub ip: IpAddr,
    /// The port.
    pub port: Option<u16>,
}

impl FromStr for Advertise {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let alone = text.parse().map(|ip| Self { ip, port: None });
        let with_port = || {
            text.parse().map(|address: SocketAddr| Self {
                ip: address.ip(),
                port: Some(address.port()),
            })
        };
        alone
            .or_else(|_| with_port())
            .ok()
            .filter(|advertise| !advertise.ip.is_unspecified() && advertise.port != Some(0))
            .ok_or_else(|| {
                expected(
                    "an IP address that hypervisors reach, such as 192.0.2.1 or 192.0.2.1:6653",
                )
            })
    }
}

/// Where the database is. Shown, it hides passwords.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// The URL of a PostgreSQL database, with its secrets.
    Postgres(String),
}

impl FromStr for Database {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.split_once(':') {
            Some(("sqlite", path)) => {
                let path = path.strip_prefix("//").unwrap_or(path);
                if path.is_empty() || path.contains('\0') {
                    return Err(expected("a path after sqlite:"));
                }
                Ok(Self::Sqlite(path.into()))
            }
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                Ok(Self::Postgres(text.to_owned()))
            }
            _ => Err(expected(
                "sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME",
            )),
        }
    }
}

impl Database {
    /// The URL with its secrets, for whoever opens the database.
    #[must_use]
    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            Self::Postgres(url) => url.clone(),
        }
    }

    /// Makes the directory of a file of its own, which only this user may enter.
    ///
    /// # Errors
    ///
    /// [`Error::File`] when the directory is not there and cannot be made.
    pub fn prepare(&self) -> Result<(), Error> {
        let Self::Sqlite(path) = self else {
            return Ok(());
        };
        match path.parent() {
            Some(directory) if !directory.as_os_str().is_empty() => DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(directory)
                .map_err(|reason| Error::File {
                    path: directory.to_owned(),
                    reason,
                }),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => f.write_str(&redacted(url)),
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A URL without what follows the user's name and without parameters that may be secret. Hides
/// too much rather than too little when a password holds unescaped delimiters.
fn redacted(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (user, place) = match rest.rsplit_once('@') {
        Some((user, place)) => match user.split_once(':') {
            Some((user, _)) => (format!("{user}:***@"), place),
            None => (format!("{user}@"), place),
        },
        None => (String::new(), rest),
    };
    let place = match place.split_once('?') {
        Some((place, _)) => format!("{place}?***"),
        None => place.to_owned(),
    };
    format!("{scheme}://{user}{place}")
}

/// The ids that networks get by themselves, for each kind of encapsulation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VniRanges(Vec<(TunnelKind, RangeInclusive<u32>)>);

impl Default for VniRanges {
    fn default() -> Self {
        Self(
            TunnelKind::ALL
                .iter()
                .map(|kind| (*kind, 1..=kind.max_id()))
                .collect(),
        )
    }
}

impl VniRanges {
    /// A range for each kind.
    #[must_use]
    pub fn ranges(&self) -> &[(TunnelKind, RangeInclusive<u32>)] {
        &self.0
    }
}

impl FromStr for VniRanges {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut ranges = Self::default();
        let mut named = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (kind, range) = vni_range(part)?;
            if named.contains(&kind) {
                return Err(expected(format!("one range of {kind}")));
            }
            named.push(kind);
            for row in &mut ranges.0 {
                if row.0 == kind {
                    row.1 = range.clone();
                }
            }
        }
        Ok(ranges)
    }
}

fn vni_range(text: &str) -> Result<(TunnelKind, RangeInclusive<u32>), Error> {
    let wrong = || expected("KIND:FIRST:LAST, such as vxlan:1000:1999");
    let mut words = text.splitn(3, ':');
    let mut word = || words.next().ok_or_else(wrong);
    let kind = TunnelKind::from_name(word()?).ok_or_else(wrong)?;
    let first: u32 = word()?.parse().map_err(|_| wrong())?;
    let last: u32 = word()?.parse().map_err(|_| wrong())?;
    if first == 0 || first > last || last > kind.max_id() {
        let most = kind.max_id();
        return Err(expected(format!(
            "ids of {kind} from 1 to {most}, the first not above the last"
        )));
    }
    Ok((kind, first..=last))
}

impl fmt::Display for VniRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (kind, range)) in self.0.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            write!(f, "{comma}{kind}:{}:{}", range.start(), range.end())?;
        }
        Ok(())
    }
}

/// A domain name, absolute: it ends in a dot, whether one was written or not (RFC 1035, 2.3.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsDomain(String);

impl DnsDomain {
    /// The name with its last dot.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DnsDomain {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let name = text.strip_suffix('.').unwrap_or(text);
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if name.len() > 253 || !name.split('.').all(label) {
            return Err(expected("a domain name, such as example.org"));
        }
        Ok(Self(format!("{}.", name.to_ascii_lowercase())))
    }
}

/// A project's id: 1 to 255 characters, none of them a control character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project(String);

impl Project {
    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Project {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let length = text.chars().count();
        if !(1..=255).contains(&length) || text.chars().any(char::is_control) {
            return Err(expected("a project id of 1 to 255 characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// An interval; none when it is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds(pub Option<Duration>);

impl FromStr for Seconds {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let seconds: u32 = text.parse().map_err(|_| expected("a number of seconds"))?;
        let duration = Duration::from_secs(seconds.into());
        Ok(Self((seconds > 0).then_some(duration)))
    }
}

/// A unicast address.
pub(super) fn base_mac(text: &str) -> Result<MacAddr, Error> {
    text.parse()
        .ok()
        .filter(|mac: &MacAddr| !mac.is_multicast())
        .ok_or_else(|| expected("a unicast MAC address, such as fa:16:3e:00:00:00"))
}

/// The names of encapsulations.
pub(super) fn tunnel_kinds() -> impl TypedValueParser<Value = TunnelKind> {
    PossibleValuesParser::new(TunnelKind::ALL.iter().map(|kind| kind.name())).try_map(|name| {
        TunnelKind::from_name(&name).ok_or_else(|| expected("a kind of encapsulation"))
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_port_alone_listens_on_every_address() {
        let listen: Listen = ":6653".parse().unwrap();
        assert_eq!(listen.0, "0.0.0.0:6653".parse().unwrap());
        assert_eq!(
            "[::]:6640".parse::<Listen>().unwrap().0,
            "[::]:6640".parse().unwrap()
        );
        for text in [
            "",
            ":",
            "6653",
            ":65536",
            "localhost:6653",
            "1.2.3.4",
            "::6653:",
        ] {
            assert!(text.parse::<Listen>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_advertised_address_may_have_a_port_and_must_be_reachable() {
        let alone: Advertise = "2001:db8::1".parse().unwrap();
        assert_eq!(alone.port, None);
        let both: Advertise = "192.0.2.1:16653".parse().unwrap();
        assert_eq!(both.port, Some(16653));
        for text in ["0.0.0.0", "[::]:6653", "192.0.2.1:0", "here"] {
            assert!(text.parse::<Advertise>().is_err(), "{text}");
        }
    }

    #[test]
    fn passwords_are_never_shown() {
        let rows = [
            (
                "postgres://weft:secret@db:5432/weft",
                "postgres://weft:***@db:5432/weft",
            ),
            (
                "postgres://weft:se/cr@et@db/weft",
                "postgres://weft:***@db/weft",
            ),
            (
                "postgres://db/weft?user=a&password=secret",
                "postgres://db/weft?***",
            ),
            (
                "postgres://weft:a?secret@db/weft",
                "postgres://weft:***@db/weft",
            ),
            ("postgresql://weft@db/weft", "postgresql://weft@db/weft"),
            ("postgres://db/weft", "postgres://db/weft"),
        ];
        for (url, shown) in rows {
            let database: Database = url.parse().unwrap();
            assert_eq!(database.to_string(), shown);
            assert_eq!(format!("{database:?}"), shown);
            assert_eq!(database.url(), url);
        }
    }

    #[test]
    fn a_database_is_sqlite_or_postgres() {
        let path = |text: &str| match text.parse::<Database>() {
            Ok(Database::Sqlite(path)) => path,
            other => panic!("{other:?}"),
        };
        assert_eq!(path("sqlite:a/b.db"), PathBuf::from("a/b.db"));
        assert_eq!(path("sqlite:///a/b.db"), PathBuf::from("/a/b.db"));
        for text in ["", "sqlite:", "mysql://db/weft", "postgres:db", "a/b.db"] {
            let error = text.parse::<Database>().unwrap_err();
            assert!(matches!(error, Error::Expected(_)), "{text}");
        }
    }

    #[test]
    fn the_directory_of_the_database_is_made_for_this_user_alone() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("state/weft");
        let database = Database::Sqlite(directory.join("weft.db"));
        database.prepare().unwrap();
        database.prepare().unwrap();
        let mode = std::fs::metadata(&directory).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        Database::Sqlite("weft.db".into()).prepare().unwrap();
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let directory = file.path().join("weft");
        let error = Database::Sqlite(directory.join("weft.db"))
            .prepare()
            .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with(&directory.display().to_string())
        );
    }

    #[test]
    fn ranges_of_kinds_that_are_not_named_are_full() {
        let ranges: VniRanges = "geneve:10:20".parse().unwrap();
        assert_eq!(
            ranges.to_string(),
            "vxlan:1:16777215,geneve:10:20,gre:1:16777215"
        );
        assert_eq!(ranges.to_string().parse::<VniRanges>().unwrap(), ranges);
    }

    #[test]
    fn ranges_that_no_network_can_use_are_refused() {
        for text in [
            "",
            "vxlan",
            "vxlan:1",
            "vxlan:0:5",
            "vxlan:5:4",
            "vxlan:1:16777216",
            "vxlan:1:2:3",
            "vlan:1:100",
            "vxlan:1:2,vxlan:3:4",
            "vxlan:1:2,",
        ] {
            assert!(text.parse::<VniRanges>().is_err(), "{text}");
        }
    }

    #[test]
    fn domains_are_absolute_and_made_of_labels() {
        for text in ["Example.org", "example.org."] {
            assert_eq!(text.parse::<DnsDomain>().unwrap().as_str(), "example.org.");
        }
        let long = "a".repeat(64);
        for text in ["", ".", "a..b", "-a", "a-", "a b", "ä", long.as_str()] {
            assert!(text.parse::<DnsDomain>().is_err(), "{text}");
        }
    }

    #[test]
    fn no_interval_is_zero_seconds() {
        assert_eq!("0".parse::<Seconds>().unwrap().0, None);
        assert_eq!(
            "600".parse::<Seconds>().unwrap().0,
            Some(Duration::from_secs(600))
        );
        assert!("-1".parse::<Seconds>().is_err());
    }

    #[test]
    fn generated_addresses_are_unicast() {
        assert!(base_mac("fa:16:3e:00:00:00").is_ok());
        assert!(base_mac("01:00:5e:00:00:00").is_err());
        assert!(base_mac("fa:16:3e").is_err());
    }

    #[test]
    fn projects_are_printable_and_bounded() {
        assert_eq!("demo".parse::<Project>().unwrap().as_str(), "demo");
        for text in [String::new(), "a\nb".into(), "a".repeat(256)] {
            assert!(text.parse::<Project>().is_err());
        }
    }
}
