//! Records that are cut into parts by time: `partition_by(month, on = executed_at)`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Error, Result};

use crate::attribute::{PartitionBy, StructAttributes};
use crate::model::{Field, What};

/// Sets the partition of a table, if the record asks for one.
pub fn of(given: &StructAttributes, fields: &[Field]) -> Result<Option<TokenStream>> {
    let Some(PartitionBy { step, on }) = &given.partition else { return Ok(None) };
    if given.table.is_none() {
        let message = "only a table is cut into parts: add `table = \"…\"`";
        return Err(Error::new(step.span(), message));
    }
    let Some(field) = fields.iter().find(|f| f.ident == *on && f.what == What::Column) else {
        return Err(Error::new(on.span(), format!("there is no field `{on}` to cut by")));
    };
    if !field.is_key() {
        let message = format!(
            "PostgreSQL needs the time in every unique key: add #[record(key)] to `{on}` too, or \
             leave `partition_by` out"
        );
        return Err(Error::new(on.span(), message));
    }
    let message = || {
        format!(
            "PostgreSQL needs the time in every unique key of a table that is cut by it: write \
             `unique(…, {on})` on the struct, or leave `partition_by` out"
        )
    };
    let others = fields.iter().filter(|f| f.ident != *on);
    if let Some(span) = others.filter_map(|f| f.given.span_of("unique")).next() {
        return Err(Error::new(span, message()));
    }
    for (columns, unique) in &given.indexes {
        if let (true, Some(first)) = (*unique && !columns.contains(on), columns.first()) {
            return Err(Error::new(first.span(), message()));
        }
    }
    let at = &field.at;
    Ok(Some(quote! {
        .with_partition(__tradebase::Partition::new(#at, __tradebase::PartitionStep::#step))
    }))
}

/// What only the compiler knows: the type of the time.
pub fn claim(given: &StructAttributes, fields: &[Field]) -> Option<TokenStream> {
    let PartitionBy { on, .. } = given.partition.as_ref()?;
    let ty = &fields.iter().find(|f| f.ident == *on)?.ty;
    Some(quote_spanned! {on.span()=>
        const _: () = ::core::assert!(
            ::core::matches!(
                <#ty as __tradebase::Field>::KIND, __tradebase::Kind::Timestamp),
            "a table is cut by a Timestamp: one that is no TimestampNs and no Option");
    })
}
