//! Files that hold private keys and secrets: who may read them, and what in them counts.

/// The longest key file that is read. An RSA key of 8192 bits has 7 KiB.
pub const MAX_KEY_FILE_BYTES: usize = 64 * 1024;

/// Permission bits (POSIX `sys/stat.h`).
const WORLD_READABLE: u32 = 0o004;
const WORLD_WRITABLE: u32 = 0o002;

/// Why a file must not hold a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileModeError {
    /// Everybody may change it, and so put another key in its place.
    #[error("everybody can write to it (mode {0:04o}): run `chmod o-w` on it")]
    WorldWritable(u32),
    /// Everybody may read it, so it is no secret.
    #[error(
        "everybody can read it (mode {0:04o}): run `chmod o-rwx` on it, or for a file of a Secret in Kubernetes set \
         `defaultMode: 0440` on its volume"
    )]
    WorldReadable(u32),
}

/// Judges the mode of a key file. The group may read it, which is how Kubernetes hands out secrets
/// (`fsGroup`).
pub fn check_key_file_mode(mode: u32) -> Result<(), KeyFileModeError> {
    let permissions = mode & 0o7777;
    if mode & WORLD_WRITABLE != 0 {
        Err(KeyFileModeError::WorldWritable(permissions))
    } else if mode & WORLD_READABLE != 0 {
        Err(KeyFileModeError::WorldReadable(permissions))
    } else {
        Ok(())
    }
}

/// What of a secret's file is the secret: everything but one line break at the end, which editors
/// and `echo` add.
pub fn secret_in_file(text: &[u8]) -> &[u8] {
    text.strip_suffix(b"\n")
        .map_or(text, |line| line.strip_suffix(b"\r").unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owner_and_group_may_read_and_nobody_else() {
        for mode in [0o400, 0o600, 0o440, 0o640, 0o660, 0o100_640, 0o000, 0o2440] {
            assert_eq!(check_key_file_mode(mode), Ok(()), "{mode:o}");
        }
        for mode in [0o444, 0o644, 0o604, 0o100_644, 0o755] {
            let problem = check_key_file_mode(mode).unwrap_err();
            assert_eq!(problem, KeyFileModeError::WorldReadable(mode & 0o7777));
        }
        for mode in [0o666, 0o602, 0o777, 0o622] {
            assert_eq!(
                check_key_file_mode(mode),
                Err(KeyFileModeError::WorldWritable(mode))
            );
        }
        assert_eq!(
            check_key_file_mode(0o100_644).unwrap_err().to_string(),
            "everybody can read it (mode 0644): run `chmod o-rwx` on it, or for a file of a Secret in Kubernetes set \
             `defaultMode: 0440` on its volume"
        );
    }

    #[test]
    fn one_line_break_at_the_end_is_no_part_of_a_secret() {
        for (text, secret) in [
            (&b"abc"[..], &b"abc"[..]),
            (b"abc\n", b"abc"),
            (b"abc\r\n", b"abc"),
            (b"abc\n\n", b"abc\n"),
            (b"abc\r", b"abc\r"),
            (b" abc ", b" abc "),
            (b"\n", b""),
            (b"", b""),
        ] {
            assert_eq!(secret_in_file(text), secret);
        }
    }
}
