//! `#[derive(Record)]` and `#[derive(Row)]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::{DeriveInput, Error, Ident, Result};

use crate::attribute::StructAttributes;
use crate::home::Home;
use crate::model::{Field, What as Role, fields, is_option};
use crate::table;

/// Which of the two derives it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum What {
    Record,
    Row,
}

/// The code of the derive, for whoever has the contract from that crate.
pub fn expand(input: &DeriveInput, what: What, home: Home) -> Result<TokenStream> {
    let given = StructAttributes::read(&input.attrs)?;
    let fields = fields(input)?;
    let record = match what {
        What::Record => table::expand(input, &given, &fields)?,
        What::Row => {
            refuse_table_parts(input, &given, &fields)?;
            TokenStream::new()
        }
    };
    let columns = columns(input, &given, &fields);
    let row = row(input, &fields);
    let put = put(input, &fields);
    let constants = constants(input, &fields);
    Ok(home.block(&quote!(#columns #row #put #record #constants)))
}

fn refuse_table_parts(
    input: &DeriveInput,
    given: &StructAttributes,
    fields: &[Field],
) -> Result<()> {
    if given.table.is_some() || given.series.is_some() || !given.indexes.is_empty() {
        let message = "a row has no table or series; use #[derive(Record)]";
        return Err(Error::new(input.ident.span(), message));
    }
    if let Some(partition) = &given.partition {
        let message = "a row is no table to cut into parts; use #[derive(Record)]";
        return Err(Error::new(partition.on.span(), message));
    }
    for field in fields {
        for role in ["key", "time", "sequence", "version", "created", "updated", "assigned"] {
            if let Some(span) = field.given.span_of(role) {
                let message = format!("a row has no `{role}`; use #[derive(Record)]");
                return Err(Error::new(span, message));
            }
        }
    }
    Ok(())
}

/// The statics with the columns, and what is checked of them.
fn columns(input: &DeriveInput, given: &StructAttributes, fields: &[Field]) -> TokenStream {
    let parts = fields.iter().filter_map(Field::part);
    let assertions = fields.iter().map(Field::assertions);
    let mut places = TokenStream::new();
    let mut before = quote!(0);
    for field in fields {
        let (at, width) = (&field.at, field.width());
        places.extend(quote!(const #at: usize = #before;));
        before = quote!(#at + #width);
    }
    let (table, series) = (given.table.is_some(), given.series.is_some());
    let span = input.ident.span();
    let distinct = quote_spanned! {span=>
        const _: () = ::core::assert!(
            __tradebase::derive_support::names_differ(COLUMNS),
            "two columns have the same name: give one another with `name = \"…\"` or `prefix`");
    };
    quote! {
        const PARTS: &[__tradebase::derive_support::Part] = &[#(#parts),*];
        // Constants and no statics: a static of another crate is opaque to the optimiser, and
        // each name would be compared at run time.
        const NAMES: &[u8; __tradebase::derive_support::name_bytes(PARTS)] =
            &__tradebase::derive_support::names(PARTS);
        const COLUMNS: &[
            __tradebase::Column; __tradebase::derive_support::width(PARTS)
        ] = &__tradebase::derive_support::columns(
            PARTS, NAMES, __tradebase::Domain::new(#table, #series));
        #places
        #(#assertions)*
        #distinct
    }
}

fn row(input: &DeriveInput, _fields: &[Field]) -> TokenStream {
    let ident = &input.ident;
    quote! {
        impl __tradebase::Row for #ident {
            const WIDTH: usize = __tradebase::derive_support::width(PARTS);

            fn list(columns: &mut ::std::vec::Vec<&'static __tradebase::Column>) {
                columns.extend(COLUMNS.iter());
            }

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn read_at<__R: __tradebase::Source>(
                at: usize, source: &mut __R,
            ) -> __tradebase::Result<Self> {
                <Self as __tradebase::Put>::read_in(COLUMNS, at, source)
            }
        }
    }
}

fn put(input: &DeriveInput, fields: &[Field]) -> TokenStream {
    let ident = &input.ident;
    let reads = fields.iter().enumerate().map(|(i, f)| read_one(i, f));
    let built = fields.iter().enumerate().map(|(i, f)| {
        let (field, local) = (&f.ident, format_ident!("field_{i}"));
        quote!(#field: #local)
    });
    let writes = fields.iter().map(write_one);
    let puts = fields.iter().filter_map(put_one);
    let checks = fields.iter().filter_map(check_one);
    quote! {
        impl __tradebase::Put for #ident {
            const COLUMNS: &'static [__tradebase::Column] = COLUMNS;

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn read_in<__R: __tradebase::Source>(
                columns: &'static [__tradebase::Column], at: usize, source: &mut __R,
            ) -> __tradebase::Result<Self> {
                // Locals first, the struct last: filling it in place past each `?` is slower.
                #(#reads)*
                ::core::result::Result::Ok(Self { #(#built),* })
            }

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn write_in<__S: __tradebase::Sink>(
                &self, columns: &'static [__tradebase::Column], sink: &mut __S,
            ) -> __tradebase::Result<()> {
                #(#writes)*
                ::core::result::Result::Ok(())
            }

            fn put_in<__S: __tradebase::Sink>(
                &self, i: usize, columns: &'static [__tradebase::Column], sink: &mut __S,
            ) -> __tradebase::Result<()> {
                match i {
                    #(#puts,)*
                    _ => ::core::result::Result::Err(
                        __tradebase::derive_support::no_column(i)),
                }
            }

            fn check_in(
                &self,
                columns: &'static [__tradebase::Column],
                found: &mut __tradebase::Violations,
            ) {
                let _ = (columns, &found);
                #(#checks)*
            }
        }
    }
}

fn read_one(i: usize, field: &Field) -> TokenStream {
    let (ty, at, local) = (&field.ty, &field.at, format_ident!("field_{i}"));
    match field.what {
        Role::Column => quote! {
            // A match, not a function with a `Result`: small values that share their place with an
            // error's pointer are copied in pieces and put together again, half the time of a read.
            let #local = match <#ty as __tradebase::Field>::take(
                at + #at, &columns[#at], source)?
            {
                __tradebase::Got::Value(value) => value,
                __tradebase::Got::Null => {
                    __tradebase::derive_support::null::<#ty>(&columns[#at])?
                }
                __tradebase::Got::Absent => {
                    __tradebase::derive_support::absent::<#ty>(&columns[#at])?
                }
            };
        },
        Role::Json => {
            // The null of a written `Option` is ours; any other null is the value's own.
            let null = if is_option(ty) {
                quote!(::core::option::Option::Some(::core::option::Option::None))
            } else {
                quote!(::core::option::Option::None)
            };
            quote! {
                let #local: #ty = __tradebase::derive_support::need_json(
                    __tradebase::derive_support::take_json(
                        at + #at, &columns[#at], source)?,
                    &columns[#at], #null)?;
            }
        }
        Role::Embedded => quote! {
            let #local = <#ty as __tradebase::Put>::read_in(
                columns.split_at(#at).1, at + #at, source)?;
        },
        Role::Skipped => quote! {
            let #local: #ty = ::core::default::Default::default();
        },
    }
}

fn write_column(field: &Field) -> TokenStream {
    let (ty, ident, at) = (&field.ty, &field.ident, &field.at);
    if field.what == Role::Json {
        if is_option(ty) {
            return quote! {
                match &self.#ident {
                    ::core::option::Option::Some(value) => {
                        __tradebase::derive_support::put_json(value, &columns[#at], sink)
                    }
                    ::core::option::Option::None => {
                        __tradebase::Sink::null(sink, &columns[#at])
                    }
                }
            };
        }
        return quote! {
            __tradebase::derive_support::put_json(&self.#ident, &columns[#at], sink)
        };
    }
    quote!(<#ty as __tradebase::Field>::put(&self.#ident, &columns[#at], sink))
}

fn write_one(field: &Field) -> TokenStream {
    let (ty, ident, at) = (&field.ty, &field.ident, &field.at);
    match field.what {
        Role::Column | Role::Json => {
            let write = write_column(field);
            quote!(#write?;)
        }
        Role::Embedded => quote! {
            <#ty as __tradebase::Put>::write_in(
                &self.#ident, columns.split_at(#at).1, sink)?;
        },
        Role::Skipped => TokenStream::new(),
    }
}

fn put_one(field: &Field) -> Option<TokenStream> {
    let (ty, ident, at) = (&field.ty, &field.ident, &field.at);
    match field.what {
        Role::Column | Role::Json => {
            let write = write_column(field);
            Some(quote!(#at => #write))
        }
        Role::Embedded => {
            let width = field.width();
            Some(quote! {
                _ if i >= #at && i < #at + #width => <#ty as __tradebase::Put>::put_in(
                    &self.#ident, i - #at, columns.split_at(#at).1, sink)
            })
        }
        Role::Skipped => None,
    }
}

fn check_one(field: &Field) -> Option<TokenStream> {
    let (ty, ident, at) = (&field.ty, &field.ident, &field.at);
    if field.what == Role::Embedded {
        return Some(quote! {
            <#ty as __tradebase::Put>::check_in(
                &self.#ident, columns.split_at(#at).1, found);
        });
    }
    if field.given.checks.is_empty() {
        return None;
    }
    let checks = &field.given.checks;
    Some(quote! {
        #(__tradebase::derive_support::note(found, &columns[#at], #checks(&self.#ident));)*
    })
}

/// The typed constants: `Fill::PRICE`.
fn constants(input: &DeriveInput, fields: &[Field]) -> TokenStream {
    let ident = &input.ident;
    let constants = fields.iter().filter_map(|field| {
        let (ty, vis, at) = (&field.ty, &field.vis, &field.at);
        let plain = bare(&field.ident);
        let name = format_ident!("{}", plain.to_uppercase());
        let doc = format!("The column of `{plain}`, for filters and orders.");
        match field.what {
            Role::Column => Some(quote! {
                #[doc = #doc]
                #vis const #name: __tradebase::Col<Self, #ty> =
                    __tradebase::Col::new(#at);
            }),
            Role::Embedded => Some(quote! {
                #[doc = #doc]
                #vis const #name: __tradebase::Embedded<Self, #ty> =
                    __tradebase::Embedded::new(#at);
            }),
            Role::Json | Role::Skipped => None,
        }
    });
    let links = fields.iter().filter_map(|field| link(fields, field));
    quote! {
        // A link names the parent's type, which may be seen by fewer than the field is.
        #[allow(dead_code, private_interfaces)]
        impl #ident {
            #(#constants)*
            #(#links)*
        }
    }
}

/// The relation of a column that points to another record: `Trade::BOT` of `bot_id`, or
/// `Trade::OWNER_LINK` of `owner`, whose own name is that of the column.
fn link(fields: &[Field], field: &Field) -> Option<TokenStream> {
    let parent = field.given.belongs_to.as_ref()?;
    let (vis, at, plain) = (&field.vis, &field.at, bare(&field.ident));
    let taken = |name: &str| {
        let constant = |other: &&Field| matches!(other.what, Role::Column | Role::Embedded);
        fields.iter().filter(constant).any(|other| bare(&other.ident) == name)
    };
    let short = plain.strip_suffix("_id").filter(|short| is_word(short) && !taken(short));
    let name = short.map_or_else(|| format!("{plain}_link"), str::to_owned);
    if short.is_none() && taken(&name) {
        let message = format!("the relation of this field needs the name of `{name}`: rename one");
        return Some(Error::new(field.ident.span(), message).to_compile_error());
    }
    let constant = format_ident!("{}", name.to_uppercase());
    let doc = format!("What `{plain}` points to, for filters, joins and loads.");
    Some(quote! {
        #[doc = #doc]
        #vis const #constant: __tradebase::Link<Self, #parent> = __tradebase::Link::new(#at);
    })
}

/// Whether it says something: `_` alone is no name of a constant.
fn is_word(name: &str) -> bool {
    name.starts_with(|c: char| c.is_alphabetic())
}

fn bare(ident: &Ident) -> String {
    ident.to_string().trim_start_matches("r#").to_owned()
}
