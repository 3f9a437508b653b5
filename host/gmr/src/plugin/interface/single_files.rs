//! The single files that a plugin may see through WASI: which names count in which preopened directory.

use std::collections::{BTreeMap, BTreeSet};

use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

/// The names that can be seen in a directory.
type Names = BTreeSet<String>;

/// The preopened directories of which only single files may be seen.
#[derive(Default)]
pub struct SingleFiles {
    /// By the directory's path.
    granted: BTreeMap<String, Names>,
    /// Of descriptors that the plugin has, by their number.
    open: BTreeMap<u32, Names>,
}

impl SingleFiles {
    /// Lets one file be seen in a directory. Returns whether the directory has to be preopened for it.
    pub fn grant(&mut self, directory: &str, file: &str) -> bool {
        let is_new = !self.granted.contains_key(directory);
        self.granted.entry(directory.to_owned()).or_default().insert(file.to_owned());
        is_new
    }

    /// The plugin has a descriptor of this preopened directory.
    pub fn opened(&mut self, directory: &Resource<Descriptor>, path: &str) {
        if let Some(names) = self.granted.get(path) {
            self.open.insert(directory.rep(), names.clone());
        }
    }

    /// The plugin has given this descriptor back; its number is given to others afterwards.
    pub fn dropped(&mut self, descriptor: &Resource<Descriptor>) {
        self.open.remove(&descriptor.rep());
    }

    /// Whether there is more in this directory than the plugin may see.
    pub fn hides(&self, directory: &Resource<Descriptor>) -> bool {
        self.open.contains_key(&directory.rep())
    }

    /// The path, if it may be followed from this directory.
    ///
    /// # Errors
    ///
    /// That access is denied.
    pub fn path(&self, directory: &Resource<Descriptor>, path: String) -> FsResult<String> {
        match self.open.get(&directory.rep()) {
            None => Ok(path),
            Some(names) => {
                let name = path.strip_prefix("./").unwrap_or(&path);
                names.get(name).cloned().ok_or_else(|| ErrorCode::Access.into())
            }
        }
    }
}
