//! The Rust toolchain that can build WebAssembly guests: found, or set up.
//!
//! Tried in this order: an installed `wasm32-wasip2` target; `rustup target add wasm32-wasip2`; a toolchain that
//! has the standard library's source, which then is built for `wasm32-unknown-unknown`; on Debian, as root, the
//! packages that are such a toolchain. Where all fail, the error says why each did and what to install.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};

use super::debian;
use crate::command::{Step, announce};

/// The target whose programs are components as they leave the linker.
pub const WASIP2: &str = "wasm32-wasip2";
/// The target that needs nothing of the system it is built on; its programs are made components afterwards.
pub const BARE: &str = "wasm32-unknown-unknown";

/// How to build Rust guests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Choice {
    /// With the first way that works
    #[default]
    Any,
    /// Only with the wasm32-wasip2 target
    Wasip2,
    /// Only with the standard library built from its source
    BuildStd,
}

/// A toolchain that can build guests.
#[derive(Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// The one that runs this task; it has the `wasm32-wasip2` target.
    Wasip2,
    /// One with the standard library's source.
    BuildStd {
        /// Its cargo.
        cargo: PathBuf,
        /// Its compiler; `None` leaves the choice to its cargo.
        rustc: Option<PathBuf>,
        /// The linker; `None` where the compiler finds its own.
        linker: Option<PathBuf>,
    },
}

impl Toolchain {
    pub fn target(&self) -> &'static str {
        match self {
            Toolchain::Wasip2 => WASIP2,
            Toolchain::BuildStd { .. } => BARE,
        }
    }
}

/// Finds a toolchain, or sets one up.
pub fn find(choice: Choice) -> Result<Toolchain> {
    let mut refusals = Vec::new();
    if choice != Choice::BuildStd {
        match installed_target().or_else(|_| add_target()) {
            Ok(toolchain) => return Ok(toolchain),
            Err(reason) => refusals.push(format!("{WASIP2}: {reason:#}")),
        }
    }
    if choice != Choice::Wasip2 {
        type Way = fn() -> Result<Toolchain>;
        let ways: [(&str, Way); 3] = [
            ("standard library's source beside rustc", own_source),
            ("standard library's source beside the system's rustc", system_source),
            ("Debian's packages", || debian::install().and_then(|()| system_source())),
        ];
        for (name, way) in ways {
            match way() {
                Ok(toolchain) => return Ok(toolchain),
                Err(reason) => refusals.push(format!("{name}: {reason:#}")),
            }
        }
    }
    bail!(advice(&refusals))
}

fn advice(refusals: &[String]) -> String {
    format!(
        "no Rust toolchain here can build WebAssembly guests\n  {}\n\
         Install one of these, then run the task again:\n  \
         rustup target add {WASIP2}\n  \
         rustup component add rust-src\n  \
         apt-get install {}    (as root, on Debian)",
        refusals.join("\n  "),
        debian::PACKAGES.join(" "),
    )
}

fn installed_target() -> Result<Toolchain> {
    let folder = rustc(None).args(["--print", "target-libdir", "--target", WASIP2]).read()?;
    ensure!(holds_standard_library(Path::new(folder.trim())), "the target is not installed");
    Ok(Toolchain::Wasip2)
}

fn holds_standard_library(folder: &Path) -> bool {
    folder.read_dir().is_ok_and(|entries| {
        entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
    })
}

/// Rustup may be there without being the toolchain in use, so the target is looked for again afterwards.
fn add_target() -> Result<Toolchain> {
    announce(format_args!("adding the {WASIP2} target with rustup"));
    Step::new("rustup").args(["target", "add", WASIP2]).run()?;
    installed_target()
}

/// The toolchain that runs this task, with the `rust-src` component.
fn own_source() -> Result<Toolchain> {
    let sysroot = sysroot(None)?;
    expect_source(&sysroot)?;
    let cargo = env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from);
    Ok(Toolchain::BuildStd { cargo, rustc: None, linker: None })
}

/// The system's own toolchain. Debian's has no WebAssembly linker: rustup's, if it is there, or LLVM's.
fn system_source() -> Result<Toolchain> {
    let [cargo, rustc] = ["/usr/bin/cargo", "/usr/bin/rustc"].map(PathBuf::from);
    for program in [&cargo, &rustc] {
        if !program.exists() {
            bail!("there is no {}", program.display());
        }
    }
    let sysroot = sysroot(Some(&rustc))?;
    expect_source(&sysroot)?;
    let linker = linker(&sysroot)?;
    Ok(Toolchain::BuildStd { cargo, rustc: Some(rustc), linker: Some(linker) })
}

fn expect_source(sysroot: &Path) -> Result<()> {
    let manifest = sysroot.join("lib/rustlib/src/rust/library/std/Cargo.toml");
    ensure!(manifest.exists(), "{} does not exist", manifest.display());
    Ok(())
}

fn linker(system: &Path) -> Result<PathBuf> {
    let host = host()?;
    let bundled = [system.to_owned(), sysroot(None)?]
        .map(|sysroot| sysroot.join("lib/rustlib").join(&host).join("bin/rust-lld"));
    let path = env::var_os("PATH").unwrap_or_default();
    let installed =
        env::split_paths(&path).flat_map(|folder| ["rust-lld", "wasm-ld"].map(|name| folder.join(name)));
    match bundled.into_iter().chain(installed).find(|path| path.exists()) {
        Some(linker) => Ok(linker),
        None => bail!("there is no WebAssembly linker, neither rustup's rust-lld nor wasm-ld (package lld)"),
    }
}

fn host() -> Result<String> {
    let version = rustc(None).arg("-vV").read()?;
    match version.lines().find_map(|line| line.strip_prefix("host: ")) {
        Some(host) => Ok(host.to_owned()),
        None => bail!("`rustc -vV` names no host"),
    }
}

fn sysroot(compiler: Option<&Path>) -> Result<PathBuf> {
    Ok(PathBuf::from(rustc(compiler).args(["--print", "sysroot"]).read()?.trim()))
}

fn rustc(path: Option<&Path>) -> Step {
    let named = env::var_os("RUSTC").map_or_else(|| "rustc".into(), PathBuf::from);
    Step::new(path.map_or(named, Path::to_path_buf))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_holds_every_refusal_and_every_remedy() {
        let text = advice(&["wasm32-wasip2: no network".into(), "Debian's packages: not root".into()]);
        for part in
            ["no network", "not root", "rustup target add", "rust-src", "apt-get install", "rustc-web"]
        {
            assert!(text.contains(part), "{part} is not in: {text}");
        }
    }

    #[test]
    fn target_without_its_standard_library_is_not_installed() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!holds_standard_library(&folder.path().join("absent")));
        assert!(!holds_standard_library(folder.path()));
        std::fs::write(folder.path().join("libstd-0123456789abcdef.rlib"), "").unwrap();
        assert!(holds_standard_library(folder.path()));
    }

    #[test]
    fn toolchain_without_source_says_which_file_it_lacks() {
        let folder = tempfile::tempdir().unwrap();
        let error = expect_source(folder.path()).unwrap_err().to_string();
        assert!(error.ends_with("library/std/Cargo.toml does not exist"), "{error}");
    }
}
