//! The part of `#[derive(Record)]` that makes a row a record: table, key, series, filled columns.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{DeriveInput, Error, Ident, LitStr, Result};

use crate::attribute::StructAttributes;
use crate::model::{Field, What};
use crate::partition;

/// The impls of `Record` and `Handed`.
pub fn expand(
    input: &DeriveInput,
    given: &StructAttributes,
    fields: &[Field],
) -> Result<TokenStream> {
    let keys: Vec<&Field> = fields.iter().filter(|f| f.is_key()).collect();
    check_key(input, &keys)?;
    check_series(input, given, fields, &keys)?;
    let ident = &input.ident;
    let table = table(input, given, fields, &keys)?;
    let types = keys.iter().map(|f| &f.ty);
    let parts = keys.iter().map(|f| {
        let field = &f.ident;
        quote!(::core::clone::Clone::clone(&self.#field))
    });
    let (key_type, key) = match keys.as_slice() {
        [_] => (quote!(#(#types)*), quote!(#(#parts)*)),
        _ => (quote!((#(#types,)*)), quote!((#(#parts,)*))),
    };
    let filled = filled(fields);
    let handed = handed(ident, fields);
    let timely = partition::claim(given, fields);
    let sure = given.series.as_ref().map(|series| {
        quote_spanned! {series.span()=>
            const _: () = ::core::assert!(
                __tradebase::derive_support::has_sure_field(COLUMNS),
                "a point needs a field that is always there: one column that is no tag, no time \
                 and no Option");
        }
    });
    Ok(quote! {
        #sure
        #timely
        impl __tradebase::Record for #ident {
            const TABLE: &'static __tradebase::Table = {
                static TABLE: __tradebase::Table = #table;
                &TABLE
            };
            type Key = #key_type;

            fn key(&self) -> Self::Key {
                #key
            }

            #filled
        }
        #handed
    })
}

fn check_key(input: &DeriveInput, keys: &[&Field]) -> Result<()> {
    const KEY_MAX: usize = 4;
    if keys.is_empty() {
        let message = "a record needs a key: add #[record(key)] to one or more fields";
        return Err(Error::new(input.ident.span(), message));
    }
    if keys.len() > KEY_MAX {
        let message = format!("a key has at most {KEY_MAX} columns");
        return Err(Error::new(keys[KEY_MAX].span(), message));
    }
    for key in keys {
        if crate::model::is_option(&key.ty) {
            let message = "a key cannot be an Option: every record has one";
            return Err(Error::new(key.span(), message));
        }
        if key.is_assigned() && keys.len() > 1 {
            let message = "an assigned key stands alone: it identifies a record by itself";
            return Err(Error::new(key.span(), message));
        }
    }
    Ok(())
}

fn check_series(
    input: &DeriveInput,
    given: &StructAttributes,
    fields: &[Field],
    keys: &[&Field],
) -> Result<()> {
    let playing = |role: &'static str| fields.iter().filter(move |f| f.given.has(role));
    let Some(series) = &given.series else {
        for role in ["tag", "time", "sequence"] {
            if let Some(span) = playing(role).find_map(|f| f.given.span_of(role)) {
                let message = format!("`{role}` is for a series: add `series = \"…\"`");
                return Err(Error::new(span, message));
            }
        }
        return Ok(());
    };
    let times: Vec<_> = playing("time").collect();
    match times.as_slice() {
        [_] => {}
        [] => {
            let message = "a series needs a time: add #[record(time)] to a Timestamp";
            return Err(Error::new(series.span(), message));
        }
        [_, second, ..] => {
            return Err(Error::new(second.span(), "a series has one time"));
        }
    }
    if let Some(both) = times.iter().find(|f| f.given.has("tag")) {
        return Err(Error::new(both.span(), "the time of a series is no tag"));
    }
    let apart = |f: &&&Field| f.given.has("tag") || f.given.has("time");
    if playing("sequence").next().is_none() && !keys.iter().all(|f| apart(&f)) {
        let message = "points of equal tags and time would overwrite each other: add `tag` to \
                       every key field, or #[record(sequence)] to an integer that tells them apart";
        return Err(Error::new(series.span(), message));
    }
    if let Some(assigned) = keys.iter().find(|f| f.is_assigned()) {
        let message = "a record with an assigned key cannot be a series: the key is not known \
                       before it is stored";
        return Err(Error::new(assigned.span(), message));
    }
    let _ = input;
    Ok(())
}

fn table(
    input: &DeriveInput,
    given: &StructAttributes,
    fields: &[Field],
    keys: &[&Field],
) -> Result<TokenStream> {
    let record = input.ident.to_string();
    let name = given.table.as_ref().or(given.name.as_ref()).or(given.series.as_ref());
    let Some(name) = name else {
        let message = "say where the record is kept: #[record(table = \"fills\")], and `series = \
                       \"…\"` if it is a time series; `name = \"…\"` if it is only cached";
        return Err(Error::new(input.ident.span(), message));
    };
    let series = option(given.series.as_ref());
    let keys = keys.iter().map(|f| &f.at);
    let ident = &input.ident;
    let mut indexes = TokenStream::new();
    for (columns, unique) in &given.indexes {
        let places = columns.iter().map(|c| place(c, fields)).collect::<Result<Vec<_>>>()?;
        indexes.extend(quote!(__tradebase::Index::new(&[#(#places),*], #unique),));
    }
    let was = given.was.as_ref().map(|was| quote!(.with_was(#was)));
    let partition = partition::of(given, fields)?;
    Ok(quote! {
        __tradebase::Table::new(
            #record, #name, COLUMNS, &[#(#keys),*], &[#indexes], #series)
        #was
        #partition
        .with_check(__tradebase::derive_support::check_values::<#ident>)
    })
}

fn option(lit: Option<&LitStr>) -> TokenStream {
    match lit {
        Some(lit) => quote!(::core::option::Option::Some(#lit)),
        None => quote!(::core::option::Option::None),
    }
}

/// The position of the field or column that an index names.
fn place(name: &Ident, fields: &[Field]) -> Result<TokenStream> {
    if let Some(field) = fields.iter().find(|f| f.ident == *name && f.what == What::Column) {
        let at = &field.at;
        return Ok(quote!(#at));
    }
    if fields.iter().any(|f| f.what == What::Embedded) {
        let column = name.to_string();
        return Ok(quote_spanned! {name.span()=>
            {
                const AT: usize =
                    __tradebase::derive_support::position_of(COLUMNS, #column);
                AT
            }
        });
    }
    Err(Error::new(name.span(), format!("there is no field `{name}` to index")))
}

/// What the layer fills: `created`, `updated`, `version`, an assigned key.
fn filled(fields: &[Field]) -> TokenStream {
    let mut stamp = TokenStream::new();
    for field in fields {
        let ident = &field.ident;
        for role in ["created", "updated"].into_iter().filter(|r| field.given.has(r)) {
            let role = Ident::new(role, ident.span());
            stamp.extend(quote! {
                if let ::core::option::Option::Some(moment) = stamp.#role {
                    before.#role = ::core::convert::Into::into(self.#ident);
                    self.#ident = ::core::convert::Into::into(moment);
                }
            });
        }
        if field.given.has("version") {
            stamp.extend(quote! {
                if let ::core::option::Option::Some(version) = stamp.version {
                    before.version = ::core::option::Option::Some(self.#ident);
                    self.#ident = version;
                }
            });
        }
    }
    let stamp = if stamp.is_empty() {
        stamp
    } else {
        quote! {
            fn stamp(&mut self, stamp: __tradebase::Stamp) -> __tradebase::Stamp {
                let mut before = __tradebase::Stamp::default();
                #stamp
                before
            }
        }
    };
    let assign = fields.iter().find(|f| f.is_assigned()).map(|field| {
        let ident = &field.ident;
        quote! {
            fn assign(&mut self, key: i64) {
                self.#ident = __tradebase::Assigned::Is(key);
            }
        }
    });
    quote!(#stamp #assign)
}

fn handed(ident: &Ident, fields: &[Field]) -> TokenStream {
    let is_filled = fields.iter().any(|f| {
        f.is_assigned() || ["created", "updated", "version"].iter().any(|r| f.given.has(r))
    });
    let shared = if is_filled {
        TokenStream::new()
    } else {
        quote! {
            impl __tradebase::Handed for &#ident {
                type Record = #ident;
                fn record(&self) -> &#ident {
                    self
                }
                fn stamp(&mut self, _: __tradebase::Stamp) -> __tradebase::Stamp {
                    ::core::default::Default::default()
                }
                fn assign(&mut self, _: i64) {}
            }
        }
    };
    quote! {
        #shared
        impl __tradebase::Handed for &mut #ident {
            type Record = #ident;
            fn record(&self) -> &#ident {
                self
            }
            fn stamp(&mut self, stamp: __tradebase::Stamp) -> __tradebase::Stamp {
                __tradebase::Record::stamp(&mut **self, stamp)
            }
            fn assign(&mut self, key: i64) {
                __tradebase::Record::assign(&mut **self, key)
            }
        }
    }
}
