//! `#[derive(Field)]` for newtypes and enums.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{Data, DataEnum, DeriveInput, Error, Fields, Ident, LitStr, Result, Type};

use crate::attribute::{decimal, text, unknown};
use crate::home::Home;
use crate::name;

#[derive(Default)]
struct Given {
    decimal: Option<(u8, u8)>,
    text: Option<u32>,
    id: bool,
    closed: bool,
    rename_all: Option<LitStr>,
}

impl Given {
    fn read(input: &DeriveInput) -> Result<Self> {
        const KNOWN: [&str; 5] = ["decimal", "text", "id", "closed", "rename_all"];
        let mut given = Self::default();
        for attribute in input.attrs.iter().filter(|a| a.path().is_ident("field")) {
            attribute.parse_nested_meta(|meta| {
                match word(&meta).as_str() {
                    "decimal" => given.decimal = Some(decimal(&meta)?),
                    "text" => given.text = Some(text(&meta)?),
                    "id" => given.id = true,
                    "closed" => given.closed = true,
                    "rename_all" => given.rename_all = Some(meta.value()?.parse()?),
                    other => return Err(unknown(other, meta.path.span(), &KNOWN)),
                }
                Ok(())
            })?;
        }
        Ok(given)
    }
}

fn word(meta: &ParseNestedMeta<'_>) -> String {
    meta.path.get_ident().map(Ident::to_string).unwrap_or_default()
}

/// The code of the derive.
pub fn expand(input: &DeriveInput, home: Home) -> Result<TokenStream> {
    if !input.generics.params.is_empty() {
        let message = "a field type cannot be generic: write the type out";
        return Err(Error::new(input.generics.span(), message));
    }
    let given = Given::read(input)?;
    let code = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
                newtype(&input.ident, &fields.unnamed[0].ty, &given)
            }
            _ => {
                let message = "a field type wraps one value: `struct Price(Decimal);`; to store \
                               a struct use #[record(embed)] or #[record(json)]";
                return Err(Error::new(input.ident.span(), message));
            }
        },
        Data::Enum(data) => enumeration(&input.ident, data, &given)?,
        Data::Union(_) => return Err(Error::new(input.ident.span(), "a union cannot be a field")),
    };
    Ok(home.block(&code))
}

