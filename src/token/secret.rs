//! HMAC secrets: which ones are no secret.

use super::algorithm::Algorithm;

/// Why bytes cannot be an HMAC secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It is shorter than the hash.
    #[error(
        "the HMAC secret has {bytes} bytes and {algorithm} needs at least {least}: make one with \
         `portcullis key generate --algorithm {algorithm}`"
    )]
    TooShort {
        algorithm: Algorithm,
        bytes: usize,
        least: usize,
    },
    #[error(
        "the HMAC secret is a published example, so anybody can sign with it: make one with \
         `portcullis key generate`"
    )]
    Published,
    /// It repeats itself or has too few different bytes.
    #[error(
        "the HMAC secret is not random: it repeats itself or has few different bytes; make one \
         with `portcullis key generate`"
    )]
    Weak,
}

/// Secrets that stand in public documentation: the default key of a widely used API platform, and
/// the examples of a widely used token debugger.
const PUBLISHED: [&[u8]; 4] = [
    b"42eec18ffdbffc9fda6110dcc705d6ce",
    b"a-string-secret-at-least-256-bits-long",
    b"a-valid-string-secret-that-is-at-least-384-bits-long",
    b"a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
];

/// Fewer different bytes than random ones ever have: 32 random hex digits have 14 of 16 on average,
/// and below 8 in less than one of ten million.
const MIN_DIFFERENT_BYTES: usize = 8;

/// Refuses a secret that is too short for the algorithm, published, or not random on its face.
pub(super) fn check(secret: &[u8], algorithm: Algorithm, least: usize) -> Result<(), SecretError> {
    if secret.len() < least {
        return Err(SecretError::TooShort {
            algorithm,
            bytes: secret.len(),
            least,
        });
    }
    if PUBLISHED.contains(&secret.trim_ascii()) {
        return Err(SecretError::Published);
    }
    if repeats_itself(secret) || different_bytes(secret) < MIN_DIFFERENT_BYTES {
        return Err(SecretError::Weak);
    }
    Ok(())
}

/// Whether it is a shorter text written twice or more, the last time perhaps in part.
fn repeats_itself(secret: &[u8]) -> bool {
    (1..=secret.len() / 2).any(|period| {
        secret
            .iter()
            .zip(secret.iter().skip(period))
            .all(|(one, other)| one == other)
    })
}

fn different_bytes(secret: &[u8]) -> usize {
    let mut seen = [false; 256];
    for byte in secret {
        if let Some(seen) = seen.get_mut(usize::from(*byte)) {
            *seen = true;
        }
    }
    seen.into_iter().filter(|seen| *seen).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_hs256(secret: &[u8]) -> Result<(), SecretError> {
        check(secret, Algorithm::Hs256, 32)
    }

    #[test]
    fn random_secrets_are_accepted() {
        for secret in [
            b"3f0c9a7be1d2485566a1c0ffee90d1e2".as_slice(),
            b"Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MGFiY2RlZg",
            &[7, 250, 3, 99, 180, 41, 12, 77].repeat(4)[..31]
                .iter()
                .copied()
                .chain([0, 255])
                .collect::<Vec<u8>>(),
        ] {
            assert_eq!(check_hs256(secret), Ok(()), "{}", secret.escape_ascii());
        }
    }

    #[test]
    fn short_secrets_are_refused() {
        for length in 0..32 {
            assert_eq!(
                check_hs256(&b"3f0c9a7be1d2485566a1c0ffee90d1e2"[..length]),
                Err(SecretError::TooShort {
                    algorithm: Algorithm::Hs256,
                    bytes: length,
                    least: 32
                })
            );
        }
    }

    #[test]
    fn published_secrets_are_refused() {
        for secret in PUBLISHED {
            assert_eq!(check_hs256(secret), Err(SecretError::Published));
            let with_newline = [secret, b"\n"].concat();
            assert_eq!(check_hs256(&with_newline), Err(SecretError::Published));
        }
    }

    #[test]
    fn secrets_that_are_not_random_are_refused() {
        for secret in [
            b"                                 ".as_slice(),
            &[0; 64],
            b"changemechangemechangemechangeme",
            b"secretsecretsecretsecretsecretsecr",
            b"0123456789abcdef0123456789abcdef",
            b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
        ] {
            assert_eq!(check_hs256(secret), Err(SecretError::Weak));
        }
    }
}
