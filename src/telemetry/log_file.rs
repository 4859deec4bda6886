//! A file that lines are appended to, which others may move away meanwhile.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::outputs::LOG;
use crate::files::check_folder;

/// How often it is told at most that lines cannot be written.
const REMIND: Duration = Duration::from_mins(1);

/// The mode of a file that is made.
const MODE: u32 = 0o600;

/// Why a file cannot take lines.
#[derive(Debug, thiserror::Error)]
pub enum LogFileError {
    #[error("cannot open `{}` to append to it: {source}: does its directory exist, and may this user write \
             there?", .path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("`{}` is not a regular file: name a file, `stderr` or `stdout`", .0.display())]
    NotAFile(PathBuf),
}

/// Appends lines, each whole; on a thread of its own, because the disk may take its time.
pub(super) struct LogFile {
    path: PathBuf,
    /// Absent after a failure.
    file: Option<File>,
    /// A line that was written in part: the next one must not continue it.
    is_torn: bool,
    failures: Failures,
}

/// Lines that could not be written.
struct Failures {
    count: Arc<AtomicU64>,
    /// When they were told of last.
    told_at: Option<Instant>,
    /// Since lines were written last.
    unwritten: u64,
}

impl LogFile {
    /// Opens the file or makes it.
    pub(super) fn open(path: &Path, failed: Arc<AtomicU64>) -> Result<Self, LogFileError> {
        let file = open(path)?;
        Ok(Self {
            is_torn: ends_within_a_line(path),
            path: path.to_owned(),
            file: Some(file),
            failures: Failures {
                count: failed,
                told_at: None,
                unwritten: 0,
            },
        })
    }

    fn append(&mut self, line: &[u8]) -> Result<(), String> {
        let path = &self.path;
        // For each line: whoever moves the file away finds no later line in it, and none is lost in a
        // file that is deleted.
        let is_in_place = self.file.as_ref().is_some_and(|file| is_at(file, path));
        if !is_in_place {
            self.file = None;
            self.is_torn = false;
        }
        let file = if let Some(file) = &mut self.file {
            file
        } else {
            let opened = open(path).map_err(|error| error.to_string())?;
            self.is_torn = ends_within_a_line(path);
            self.file.insert(opened)
        };
        let written = if self.is_torn {
            write(file, b"\n").and_then(|()| write(file, line))
        } else {
            write(file, line)
        };
        match written {
            Ok(()) => {
                self.is_torn = false;
                Ok(())
            }
            Err(TornError { has_begun, source }) => {
                self.is_torn |= has_begun;
                Err(format!("cannot write to `{}`: {source}", path.display()))
            }
        }
    }
}

impl Write for LogFile {
    /// Takes a whole line in any case: what cannot be written is counted, and told once a minute.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self.append(line) {
            Ok(()) => self.failures.over(&self.path),
            Err(error) => self.failures.add(&error),
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Failures {
    fn add(&mut self, error: &str) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.unwritten += 1;
        if self.told_at.is_some_and(|told| told.elapsed() < REMIND) {
            return;
        }
        self.told_at = Some(Instant::now());
        tracing::error!(
            target: LOG,
            error,
            lost = self.unwritten,
            "lines of the log are lost"
        );
    }

    fn over(&mut self, path: &Path) {
        if self.unwritten == 0 {
            return;
        }
        tracing::info!(
            target: LOG,
            lost = self.unwritten,
            log.file = %path.display(),
            "the log can be written again; so many lines of it were lost"
        );
        self.unwritten = 0;
    }
}

/// What was not written whole.
struct TornError {
    /// A part of it is in the file.
    has_begun: bool,
    source: io::Error,
}

fn write(file: &mut File, line: &[u8]) -> Result<(), TornError> {
    let mut rest = line;
    while !rest.is_empty() {
        let written = match file.write(rest) {
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
            other => other,
        };
        match written {
            Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            Err(source) => {
                let has_begun = rest.len() < line.len();
                return Err(TornError { has_begun, source });
            }
        }
    }
    Ok(())
}

fn open(path: &Path) -> Result<File, LogFileError> {
    opened(path, OpenOptions::new().create(true))
}

fn opened(path: &Path, options: &mut OpenOptions) -> Result<File, LogFileError> {
    // A pipe without a reader must hold nobody up.
    let options = options
        .append(true)
        .mode(MODE)
        .custom_flags(libc::O_NONBLOCK);
    let file = options.open(path).map_err(|source| LogFileError::Open {
        path: path.to_owned(),
        source,
    })?;
    match file.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(file),
        _ => Err(LogFileError::NotAFile(path.to_owned())),
    }
}

/// Whether the last line of the file is not whole: the disk was full, or the power went. A file that cannot be
/// read counts as whole.
fn ends_within_a_line(path: &Path) -> bool {
    let last = || {
        let mut file = File::open(path).ok()?;
        file.seek(SeekFrom::End(-1)).ok()?;
        let mut byte = [0];
        file.read_exact(&mut byte).ok()?;
        Some(byte)
    };
    last().is_some_and(|byte| byte != *b"\n")
}