fn newtype(ident: &Ident, inner: &Type, given: &Given) -> TokenStream {
    let field = quote!(<#inner as __tradebase::Field>);
    let span = inner.span();
    let (kind, claim) = match (given.decimal, given.text) {
        (Some((precision, scale)), _) => (
            quote!(__tradebase::Kind::Decimal { precision: #precision, scale: #scale }),
            quote!(#field::KIND.is_decimal()),
        ),
        (None, Some(max)) => (
            quote!(__tradebase::Kind::Text { max: ::core::option::Option::Some(#max) }),
            quote!(#field::KIND.is_text()),
        ),
        (None, None) => (quote!(#field::KIND), quote!(true)),
    };
    let checked = quote_spanned! {span=>
        const _: () = ::core::assert!(#claim, "`decimal(…)` is for a decimal, `text(…)` for text");
        const _: () = ::core::assert!(
            !#field::NULLABLE, "a newtype over an Option: put the Option around the newtype");
    };
    let text_operand = is_string(inner).then(|| {
        quote! {
            impl __tradebase::Operand<#ident> for &str {
                fn value(
                    self, column: &'static __tradebase::Column,
                ) -> __tradebase::Result<__tradebase::Value> {
                    __tradebase::Value::of(&::std::string::String::from(self), column)
                }
            }
        }
    });
    let id = given.id.then(|| id(ident, inner));
    quote! {
        #checked
        impl __tradebase::Field for #ident {
            const KIND: __tradebase::Kind = #kind;
            const LABELS: &'static [&'static str] = #field::LABELS;
            const CLOSED: bool = #field::CLOSED;
            const CUTS: bool = #field::CUTS;

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn put<__S: __tradebase::Sink>(
                &self, column: &'static __tradebase::Column, sink: &mut __S,
            ) -> __tradebase::Result<()> {
                #field::put(&self.0, column, sink)
            }

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn take<__R: __tradebase::Source>(
                at: usize, column: &'static __tradebase::Column, source: &mut __R,
            ) -> __tradebase::Result<__tradebase::Got<Self>> {
                ::core::result::Result::Ok(#field::take(at, column, source)?.map(Self))
            }
        }
        impl __tradebase::Operand<#ident> for #inner {
            fn value(
                self, column: &'static __tradebase::Column,
            ) -> __tradebase::Result<__tradebase::Value> {
                __tradebase::Value::of(&self, column)
            }
        }
        impl __tradebase::derive_support::Present for #ident {
            type Value = Self;
        }
        impl __tradebase::derive_support::Wraps for #ident {
            type Inner = #inner;
        }
        #text_operand
        #id
    }
}

fn is_string(ty: &Type) -> bool {
    matches!(ty, Type::Path(p) if p.path.segments.last().is_some_and(|s| s.ident == "String"))
}

fn id(ident: &Ident, inner: &Type) -> TokenStream {
    quote! {
        impl #ident {
            /// A new id, greater than every one this process made before.
            #[allow(clippy::new_without_default)]
            pub fn new() -> Self {
                Self(__tradebase::id::new())
            }
        }
        impl ::core::convert::From<#inner> for #ident {
            fn from(id: #inner) -> Self {
                Self(id)
            }
        }
        impl ::core::fmt::Display for #ident {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Display::fmt(&self.0, f)
            }
        }
        impl ::core::str::FromStr for #ident {
            type Err = <#inner as ::core::str::FromStr>::Err;
            fn from_str(text: &str) -> ::core::result::Result<Self, Self::Err> {
                <#inner as ::core::str::FromStr>::from_str(text).map(Self)
            }
        }
    }
}

struct Variants {
    known: Vec<(Ident, String)>,
    other: Option<Ident>,
}

fn variants(data: &DataEnum, given: &Given) -> Result<Variants> {
    let style = given.rename_all.as_ref().map_or("snake_case".to_owned(), LitStr::value);
    let mut found = Variants { known: Vec::new(), other: None };
    for variant in &data.variants {
        let (mut rename, mut is_other) = (None::<LitStr>, false);
        for attribute in variant.attrs.iter().filter(|a| a.path().is_ident("field")) {
            attribute.parse_nested_meta(|meta| {
                match word(&meta).as_str() {
                    "rename" => rename = Some(meta.value()?.parse()?),
                    "other" => is_other = true,
                    other => return Err(unknown(other, meta.path.span(), &["rename", "other"])),
                }
                Ok(())
            })?;
        }
        match (&variant.fields, is_other) {
            (Fields::Unit, false) => {
                let plain = variant.ident.to_string();
                let label = match &rename {
                    Some(lit) => lit.value(),
                    None => name::styled(&plain, &style).ok_or_else(|| {
                        let span = given.rename_all.as_ref().map_or(variant.span(), LitStr::span);
                        let known = name::STYLES.join(", ");
                        Error::new(span, format!("unknown style {style:?}; known are: {known}"))
                    })?,
                };
                check_label(&label, variant)?;
                if found.known.iter().any(|(_, l)| *l == label) {
                    let message = format!("two variants would be stored as {label:?}");
                    return Err(Error::new(variant.span(), message));
                }
                found.known.push((variant.ident.clone(), label));
            }
            (Fields::Unnamed(fields), true) if fields.unnamed.len() == 1 => {
                if given.closed {
                    let message = "a closed enum has no `other`: nothing else may be stored";
                    return Err(Error::new(variant.span(), message));
                }
                if found.other.replace(variant.ident.clone()).is_some() {
                    return Err(Error::new(variant.span(), "an enum has one `other`"));
                }
            }
            (_, true) => {
                let message = "`other` keeps the stored text: write `Other(String)`";
                return Err(Error::new(variant.span(), message));
            }
            (_, false) => {
                let message = "a variant is stored as its name and cannot hold values; mark one \
                               `Other(String)` with #[field(other)], or store the enum by \
                               #[record(json)]";
                return Err(Error::new(variant.span(), message));
            }
        }
    }
    Ok(found)
}

/// A label must be writable in every store, as a tag too.
fn check_label(label: &str, variant: &syn::Variant) -> Result<()> {
    if label.is_empty() || label.ends_with('\\') || label.contains(['\0', '\n']) {
        let message =
            "a stored text must not be empty, end with \\, or contain NUL or a line break";
        return Err(Error::new(variant.span(), message));
    }
    Ok(())
}

fn enumeration(ident: &Ident, data: &DataEnum, given: &Given) -> Result<TokenStream> {
    let Variants { known, other } = variants(data, given)?;
    if known.is_empty() {
        return Err(Error::new(ident.span(), "an enum needs a variant without values"));
    }
    let closed = given.closed;
    let (names, labels): (Vec<_>, Vec<_>) = known.into_iter().unzip();
    let unknown = match &other {
        Some(other) => quote!(::core::result::Result::Ok(__tradebase::Got::Value(
            Self::#other(::core::convert::Into::into(text))))),
        None => quote!(::core::result::Result::Err(__tradebase::derive_support::unknown_label(
            column, text
        ))),
    };
    let (put_other, str_other) = match &other {
        Some(other) => (
            quote!(Self::#other(text) => __tradebase::derive_support::put_other(
                text, <Self as __tradebase::Field>::LABELS, column, sink),),
            quote!(Self::#other(text) => text,),
        ),
        None => (TokenStream::new(), TokenStream::new()),
    };
    let method = format_ident!("as_str");
    Ok(quote! {
        impl #ident {
            /// The text it is stored as.
            pub fn #method(&self) -> &str {
                match self {
                    #(Self::#names => #labels,)*
                    #str_other
                }
            }
        }
        impl __tradebase::Field for #ident {
            const KIND: __tradebase::Kind = __tradebase::Kind::TEXT;
            const LABELS: &'static [&'static str] = &[#(#labels),*];
            const CLOSED: bool = #closed;

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn put<__S: __tradebase::Sink>(
                &self, column: &'static __tradebase::Column, sink: &mut __S,
            ) -> __tradebase::Result<()> {
                match self {
                    #(Self::#names => __tradebase::Sink::text(sink, column, #labels),)*
                    #put_other
                }
            }

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn take<__R: __tradebase::Source>(
                at: usize, column: &'static __tradebase::Column, source: &mut __R,
            ) -> __tradebase::Result<__tradebase::Got<Self>> {
                let text = match __tradebase::Source::text(source, at, column)? {
                    __tradebase::Got::Value(text) => text,
                    __tradebase::Got::Null => {
                        return ::core::result::Result::Ok(__tradebase::Got::Null);
                    }
                    __tradebase::Got::Absent => {
                        return ::core::result::Result::Ok(__tradebase::Got::Absent);
                    }
                };
                match text {
                    #(#labels => ::core::result::Result::Ok(
                        __tradebase::Got::Value(Self::#names)),)*
                    _ => #unknown,
                }
            }
        }
        impl __tradebase::derive_support::Present for #ident {
            type Value = Self;
        }
    })
}
