//! The rule for tests that need a part: skipped with a printed reason when the part is missing,
//! failed when `WEFT_TESTS=all` promises that everything is there (as `tests/run` does).
//!
//! What a part is made of stands in `parts.txt`; `tests/run` installs from the same table.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

const TABLE: &str = include_str!("../parts.txt");

/// Something real that a test cannot do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Open vSwitch's daemons and tools; no privilege.
    OpenVswitch,
    /// Root, network namespaces, `/dev/net/tun` and the tools to arrange them.
    Namespaces,
    /// A PostgreSQL server, named by the variable `WEFT_TEST_POSTGRES` (`tests/run` starts one).
    Postgres,
    /// udhcpc and dhclient.
    DhcpClients,
    /// iperf3.
    Iperf,
    /// socat.
    Socat,
    /// tcpdump.
    Tcpdump,
    /// The `openstack` command.
    OpenStack,
}

impl Part {
    /// All parts.
    pub const ALL: [Part; 8] = [
        Part::OpenVswitch,
        Part::Namespaces,
        Part::Postgres,
        Part::DhcpClients,
        Part::Iperf,
        Part::Socat,
        Part::Tcpdump,
        Part::OpenStack,
    ];

    /// The part's name in `parts.txt`.
    pub fn name(self) -> &'static str {
        match self {
            Part::OpenVswitch => "openvswitch",
            Part::Namespaces => "namespaces",
            Part::Postgres => "postgresql",
            Part::DhcpClients => "dhcp-clients",
            Part::Iperf => "iperf",
            Part::Socat => "socat",
            Part::Tcpdump => "tcpdump",
            Part::OpenStack => "openstack",
        }
    }

    /// The programs the part consists of.
    pub fn programs(self) -> impl Iterator<Item = &'static str> {
        TABLE
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(str::split_whitespace)
            .filter_map(move |mut words| (words.next() == Some(self.name())).then_some(words))
            .flat_map(|words| words.skip(1))
    }

    /// Why the part cannot be used here; `None` when it can.
    pub fn missing(self) -> Option<String> {
        if self == Part::Postgres {
            let told = std::env::var_os("WEFT_TEST_POSTGRES").is_some();
            return (!told).then(|| "WEFT_TEST_POSTGRES is not set".to_string());
        }
        if let Some(program) = self.programs().find(|program| find(program).is_none()) {
            return Some(format!("{program} is not installed"));
        }
        if self == Part::Namespaces {
            return namespaces_missing().clone();
        }
        None
    }
}

/// May the test go on? False when a part is missing: the reason was printed, and the test returns.
///
/// # Panics
/// When a part is missing although `WEFT_TESTS=all`.
#[track_caller]
pub fn need(parts: &[Part]) -> bool {
    let Some(reason) = parts.iter().find_map(|part| part.missing()) else {
        return true;
    };
    let all = std::env::var_os("WEFT_TESTS").is_some_and(|tests| tests == "all");
    assert!(!all, "WEFT_TESTS=all, but {reason}");
    let thread = std::thread::current();
    // Written past the capture of the test harness: a test that was skipped must not look passed.
    let line = format!("skipped {}: {reason}\n", thread.name().unwrap_or("a test"));
    let _ = std::io::stderr().write_all(line.as_bytes());
    false
}

/// Where a program is: on the `PATH`, or where the system keeps the administrator's programs,
/// which are not on everybody's `PATH`.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let postgres = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|version| Some(version.ok()?.path().join("bin")));
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .chain(postgres)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

fn namespaces_missing() -> &'static Option<String> {
    static REASON: OnceLock<Option<String>> = OnceLock::new();
    REASON.get_or_init(|| {
        if !std::path::Path::new("/dev/net/tun").exists() {
            return Some("there is no /dev/net/tun".to_string());
        }
        let made = Command::new("unshare").args(["--net", "true"]).output();
        match made {
            Ok(output) if output.status.success() && is_root() => None,
            _ => Some("network namespaces cannot be made (they need root)".to_string()),
        }
    })
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_programs_in_the_table() {
        for part in Part::ALL {
            assert!(part.programs().count() > 0, "{part:?} has no row");
        }
    }

    #[test]
    fn every_row_belongs_to_a_part() {
        for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
            let name = line.split_whitespace().next().unwrap_or_default();
            let known = Part::ALL.iter().any(|part| part.name() == name);
            assert!(known, "no part is called {name:?}");
        }
    }

    #[test]
    fn a_program_that_nobody_has_is_not_found() {
        assert_eq!(find("weft-no-such-program"), None);
        assert!(find("sh").is_some());
    }
}
