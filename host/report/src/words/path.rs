//! Paths of source files and modules, shortened.

/// The part of a path that tells one file from another. A relative one, as the compiler has it of the workspace, stays; of
/// the standard library, of a registry's crates and elsewhere it is the path from the package's folder on; where the path
/// shows no package, the last folder and the file.
///
/// ```
/// use gmr_report::words::short_path;
///
/// assert_eq!(short_path("crates/shop/src/queue.rs"), "crates/shop/src/queue.rs");
/// assert_eq!(short_path("/home/me/shop/src/queue.rs"), "shop/src/queue.rs");
/// let index = "/home/me/.cargo/registry/src/index.example.org-1949cf8c6b5b557f";
/// assert_eq!(short_path(&format!("{index}/tokio-1.54.1/src/lib.rs")), "tokio-1.54.1/src/lib.rs");
/// assert_eq!(short_path("/rustc/0123/library/std/src/thread/mod.rs"), "std/src/thread/mod.rs");
/// assert_eq!(short_path("/usr/lib/libc.so.6"), "lib/libc.so.6");
/// assert_eq!(short_path("./nptl/pthread_create.c"), "nptl/pthread_create.c");
/// ```
pub fn short_path(path: &str) -> &str {
    if !path.starts_with(['/', '.']) {
        return path;
    }
    if let Some(at) = path.find("/library/").filter(|_| path.starts_with("/rustc/")) {
        return &path[at + "/library/".len()..];
    }
    let in_registry = path.split_once("/registry/src/").and_then(|(_, index)| index.split_once('/'));
    if let Some((_, package)) = in_registry {
        return package;
    }
    match path.rfind("/src/") {
        Some(at) => &path[path[..at].rfind('/').map_or(0, |slash| slash + 1)..],
        None => {
            let folder = path.rfind('/').and_then(|slash| path[..slash].rfind('/'));
            &path[folder.map_or(0, |slash| slash + 1)..]
        }
    }
}

/// The last part of a path.
pub fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
