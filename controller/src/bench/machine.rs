//! The machine that figures are from, its clocks of CPU time, and this process's memory.

use std::fs;
use std::process::Command;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Which program on which machine, and how busy that is.
pub(crate) fn describe() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let commit = commit().map_or_else(String::new, |commit| format!(" ({commit})"));
    let profile = match cfg!(debug_assertions) {
        true => ", a debug build: its figures mean nothing",
        false => "",
    };
    let kernel = read("/proc/sys/kernel/osrelease");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let processor = processor();
    let load = load();
    format!("weft {version}{commit}{profile}; Linux {kernel}, {cores} x {processor}; load {load}")
}

/// What is checked out where the command was typed, when that is a repository.
fn commit() -> Option<String> {
    let words = ["describe", "--always", "--dirty"];
    let output = Command::new("git").args(words).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}

fn read(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.trim().to_owned()
}

fn processor() -> String {
    let text = read("/proc/cpuinfo");
    let model = text.lines().find(|line| line.starts_with("model name"));
    let name = model.and_then(|line| line.split_once(": "));
    name.map_or_else(
        || "unknown processor".to_owned(),
        |(_, name)| name.to_owned(),
    )
}

/// How many tasks were ready to run on average over the last 1, 5 and 15 minutes.
pub(super) fn load() -> String {
    let text = read("/proc/loadavg");
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// The CPU time that this thread has taken.
pub(super) fn thread_cpu() -> Duration {
    cpu(ClockId::ThreadCPUTime)
}

/// The CPU time that all threads have taken.
pub(super) fn process_cpu() -> Duration {
    cpu(ClockId::ProcessCPUTime)
}

fn cpu(clock: ClockId) -> Duration {
    Duration::try_from(clock_gettime(clock)).unwrap_or_default()
}

/// The memory of this process that is in RAM, in bytes.
pub(super) fn resident() -> usize {
    let text = read("/proc/self/status");
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
    kibibytes.map_or(0, |kibibytes: usize| kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_can_be_told_of() {
        assert!(describe().starts_with("weft "));
        assert!(resident() > 0);
        assert_eq!(load().split(' ').count(), 3);
    }

    #[test]
    fn cpu_time_passes_where_work_is_done() {
        let start = thread_cpu();
        while thread_cpu() == start {}
        assert!(process_cpu() >= thread_cpu());
    }
}
