//! Batches as DuckDB gives them, in forms that every reader of Arrow knows.
//!
//! An engine is told to lose nothing in Arrow, for the sake of UUIDs and JSON. The price is that
//! bools come as bytes, and types that Arrow lacks as unnamed bytes. Both are put right here, also
//! inside of lists, structs, maps and unions.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Decimal128Array, FixedSizeListArray,
    ListArray, MapArray, StringArray, StructArray, UnionArray,
};
use arrow::datatypes::{
    DataType, Field, FieldRef, Fields, Int8Type, Schema, SchemaRef, UnionFields,
};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use tradebase_core::{Code, Error, Result};

use crate::opaque;
use crate::types::{EXTENSION, EXTENSION_DETAILS};

/// The digits that every decimal of 128 bits holds.
const HUGE_PRECISION: u8 = 38;

/// What is done to an array.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    Same,
    Bool,
    Huge {
        signed: bool,
    },
    ClockWithZone,
    Bits,
    /// The arrays inside of it are put right, one after another.
    Within(Vec<Form>),
}

/// How the columns of a result are put right.
pub(crate) struct Plain {
    /// None where all are right.
    forms: Vec<Form>,
    schema: SchemaRef,
}

impl Plain {
    /// A typed error where a column is of a type that has no form in Arrow.
    pub(crate) fn of(given: &SchemaRef) -> Result<Self> {
        let columns = given.fields().iter();
        let columns =
            columns.map(|field| plain(field).map_err(|e| e.column(field.name().as_str())));
        let (forms, fields): (Vec<Form>, Vec<FieldRef>) =
            columns.collect::<Result<Vec<_>>>()?.into_iter().unzip();
        if forms.iter().all(|form| *form == Form::Same) {
            return Ok(Self { forms: Vec::new(), schema: Arc::clone(given) });
        }
        Ok(Self { forms, schema: Arc::new(Schema::new(fields)) })
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
        let columns = columns.map(|((array, form), field)| {
            put_right(array, form, field.data_type()).map_err(|e| e.column(field.name().as_str()))
        });
        let columns = columns.collect::<Result<_>>()?;
        RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(|e| defect().because(e))
    }
}

/// What is done to arrays of a field, and the field that they have then.
fn plain(field: &FieldRef) -> Result<(Form, FieldRef)> {
    let (form, wanted) = match (form_of_extension(field)?, field.data_type()) {
        (Some((form, wanted)), _) => {
            let named = Field::new(field.name(), wanted, field.is_nullable());
            return Ok((form, Arc::new(named)));
        }
        (None, DataType::List(item)) => {
            let (form, item) = plain(item)?;
            (vec![form], DataType::List(item))
        }
        (None, DataType::FixedSizeList(item, size)) => {
            let (form, item) = plain(item)?;
            (vec![form], DataType::FixedSizeList(item, *size))
        }
        (None, DataType::Map(entries, ordered)) => {
            let (form, entries) = plain(entries)?;
            (vec![form], DataType::Map(entries, *ordered))
        }
        (None, DataType::Struct(fields)) => {
            let (forms, fields) = all(fields.iter())?;
            (forms, DataType::Struct(Fields::from(fields)))
        }
        (None, DataType::Union(fields, mode)) => {
            let (forms, plain) = all(fields.iter().map(|(_, field)| field))?;
            let ids = fields.iter().map(|(id, _)| id);
            let fields: UnionFields = ids.zip(plain).collect();
            (forms, DataType::Union(fields, *mode))
        }
        _ => return Ok((Form::Same, Arc::clone(field))),
    };
    if form.iter().all(|form| *form == Form::Same) {
        return Ok((Form::Same, Arc::clone(field)));
    }
    Ok((Form::Within(form), Arc::new(field.as_ref().clone().with_data_type(wanted))))
}

fn all<'a>(fields: impl Iterator<Item = &'a FieldRef>) -> Result<(Vec<Form>, Vec<FieldRef>)> {
    Ok(fields.map(plain).collect::<Result<Vec<_>>>()?.into_iter().unzip())
}

/// The form and the type of what DuckDB marks as a type of its own.
fn form_of_extension(field: &Field) -> Result<Option<(Form, DataType)>> {
    let metadata = field.metadata();
    let details = metadata.get(EXTENSION_DETAILS).map_or("", String::as_str);
    let is = |name: &str| details.contains(&format!("\"{name}\""));
    let huge = DataType::Decimal128(HUGE_PRECISION, 0);
    Ok(match (metadata.get(EXTENSION).map(String::as_str), field.data_type()) {
        (Some("arrow.bool8"), DataType::Int8) => Some((Form::Bool, DataType::Boolean)),
        (Some("arrow.opaque"), DataType::FixedSizeBinary(16)) if is("hugeint") => {
            Some((Form::Huge { signed: true }, huge))
        }
        (Some("arrow.opaque"), DataType::FixedSizeBinary(16)) if is("uhugeint") => {
            Some((Form::Huge { signed: false }, huge))
        }
        (Some("arrow.opaque"), DataType::FixedSizeBinary(8)) if is("time_tz") => {
            Some((Form::ClockWithZone, DataType::Utf8))
        }
        (Some("arrow.opaque"), DataType::Binary) if is("bit") => Some((Form::Bits, DataType::Utf8)),
        (Some("arrow.opaque"), _) => return Err(opaque::no_form(details)),
        _ => None,
    })
}

