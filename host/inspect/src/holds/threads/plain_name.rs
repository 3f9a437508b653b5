//! A function's path without what differs between symbol manglings, compilers and instances.

/// The path of a demangled function without generic arguments, with the type in place of `<Type>` and of
/// `<Type as Trait>`: `<std::sync::mpmc::list::Channel<u8>>::recv` is `std::sync::mpmc::list::Channel::recv`.
pub(super) fn plain(function: &str) -> String {
    let mut plain = String::with_capacity(function.len());
    // Within how many brackets; at which depth text belongs to the path; whether the rest of these brackets is a trait.
    let (mut depth, mut shown, mut in_trait, mut before) = (0_usize, 0_usize, false, '\0');
    for (at, character) in function.char_indices() {
        match character {
            '<' => {
                // At the begin of the path stands the type that a function belongs to.
                if plain.is_empty() && depth == shown {
                    shown += 1;
                }
                depth += 1;
            }
            // The arrow of a function's type closes nothing.
            '>' if before != '-' => {
                depth = depth.saturating_sub(1);
                if depth < shown {
                    shown = depth;
                    in_trait = false;
                }
            }
            _ if depth != shown || in_trait => {}
            ' ' if depth > 0 && function[at..].starts_with(" as ") => in_trait = true,
            other => plain.push(other),
        }
        before = character;
    }
    // Where generic arguments stood.
    while let Some(at) = plain.find("::::") {
        plain.replace_range(at..at + 2, "");
    }
    if plain.ends_with("::") {
        plain.truncate(plain.len() - 2);
    }
    plain
}

/// The name of a function of the C library without the marks of its internal and versioned forms.
pub(super) fn plain_c(function: &str) -> &str {
    let bare = function.trim_start_matches('_');
    let bare = bare.strip_prefix("GI_").unwrap_or(bare).trim_start_matches('_');
    bare.split('@').next().unwrap_or(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_path_for_all_manglings() {
        for (function, expected) in [
            (
                "std::sys::sync::mutex::futex::Mutex::lock_contended",
                "std::sys::sync::mutex::futex::Mutex::lock_contended",
            ),
            (
                "<std::sys::sync::mutex::futex::Mutex>::lock_contended",
                "std::sys::sync::mutex::futex::Mutex::lock_contended",
            ),
            ("std::sync::mpmc::list::Channel<T>::recv", "std::sync::mpmc::list::Channel::recv"),
            (
                "<std::sync::mpmc::list::Channel<u64>>::recv::{closure#1}",
                "std::sync::mpmc::list::Channel::recv::{closure#1}",
            ),
            ("std::thread::scoped::scope::<a::b::{closure#0}, ()>", "std::thread::scoped::scope"),
            ("<a::B<u8> as c::D<e::F>>::g::<h::I>::{closure#0}", "a::B::g::{closure#0}"),
            ("<a::B as core::ops::FnOnce<(u8, fn(u8) -> u8)>>::call", "a::B::call"),
            ("pthread_mutex_lock", "pthread_mutex_lock"),
            ("core::ptr::drop_glue::<std::sync::poison::mutex::MutexGuard<u64>>", "core::ptr::drop_glue"),
            ("", ""),
            ("<<<", ""),
            ("a>>b", "ab"),
        ] {
            assert_eq!(plain(function), expected, "{function}");
        }
    }

    #[test]
    fn names_of_the_c_library() {
        for name in [
            "pthread_mutex_lock",
            "___pthread_mutex_lock",
            "__GI___pthread_mutex_lock",
            "pthread_mutex_lock@@GLIBC_2.2.5",
        ] {
            assert_eq!(plain_c(name), "pthread_mutex_lock", "{name}");
        }
        assert_eq!(plain_c("__lll_lock_wait"), "lll_lock_wait");
    }
}
