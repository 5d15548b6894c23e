//! Reading a row from a MessagePack map, wherever its columns stand in it.
//!
//! Each kind has two ways. The quick one takes the form that this library writes, and only where
//! the column's name comes next. Everything else, errors too, is left to the sure one, which is
//! out of line and starts over at the same place. Kept apart like this, what the quick way needs
//! stays in registers.

use serde::de::DeserializeOwned;
use tradebase_core::{
    Code, Column, Date, Error, Got, Result, Source, TimeParts, Timestamp, TimestampNs, Uuid,
    decimal, parse,
};

use crate::wire::read::{self, Fault, Reader, Token};

/// A source over one MessagePack map.
///
/// Maps that this library wrote have their pairs in the order of the columns, and are read on the
/// way through: the next name is compared with the expected one, nothing is decoded. The first
/// pair out of place makes it index what is left. Pairs of other names are passed over, columns
/// that are not there are absent.
#[derive(Debug)]
pub struct MessagePackSource<'a, 'i> {
    place: Place<'a>,
    columns: &'static [Column],
    // Outside, so that its address does not keep the place in memory.
    index: &'i mut Index<'a>,
}

#[derive(Clone, Copy, Debug)]
struct Place<'a> {
    rest: Reader<'a>,
    /// Pairs of the map that are not passed yet; none once they are indexed.
    left: usize,
}

/// Where the value of each column begins, for maps whose pairs are not in order.
#[derive(Debug, Default)]
pub struct Index<'a>(Vec<Option<Reader<'a>>>);

impl<'a, 'i> MessagePackSource<'a, 'i> {
    /// A source of a row of these columns, with an index that is empty.
    #[inline]
    pub fn new(
        columns: &'static [Column],
        bytes: &'a [u8],
        index: &'i mut Index<'a>,
    ) -> Result<Self> {
        let (left, rest) = Reader::new(bytes).map().map_err(broken)?;
        Ok(Self { place: Place { rest, left }, columns, index })
    }

    /// Refuses bytes behind the map: they belong to something else.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn finish(self) -> Result<()> {
        if self.place.left == 0 && !self.place.rest.is_at_end() {
            return Err(broken(Fault::Is("there are bytes behind the record")));
        }
        Ok(())
    }

    /// The value of the column, if its name comes next.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn next(&self, column: &'static Column) -> Option<Reader<'a>> {
        if self.place.left == 0 {
            return None;
        }
        self.place.rest.behind_name(column.name.text)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn pass(&mut self, rest: Reader<'a>) {
        self.place = Place { rest, left: self.place.left - 1 };
    }

    /// The sure way.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn sure<T>(&mut self, at: usize, column: &'static Column, read: Sure<'a, T>) -> Result<Got<T>> {
        let mut place = self.place;
        let got = self.index.read(self.columns, &mut place, at, column, read);
        self.place = place;
        got
    }
}

type Sure<'a, T> = fn(&mut Reader<'a>, &'static Column) -> Read<T>;

impl<'a> Index<'a> {
    #[cold]
    #[inline(never)]
    fn read<T>(
        &mut self,
        columns: &'static [Column],
        place: &mut Place<'a>,
        at: usize,
        column: &'static Column,
        read: Sure<'a, T>,
    ) -> Result<Got<T>> {
        let Some((mut reader, next)) = self.find(columns, place, at, column)? else {
            return Ok(Got::Absent);
        };
        let value = read(&mut reader, column).map_err(|fault| unreadable(column, fault))?;
        if next {
            *place = Place { rest: reader, left: place.left - 1 };
        }
        Ok(value.map_or(Got::Null, Got::Value))
    }

    /// A reader at the column's value, and whether it comes next.
    fn find(
        &mut self,
        columns: &'static [Column],
        place: &mut Place<'a>,
        at: usize,
        column: &'static Column,
    ) -> Result<Option<(Reader<'a>, bool)>> {
        if place.left > 0
            && let Some(value) = place.rest.behind_name(column.name.text)
        {
            return Ok(Some((value, true)));
        }
        self.fill(columns, place).map_err(broken)?;
        Ok(self.0.get(at).copied().flatten().map(|value| (value, false)))
    }

