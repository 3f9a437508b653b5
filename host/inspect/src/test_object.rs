//! An object file to fuzz its readers with: a small library with async functions, built when it is first wanted, so that
//! it is as today's compiler makes them.

use rustix::fs::MemfdFlags;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A future by hand, futures in an enum, in an array and behind a trait object, an async function in another.
const SOURCE: &str = r#"
#![no_std]
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

pub struct Never(pub u8);

impl Future for Never {
    type Output = u8;
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u8> {
        Poll::Pending
    }
}

pub enum Either<A, B> {
    One(A),
    Other(B),
    Neither,
}

impl<A: Future<Output = u8> + Unpin, B: Future<Output = u8> + Unpin> Future for Either<A, B> {
    type Output = u8;
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<u8> {
        match self.get_mut() {
            Either::One(one) => Pin::new(one).poll(context),
            Either::Other(other) => Pin::new(other).poll(context),
            Either::Neither => Poll::Ready(0),
        }
    }
}

async fn inner(number: u8) -> u8 {
    Never(number).await
}

async fn outer(number: u8) -> u8 {
    let mut list: [Either<Never, Never>; 2] = [Either::One(Never(1)), Either::Neither];
    let dynamic: &mut (dyn Future<Output = u8> + Unpin) = &mut list[0];
    let first = dynamic.await;
    inner(number).await ^ first
}

#[unsafe(no_mangle)]
pub extern "C" fn entry(number: u8) -> u8 {
    let mut future = core::pin::pin!(outer(number));
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(number) => number,
        Poll::Pending => 0,
    }
}
"#;

/// The library as it is, and with its debug sections compressed in each of the ways that there are a tool for.
/// Empty where there is no compiler or no linker.
pub(crate) fn objects() -> &'static [Vec<u8>] {
    static OBJECTS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    OBJECTS.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("gmr-test-object-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let built = build(&folder);
        let compressed = ["zlib", "zlib-gnu", "zstd"].into_iter().filter_map(|way| compress(&folder, way));
        let objects = built.into_iter().chain(compressed).collect();
        let _ = std::fs::remove_dir_all(&folder);
        objects
    })
}

fn build(folder: &Path) -> Option<Vec<u8>> {
    let (source, object, library) = (folder.join("a.rs"), folder.join("a.o"), folder.join("a.so"));
    std::fs::write(&source, SOURCE).unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let options = ["--crate-type=lib", "--emit=obj", "--edition=2024", "-Cdebuginfo=2", "-Cpanic=abort"];
    let options = options.into_iter().chain(["-Ccodegen-units=1", "-Copt-level=0"]);
    succeeds(Command::new(rustc).args(options).arg(&source).arg("-o").arg(&object))?;
    // By hand, so that nothing of `core` comes along: what it lacks may stay so in a library.
    let options = ["-shared", "-nostdlib", "-Wl,-z,noseparate-code", "-Wl,--build-id"];
    succeeds(Command::new("cc").args(options).arg(&object).arg("-o").arg(&library))?;
    std::fs::read(library).ok()
}

/// A library of this text for the assembler; `None` where there is none.
pub(crate) fn assembled(text: &str) -> Option<Vec<u8>> {
    let folder = std::env::temp_dir().join(format!("gmr-test-assembled-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (source, library) = (folder.join("a.s"), folder.join("a.so"));
    std::fs::write(&source, text).unwrap();
    let built =
        succeeds(Command::new("cc").args(["-shared", "-nostdlib"]).arg(&source).arg("-o").arg(&library));
    let bytes = built.and_then(|()| std::fs::read(library).ok());
    let _ = std::fs::remove_dir_all(&folder);
    bytes
}

fn compress(folder: &Path, way: &str) -> Option<Vec<u8>> {
    let compressed = folder.join(way);
    let option = format!("--compress-debug-sections={way}");
    succeeds(Command::new("objcopy").arg(option).arg(folder.join("a.so")).arg(&compressed))?;
    std::fs::read(compressed).ok()
}

fn succeeds(command: &mut Command) -> Option<()> {
    command.output().ok().filter(|output| output.status.success()).map(|_| ())
}

/// Bytes as a file that needs no disk, for what opens its files itself.
pub(crate) struct FileOf(File);

impl FileOf {
    pub(crate) fn new(bytes: &[u8]) -> FileOf {
        let mut file = File::from(rustix::fs::memfd_create("gmr-fuzz", MemfdFlags::CLOEXEC).unwrap());
        file.write_all(bytes).unwrap();
        FileOf(file)
    }

    /// The path by which this process may open it.
    pub(crate) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }
}
