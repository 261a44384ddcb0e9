//! Memory for what JavaScript writes: copied there on its thread, sent from there by the runtime's, and
//! used again while it is still in the processor's cache.

use std::sync::Mutex;

use netreq::Bytes;

use crate::runtime::lock;

/// The bytes, copied: whatever happens to JavaScript's memory later does not matter.
pub(crate) fn copied(bytes: &[u8]) -> Bytes {
    if bytes.len() < LEAST {
        return Bytes::copy_from_slice(bytes);
    }
    let mut buffer = lock(&FREE).pop().unwrap_or_default();
    buffer.clear();
    buffer.extend_from_slice(bytes);
    Bytes::from_owner(Leased(buffer))
}

struct Leased(Vec<u8>);

impl AsRef<[u8]> for Leased {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Leased {
    fn drop(&mut self) {
        let mut free = lock(&FREE);
        if free.len() < MOST_KEPT && self.0.capacity() <= MOST {
            free.push(std::mem::take(&mut self.0));
        }
    }
}

static FREE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// Below, the allocator is as good.
const LEAST: usize = 8 * 1024;
/// Larger buffers are given back.
const MOST: usize = 256 * 1024;
const MOST_KEPT: usize = 16;
