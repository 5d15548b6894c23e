//! Batches as DuckDB gives them, in forms that every reader of Arrow knows.
//!
//! An engine is told to lose nothing in Arrow, for the sake of UUIDs and JSON. The price is that
//! bools come as bytes, and integers of 128 bits as unnamed bytes; both are put right here.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array};
use arrow::datatypes::{DataType, Field, Int8Type, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use tradebase_core::{Code, Error, Result};

use crate::types::{EXTENSION, EXTENSION_DETAILS};

/// The digits that every decimal of 128 bits holds.
const HUGE_PRECISION: u8 = 38;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Same,
    Bool,
    Huge { signed: bool },
}

/// How the columns of a result are put right.
pub(crate) struct Plain {
    forms: Vec<Form>,
    schema: SchemaRef,
}

impl Plain {
    pub(crate) fn of(given: &SchemaRef) -> Self {
        let forms: Vec<Form> = given.fields().iter().map(|f| form(f)).collect();
        if forms.iter().all(|f| *f == Form::Same) {
            return Self { forms: Vec::new(), schema: Arc::clone(given) };
        }
        let fields = given.fields().iter().zip(&forms).map(|(field, form)| match form {
            Form::Same => Arc::clone(field),
            Form::Bool => Arc::new(Field::new(field.name(), DataType::Boolean, true)),
            Form::Huge { .. } => {
                Arc::new(Field::new(field.name(), DataType::Decimal128(HUGE_PRECISION, 0), true))
            }
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Self { forms, schema }
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(crate) fn into_schema(self) -> SchemaRef {
        self.schema
    }

    pub(crate) fn batch(&self, batch: RecordBatch) -> Result<RecordBatch> {
        if self.forms.is_empty() {
            return Ok(batch);
        }
        let columns = batch.columns().iter().zip(&self.forms).zip(self.schema.fields());
        let columns = columns.map(|((array, form), field)| match form {
            Form::Same => Ok(Arc::clone(array)),
            Form::Bool => bools(array),
            Form::Huge { signed } => {
                huge(array, *signed).ok_or_else(|| too_wide().column(field.name().as_str()))
            }
        });
        let columns = columns.collect::<Result<_>>()?;
        RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(|e| defect().because(e))
    }
}

fn form(field: &Field) -> Form {
    let metadata = field.metadata();
    let details = || metadata.get(EXTENSION_DETAILS).map_or("", String::as_str);
    match (metadata.get(EXTENSION).map(String::as_str), field.data_type()) {
        (Some("arrow.bool8"), DataType::Int8) => Form::Bool,
        (Some("arrow.opaque"), DataType::FixedSizeBinary(16))
            if details().contains("\"hugeint\"") =>
        {
            Form::Huge { signed: true }
        }
        (Some("arrow.opaque"), DataType::FixedSizeBinary(16))
            if details().contains("\"uhugeint\"") =>
        {
            Form::Huge { signed: false }
        }
        _ => Form::Same,
    }
}

fn bools(array: &ArrayRef) -> Result<ArrayRef> {
    let bytes = array.as_primitive_opt::<Int8Type>().ok_or_else(defect)?;
    let bits = bytes.values().iter().map(|b| *b != 0).collect();
    Ok(Arc::new(BooleanArray::new(bits, bytes.nulls().cloned())))
}

/// None if a value has more digits than a decimal.
fn huge(array: &ArrayRef, signed: bool) -> Option<ArrayRef> {
    let bytes = array.as_fixed_size_binary_opt()?;
    let value = |bytes: &[u8; 16]| match signed {
        true => Some(i128::from_le_bytes(*bytes)),
        false => i128::try_from(u128::from_le_bytes(*bytes)).ok(),
    };
    let values: Vec<i128> =
        bytes.value_data().as_chunks::<16>().0.iter().map(value).collect::<Option<_>>()?;
    let decimals = Decimal128Array::new(values.into(), bytes.nulls().cloned())
        .with_data_type(DataType::Decimal128(HUGE_PRECISION, 0));
    decimals.validate_decimal_precision(HUGE_PRECISION).ok()?;
    Some(Arc::new(decimals))
}

#[cold]
fn too_wide() -> Error {
    Error::new(Code::Unreadable, "an integer has more than 38 digits; cast it to VARCHAR")
}

#[cold]
fn defect() -> Error {
    Error::new(Code::Internal, "DuckDB gives a batch that is not as its schema says")
}
