//! Traits of a text that tell which rules can find anything in it: most texts of a report are names and places, in which
//! most of them cannot, and to read a text once is cheaper than to search it for each rule.

use crate::mask::keys;

/// What a text has.
#[derive(Clone, Copy)]
pub(super) struct Traits {
    /// Bits of the classes of its bytes.
    classes: u32,
    /// Whether a secret's name may be in it.
    pub(super) names_secret: bool,
}

/// Bytes of a class of their own.
const SIGNS: &[u8] = b"$%&*-/:<=>?@\\|";

/// Bytes of which it is all the same which of them a text has.
const KINDS: [&[u8]; 4] = [b"0123456789", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b" \t\n\x0c\r", b"\"'`"];

/// Stands for the bytes of characters beyond ASCII.
pub(super) const NOT_ASCII: u8 = 0x80;

/// The class of each byte as a bit, none for a byte that no rule depends on.
static CLASSES: [u32; 256] = classes();

const fn classes() -> [u32; 256] {
    let mut classes = [0; 256];
    let mut class = 0;
    while class < SIGNS.len() {
        classes[SIGNS[class] as usize] = 1 << class;
        class += 1;
    }
    let mut kind = 0;
    while kind < KINDS.len() {
        let mut at = 0;
        while at < KINDS[kind].len() {
            classes[KINDS[kind][at] as usize] = 1 << class;
            at += 1;
        }
        kind += 1;
        class += 1;
    }
    let mut byte = NOT_ASCII as usize;
    while byte < classes.len() {
        classes[byte] = 1 << class;
        byte += 1;
    }
    classes
}

impl Traits {
    pub(super) fn of(text: &str) -> Traits {
        let classes = text.bytes().fold(0, |classes, byte| classes | CLASSES[usize::from(byte)]);
        Traits { classes, names_secret: keys::may_be_secret(text) }
    }

    /// Whether a byte of the class of this one is in the text.
    pub(super) fn has(self, byte: u8) -> bool {
        let class = CLASSES[usize::from(byte)];
        debug_assert!(class != 0, "a rule depends on {byte:#x}, which has no class");
        self.classes & class != 0
    }

    /// Whether one of the classes of these bytes is in the text.
    pub(super) fn has_any(self, bytes: &[u8]) -> bool {
        bytes.iter().any(|&byte| self.has(byte))
    }

    /// Whether each of the classes of these bytes is in the text.
    pub(super) fn has_all(self, bytes: &[u8]) -> bool {
        bytes.iter().all(|&byte| self.has(byte))
    }

    /// Whether tokens may be in the text: each has a digit, a capital or the sign before a hash.
    pub(super) fn may_have_token(self) -> bool {
        self.has_any(b"0A$")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_what_stands_in_it_and_nothing_else() {
        let traits = Traits::of("run src/main.rs:12 \"a\"");
        assert!(traits.has_all(b"/: 7'"));
        assert!(!traits.has_any(b"-@=%$\\A") && !traits.has(NOT_ASCII) && !traits.names_secret);
        let traits = Traits::of("API_KEY \u{e9}");
        assert!(traits.has_all(b"A\n") && traits.has(NOT_ASCII) && traits.names_secret);
        assert!(!traits.has_any(b"0\"") && !Traits::of("").has(NOT_ASCII));
    }

    #[test]
    fn classes_fit_into_their_bits() {
        assert!(SIGNS.len() + KINDS.len() < 32);
    }
}
