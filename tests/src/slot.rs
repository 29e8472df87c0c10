//! A lab's place on the machine: a number, a folder and a mark, and that nothing stays behind.
//!
//! Each lab holds the lock of a numbered slot under `/tmp/weft-labs-UID`. Its folder, the names of its
//! network namespaces (`weft-NUMBER-...`) and the variable `WEFT_LAB` in the environment of all its
//! processes derive from it, so that labs can exist side by side, and so that everything of a
//! lab can be found again: the lock of a run that was killed is free, and who gets it cleans up.
//! Knows nothing of what labs are made of.

use std::fs::File;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Once;

use rustix::process::{Pid, Signal, kill_process};

use crate::{process, wait};

/// The environment variable that marks the processes of a lab.
pub const MARK: &str = "WEFT_LAB";

/// More labs at one time than any machine can hold.
const SLOTS: u32 = 1000;

/// A lab's number and folder; all that belongs to it goes when this is dropped.
#[derive(Debug)]
pub struct Slot {
    number: u32,
    folder: PathBuf,
    mark: String,
    _lock: File,
}

impl Slot {
    /// Takes the first free slot, and cleans up after runs that were killed.
    ///
    /// # Panics
    /// When the folder for labs cannot be used.
    #[track_caller]
    pub fn claim() -> Slot {
        static SWEEP: Once = Once::new();
        let root = root();
        SWEEP.call_once(|| {
            // A slot that is taken is in use; a free one is cleaned by being claimed and dropped.
            let known = (0..SLOTS).filter(|number| root.join(lock_name(*number)).exists());
            known.for_each(|number| drop(Slot::lock(&root, number)));
        });
        (0..SLOTS)
            .find_map(|number| Slot::lock(&root, number))
            .unwrap_or_else(|| panic!("no free slot in {}", root.display()))
    }

    fn lock(root: &Path, number: u32) -> Option<Slot> {
        let lock = File::options()
            .create(true)
            .append(true)
            .open(root.join(lock_name(number)))
            .ok()?;
        lock.try_lock().ok()?;
        let folder = root.join(number.to_string());
        // Whoever sees the processes of a container sees the same path there: the lock is what differs.
        let identity = lock.metadata().ok()?;
        let mark = format!("{}@{}:{}", folder.display(), identity.dev(), identity.ino());
        clean(number, &folder, &mark);
        std::fs::create_dir(&folder).ok()?;
        Some(Slot {
            number,
            folder,
            mark,
            _lock: lock,
        })
    }

    /// The number, unique among the labs that exist at this time.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The folder, empty at first; its path is short enough for unix sockets.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The value of [`MARK`] for processes of this slot.
    pub fn mark(&self) -> &str {
        &self.mark
    }

    /// The machine's name for the lab's namespace `name`.
    pub fn netns(&self, name: &str) -> String {
        format!("{}{name}", prefix(self.number))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        clean(self.number, &self.folder, &self.mark);
    }
}

fn lock_name(number: u32) -> String {
    format!("{number}.lock")
}

fn prefix(number: u32) -> String {
    format!("weft-{number}-")
}

/// The folder of all labs of this user. It does not follow `TMPDIR`: namespaces are the machine's.
#[track_caller]
fn root() -> PathBuf {
    let user = rustix::process::geteuid().as_raw();
    let root = PathBuf::from(format!("/tmp/weft-labs-{user}"));
    let _ = std::fs::DirBuilder::new().mode(0o700).create(&root);
    let owner = std::fs::metadata(&root).map(|metadata| metadata.uid());
    assert!(
        matches!(&owner, Ok(uid) if *uid == user),
        "{}: {owner:?}",
        root.display()
    );
    root
}

/// Ends all processes of a lab and removes its namespaces and files.
fn clean(number: u32, folder: &Path, mark: &str) {
    let mark = format!("{MARK}={mark}");
    // Bounded, for a process that the kernel does not let go must not hang the tests too.
    for _ in 0..5000 {
        let left = marked(&mark);
        if left.is_empty() {
            break;
        }
        for id in left {
            let _ = kill_process(id, Signal::KILL);
        }
        wait::pause();
    }
    let namespaces = std::fs::read_dir("/run/netns").into_iter().flatten();
    for name in namespaces.filter_map(|entry| entry.ok()?.file_name().into_string().ok()) {
        if name.starts_with(&prefix(number)) {
            let mut delete = process::command("ip");
            delete.args(["netns", "del", &name]);
            let _ = process::output(delete);
        }
    }
    let _ = std::fs::remove_dir_all(folder);
}

/// The living processes with an entry in their environment. One that has ended shows none.
fn marked(entry: &str) -> Vec<Pid> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten();
    processes
        .filter_map(|process| {
            let process = process.ok()?;
            let id: i32 = process.file_name().to_str()?.parse().ok()?;
            let environment = std::fs::read(process.path().join("environ")).ok()?;
            let mut entries = environment.split(|byte| *byte == 0);
            entries.any(|found| found == entry.as_bytes()).then_some(id)
        })
        .filter_map(Pid::from_raw)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;
    use crate::{Part, need};

    /// What SIGKILL does to a test: the lock is free, and all else stays.
    fn abandon(slot: Slot) {
        slot._lock.unlock().unwrap();
        std::mem::forget(slot);
    }

    #[test]
    fn two_labs_have_different_slots() {
        let (one, two) = (Slot::claim(), Slot::claim());
        assert_ne!(one.number(), two.number());
        assert_ne!(one.netns("x"), two.netns("x"));
        assert!(one.folder().is_dir() && two.folder().is_dir());
    }

    #[test]
    fn what_a_killed_run_left_is_gone_when_its_slot_is_claimed() {
        let slot = Slot::claim();
        let (number, file) = (slot.number(), slot.folder().join("left"));
        std::fs::write(&file, "").unwrap();
        let mut left = Host::here(&slot, "left").spawn("sleep", &["sleep", "1000"]);
        assert!(left.running());
        abandon(slot);
        // Another test may claim the slot first, and then has to clean up as well.
        drop(Slot::lock(&root(), number));
        left.wait();
        wait::until("the file is gone", || {
            if file.exists() { Err(()) } else { Ok(()) }
        });
    }

    #[test]
    fn a_slot_of_the_same_name_elsewhere_has_another_mark() {
        let slot = Slot::claim();
        let other = Slot::lock(slot.folder(), slot.number()).unwrap();
        let identity = |slot: &Slot| slot.mark().split_once('@').unwrap().1.to_owned();
        assert_ne!(identity(&slot), identity(&other));
    }

    #[test]
    fn namespaces_go_with_their_lab() {
        if !need(&[Part::Namespaces]) {
            return;
        }
        let slot = Slot::claim();
        let host = Host::with_netns(&slot, "a");
        let netns = Path::new("/run/netns").join(host.netns().unwrap());
        assert!(netns.exists());
        let mut inside = host.spawn("sleep", &["sleep", "1000"]);
        let number = slot.number();
        abandon(slot);
        drop(Slot::lock(&root(), number));
        inside.wait();
        wait::until("the namespace is gone", || {
            if netns.exists() { Err(()) } else { Ok(()) }
        });
    }
}
