//! Memory of what a section was looked at for already: thousands of tasks have the same names and places, and to compare
//! two texts is cheaper than to look for secrets in one.

/// What is known of texts that were looked at, each in a place of its own that a later one may take. Texts that have a
/// secret are not given to it.
pub(super) struct Seen<T> {
    places: Vec<Option<(String, T)>>,
}

/// A power of two. With texts of the greatest length that is 64 KiB.
const PLACES: usize = 256;

/// Longer texts are rarely repeated, in bytes.
const LONGEST: usize = 256;

impl<T> Default for Seen<T> {
    /// Takes no memory until something is kept.
    fn default() -> Seen<T> {
        Seen { places: Vec::new() }
    }
}

impl<T: Copy> Seen<T> {
    /// What is known of this text, if it was kept and no other one has taken its place since.
    pub(super) fn get(&self, text: &str) -> Option<T> {
        let (kept, known) = self.places.get(place(text))?.as_ref()?;
        (kept == text).then_some(*known)
    }

    /// Keeps what is known of a text.
    pub(super) fn keep(&mut self, text: &str, known: T) {
        if text.len() > LONGEST {
            return;
        }
        if self.places.is_empty() {
            self.places.resize_with(PLACES, || None);
        }
        match &mut self.places[place(text)] {
            Some((kept, of)) => {
                kept.clear();
                kept.push_str(text);
                *of = known;
            }
            empty => *empty = Some((text.to_owned(), known)),
        }
    }
}

/// Where a text is kept: by its length and some of its bytes, mixed by a multiplication with the golden ratio's bits.
fn place(text: &str) -> usize {
    const RATIO: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let mixed = words.iter().take(LONGEST / 8).fold(text.len() as u64, |mixed, word| {
        (mixed.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(RATIO)
    });
    let mixed = rest.iter().fold(mixed, |mixed, byte| mixed.rotate_left(8) ^ u64::from(*byte));
    (mixed.wrapping_mul(RATIO) >> (u64::BITS - PLACES.ilog2())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_known_of_that_text_alone() {
        let mut seen = Seen::default();
        let texts: Vec<String> = (0..4 * PLACES).map(|number| format!("shop::pay_{number}")).collect();
        assert_eq!(seen.get(&texts[0]), None);
        for (number, text) in texts.iter().enumerate() {
            seen.keep(text, number);
            assert_eq!(seen.get(text), Some(number));
        }
        let known = texts.iter().enumerate().filter_map(|(number, text)| Some((number, seen.get(text)?)));
        let known: Vec<(usize, usize)> = known.collect();
        assert!(known.iter().all(|(number, known)| number == known));
        // Most places are taken, none twice.
        assert!((PLACES / 2..=PLACES).contains(&known.len()), "{}", known.len());
        let long = "a".repeat(LONGEST + 1);
        seen.keep(&long, 0);
        assert_eq!(seen.get(&long), None);
    }
}
