//! Where programs of a lab run: on this machine or in a network namespace, always marked as the lab's.
//!
//! A hypervisor, a virtual machine and the fabric are hosts, and so is the lab itself. Knows
//! nothing of what runs there.

use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::need;
use crate::process::{self, Process};
use crate::slot::{MARK, Slot};

/// A place where programs run.
#[derive(Clone, Debug)]
pub struct Host {
    name: String,
    netns: Option<String>,
    lab: PathBuf,
    mark: String,
    environment: Vec<(String, PathBuf)>,
}

impl Host {
    /// A host in the test's own network namespace.
    pub fn here(slot: &Slot, name: &str) -> Host {
        Host {
            name: name.to_string(),
            netns: None,
            lab: slot.folder().to_path_buf(),
            mark: slot.mark().to_owned(),
            environment: Vec::new(),
        }
    }

    /// A host with a network namespace of its own, which is made here, with its loopback up.
    ///
    /// # Panics
    /// When the namespace cannot be made.
    #[track_caller]
    pub fn with_netns(slot: &Slot, name: &str) -> Host {
        let netns = slot.netns(name);
        let here = Host::here(slot, name);
        here.run(&["ip", "netns", "add", &netns]);
        here.run(&["ip", "-n", &netns, "link", "set", "lo", "up"]);
        Host {
            netns: Some(netns),
            ..here
        }
    }

    /// The same host with a variable in the environment of all its programs.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &Path) -> Host {
        self.environment
            .push((name.to_string(), value.to_path_buf()));
        self
    }

    /// The name within the lab.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The machine's name of the network namespace; the test's own namespace has none.
    pub fn netns(&self) -> Option<&str> {
        self.netns.as_deref()
    }

    /// A file of this host in the lab's folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.lab.join(format!("{}-{name}", self.name))
    }

    /// A copy of a program among the host's files, for the programs that AppArmor knows by their path:
    /// where it is active, it lets them use only their usual files, and no log of ours either.
    ///
    /// # Panics
    /// When the program is not installed.
    #[track_caller]
    pub fn copy_of(&self, program: &str) -> String {
        let copy = self.file(program);
        match need::find(program) {
            Some(installed) => process::install(&installed, &copy),
            None => panic!("{program} is not installed"),
        }
        copy.display().to_string()
    }

    /// A command that will run on this host: a program and its arguments.
    pub fn command(&self, words: &[&str]) -> Command {
        let entry = self
            .netns
            .as_deref()
            .map(|netns| ["ip", "netns", "exec", netns]);
        let mut all = entry.iter().flatten().chain(words);
        let mut command = process::command(all.next().unwrap_or(&""));
        command
            .args(all)
            .env(MARK, &self.mark)
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a program to its end and returns what it printed.
    ///
    /// # Errors
    /// When it fails; with all it printed.
    pub fn try_run(&self, words: &[&str]) -> Result<String> {
        process::output(self.command(words))
    }

    /// Runs a program to its end and returns what it printed.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    pub fn run(&self, words: &[&str]) -> String {
        self.try_run(words)
            .unwrap_or_else(|error| panic!("on {}: {error:#}", self.name))
    }

    /// Starts a program in the background; `name` is that of its log.
    ///
    /// # Panics
    /// When it cannot be started.
    #[track_caller]
    pub fn spawn(&self, name: &str, words: &[&str]) -> Process {
        self.spawn_command(name, self.command(words))
    }

    /// [`Host::spawn`] for a [`Host::command`] that was changed further.
    ///
    /// # Panics
    /// When it cannot be started.
    #[track_caller]
    pub fn spawn_command(&self, name: &str, command: Command) -> Process {
        let title = format!("{name} on {}", self.name);
        Process::spawn(&title, command, &self.file(&format!("{name}.log")))
    }

    /// Runs `work` in the host's network namespace: sockets that it opens belong there for good,
    /// whichever thread uses them.
    ///
    /// # Panics
    /// When the namespace cannot be entered.
    #[track_caller]
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let Some(netns) = &self.netns else {
            return work();
        };
        let file = File::open(format!("/run/netns/{netns}"))
            .unwrap_or_else(|error| panic!("{netns}: {error}"));
        // A namespace belongs to a thread, and a thread of its own cannot forget to return.
        let outcome = std::thread::scope(|scope| {
            let inside = scope.spawn(|| {
                use std::os::fd::AsFd;
                move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
                    .map(|()| work())
            });
            inside.join()
        });
        match outcome {
            Ok(Ok(value)) => value,
            Ok(Err(error)) => panic!("{netns}: {error}"),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// A TCP connection from this host.
    ///
    /// # Errors
    /// What connecting said.
    pub fn connect(&self, address: SocketAddr) -> std::io::Result<TcpStream> {
        self.enter(|| TcpStream::connect(address))
    }
}
