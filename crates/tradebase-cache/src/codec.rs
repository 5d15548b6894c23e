//! Records as bytes, without a store.

use std::cell::RefCell;
use std::fmt;

use tradebase_core::{Put, Result, json};

pub use crate::sink::MessagePackSink;
pub use crate::source::{Index, MessagePackSource};

/// The buffer a thread keeps for writing is let go above this many bytes.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// How a cache turns records into bytes: [`MessagePack`] or [`Json`].
pub trait Codec<T>: sealed::Codec + Clone + fmt::Debug + Default + Send + Sync + 'static {
    /// Appends a record; on an error the buffer is as it was.
    fn encode(&self, row: &T, out: &mut Vec<u8>) -> Result<()>;

    /// Reads a record. Bytes that do not fit it are an error, never a panic.
    fn decode(&self, bytes: &[u8]) -> Result<T>;
}

/// A MessagePack map with the names of the columns, in an envelope that says what it is.
///
/// Smaller and quicker than JSON, read by every language, and as free as JSON when columns are
/// added, left out or moved. Decimals are texts with every digit, so that no reader takes them
/// for floats and no change of scale reads as another number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessagePack;

/// Plain JSON, without an envelope: what `redis-cli` shows is the record.
///
/// Decimals are number tokens with every digit, times are RFC 3339.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json;

mod sealed {
    pub trait Codec {
        /// The codec's number in the envelope; none for bytes that stand alone.
        const ENVELOPE: Option<u8>;
    }
}

pub(crate) use sealed::Codec as Sealed;

impl Sealed for MessagePack {
    const ENVELOPE: Option<u8> = Some(1);
}

impl Sealed for Json {
    const ENVELOPE: Option<u8> = None;
}

impl<T: Put> Codec<T> for MessagePack {
    #[inline]
    fn encode(&self, row: &T, out: &mut Vec<u8>) -> Result<()> {
        encode(row, out)
    }

    #[inline]
    fn decode(&self, bytes: &[u8]) -> Result<T> {
        decode(bytes)
    }
}

impl<T: Put> Codec<T> for Json {
    #[inline]
    fn encode(&self, row: &T, out: &mut Vec<u8>) -> Result<()> {
        json::write(row, out)
    }

    #[inline]
    fn decode(&self, bytes: &[u8]) -> Result<T> {
        json::from_slice(bytes)
    }
}

/// Appends a row as a MessagePack map; on an error the buffer is as it was.
#[inline]
pub fn encode<T: Put>(row: &T, out: &mut Vec<u8>) -> Result<()> {
    let start = out.len();
    let written =
        MessagePackSink::new(out, T::COLUMNS.len()).and_then(|mut sink| row.write(&mut sink));
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// Reads a row from a MessagePack map. Unknown names are passed over, missing ones are absent.
#[inline]
pub fn decode<T: Put>(bytes: &[u8]) -> Result<T> {
    let mut index = Index::default();
    let mut source = MessagePackSource::new(T::COLUMNS, bytes, &mut index)?;
    // Given back as it came: taken out and wrapped again it would be copied twice.
    let row = T::read(&mut source);
    if row.is_ok() {
        source.finish()?;
    }
    row
}

/// Writes into a buffer that the thread keeps, so that entries cost no allocation of their own.
pub(crate) fn with_buffer<V>(write: impl FnOnce(&mut Vec<u8>) -> V) -> V {
    thread_local! {
        static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    BUFFER.with(|kept| match kept.try_borrow_mut() {
        Ok(mut buffer) => {
            buffer.clear();
            let value = write(&mut buffer);
            if buffer.capacity() > KEPT_BYTES_MAX {
                *buffer = Vec::new();
            }
            value
        }
        // A value of serde that itself writes to a cache while it is written.
        Err(_) => write(&mut Vec::new()),
    })
}
