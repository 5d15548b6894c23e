//! Values of any type: as parameters, and as what a statement finds.

use std::error::Error as StdError;
use std::fmt;

use bytes::BytesMut;
use tokio_postgres::types::{Format, IsNull, Kind as TypeKind, ToSql, Type};
use tokio_postgres::{Column as ServerColumn, Row as ServerRow, Statement};
use tradebase_core::decimal::MAX_PRECISION;
use tradebase_core::{Code, Column, Error, Got, Kind, Result, Row, Sink, Source, Value};

use super::frame::Frame;
use super::numeric;
use super::scratch::{BindSink, Raw, Scratch};
use super::sink::JSONB_VERSION;
use super::source::{Cells, RowSource};
use super::types::{mismatch, same_bytes, type_of};
use crate::door::{other_count, other_width};
use crate::raw::Argument;

static BOOL: Column = Column::new("value", Kind::Bool, true);
static SHORT: Column = Column::new("value", Kind::I16, true);
static INTEGER: Column = Column::new("value", Kind::I32, true);
static LONG: Column = Column::new("value", Kind::I64, true);
static FLOAT: Column = Column::new("value", Kind::F64, true);
static TEXT: Column = Column::new("value", Kind::TEXT, true);
static BYTES: Column = Column::new("value", Kind::Bytes, true);
static UUID: Column = Column::new("value", Kind::Uuid, true);
static MOMENT: Column = Column::new("value", Kind::Timestamp, true);
static DAY: Column = Column::new("value", Kind::Date, true);

/// Encoded parameters of a statement, each in the form the server is told.
#[derive(Debug)]
pub(super) struct Given {
    scratch: Scratch,
    formats: Vec<Format>,
}

impl Given {
    /// Encodes values as the statement takes them, without loss. Text stands for any type: the
    /// server reads it.
    pub(super) fn encode(statement: &Statement, values: &[Argument<'_>]) -> Result<Self> {
        let types = statement.params();
        if types.len() != values.len() {
            return Err(other_count(types.len(), values.len()));
        }
        let mut given = Self { scratch: Scratch::new(), formats: Vec::new() };
        for (i, (ty, Argument { value, .. })) in types.iter().zip(values).enumerate() {
            given.add(ty, value).map_err(|e| unfit(i, ty, value).because(e))?;
        }
        Ok(given)
    }

    /// The parameters, as the driver takes them.
    pub(super) fn params(&self) -> impl ExactSizeIterator<Item = Parameter<'_>> {
        let formats = self.formats.iter();
        self.scratch.params().zip(formats).map(|(raw, format)| Parameter { raw, format: *format })
    }

    fn add(&mut self, ty: &Type, value: &Value) -> Result<()> {
        self.formats.push(match value {
            Value::Text(_) | Value::Json(_) => Format::Text,
            _ => Format::Binary,
        });
        let mut sink = BindSink::new(&mut self.scratch);
        match value {
            Value::Null => sink.null(&TEXT),
            Value::Text(text) => sink.text(&TEXT, text),
            Value::Json(text) if is_json(ty) || is_text(ty) => sink.text(&TEXT, text),
            Value::Bool(value) if *ty == Type::BOOL => sink.bool(&BOOL, *value),
            Value::Int(value) if *ty == Type::INT2 => sink.i64(&SHORT, *value),
            Value::Int(value) if *ty == Type::INT4 => sink.i64(&INTEGER, *value),
            Value::Int(value) if *ty == Type::INT8 => sink.i64(&LONG, *value),
            Value::Int(value) if *ty == Type::NUMERIC => self.numeric((*value).into(), 0),
            Value::Decimal(units, scale) if *ty == Type::NUMERIC => self.numeric(*units, *scale),
            Value::Float(value) if *ty == Type::FLOAT8 => sink.f64(&FLOAT, *value),
            Value::Bytes(bytes) if *ty == Type::BYTEA => sink.bytes(&BYTES, bytes),
            Value::Uuid(uuid) if *ty == Type::UUID => sink.uuid(&UUID, *uuid),
            Value::Timestamp(at) if *ty == Type::TIMESTAMPTZ => sink.timestamp(&MOMENT, *at),
            // Nanoseconds are stored as an integer; the server's own moments would round them.
            Value::TimestampNs(at) if *ty == Type::INT8 => sink.i64(&LONG, at.as_nanos()),
            Value::Date(day) if *ty == Type::DATE => sink.date(&DAY, *day),
            _ => Err(Error::new(Code::Invalid, "the types differ")),
        }
    }

