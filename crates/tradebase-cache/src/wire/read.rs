//! Reading, in any form that holds the value.

use tradebase_core::TimeParts;

use super::{FIXSTR, MOMENT, NIL};

/// How deep arrays and maps may stand in each other, as in JSON.
const DEPTH_MAX: usize = 128;

/// Texts shorter than this have their length in the marker.
const FIXSTR_LIMIT: usize = 32;

/// Why bytes are not what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// They end too early.
    Ended,
    /// Something else stands there.
    Is(&'static str),
    /// Arrays and maps stand too deep in each other.
    Deep,
}

impl Fault {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Fault::Ended => "the bytes end too early",
            Fault::Is(what) => what,
            Fault::Deep => "too many arrays and maps in each other",
        }
    }
}

/// A value as it stands in the bytes; arrays and maps are not entered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Token<'a> {
    Nil,
    Bool(bool),
    Integer(i64),
    /// An integer that only fits without a sign.
    Large,
    Float(f64),
    Text(&'a [u8]),
    Bytes(&'a [u8]),
    Moment(&'a [u8]),
    Extension,
    Nested,
}

impl Token<'_> {
    /// Nothing for nil, else the fault of having found this.
    #[cold]
    pub(crate) fn none<T>(self) -> Result<Option<T>, Fault> {
        Err(Fault::Is(match self {
            Token::Nil => return Ok(None),
            Token::Bool(_) => "a bool",
            Token::Integer(_) => "an integer",
            Token::Large => "an integer above 63 bits",
            Token::Float(_) => "a float",
            Token::Text(_) => "a text",
            Token::Bytes(_) => "bytes",
            Token::Moment(_) => "a moment",
            Token::Extension => "an extension",
            Token::Nested => "an array or map",
        }))
    }
}

/// Reads from the front of bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    #[inline(always)]
    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Behind a nil, if one comes next.
    #[inline(always)]
    pub(crate) fn behind_nil(self) -> Option<Self> {
        match self.rest {
            [NIL, rest @ ..] => Some(Self { rest }),
            _ => None,
        }
    }

    #[inline(always)]
    fn byte(&mut self) -> Result<u8, Fault> {
        let (first, rest) = self.rest.split_first().ok_or(Fault::Ended)?;
        self.rest = rest;
        Ok(*first)
    }

    #[inline(always)]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (first, rest) = self.rest.split_first_chunk().ok_or(Fault::Ended)?;
        self.rest = rest;
        Ok(*first)
    }

    #[inline(always)]
    fn take(&mut self, len: usize) -> Result<&'a [u8], Fault> {
        let (first, rest) = self.rest.split_at_checked(len).ok_or(Fault::Ended)?;
        self.rest = rest;
        Ok(first)
    }

    /// A length of one, two or four bytes.
    fn length<const N: usize>(&mut self) -> Result<usize, Fault> {
        let bytes: [u8; N] = self.array()?;
        Ok(bytes.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)))
    }

    /// Behind that name, if it comes next.
    #[inline(always)]
    pub(crate) fn behind_name(self, name: &'static str) -> Option<Self> {
        if name.len() >= FIXSTR_LIMIT {
            return self.behind_long_name(name.as_bytes());
        }
        // Both sides have a length that is known when this is compiled, so no call is made.
        let (head, rest) = self.rest.split_at_checked(1 + name.len())?;
        let found = usize::from(head[0] ^ FIXSTR) == name.len() && head[1..] == *name.as_bytes();
        found.then_some(Self { rest })
    }

    #[cold]
    #[inline(never)]
    fn behind_long_name(mut self, name: &[u8]) -> Option<Self> {
        match self.token() {
            Ok(Token::Text(text)) if text == name => Some(self),
            _ => None,
        }
    }

    /// The number of pairs of the map that begins here, and what is behind its head.
    pub(crate) fn map(mut self) -> Result<(usize, Self), Fault> {
        let pairs = match self.byte()? {
            few @ 0x80..=0x8f => usize::from(few & 0x0f),
            0xde => self.length::<2>()?,
            0xdf => self.length::<4>()?,
            _ => return Err(Fault::Is("not a map")),
        };
        Ok((pairs, self))
    }

    /// The next value; an array or map is left where it stands.
    #[inline(never)]
    pub(crate) fn token(&mut self) -> Result<Token<'a>, Fault> {
        let start = self.rest;
        Ok(match self.byte()? {
            few @ 0..=0x7f => Token::Integer(few.into()),
            few @ 0xe0..=0xff => Token::Integer(i8::from_be_bytes([few]).into()),
            NIL => Token::Nil,
            0xc2 => Token::Bool(false),
            0xc3 => Token::Bool(true),
            0xcc => Token::Integer(self.byte()?.into()),
            0xcd => Token::Integer(u16::from_be_bytes(self.array()?).into()),
            0xce => Token::Integer(u32::from_be_bytes(self.array()?).into()),
            0xcf => match i64::try_from(u64::from_be_bytes(self.array()?)) {
                Ok(value) => Token::Integer(value),
                Err(_) => Token::Large,
            },
            0xd0 => Token::Integer(i8::from_be_bytes(self.array()?).into()),
            0xd1 => Token::Integer(i16::from_be_bytes(self.array()?).into()),
            0xd2 => Token::Integer(i32::from_be_bytes(self.array()?).into()),
            0xd3 => Token::Integer(i64::from_be_bytes(self.array()?)),
            0xca => Token::Float(f32::from_be_bytes(self.array()?).into()),
            0xcb => Token::Float(f64::from_be_bytes(self.array()?)),
            short @ 0xa0..=0xbf => Token::Text(self.take(usize::from(short & 0x1f))?),
            0xd9 => Token::Text(self.sized::<1>()?),
            0xda => Token::Text(self.sized::<2>()?),
            0xdb => Token::Text(self.sized::<4>()?),
            0xc4 => Token::Bytes(self.sized::<1>()?),
            0xc5 => Token::Bytes(self.sized::<2>()?),
            0xc6 => Token::Bytes(self.sized::<4>()?),
            0xd4 => self.extension(1)?,
            0xd5 => self.extension(2)?,
            0xd6 => self.extension(4)?,
            0xd7 => self.extension(8)?,
            0xd8 => self.extension(16)?,
            0xc7 => self.length::<1>().and_then(|len| self.extension(len))?,
            0xc8 => self.length::<2>().and_then(|len| self.extension(len))?,
            0xc9 => self.length::<4>().and_then(|len| self.extension(len))?,
            0x80..=0x9f | 0xdc..=0xdf => {
                self.rest = start;
                Token::Nested
            }
            0xc1 => return Err(Fault::Is("not MessagePack")),
        })
    }

    #[inline]
    fn sized<const N: usize>(&mut self) -> Result<&'a [u8], Fault> {
        let len = self.length::<N>()?;
        self.take(len)
    }

    fn extension(&mut self, len: usize) -> Result<Token<'a>, Fault> {
        let kind = self.byte()?;
        let bytes = self.take(len)?;
        Ok(if kind == MOMENT { Token::Moment(bytes) } else { Token::Extension })
    }

    /// Passes one value, whatever it is, and gives its bytes.
    pub(crate) fn pass(&mut self) -> Result<&'a [u8], Fault> {
        let start = self.rest;
        self.pass_below(0)?;
        Ok(&start[..start.len() - self.rest.len()])
    }

    fn pass_below(&mut self, depth: usize) -> Result<(), Fault> {
        if self.token()? != Token::Nested {
            return Ok(());
        }
        if depth == DEPTH_MAX {
            return Err(Fault::Deep);
        }
        let values = match self.byte()? {
            few @ 0x80..=0x8f => 2 * usize::from(few & 0x0f),
            few @ 0x90..=0x9f => usize::from(few & 0x0f),
            0xdc => self.length::<2>()?,
            0xdd => self.length::<4>()?,
            0xde => 2 * self.length::<2>()?,
            _ => self.length::<4>()?.saturating_mul(2),
        };
        // A length that lies ends with the bytes: every value takes at least one.
        (0..values).try_for_each(|_| self.pass_below(depth + 1))
    }

    /// The bytes of a text whose length stands in its marker.
    #[inline(always)]
    pub(crate) fn short(self) -> Option<(&'a [u8], Self)> {
        let (&marker @ 0xa0..=0xbf, rest) = self.rest.split_first()? else { return None };
        let (text, rest) = rest.split_at_checked(usize::from(marker & 0x1f))?;
        Some((text, Self { rest }))
    }

    /// A text whose length stands in its marker.
    #[inline(always)]
    pub(crate) fn short_text(self) -> Option<(&'a str, Self)> {
        let (text, rest) = self.short()?;
        Some((std::str::from_utf8(text).ok()?, rest))
    }

    /// At most 255 bytes.
    #[inline(always)]
    pub(crate) fn short_bytes(self) -> Option<(&'a [u8], Self)> {
        let [0xc4, len, rest @ ..] = self.rest else { return None };
        let (bytes, rest) = rest.split_at_checked(usize::from(*len))?;
        Some((bytes, Self { rest }))
    }

    /// The bytes of a UUID.
    #[inline(always)]
    pub(crate) fn sixteen(self) -> Option<([u8; 16], Self)> {
        let (first, rest) = self.rest.split_first_chunk::<18>()?;
        let [0xc4, 16, bytes @ ..] = first else { return None };
        Some((*bytes, Self { rest }))
    }

    #[inline(always)]
    pub(crate) fn bool(self) -> Option<(bool, Self)> {
        let [marker @ 0xc2..=0xc3, rest @ ..] = self.rest else { return None };
        Some((*marker == 0xc3, Self { rest }))
    }

    #[inline(always)]
    pub(crate) fn integer(self) -> Option<(i64, Self)> {
        match self.rest {
            [small @ 0..=0x7f, rest @ ..] => Some(((*small).into(), Self { rest })),
            _ => self.large_integer(),
        }
    }

    #[inline(never)]
    fn large_integer(mut self) -> Option<(i64, Self)> {
        match self.token() {
            Ok(Token::Integer(value)) => Some((value, self)),
            _ => None,
        }
    }

    #[inline(always)]
    pub(crate) fn float(self) -> Option<(f64, Self)> {
        let (first, rest) = self.rest.split_first_chunk::<9>()?;
        let [0xcb, bytes @ ..] = first else { return None };
        Some((f64::from_be_bytes(*bytes), Self { rest }))
    }

    /// A moment in the form that is written most.
    #[inline(always)]
    pub(crate) fn eight_byte_moment(self) -> Option<(TimeParts, Self)> {
        let (first, rest) = self.rest.split_first_chunk::<10>()?;
        let [0xd7, MOMENT, bytes @ ..] = first else { return None };
        Some((eight_bytes(*bytes)?, Self { rest }))
    }
}

/// A moment from the inside of an extension of any of the three forms.
pub(crate) fn moment(bytes: &[u8]) -> Option<TimeParts> {
    match *bytes {
        [a, b, c, d] => {
            let secs = u32::from_be_bytes([a, b, c, d]).into();
            Some(TimeParts { secs, nanos: 0 })
        }
        [a, b, c, d, ref secs @ ..] if secs.len() == 8 => {
            let nanos = u32::from_be_bytes([a, b, c, d]);
            let secs = i64::from_be_bytes(secs.try_into().ok()?);
            whole(secs, nanos)
        }
        _ => eight_bytes(bytes.try_into().ok()?),
    }
}

#[inline(always)]
fn eight_bytes(bytes: [u8; 8]) -> Option<TimeParts> {
    let both = u64::from_be_bytes(bytes);
    whole(i64::try_from(both & 0x3_ffff_ffff).ok()?, u32::try_from(both >> 34).ok()?)
}

#[inline(always)]
fn whole(secs: i64, nanos: u32) -> Option<TimeParts> {
    (nanos < 1_000_000_000).then_some(TimeParts { secs, nanos })
}
