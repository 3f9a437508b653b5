//! A plugin's digest, by which builds are told apart and compiled code is found again.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

/// SHA-256 of a plugin's file: `sha256:` and 64 hexadecimal digits, as `gmr plugin check` prints it and `sha256sum` its
/// digits.
///
/// ```
/// use gmr::plugin::Digest;
///
/// let text = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// let digest: Digest = text.parse()?;
/// assert_eq!(digest.to_string(), text);
/// assert!("sha256:e3b0".parse::<Digest>().is_err());
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub(in crate::plugin) [u8; 32]);

/// What a digest's text begins with.
const ALGORITHM: &str = "sha256:";

impl Digest {
    pub(in crate::plugin) fn of(bytes: &[u8]) -> Digest {
        Digest(Sha256::digest(bytes).into())
    }

    /// In hexadecimal, 64 characters.
    pub(in crate::plugin) fn hexadecimal(&self) -> String {
        self.0.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// The first 12 characters: enough to tell builds apart.
    pub(in crate::plugin) fn short(&self) -> String {
        self.hexadecimal()[..12].to_owned()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ALGORITHM}{}", self.hexadecimal())
    }
}

impl FromStr for Digest {
    type Err = String;

    /// Reads the form that a digest is printed in.
    ///
    /// # Errors
    ///
    /// That it is no such text.
    fn from_str(text: &str) -> Result<Digest, String> {
        let wrong =
            || "must be `sha256:` and 64 hexadecimal digits, as `gmr plugin check` prints it".to_owned();
        let digits = text.strip_prefix(ALGORITHM).ok_or_else(wrong)?.as_bytes();
        let mut bytes = [0; 32];
        if digits.len() != 2 * bytes.len() {
            return Err(wrong());
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |index: usize| char::from(pair[index]).to_digit(16);
            let value = digit(0).zip(digit(1)).map(|(high, low)| 16 * high + low);
            *byte = value.and_then(|value| u8::try_from(value).ok()).ok_or_else(wrong)?;
        }
        Ok(Digest(bytes))
    }
}
