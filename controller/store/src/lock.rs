//! The lock on a file beside a SQLite database: one process serves from it at a time.
//!
//! The lock is the operating system's, so it is gone with the process; what the file says (who
//! holds it) is for people only.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::Error;

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub(crate) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Locks `PATH.lock` for the database at `path`, by the name that it has behind all links.
    pub(crate) fn take(path: &Path) -> Result<Self, Error> {
        // A database that is not there yet has one name only.
        let real = path.canonicalize();
        let mut name = real.as_deref().unwrap_or(path).as_os_str().to_owned();
        name.push(".lock");
        let lock = PathBuf::from(name);
        let failed = |source| Error::Lock {
            path: lock.clone(),
            source,
        };
        // Not truncated: until the lock is had, what it says is another's.
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::InUse {
                    path: path.to_owned(),
                    holder: holder(&mut file),
                    lock,
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(failed)?;
        Ok(FileLock { _file: file })
    }
}

/// Who holds the lock, in words.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(20).read_to_string(&mut text);
    match (read, text.trim().parse::<u32>()) {
        (Ok(_), Ok(pid)) => format!("process {pid}"),
        _ => "another process".to_owned(),
    }
}
