//! Memory of JavaScript, writable for the length of one call.
#![allow(
    unsafe_code,
    reason = "that nobody else writes meanwhile is known here and not to the type"
)]

use napi::bindgen_prelude::{Int32ArraySlice, Uint8ArraySlice};

/// The numbers and the slab that `lib/native.js` lends to `drain`: two arrays of its own, each with a
/// buffer to itself.
pub(crate) fn writable<'a>(
    numbers: &'a mut Int32ArraySlice<'_>,
    slab: &'a mut Uint8ArraySlice<'_>,
) -> (&'a mut [i32], &'a mut [u8]) {
    // SAFETY: JavaScript stands still while the call lasts and the buffers are not shared with other
    // threads, so nothing reads or writes them beside us; they are two. A detached buffer has length
    // zero, which was asked for at the beginning of this call.
    unsafe { (numbers.as_mut(), slab.as_mut()) }
}
