//! MessagePack's own forms, written and read by hand: heads, numbers, moments.
//!
//! Everything is written in its smallest form and read in any form that holds the value, so that
//! entries of other writers are read too. Reading never trusts a length: bytes are looked at
//! before they are counted on.

pub(crate) mod read;
pub(crate) mod write;

const NIL: u8 = 0xc0;
const FIXSTR: u8 = 0xa0;
const FIXMAP: u8 = 0x80;
/// The extension type of a moment, -1.
const MOMENT: u8 = 0xff;