    /// Notes where the values of the pairs are that are not passed yet, and passes them.
    fn fill(&mut self, columns: &'static [Column], place: &mut Place<'a>) -> Result<(), Fault> {
        let Place { rest, left } = place;
        if *left > 0 {
            self.0.resize(columns.len(), None);
        }
        while *left > 0 {
            *left -= 1;
            let name = Reader::new(rest.pass()?).token()?;
            let value = *rest;
            rest.pass()?;
            if let Token::Text(name) = name
                && let Some(at) = columns.iter().position(|c| c.name.text.as_bytes() == name)
            {
                self.0[at] = Some(value);
            }
        }
        Ok(())
    }
}

// A macro, since a closure or function that is handed over is not always inlined: that was a
// fifth of the time.
macro_rules! both_ways {
    ($($method:ident -> $type:ty: |$reader:ident, $column:ident| $quick:expr, $sure:path;)+) => {$(
        #[cfg_attr(not(debug_assertions), inline(always))]
        fn $method(&mut self, at: usize, $column: &'static Column) -> Result<Got<$type>> {
            if let Some($reader) = self.next($column) {
                if let Some((value, rest)) = $quick {
                    self.pass(rest);
                    return Ok(Got::Value(value));
                }
                if $column.nullable && let Some(rest) = $reader.behind_nil() {
                    self.pass(rest);
                    return Ok(Got::Null);
                }
            }
            self.sure(at, $column, $sure)
        }
    )+};
}

impl Source for MessagePackSource<'_, '_> {
    /// Looks without passing: the value may be read afterwards.
    fn cell(&mut self, at: usize, column: &'static Column) -> Result<Got<()>> {
        Ok(match self.index.find(self.columns, &mut self.place, at, column)? {
            Some((value, _)) if value.behind_nil().is_some() => Got::Null,
            Some(_) => Got::Value(()),
            None => Got::Absent,
        })
    }

    both_ways! {
        bool -> bool: |reader, column| reader.bool(), boolean;
        i64 -> i64: |reader, column| reader.integer(), integer;
        f64 -> f64: |reader, column| reader.float(), float;
        decimal -> i128: |reader, column| quick_units(reader, column.kind.scale()), units;
        text -> &str: |reader, column| reader.short_text(), text;
        bytes -> &[u8]: |reader, column| reader.short_bytes(), bytes;
        uuid -> Uuid: |reader, column| quick_uuid(reader), uuid;
        timestamp -> Timestamp: |reader, column| quick_micros(reader), micros;
        timestamp_ns -> TimestampNs: |reader, column| quick_nanos(reader), nanos;
        date -> Date: |reader, column| quick_day(reader), day;
    }

