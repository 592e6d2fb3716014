//! What an engine's panic said, and where.
//!
//! The message lies in memory of the thread, for the writable memory of a plug-in must stay as it
//! is; the hook is set when the program or the plug-in is loaded, by [`export!`](crate::export).

use core::ffi::{CStr, c_char};
use std::cell::RefCell;
use std::io::Write;
use std::panic::{PanicHookInfo, set_hook, take_hook};

const SIZE: usize = 180;

thread_local! {
    static LAST: RefCell<[u8; SIZE]> = const { RefCell::new([0; SIZE]) };
}

/// From the name of the library on: where it lies on this machine is nobody's business.
fn short(path: &str) -> &str {
    match path.split_once("/registry/src/") {
        Some((_, rest)) => rest.split_once('/').map_or(rest, |(_, file)| file),
        None => path,
    }
}

fn note(info: &PanicHookInfo<'_>) {
    let payload = info.payload();
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("panic");
    let (file, line) = info.location().map_or(("?", 0), |it| (short(it.file()), it.line()));
    LAST.with_borrow_mut(|last| {
        *last = [0; SIZE];
        let mut room = &mut last[..SIZE - 1];
        // The place first: a long message is cut off.
        let _ = write!(room, "{file}:{line}: {}", text.lines().next().unwrap_or_default());
    });
}

/// Set when a program is loaded that has engines; panics of others go on as before.
#[doc(hidden)]
pub extern "C" fn watch() {
    let before = take_hook();
    set_hook(Box::new(
        move |info| {
            if crate::arena::is_active() { note(info) } else { before(info) }
        },
    ));
}

pub(crate) extern "C" fn last() -> *const c_char {
    LAST.with_borrow(|last| match CStr::from_bytes_until_nul(last) {
        Ok(text) if !text.is_empty() => text.as_ptr(),
        _ => core::ptr::null(),
    })
}
