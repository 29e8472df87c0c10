//! A program in the background: its output in a log file, and an end that cannot be forgotten.
//!
//! Knows nothing of labs; [`crate::host`] says where a program runs.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::{need, wait};

/// A running program. It is killed when dropped, and its log is shown when a test is failing.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`; standard output and error are appended to the file `log`.
    ///
    /// # Panics
    /// When it cannot be started.
    #[track_caller]
    pub fn spawn(name: &str, mut command: Command, log: &Path) -> Process {
        let file = || -> Result<File> { Ok(File::options().create(true).append(true).open(log)?) };
        let started = || -> Result<Child> {
            command.stdin(Stdio::null()).stdout(file()?).stderr(file()?);
            Ok(command.spawn()?)
        };
        match { started }() {
            Ok(child) => Process {
                name: name.to_string(),
                child,
                log: log.to_path_buf(),
            },
            Err(error) => panic!("cannot start {name}: {error:#}"),
        }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything the program has written so far.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// How much memory it has, in bytes (`VmRSS` of proc(5)).
    ///
    /// # Panics
    /// When it has ended.
    #[track_caller]
    pub fn memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(&path).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        match kilobytes {
            Some(kilobytes) => kilobytes * 1024,
            None => panic!("{} has no memory: {status}", self.name),
        }
    }

    /// Is it still running?
    pub fn running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// SIGKILL, and waits for the end. Nothing happens to a program that has ended.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM, and waits for the end.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Stops the program where it is (SIGSTOP): it holds its connections and answers nothing.
    #[track_caller]
    pub fn freeze(&mut self) {
        self.signal(Signal::STOP);
    }

    /// Lets a frozen program go on.
    #[track_caller]
    pub fn thaw(&mut self) {
        self.signal(Signal::CONT);
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// When the program has ended already.
    #[track_caller]
    pub fn signal(&mut self, signal: Signal) {
        assert!(
            self.running(),
            "{} has ended: {}",
            self.name,
            tail(&self.log())
        );
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let sent = id.map(|id| kill_process(id, signal));
        assert!(matches!(sent, Some(Ok(()))), "{}: {sent:?}", self.name);
    }

    /// Waits until the program ends by itself.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        let what = format!("{} ends", self.name);
        wait::until(&what, || match self.child.try_wait() {
            Ok(Some(status)) => Ok(status),
            other => Err(other),
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!(
                "--- {} ({}):\n{}",
                self.name,
                self.log.display(),
                tail(&self.log())
            );
        }
    }
}

/// The last lines of a log.
fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(80)..].join("\n")
}

/// A command whose program is looked up also where only the administrator's `PATH` points.
pub fn command(program: &str) -> Command {
    match need::find(program) {
        Some(path) if !program.contains('/') => Command::new(path),
        _ => Command::new(program),
    }
}

/// Makes a copy that can be run. Another process writes it: a file that this one had open for writing
/// could still be open in a child that another thread has just forked, and busy files cannot be run.
///
/// # Panics
/// When it cannot be made.
#[track_caller]
pub fn install(from: &Path, to: &Path) {
    let mut install = command("install");
    install.args(["-m", "755"]).arg(from).arg(to);
    if let Err(error) = output(install) {
        panic!("{error:#}");
    }
}

/// Runs a command to its end and returns what it printed.
///
/// # Errors
/// When it cannot be run or fails; with the command and all it printed.
pub fn output(mut command: Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{command:?}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?}: {}\n{text}{error}", output.status);
    }
    Ok(text)
}

/// The `weft` binary: `WEFT_BINARY` if set, else built on first use as the tests were.
///
/// # Panics
/// When it cannot be built.
#[track_caller]
pub fn weft() -> PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| build_weft().unwrap_or_else(|error| panic!("{error:#}")))
        .clone()
}

/// A command of cargo, as the user who built the tests: nothing in the build's folders may become root's
/// when only the tests are run by root.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    let built = std::env::current_exe().and_then(std::fs::metadata);
    if let Ok(built) = built
        && geteuid().is_root()
    {
        cargo.uid(built.uid()).gid(built.gid());
    }
    cargo
}

fn build_weft() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("WEFT_BINARY") {
        return Ok(path.into());
    }
    let mut build = cargo();
    build
        .args(["build", "--locked", "--package", "weft", "--bin", "weft"])
        .args(["--message-format", "json"]);
    let messages = output(build)?;
    let built = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "weft")
        .find_map(|message| Some(PathBuf::from(message["executable"].as_str()?)));
    built.context("cargo built no binary called weft")
}
