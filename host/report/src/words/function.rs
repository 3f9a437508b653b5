//! Names of functions for people, without what only the compiler and the linker need.

use std::borrow::Cow;

/// A longer name loses what stands in its angle brackets: a screen is a hundred columns wide, and the place in the source
/// stands beside it.
const LONGEST: usize = 60;

/// A function's name as text shows it; JSON has it whole.
///
/// Left out are a linker's suffixes (`.llvm.123`, the hash of a name in the older mangling), the hashes of crates, the
/// generic arguments of functions, and of a long name also those of types. Both manglings give one name.
///
/// ```
/// use gmr_report::words::short_function;
///
/// for (name, shown) in [
///     ("shop::serve::h0123456789abcdef", "shop::serve"),
///     ("shop[3f2a6c1e0b7d9a55]::serve::<alloc::vec::Vec<u8>>.llvm.4711", "shop::serve"),
///     ("<shop::Pool>::take", "shop::Pool::take"),
///     ("<shop::Pool<u8> as shop::Take>::take", "<shop::Pool<u8> as shop::Take>::take"),
///     ("shop::main::{{closure}}", "shop::main::{closure}"),
///     ("shop::main::{closure#0}", "shop::main::{closure}"),
/// ] {
///     assert_eq!(short_function(name), shown);
/// }
/// ```
pub fn short_function(name: &str) -> Cow<'_, str> {
    let bare = without_suffix(name);
    if !bare.contains(['<', '[', '{']) {
        return Cow::Borrowed(bare);
    }
    let closures = bare.replace("{{closure}}", "{closure}").replace("{closure#0}", "{closure}");
    let shown = without(Arguments::OfFunctions, &without_crate_hashes(&closures));
    let shown = without_wrapping(&shown);
    if shown.chars().count() <= LONGEST { shown.into() } else { without(Arguments::All, &shown).into() }
}

/// The name without `.llvm.123`, `.cold` and their like, and without `::h0123456789abcdef`.
fn without_suffix(name: &str) -> &str {
    let name = match name.find(".llvm.") {
        Some(at) => &name[..at],
        None => name,
    };
    let hash = |hash: &str| hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    match name.rsplit_once("::h") {
        Some((before, after)) if hash(after) && !before.is_empty() => before,
        _ => name,
    }
}

/// `shop[3f2a6c1e0b7d9a55]::serve` is `shop::serve`; an array `[u8; 4]` stays.
fn without_crate_hashes(name: &str) -> String {
    let mut shown = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find('[') {
        let (before, from) = rest.split_at(at);
        shown.push_str(before);
        let length = from[1..].find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(from.len() - 1);
        let follows_name = before.ends_with(is_of_a_name);
        let is_hash = length > 0 && from[1 + length..].starts_with(']') && follows_name;
        let end = if is_hash { length + 2 } else { 1 };
        if !is_hash {
            shown.push('[');
        }
        rest = &from[end..];
    }
    shown + rest
}

/// Which angle brackets are emptied.
#[derive(Clone, Copy, PartialEq)]
enum Arguments {
    /// Those of functions, `::<...>`, which are left out.
    OfFunctions,
    /// Those of types too: `Vec<…>` for `Vec<alloc::string::String>`. The brackets around `<Type as Trait>` stay, with
    /// what stands in them folded.
    All,
}

/// Without these arguments; in one pass, since a name may be as long as a plugin likes.
fn without(arguments: Arguments, name: &str) -> String {
    let mut shown = String::with_capacity(name.len());
    // How deep in brackets of which nothing is shown.
    let mut hidden = 0_usize;
    let mut before = ' ';
    for (at, c) in name.char_indices() {
        // The `>` of `->` closes nothing.
        let closes = c == '>' && before != '-';
        before = c;
        if hidden > 0 {
            hidden = hidden + usize::from(c == '<') - usize::from(closes);
            continue;
        }
        // `a::<impl b::C for d::D>::e` is where a function stands, no argument of it.
        if c == '<' && shown.ends_with("::") && !name[at..].starts_with("<impl ") {
            shown.truncate(shown.len() - 2);
            hidden = 1;
        } else if c == '<' && arguments == Arguments::All && shown.ends_with(is_of_a_name) {
            shown.push_str("<…>");
            hidden = 1;
        } else {
            shown.push(c);
        }
    }
    // What is not closed was no bracket.
    if hidden > 0 { name.to_owned() } else { shown }
}

