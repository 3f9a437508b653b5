//! Panics of tables: each is how a line says what is wrong, with its place and nothing printed beside the table.

use std::any::Any;
use std::cell::RefCell;
use std::panic;

thread_local! {
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps the place of each panic for [`panic_words`] instead of printing it, from now on in this process.
pub fn remember_where_panics_are() {
    panic::set_hook(Box::new(|panic| {
        if let Some(place) = panic.location() {
            let file = place.file().rsplit('/').next().unwrap_or_default();
            PLACE.set(format!("{file}:{}", place.line()));
        }
    }));
}

/// What the last panic of this thread said, in one line, and where it was.
pub fn panic_words(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref().copied()).unwrap_or("a panic without words");
    format!("{}: {}", PLACE.take(), text.replace('\n', " "))
}