fn put_right(array: &ArrayRef, form: &Form, wanted: &DataType) -> Result<ArrayRef> {
    match form {
        Form::Same => Ok(Arc::clone(array)),
        Form::Bool => bools(array),
        Form::Huge { signed } => huge(array, *signed),
        Form::ClockWithZone => clocks(array),
        Form::Bits => bits(array),
        Form::Within(forms) => within(array, forms, wanted),
    }
}

/// An array of arrays, with those put right.
fn within(array: &ArrayRef, forms: &[Form], wanted: &DataType) -> Result<ArrayRef> {
    let one = |inner: &ArrayRef, wanted: &Field| match forms {
        [form] => put_right(inner, form, wanted.data_type()),
        _ => Err(defect()),
    };
    let built: std::result::Result<ArrayRef, ArrowError> = match wanted {
        DataType::List(item) => {
            let list = array.as_list_opt::<i32>().ok_or_else(defect)?;
            let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
            let values = one(list.values(), item)?;
            ListArray::try_new(Arc::clone(item), offsets, values, nulls).map(shared)
        }
        DataType::FixedSizeList(item, size) => {
            let list = array.as_fixed_size_list_opt().ok_or_else(defect)?;
            let (values, nulls) = (one(list.values(), item)?, list.nulls().cloned());
            FixedSizeListArray::try_new(Arc::clone(item), *size, values, nulls).map(shared)
        }
        DataType::Map(entries, ordered) => {
            let map = array.as_map_opt().ok_or_else(defect)?;
            let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
            let pairs: ArrayRef = Arc::new(map.entries().clone());
            let pairs = one(&pairs, entries)?;
            let pairs = pairs.as_struct_opt().ok_or_else(defect)?.clone();
            MapArray::try_new(Arc::clone(entries), offsets, pairs, nulls, *ordered).map(shared)
        }
        DataType::Struct(fields) => {
            let given = array.as_struct_opt().ok_or_else(defect)?;
            let columns = given.columns().iter().zip(forms).zip(fields);
            let columns = columns.map(|((a, form), field)| put_right(a, form, field.data_type()));
            let columns = columns.collect::<Result<_>>()?;
            StructArray::try_new(fields.clone(), columns, given.nulls().cloned()).map(shared)
        }
        DataType::Union(fields, _) => {
            let given = array.as_union_opt().ok_or_else(defect)?;
            let (ids, offsets) = (given.type_ids().clone(), given.offsets().cloned());
            let columns = fields
                .iter()
                .zip(forms)
                .map(|((id, field), form)| put_right(given.child(id), form, field.data_type()));
            let columns = columns.collect::<Result<_>>()?;
            UnionArray::try_new(fields.clone(), ids, offsets, columns).map(shared)
        }
        _ => return Err(defect()),
    };
    built.map_err(|e| defect().because(e))
}

fn shared(array: impl Array + 'static) -> ArrayRef {
    Arc::new(array)
}

fn bools(array: &ArrayRef) -> Result<ArrayRef> {
    let bytes = array.as_primitive_opt::<Int8Type>().ok_or_else(defect)?;
    let bits = bytes.values().iter().map(|b| *b != 0).collect();
    Ok(Arc::new(BooleanArray::new(bits, bytes.nulls().cloned())))
}

/// Integers of 128 bits; an error if one has more digits than a decimal.
fn huge(array: &ArrayRef, signed: bool) -> Result<ArrayRef> {
    let bytes = array.as_fixed_size_binary_opt().ok_or_else(defect)?;
    let value = |bytes: &[u8]| {
        let bytes = <[u8; 16]>::try_from(bytes).map_err(|_| defect())?;
        match signed {
            true => Ok(i128::from_le_bytes(bytes)),
            false => i128::try_from(u128::from_le_bytes(bytes)).map_err(|_| too_wide()),
        }
    };
    // What stands under a null is left alone.
    let values = bytes.iter().map(|bytes| bytes.map(value).transpose());
    let decimals = values
        .collect::<Result<Decimal128Array>>()?
        .with_data_type(DataType::Decimal128(HUGE_PRECISION, 0));
    decimals.validate_decimal_precision(HUGE_PRECISION).map_err(|_| too_wide())?;
    Ok(Arc::new(decimals))
}

fn clocks(array: &ArrayRef) -> Result<ArrayRef> {
    let bytes = array.as_fixed_size_binary_opt().ok_or_else(defect)?;
    let text = |bytes: &[u8]| {
        let bytes = <[u8; 8]>::try_from(bytes).map_err(|_| defect())?;
        Ok(opaque::clock_text(u64::from_le_bytes(bytes)))
    };
    let texts = bytes.iter().map(|bytes| bytes.map(text).transpose());
    Ok(Arc::new(texts.collect::<Result<StringArray>>()?))
}

fn bits(array: &ArrayRef) -> Result<ArrayRef> {
    let bytes: &BinaryArray = array.as_binary_opt().ok_or_else(defect)?;
    let text = |bytes: &[u8]| opaque::bits_text(bytes).ok_or_else(defect);
    let texts = bytes.iter().map(|bytes| bytes.map(text).transpose());
    Ok(Arc::new(texts.collect::<Result<StringArray>>()?))
}

#[cold]
fn too_wide() -> Error {
    Error::new(Code::Unreadable, "an integer has more than 38 digits; cast it to VARCHAR")
}

#[cold]
fn defect() -> Error {
    Error::new(Code::Internal, "DuckDB gives a batch that is not as its schema says")
}