    fn numeric(&mut self, units: i128, scale: u8) -> Result<()> {
        if scale > MAX_PRECISION {
            let message = format!("it has more than {MAX_PRECISION} digits after the point");
            return Err(Error::new(Code::Invalid, message));
        }
        let mut bytes = [0; numeric::BYTES_MAX];
        let len = numeric::encode(units, scale, &mut bytes)
            .ok_or_else(|| Error::new(Code::Invalid, "it has too many digits"))?;
        (&mut self.scratch).numeric(&bytes, len);
        Ok(())
    }
}

/// A parameter in one of both forms.
pub(super) struct Parameter<'a> {
    raw: Raw<'a>,
    format: Format,
}

impl fmt::Debug for Parameter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.raw.fmt(f)
    }
}

impl ToSql for Parameter<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn StdError + Sync + Send>> {
        self.raw.to_sql(ty, out)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn StdError + Sync + Send>> {
        self.raw.to_sql(ty, out)
    }

    fn encode_format(&self, _: &Type) -> Format {
        self.format
    }
}

/// Refuses a statement whose columns are not those of the row: bytes go past the driver's own
/// check. Integers and floats of other widths, and whatever is text inside, are read all the same.
pub(super) fn check<R: Row>(server: &[ServerColumn]) -> Result<()> {
    if server.len() != R::WIDTH {
        return Err(other_width(R::WIDTH, server.len()));
    }
    let mut columns = Vec::with_capacity(R::WIDTH);
    R::list(&mut columns);
    for (column, server) in columns.into_iter().zip(server) {
        let ty = server.type_();
        let fits = same_bytes(&type_of(column.kind), ty)
            || (column.kind.is_text() && is_text(ty))
            || (column.kind.is_integer() && is_integer(ty))
            || (column.kind == Kind::F64 && *ty == Type::FLOAT4);
        if !fits {
            return Err(mismatch(column, ty.name()));
        }
    }
    Ok(())
}

/// Whether values of that type are read here; others are asked for as text.
pub(super) fn is_known(ty: &Type) -> bool {
    const OTHERS: [Type; 9] = [
        Type::BOOL,
        Type::FLOAT4,
        Type::FLOAT8,
        Type::NUMERIC,
        Type::BYTEA,
        Type::UUID,
        Type::TIMESTAMPTZ,
        Type::DATE,
        Type::VOID,
    ];
    is_integer(ty) || is_text(ty) || is_json(ty) || OTHERS.contains(ty)
}

fn is_integer(ty: &Type) -> bool {
    [Type::INT2, Type::INT4, Type::INT8].contains(ty)
}

fn is_text(ty: &Type) -> bool {
    const TEXTS: [Type; 5] = [Type::TEXT, Type::VARCHAR, Type::BPCHAR, Type::NAME, Type::UNKNOWN];
    TEXTS.contains(ty) || matches!(ty.kind(), TypeKind::Enum(_))
}

fn is_json(ty: &Type) -> bool {
    [Type::JSON, Type::JSONB].contains(ty)
}

/// The values of a row whose types are all known.
pub(super) fn read(row: &ServerRow, names: &[String]) -> Result<Vec<Value>> {
    let mut source = RowSource::new(row);
    let columns = row.columns().iter().zip(names).enumerate();
    columns
        .map(|(at, (column, name))| {
            let value = read_one(&mut source, at, column.type_());
            match value.map_err(|e| e.column(name))? {
                Got::Value(value) => Ok(value),
                Got::Null | Got::Absent => Ok(Value::Null),
            }
        })
        .collect()
}