/// Whether the path still leads to this file.
fn is_at(file: &File, path: &Path) -> bool {
    let identity = |metadata: &Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(file), Ok(found)) => identity(&file) == identity(&found),
        _ => false,
    }
}

/// What opening the file would find wrong. Makes none.
pub(super) fn check(path: &Path) -> Result<(), LogFileError> {
    match opened(path, &mut OpenOptions::new()) {
        Err(LogFileError::Open { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
        other => return other.map(drop),
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    check_folder(folder).map_err(|source| LogFileError::Open {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn log_file(path: &Path) -> (LogFile, Arc<AtomicU64>) {
        let failed = Arc::default();
        let file = LogFile::open(path, Arc::clone(&failed)).unwrap();
        (file, failed)
    }

    fn write_line(file: &mut LogFile, line: &str) {
        assert_eq!(file.write(line.as_bytes()).unwrap(), line.len());
    }

    #[test]
    fn a_file_is_made_for_its_owner_alone_and_what_is_there_is_appended_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let (mut file, _) = log_file(&path);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        write_line(&mut file, "one\n");
        let (mut again, _) = log_file(&path);
        write_line(&mut again, "two\n");
        write_line(&mut file, "three\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\nthree\n");
    }

    #[test]
    fn a_file_that_is_moved_away_gets_no_further_line() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("log"), folder.path().join("log.1"));
        let (mut file, failed) = log_file(&path);
        write_line(&mut file, "one\n");
        fs::rename(&path, &moved).unwrap();
        write_line(&mut file, "two\n");
        // In place of another, as `create` of logrotate does it.
        fs::rename(&path, folder.path().join("log.2")).unwrap();
        fs::write(&path, "").unwrap();
        write_line(&mut file, "three\n");
        // As `copytruncate` does it.
        fs::write(&path, "").unwrap();
        write_line(&mut file, "four\n");
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(
            [read("log.1"), read("log.2"), read("log")],
            ["one\n", "two\n", "four\n"]
        );
        assert_eq!(failed.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn lines_without_a_directory_are_counted_and_later_ones_written() {
        let folder = tempfile::tempdir().unwrap();
        let (logs, elsewhere) = (folder.path().join("logs"), folder.path().join("elsewhere"));
        fs::create_dir(&logs).unwrap();
        let path = logs.join("log");
        let (mut file, failed) = log_file(&path);
        write_line(&mut file, "one\n");
        fs::rename(&logs, &elsewhere).unwrap();
        write_line(&mut file, "two\n");
        write_line(&mut file, "three\n");
        assert_eq!(failed.load(Ordering::Relaxed), 2);
        fs::create_dir(&logs).unwrap();
        write_line(&mut file, "four\n");
        assert_eq!(failed.load(Ordering::Relaxed), 2);
        assert_eq!(fs::read_to_string(&path).unwrap(), "four\n");
        let kept = fs::read_to_string(elsewhere.join("log")).unwrap();
        assert_eq!(kept, "one\n");
    }

    #[test]
    fn a_full_disk_is_told_of_and_tears_no_later_line() {
        let full = OpenOptions::new().append(true).open("/dev/full").unwrap();
        let failed = Arc::<AtomicU64>::default();
        let mut file = LogFile {
            path: "/dev/full".into(),
            file: Some(full),
            is_torn: false,
            failures: Failures {
                count: Arc::clone(&failed),
                told_at: None,
                unwritten: 0,
            },
        };
        let error = file.append(b"one\n").unwrap_err();
        assert!(
            error.starts_with("cannot write to `/dev/full`: No space left"),
            "{error}"
        );
        write_line(&mut file, "two\n");
        assert_eq!(failed.load(Ordering::Relaxed), 1);
        // What was begun when the space ran out is ended by the next line.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let (mut file, _) = log_file(&path);
        write_line(&mut file, "thr");
        file.is_torn = true;
        write_line(&mut file, "four\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "thr\nfour\n");
        // Also where the process ended in between.
        fs::write(&path, "fi").unwrap();
        let (mut file, _) = log_file(&path);
        write_line(&mut file, "six\n");
        write_line(&mut file, "seven\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "fi\nsix\nseven\n");
    }

    #[test]
    fn what_is_no_file_is_refused_and_a_check_makes_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "").unwrap();
        let made = std::process::Command::new("mkfifo")
            .arg(path("pipe"))
            .status();
        assert!(made.unwrap().success());
        for (name, is_usable) in [
            ("file", true),
            ("new", true),
            ("pipe", false),
            ("no/new", false),
            ("file/new", false),
            (".", false),
        ] {
            let path = path(name);
            assert_eq!(
                check(&path).is_ok(),
                is_usable,
                "{name}: {:?}",
                check(&path)
            );
            assert_eq!(path.exists(), name != "new" && !name.contains('/'));
            let opened = LogFile::open(&path, Arc::default());
            assert_eq!(opened.is_ok(), is_usable, "{name}");
        }
        assert!(matches!(
            check(Path::new("/dev/null")),
            Err(LogFileError::NotAFile(_))
        ));
    }
}
