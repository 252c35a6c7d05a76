//! Scratch memory of a shard. Bytes that are read are used up, or copied to where they are kept, before anything waits:
//! so one set of buffers serves all connections of a shard, stays in the processor's cache, and an idle connection
//! holds none.

use std::cell::Cell;

use http1::Field;

/// Most that is read at once. A longer response comes in pieces; with pieces this long they are few.
const READ_BYTES: usize = 64 * 1024;

pub(crate) struct Scratch {
    /// Bytes that were read.
    pub(crate) bytes: Vec<u8>,
    /// Bytes to be written. Empty between uses.
    pub(crate) head: Vec<u8>,
    /// Bytes to be written after a piece of a body. Empty between uses.
    pub(crate) tail: Vec<u8>,
    pub(crate) fields: Vec<Field>,
}

thread_local! {
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

/// Lends the shard's buffers to `work`.
pub(crate) fn with<R>(work: impl FnOnce(&mut Scratch) -> R) -> R {
    // Taken and put back: should `work` come here again, it gets buffers of its own.
    let mut scratch = SCRATCH.take().unwrap_or_else(|| {
        let bytes = vec![0; READ_BYTES];
        Box::new(Scratch { bytes, head: Vec::new(), tail: Vec::new(), fields: Vec::new() })
    });
    let result = work(&mut scratch);
    SCRATCH.set(Some(scratch));
    result
}