fn read_one(source: &mut RowSource<'_>, at: usize, ty: &Type) -> Result<Got<Value>> {
    if is_text(ty) {
        return Ok(source.text(at, &TEXT)?.map(|text| Value::Text(text.to_owned())));
    }
    Ok(match *ty {
        Type::BOOL => source.bool(at, &BOOL)?.map(Value::Bool),
        Type::INT2 | Type::INT4 | Type::INT8 => source.i64(at, &LONG)?.map(Value::Int),
        Type::FLOAT4 | Type::FLOAT8 => source.f64(at, &FLOAT)?.map(Value::Float),
        Type::NUMERIC => source.0.cell(at).try_map(decimal)?,
        Type::BYTEA => source.bytes(at, &BYTES)?.map(|bytes| Value::Bytes(bytes.to_vec())),
        Type::UUID => source.uuid(at, &UUID)?.map(Value::Uuid),
        Type::TIMESTAMPTZ => match endless(source.0.cell(at)) {
            Some(end) => Got::Value(end),
            None => source.timestamp(at, &MOMENT)?.map(Value::Timestamp),
        },
        Type::DATE => match endless(source.0.cell(at)) {
            Some(end) => Got::Value(end),
            None => source.date(at, &DAY)?.map(Value::Date),
        },
        Type::JSON => source.text(at, &TEXT)?.map(|text| Value::Json(text.to_owned())),
        Type::JSONB => source.0.cell(at).try_map(tree)?,
        // The answer of a function that gives nothing.
        Type::VOID => Got::Null,
        _ => return Err(Error::new(Code::Internal, format!("a type is not read here: {ty}"))),
    })
}

/// The digits as the server shows them, if a decimal of ours holds them, else their text.
fn decimal(bytes: &[u8]) -> Result<Value> {
    const BITS_MAX: u32 = 96;
    let fits = |units: &i128| units.unsigned_abs() >> BITS_MAX == 0;
    if let Some(scale) = numeric::shown_scale(bytes)
        && scale <= MAX_PRECISION
        && let Some(units) = numeric::decode(bytes, scale).ok().filter(fits)
    {
        return Ok(Value::Decimal(units, scale));
    }
    match numeric::text(bytes) {
        Ok(text) => Ok(Value::Text(text)),
        Err(fault) => Err(Error::new(Code::Unreadable, fault.to_string())),
    }
}

/// The ends of a range of moments or days, which no value of ours is.
fn endless(cell: Got<&[u8]>) -> Option<Value> {
    let text = match cell {
        Got::Value([0x7f, 0xff, 0xff, 0xff] | [0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]) => {
            "infinity"
        }
        Got::Value([0x80, 0, 0, 0] | [0x80, 0, 0, 0, 0, 0, 0, 0]) => "-infinity",
        _ => return None,
    };
    Some(Value::Text(text.to_owned()))
}

fn tree(bytes: &[u8]) -> Result<Value> {
    match bytes {
        [JSONB_VERSION, text @ ..] if let Ok(text) = std::str::from_utf8(text) => {
            Ok(Value::Json(text.to_owned()))
        }
        _ => Err(Error::new(Code::Unreadable, "it is no JSONB")),
    }
}

#[cold]
fn unfit(i: usize, ty: &Type, value: &Value) -> Error {
    let message = format!(
        "a parameter of type {} cannot be {}: give it as text or cast it in the statement, ${}",
        ty.name(),
        word(value),
        i + 1,
    );
    Error::new(Code::Invalid, message)
}

fn word(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "this bool",
        Value::Int(_) => "this integer",
        Value::Float(_) => "this float",
        Value::Decimal(..) => "this decimal",
        Value::Text(_) => "this text",
        Value::Bytes(_) => "these bytes",
        Value::Uuid(_) => "a UUID",
        Value::Timestamp(_) => "a moment",
        Value::TimestampNs(_) => "a moment in nanoseconds",
        Value::Date(_) => "a date",
        Value::Json(_) => "JSON",
        _ => "a value of an unknown kind",
    }
}