fn is_of_a_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// `<shop::Pool>::take` is `shop::Pool::take`; a trait's function says of which type it is.
fn without_wrapping(name: &str) -> String {
    let Some(end) = closing(name).filter(|_| name.starts_with('<')) else { return name.to_owned() };
    let inner = &name[1..end - 1];
    let is_path = inner.starts_with(is_of_a_name);
    if is_path && top_level(inner, " as ").is_none() {
        format!("{inner}{}", &name[end..])
    } else {
        name.to_owned()
    }
}

/// The length of the bracketed text that this begins with, both brackets counted. The `>` of `->` is none.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '<' => depth += 1,
            '>' if before != '-' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        if depth == 0 {
            return None;
        }
        before = c;
    }
    None
}

/// Where this stands outside of all brackets.
fn top_level(text: &str, wanted: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '<' | '(' => depth += 1,
            '>' if before == '-' => {}
            '>' | ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 && text[at..].starts_with(wanted) => return Some(at),
            _ => {}
        }
        before = c;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, shown: &str) {
        assert_eq!(short_function(name), shown);
        assert_eq!(short_function(shown), shown, "what is short stays");
    }

    #[test]
    fn what_the_compiler_adds_is_left_out() {
        check("main", "main");
        check("core::fmt::write.llvm.123456", "core::fmt::write");
        check("shop::h1234", "shop::h1234");
        check("shop::f::h0123456789abcdef", "shop::f");
        check("std[a1]::io[b2]::Read::read", "std::io::Read::read");
        check("<[u8; 4] as core::fmt::Debug>::fmt", "<[u8; 4] as core::fmt::Debug>::fmt");
        check("shop::main::{closure#0}::{closure#1}", "shop::main::{closure}::{closure#1}");
    }

    #[test]
    fn arguments_of_functions_are_left_out() {
        check(
            "std::sys::backtrace::__rust_begin_short_backtrace::<shop::main::{closure#0}, ()>",
            "std::sys::backtrace::__rust_begin_short_backtrace",
        );
        check("f::<fn(u8) -> Vec<u8>>::{closure#0}", "f::{closure}");
        check("a::<impl b::C for d::D>::e", "a::<impl b::C for d::D>::e");
    }

    #[test]
    fn arguments_of_types_are_folded_where_the_name_is_long() {
        check(
            "<alloc::vec::Vec<u8> as core::ops::drop::Drop>::drop",
            "<alloc::vec::Vec<u8> as core::ops::drop::Drop>::drop",
        );
        check(
            "<alloc::boxed::Box<dyn core::ops::function::FnOnce<(), Output = ()>> as core::ops::function::FnOnce<()>>::call_once",
            "<alloc::boxed::Box<…> as core::ops::function::FnOnce<…>>::call_once",
        );
        check(
            "<tokio::runtime::scheduler::multi_thread::worker::Context<alloc::sync::Arc<u8>>>::run_task",
            "tokio::runtime::scheduler::multi_thread::worker::Context<…>::run_task",
        );
    }

    #[test]
    fn brackets_that_do_not_match_are_no_trouble() {
        for name in
            ["<", ">", "a<", "a::<", "<a", "a>b", "<<>", "a[", "[", "a[0", "->", "a::<->", "{{closure}}<"]
        {
            let _ = short_function(name);
            let long = format!("{}{name}", "x".repeat(80));
            let _ = short_function(&long);
        }
    }
}
