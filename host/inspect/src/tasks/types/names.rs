//! Names of types and functions: as the debug information has them, and as a reader knows them from the source.

/// FNV-1a, for names that are hashed piece by piece. A name that is found by its hash is compared, too.
pub(super) fn hash(name: &str) -> u64 {
    hash_more(0xcbf2_9ce4_8422_2325, name)
}

pub(super) fn hash_more(hash: u64, more: &str) -> u64 {
    more.bytes().fold(hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// `a::Vec<b::C>::iter` as `a::Vec::iter`. The arrow of a function type is not taken for a bracket.
pub(crate) fn without_generics(name: &str) -> String {
    let mut kept = String::with_capacity(name.len());
    let (mut depth, mut previous) = (0_usize, ' ');
    for character in name.chars() {
        match character {
            '<' => depth += 1,
            '>' if previous != '-' => depth = depth.saturating_sub(1),
            _ if depth == 0 => kept.push(character),
            _ => {}
        }
        previous = character;
    }
    kept
}

/// A coroutine's type as the function or block that a reader knows: `a::f::{async_fn_env#0}<T>` as `a::f`,
/// `a::f::{async_block_env#1}` as `a::f::{async block#1}`.
pub(crate) fn display(name: &str) -> String {
    let bare = without_generics(name);
    let parts = bare.split("::").filter(|part| !is_async_fn(part)).map(|part| {
        let part = part.replace("_env#", "#");
        let part = part.replace("{async_block#", "{async block#");
        part.replace("{async_closure#", "{async closure#")
    });
    parts.collect::<Vec<_>>().join("::")
}

/// A demangled function's path without generics, the same for both ways of mangling:
/// `<a::S<u8>>::f` and `a::S<T>::f` as `a::S::f`, `<a::S<u8> as a::T<u8>>::f` as `<a::S as a::T>::f`.
pub(crate) fn function_path(demangled: &str) -> String {
    let bare = |name: &str| without_generics(name).replace("::::", "::").trim_end_matches("::").to_owned();
    let Some(end) = demangled.strip_prefix('<').and_then(matching_bracket) else { return bare(demangled) };
    let (head, rest) = (&demangled[1..=end], &demangled[end + 2..]);
    match without_generics(head).split_once(" as ") {
        Some((of, by)) => format!("<{of} as {by}>{}", bare(rest)),
        None => format!("{}{}", bare(head), bare(rest)),
    }
}

/// Where the bracket is that closes the one before `text`.
fn matching_bracket(text: &str) -> Option<usize> {
    let (mut depth, mut previous) = (1_usize, ' ');
    for (index, character) in text.char_indices() {
        match character {
            '<' => depth += 1,
            '>' if previous != '-' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(index);
        }
        previous = character;
    }
    None
}

/// The functions, closures and async blocks that a type's generic arguments name, each with its own arguments:
/// `b::g::{async_fn_env#0}<C>` of `a::S<fn(u8) -> b::g::{async_fn_env#0}<C>>`. The type of a function is spelled as that of a
/// pointer to it, so that an async one is known by what it returns.
pub(crate) fn functions_in_arguments(name: &str) -> impl Iterator<Item = &str> {
    let arguments = name.find('<').map_or("", |start| &name[start + 1..]);
    arguments.match_indices(ENVIRONMENT).filter_map(|(at, _)| {
        let start = path_start(&arguments[..at]);
        let end = at + arguments[at..].find('}')? + 1;
        let own = arguments[end..].strip_prefix('<').and_then(matching_bracket);
        // The bracket, what is in it, and the bracket that closes it.
        Some(&arguments[start..own.map_or(end, |length| end + length + 2)])
    })
}

/// In the names of the types of closures and coroutines.
const ENVIRONMENT: &str = "_env#";

/// Where the path begins that `text` ends within.
fn path_start(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut characters = text.char_indices().rev().peekable();
    while let Some((index, character)) = characters.next() {
        let after_dash = characters.peek().is_some_and(|(_, previous)| *previous == '-');
        match character {
            '>' if !after_dash => depth += 1,
            '<' if depth > 0 => depth -= 1,
            '<' | '>' | ' ' | ',' | '(' | '[' | '&' if depth == 0 => return index + 1,
            _ => {}
        }
    }
    0
}

/// The body of an async function has a name of its own, which says nothing beside the function's.
pub(super) fn is_async_fn(part: &str) -> bool {
    part.starts_with("{async_fn_env#") || part.starts_with("{async_fn#")
}

/// `a::f::{async_fn_env#0}<T>` as `a::f::{async_fn#0}`: the function that resumes the coroutine, as far as
/// its name goes without its own generics.
pub(super) fn resume_function(coroutine: &str) -> Option<String> {
    let (mut depth, mut previous) = (0_usize, ' ');
    let mut found = None;
    for (index, character) in coroutine.char_indices() {
        match character {
            '<' => depth += 1,
            '>' if previous != '-' => depth = depth.saturating_sub(1),
            '_' if depth == 0 && coroutine[index..].starts_with(ENVIRONMENT) => found = Some(index),
            _ => {}
        }
        previous = character;
    }
    let at = found?;
    Some(format!("{}{}", &coroutine[..at], &coroutine[at + "_env".len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generics_go_and_arrows_stay() {
        let check = |name, expected| assert_eq!(without_generics(name), expected);
        check("a::B<c::D<E>, F>::g", "a::B::g");
        check("a::B<fn(u8) -> u8>::g", "a::B::g");
        check("fn(u8) -> u8", "fn(u8) -> u8");
        check(">>a<", "a");
        check("", "");
    }

    #[test]
    fn coroutines_are_named_as_their_source() {
        let check = |name, expected| assert_eq!(display(name), expected);
        check("a::f::{async_fn_env#0}<T>", "a::f");
        check("a::f::{async_block_env#1}", "a::f::{async block#1}");
        check("a::f::{closure#0}::{async_closure_env#0}", "a::f::{closure#0}::{async closure#0}");
    }

    #[test]
    fn functions_are_found_in_generic_arguments() {
        #[track_caller]
        fn check(name: &str, expected: &[&str]) {
            assert_eq!(functions_in_arguments(name).collect::<Vec<_>>(), expected, "{name}");
        }
        check("a::f::{async_fn_env#0}", &[]);
        check("a::S<b::T<u8>>", &[]);
        check(
            "a::{impl#5}::call::{async_block_env#0}<fn(b::Arc<u8>, c::D) -> e::f::{async_fn_env#0}, ((u8, u8)), b::Arc<u8>>",
            &["e::f::{async_fn_env#0}"],
        );
        check(
            "a::S<fn() -> b::g::{async_fn_env#0}<fn() -> u8>, u8>",
            &["b::g::{async_fn_env#0}<fn() -> u8>"],
        );
        check(
            "a::S<b::{impl#1}<c::T<u8>>::f::{closure_env#0}, &mut d::{async_block_env#12}>",
            &["b::{impl#1}<c::T<u8>>::f::{closure_env#0}", "d::{async_block_env#12}"],
        );
        check("a::S<b::{closure_env#", &[]);
        check("a::S<b::{closure_env#0}<c", &["b::{closure_env#0}"]);
        check("a::S<->_env#é}", &["_env#é}"]);
    }

    #[test]
    fn both_ways_of_mangling_read_the_same() {
        let check = |name, expected| assert_eq!(function_path(name), expected);
        check("<a::S<u8>>::f", "a::S::f");
        check("a::S<T>::f", "a::S::f");
        check("<a::S>::f::{async block#0}", "a::S::f::{async block#0}");
        check("<a::S<u8> as a::T<fn() -> u8>>::f", "<a::S as a::T>::f");
        check("a::f::<u8>", "a::f");
        check("a::f::<u8>::g", "a::f::g");
        check("<a", "");
        check("<", "");
    }

    #[test]
    fn the_outermost_environment_names_the_function() {
        let check = |name, expected: Option<&str>| assert_eq!(resume_function(name).as_deref(), expected);
        check(
            "a::{impl#1}::f::{async_fn_env#0}<b::{async_fn_env#0}>",
            Some("a::{impl#1}::f::{async_fn#0}<b::{async_fn_env#0}>"),
        );
        check(
            "a::{impl#1}::f::{async_fn_env#0}<fn() -> b::{async_fn_env#0}>",
            Some("a::{impl#1}::f::{async_fn#0}<fn() -> b::{async_fn_env#0}>"),
        );
        check("a::B", None);
    }
}
