//! A plugin's digest, by which builds are told apart and compiled code is found again.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// SHA-256 of a plugin's file.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(Sha256::digest(bytes).into())
    }

    /// In hexadecimal, 64 characters.
    pub fn hexadecimal(&self) -> String {
        self.0.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// The first 12 characters: enough to tell builds apart.
    pub fn short(&self) -> String {
        self.hexadecimal()[..12].to_owned()
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.short())
    }
}
