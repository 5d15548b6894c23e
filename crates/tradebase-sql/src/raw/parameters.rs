//! The values beside a statement, by position or by name.

use tradebase_core::{Column, Date, Decimal, Result, Stored, Timestamp, TimestampNs, Uuid, Value};

/// One value beside a statement.
///
/// Made of what stands in columns: numbers, texts, bytes, UUIDs, moments, days, a [`Value`], an
/// `Option` of them. [`Col::value`](tradebase_core::Col::value) makes one of what a column of a
/// record takes: on SQLite the only way to give a decimal, which is stored there in units of its
/// column.
#[derive(Debug)]
pub struct Parameter(Given);

#[derive(Debug)]
enum Given {
    Free(Value),
    Stored(Stored),
}

/// The values beside a statement.
///
/// - by position: `()`, a tuple such as `("BTC", 5)`, or a slice of [`Value`]s
/// - by name, for placeholders `:name`: `[("symbol", "BTC".into()), ("least", 5.into())]`
#[derive(Debug)]
pub struct Parameters<'p>(Form<'p>);

#[derive(Debug)]
enum Form<'p> {
    Values(&'p [Value]),
    Placed(Vec<Parameter>),
    Named(Vec<(&'p str, Parameter)>),
}

/// A value on its way to the engine, with the column that it is meant for, if it says one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Argument<'a> {
    pub(crate) value: &'a Value,
    pub(crate) column: Option<&'static Column>,
}

impl Parameter {
    fn argument(&self) -> Result<Argument<'_>> {
        match &self.0 {
            Given::Free(value) => Ok(Argument { value, column: None }),
            Given::Stored(stored) => {
                Ok(Argument { value: stored.value()?, column: Some(stored.column()) })
            }
        }
    }
}

impl Parameters<'_> {
    /// How many they are.
    pub(super) fn len(&self) -> usize {
        match &self.0 {
            Form::Values(values) => values.len(),
            Form::Placed(values) => values.len(),
            Form::Named(values) => values.len(),
        }
    }

    /// Their names, if they have any.
    pub(super) fn names(&self) -> Option<Vec<&str>> {
        match &self.0 {
            Form::Named(values) => Some(values.iter().map(|(name, _)| *name).collect()),
            Form::Values(_) | Form::Placed(_) => None,
        }
    }

    /// The one at that place; null if there is none.
    pub(super) fn argument(&self, at: usize) -> Result<Argument<'_>> {
        const NOTHING: Argument<'_> = Argument { value: &Value::Null, column: None };
        match &self.0 {
            Form::Values(values) => {
                Ok(values.get(at).map_or(NOTHING, |value| Argument { value, column: None }))
            }
            Form::Placed(values) => values.get(at).map_or(Ok(NOTHING), Parameter::argument),
            Form::Named(values) => {
                values.get(at).map_or(Ok(NOTHING), |(_, value)| value.argument())
            }
        }
    }
}

macro_rules! free {
    ($($type:ty),+) => {$(
        impl From<$type> for Parameter {
            fn from(value: $type) -> Self {
                Self(Given::Free(value.into()))
            }
        }
    )+};
}

free!(
    bool,
    i16,
    i32,
    i64,
    f64,
    Decimal,
    &str,
    String,
    &[u8],
    Vec<u8>,
    Uuid,
    Timestamp,
    TimestampNs,
    Date,
    Value
);

impl From<u32> for Parameter {
    fn from(value: u32) -> Self {
        Self(Given::Free(Value::Int(value.into())))
    }
}

impl From<Stored> for Parameter {
    fn from(stored: Stored) -> Self {
        Self(Given::Stored(stored))
    }
}

impl<T: Into<Parameter>> From<Option<T>> for Parameter {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self(Given::Free(Value::Null)), Into::into)
    }
}

impl<'p> From<&'p [Value]> for Parameters<'p> {
    fn from(values: &'p [Value]) -> Self {
        Self(Form::Values(values))
    }
}

impl<'p, const N: usize> From<&'p [Value; N]> for Parameters<'p> {
    fn from(values: &'p [Value; N]) -> Self {
        Self(Form::Values(values))
    }
}

impl<'p> From<&'p Vec<Value>> for Parameters<'p> {
    fn from(values: &'p Vec<Value>) -> Self {
        Self(Form::Values(values))
    }
}

impl From<Vec<Parameter>> for Parameters<'_> {
    fn from(values: Vec<Parameter>) -> Self {
        Self(Form::Placed(values))
    }
}

impl<'p, const N: usize> From<[(&'p str, Parameter); N]> for Parameters<'p> {
    fn from(values: [(&'p str, Parameter); N]) -> Self {
        Self(Form::Named(values.into()))
    }
}

impl<'p> From<Vec<(&'p str, Parameter)>> for Parameters<'p> {
    fn from(values: Vec<(&'p str, Parameter)>) -> Self {
        Self(Form::Named(values))
    }
}

impl From<()> for Parameters<'_> {
    fn from((): ()) -> Self {
        Self(Form::Values(&[]))
    }
}

macro_rules! tuples {
    ($(($($type:ident $at:tt),+);)+) => {$(
        impl<'p, $($type: Into<Parameter>),+> From<($($type,)+)> for Parameters<'p> {
            fn from(values: ($($type,)+)) -> Self {
                Self(Form::Placed(vec![$(values.$at.into()),+]))
            }
        }
    )+};
}

tuples! {
    (A 0);
    (A 0, B 1);
    (A 0, B 1, C 2);
    (A 0, B 1, C 2, D 3);
    (A 0, B 1, C 2, D 3, E 4);
    (A 0, B 1, C 2, D 3, E 4, F 5);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11);
}
