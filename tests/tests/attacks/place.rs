//! Where an attack takes place: the folders of plugins, of reports and of the cache, and files beside them.

use std::cell::Cell;
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use gmr_test_support::guests;
use tempfile::TempDir;

/// What no report may hold: it stands in the service's environment, and in a file beside its folders.
pub const SECRET: &str = "S3cr3tV4lue";

/// Plugins that lie in the folder before any other comes: the first and the last by their names.
pub const HONEST: [&str; 2] = ["a-honest", "zz-honest"];

/// A plugin that answers with the paragraph "hello".
pub static HELLO: LazyLock<Vec<u8>> = LazyLock::new(|| guests::component("hello"));

/// The service's settings, if any are in a file.
pub const SETTINGS: &str = "settings.toml";

/// Nothing of it stays.
pub struct Place {
    folder: TempDir,
    /// The service's process, once it runs.
    pub process: Cell<u32>,
}

impl Place {
    /// With the honest plugins, and those that are shipped where the environment says where they are.
    pub fn new() -> Place {
        let place =
            Place { folder: tempfile::tempdir().expect("a folder can be made"), process: Cell::new(0) };
        for folder in ["plugins", "second", "reports"] {
            fs::create_dir(place.path(folder)).expect("writable");
        }
        fs::write(place.path("secret"), SECRET).expect("writable");
        HONEST.iter().for_each(|name| place.drop_in(&format!("{name}.wasm"), &HELLO));
        for (name, file) in shipped() {
            fs::copy(file, place.plugins().join(name).with_extension("wasm")).expect("there is room for it");
            place.set(&format!("[gmr.plugins.{name}]\ngrants = [\"process\"]\n"));
        }
        place
    }

    /// A path beside the folders.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder of plugins that comes first.
    pub fn plugins(&self) -> PathBuf {
        self.path("plugins")
    }

    /// A file of plugins, written in place.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        self.write_raw(name.as_bytes(), bytes);
    }

    /// The same under a name of any bytes.
    pub fn write_raw(&self, name: &[u8], bytes: impl AsRef<[u8]>) {
        fs::write(self.plugins().join(OsStr::from_bytes(name)), bytes).expect("writable");
    }

    /// A file of plugins that is whole from the moment on at which it is there.
    pub fn drop_in(&self, name: &str, bytes: &[u8]) {
        let part = self.path("part");
        fs::write(&part, bytes).expect("writable");
        fs::rename(part, self.plugins().join(name)).expect("writable");
    }

    /// More settings, in TOML, for a service that is not started yet.
    pub fn set(&self, settings: &str) {
        let file = OpenOptions::new().create(true).append(true).open(self.path(SETTINGS));
        file.and_then(|mut file| file.write_all(settings.as_bytes())).expect("writable");
    }

    /// A link in the folder of plugins.
    pub fn link(&self, name: &str, target: impl AsRef<Path>) {
        std::os::unix::fs::symlink(target, self.plugins().join(name)).expect("writable");
    }
}

/// The shipped plugins that need no facts of the application's, by name: `cargo xtask attacks` builds them.
fn shipped() -> Vec<(&'static str, PathBuf)> {
    let Some(folder) = std::env::var_os("GMR_TEST_PLUGINS") else { return Vec::new() };
    SHIPPED.map(|name| (name, Path::new(&folder).join(name).with_extension("wasm"))).into()
}

/// Those that lie beside the honest ones where they are built.
pub const SHIPPED: [&str; 4] = ["process", "limits", "descriptors", "loaded"];

/// The honest plugins of this run.
pub fn honest() -> Vec<&'static str> {
    HONEST.into_iter().chain(shipped().into_iter().map(|(name, _)| name)).collect()
}
