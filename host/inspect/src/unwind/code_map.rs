//! The code that stacks go through, as its files have it.

use crate::arch::{CALL_WINDOW, instructions};
use crate::memory;
use crate::modules::{Image, Module, Snapshot};
use std::sync::OnceLock;

/// A module's bytes and tables, got when first wanted.
#[derive(Default)]
struct Loaded {
    image: OnceLock<Option<Image>>,
}

/// The code that unwinding may meet: a snapshot of the modules, and their files as far as they were wanted.
/// Several threads may unwind over one.
pub(crate) struct CodeMap {
    pub snapshot: Snapshot,
    loaded: Vec<Loaded>,
}

impl CodeMap {
    pub fn new(snapshot: Snapshot) -> CodeMap {
        let loaded = snapshot.modules.iter().map(|_| Loaded::default()).collect();
        CodeMap { snapshot, loaded }
    }

    pub(super) fn image(&self, index: usize) -> Option<(&Module, &Image)> {
        let module = self.snapshot.modules.get(index)?;
        let image = self.loaded.get(index)?.image.get_or_init(|| Image::of(module));
        Some((module, image.as_ref()?))
    }

    pub(super) fn is_unnamed_code(&self, address: u64) -> bool {
        self.snapshot.unnamed_code.iter().any(|range| range.contains(&address))
    }

    /// The code from an address on, as the file has it; at most `length` bytes.
    pub(super) fn code_at(&self, address: u64, length: usize) -> Option<&[u8]> {
        let (module, image) = self.image(self.snapshot.index_of(address)?)?;
        if !module.code.iter().any(|range| range.contains(&address)) {
            return None;
        }
        let bytes = image.from(module, address.wrapping_sub(module.bias))?;
        Some(&bytes[..length.min(bytes.len())])
    }

    /// Whether the address follows a call instruction.
    pub(super) fn follows_call(&self, address: u64) -> bool {
        let Some(start) = address.checked_sub(CALL_WINDOW as u64) else { return false };
        if let Some(bytes) = self.code_at(start, CALL_WINDOW) {
            return instructions::follows_call(bytes);
        }
        let mut bytes = [0; CALL_WINDOW];
        self.is_unnamed_code(address)
            && memory::read(start, &mut bytes).is_ok()
            && instructions::follows_call(&bytes)
    }
}
