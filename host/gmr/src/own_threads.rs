//! The reporter's own threads, for a panic hook that has to tell them from the application's.

/// Whether the calling thread is one of the reporter's, whose names are `gmr` and `gmr-...`.
///
/// A panic there ends nothing: it is caught, and the report says which section it cost. The panic hook is called all the same,
/// as for any panic that is caught. One that ends the process, takes locks that the program may hold, or wakes somebody up asks
/// this first:
///
/// ```
/// let hook = std::panic::take_hook();
/// std::panic::set_hook(Box::new(move |panic| {
///     hook(panic);
///     if !gmr::on_reporter_thread() {
///         std::process::abort();
///     }
/// }));
/// ```
///
/// Closures of the application's that fill a section, a fact or the configuration run on such threads too.
pub fn on_reporter_thread() -> bool {
    std::thread::current().name().is_some_and(is_ours)
}

/// Whether a thread of this name is one of the reporter's.
pub(crate) fn is_ours(name: &str) -> bool {
    name == "gmr" || name.starts_with("gmr-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_known_by_its_name() {
        for (name, expected) in [("gmr", true), ("gmr-section", true), ("gmrs", false), ("worker", false)] {
            let thread = std::thread::Builder::new().name(name.to_owned()).spawn(on_reporter_thread);
            assert_eq!(thread.unwrap().join().unwrap(), expected, "{name}");
        }
    }
}