    fn json<T: DeserializeOwned>(&mut self, at: usize, column: &'static Column) -> Result<Got<T>> {
        // The extent is found first, so that no length that lies reaches serde.
        self.sure(at, column, extent)?.try_map(|raw| {
            let mut deserializer =
                rmp_serde::Deserializer::from_read_ref(raw).with_human_readable();
            T::deserialize(&mut deserializer)
                .map_err(|e| Error::unreadable(column, format_args!("{e}")))
        })
    }
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn quick_units(reader: Reader<'_>, scale: u8) -> Option<(i128, Reader<'_>)> {
    let (digits, rest) = reader.short()?;
    Some((decimal::parse(digits, scale)?, rest))
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn quick_uuid(reader: Reader<'_>) -> Option<(Uuid, Reader<'_>)> {
    let (bytes, rest) = reader.sixteen()?;
    Some((Uuid::from_bytes(bytes), rest))
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn quick_micros(reader: Reader<'_>) -> Option<(Timestamp, Reader<'_>)> {
    let (moment, rest) = reader.eight_byte_moment()?;
    Some((moment.to_micros()?, rest))
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn quick_nanos(reader: Reader<'_>) -> Option<(TimestampNs, Reader<'_>)> {
    let (moment, rest) = reader.eight_byte_moment()?;
    Some((moment.to_nanos()?, rest))
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn quick_day(reader: Reader<'_>) -> Option<(Date, Reader<'_>)> {
    let (text, rest) = reader.short_text()?;
    Some((text.parse().ok()?, rest))
}

/// What reading a value gives; nothing for nil.
type Read<T> = Result<Option<T>, Fault>;

fn boolean(reader: &mut Reader<'_>, _: &'static Column) -> Read<bool> {
    match reader.token()? {
        Token::Bool(value) => Ok(Some(value)),
        other => other.none(),
    }
}

fn integer(reader: &mut Reader<'_>, _: &'static Column) -> Read<i64> {
    match reader.token()? {
        Token::Integer(value) => Ok(Some(value)),
        other => other.none(),
    }
}

/// A float; an integer too, if a float surely holds it.
fn float(reader: &mut Reader<'_>, _: &'static Column) -> Read<f64> {
    match reader.token()? {
        Token::Float(value) => Ok(Some(value)),
        Token::Integer(value) => match i32::try_from(value) {
            Ok(value) => Ok(Some(value.into())),
            Err(_) => Err(Fault::Is("an integer above 31 bits")),
        },
        other => other.none(),
    }
}

/// Whole units of the scale, from a text or an integer; never through a float.
fn units(reader: &mut Reader<'_>, column: &'static Column) -> Read<i128> {
    let scale = column.kind.scale();
    let units = match reader.token()? {
        Token::Text(text) => decimal::parse(text, scale),
        Token::Integer(value) => decimal::units_at(value.into(), 0, scale),
        other => return other.none(),
    };
    units.map(Some).ok_or(Fault::Is("a number that does not fit the scale"))
}

fn text<'a>(reader: &mut Reader<'a>, _: &'static Column) -> Read<&'a str> {
    match reader.token()? {
        Token::Text(text) => utf8(text).map(Some),
        other => other.none(),
    }
}

fn bytes<'a>(reader: &mut Reader<'a>, _: &'static Column) -> Read<&'a [u8]> {
    match reader.token()? {
        Token::Bytes(bytes) => Ok(Some(bytes)),
        other => other.none(),
    }
}

fn uuid(reader: &mut Reader<'_>, _: &'static Column) -> Read<Uuid> {
    let uuid = match reader.token()? {
        Token::Bytes(bytes) => Uuid::from_slice(bytes),
        Token::Text(text) => Uuid::try_parse_ascii(text),
        other => return other.none(),
    };
    uuid.map(Some).map_err(|_| Fault::Is("no UUID"))
}

fn micros(reader: &mut Reader<'_>, column: &'static Column) -> Read<Timestamp> {
    let parsed = |text: &str| parse::timestamp(column, text).map(TimeParts::from);
    let Some(parts) = moment(reader, parsed)? else { return Ok(None) };
    parts.to_micros().map(Some).ok_or(MOMENT)
}

fn nanos(reader: &mut Reader<'_>, column: &'static Column) -> Read<TimestampNs> {
    let parsed = |text: &str| parse::timestamp_ns(column, text).map(TimeParts::from);
    let Some(parts) = moment(reader, parsed)? else { return Ok(None) };
    parts.to_nanos().map(Some).ok_or(MOMENT)
}

const MOMENT: Fault = Fault::Is("a moment that does not fit");

/// A moment from the extension, or from RFC 3339.
fn moment(
    reader: &mut Reader<'_>,
    parsed: impl FnOnce(&str) -> Result<TimeParts>,
) -> Read<TimeParts> {
    match reader.token()? {
        Token::Moment(bytes) => read::moment(bytes).map(Some).ok_or(MOMENT),
        Token::Text(text) => match parsed(utf8(text)?) {
            Ok(parts) => Ok(Some(parts)),
            Err(_) => Err(Fault::Is("a text that is no moment")),
        },
        other => other.none(),
    }
}

fn day(reader: &mut Reader<'_>, column: &'static Column) -> Read<Date> {
    let Some(text) = text(reader, column)? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| Fault::Is("a text that is no day"))
}

fn utf8(text: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(text).map_err(|_| Fault::Is("a text that is not UTF-8"))
}

/// The bytes of a whole value; nothing for a nil that is the column's null.
fn extent<'a>(reader: &mut Reader<'a>, column: &'static Column) -> Read<&'a [u8]> {
    let null = column.nullable && reader.behind_nil().is_some();
    let bytes = reader.pass()?;
    Ok(if null { None } else { Some(bytes) })
}

#[cold]
#[inline(never)]
fn unreadable(column: &'static Column, fault: Fault) -> Error {
    Error::unreadable(column, format_args!("{}, not {}", fault.text(), column.kind))
}

#[cold]
#[inline(never)]
fn broken(fault: Fault) -> Error {
    Error::new(Code::Unreadable, format!("not a record in MessagePack: {}", fault.text()))
}
