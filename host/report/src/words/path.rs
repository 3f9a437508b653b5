//! Paths of source files and modules, shortened.

/// The part of a path that tells one file from another: from the package's folder on, or the last folder and the
/// file where the path shows no package.
///
/// ```
/// use gmr_report::words::short_path;
///
/// assert_eq!(short_path("/home/me/shop/src/queue.rs"), "shop/src/queue.rs");
/// assert_eq!(short_path("/rustc/0123/library/std/src/thread/mod.rs"), "std/src/thread/mod.rs");
/// assert_eq!(short_path("/usr/lib/libc.so.6"), "lib/libc.so.6");
/// ```
pub fn short_path(path: &str) -> &str {
    if let Some(at) = path.find("/library/").filter(|_| path.starts_with("/rustc/")) {
        return &path[at + "/library/".len()..];
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
