//! What stands inside `#[record(…)]`.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    Error, ExprRange, Ident, LitInt, LitStr, Path, RangeLimits, Result, Token, Type, parenthesized,
};

use crate::literal::Literal;
use crate::name;

/// The attributes of a field.
#[derive(Default)]
pub struct FieldAttributes {
    pub roles: Vec<(Ident, TokenStream)>,
    pub decimal: Option<(u8, u8)>,
    pub text: Option<u32>,
    pub json: Option<Span>,
    pub embed: Option<Span>,
    pub prefix: Option<String>,
    pub skip: Option<Span>,
    pub truncate: bool,
    pub name: Option<LitStr>,
    pub was: Option<LitStr>,
    pub default: Option<Literal>,
    pub rules: Vec<TokenStream>,
    pub patterns: Vec<LitStr>,
    pub min: Option<TokenStream>,
    pub max: Option<TokenStream>,
    pub checks: Vec<Path>,
    pub belongs_to: Option<Type>,
    pub on_delete: Option<(Ident, TokenStream)>,
}

const KNOWN: [&str; 30] = [
    "key",
    "tag",
    "time",
    "sequence",
    "index",
    "unique",
    "owner",
    "version",
    "created",
    "updated",
    "assigned",
    "decimal",
    "text",
    "json",
    "embed",
    "prefix",
    "skip",
    "truncate",
    "name",
    "was",
    "default",
    "length",
    "min",
    "max",
    "pattern",
    "email",
    "one_of",
    "check",
    "belongs_to",
    "on_delete",
];

impl FieldAttributes {
    /// Reads all `#[record(…)]` of a field.
    pub fn read(field: &syn::Field) -> Result<Self> {
        let mut attributes = Self::default();
        for attribute in field.attrs.iter().filter(|a| a.path().is_ident("record")) {
            attribute.parse_nested_meta(|meta| attributes.take(&meta))?;
        }
        attributes.close();
        Ok(attributes)
    }

    pub fn has(&self, role: &str) -> bool {
        self.roles.iter().any(|(ident, _)| ident == role)
    }

    /// Where a role was given, for messages.
    pub fn span_of(&self, role: &str) -> Option<Span> {
        self.roles.iter().find(|(ident, _)| ident == role).map(|(ident, _)| ident.span())
    }

    fn take(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let Some(ident) = meta.path.get_ident() else {
            return Err(meta.error("expected a name"));
        };
        let word = ident.to_string();
        match word.as_str() {
            "key" | "tag" | "time" | "sequence" | "index" | "unique" | "owner" | "version"
            | "created" | "updated" | "assigned" => {
                let role = Ident::new(&word.to_uppercase(), ident.span());
                self.roles.push((ident.clone(), quote!(__tradebase::Roles::#role)));
            }
            "json" => self.json = Some(ident.span()),
            "embed" => self.embed = Some(ident.span()),
            "skip" => self.skip = Some(ident.span()),
            "truncate" => self.truncate = true,
            "email" => self.rules.push(quote!(__tradebase::derive_support::Rule::Email)),
            "decimal" => self.decimal = Some(decimal(meta)?),
            "text" => self.text = Some(text(meta)?),
            "length" => self.rules.push(length(meta)?),
            "one_of" => self.rules.push(one_of(meta)?),
            _ => return self.take_value(&word, meta),
        }
        Ok(())
    }

    /// Those of the form `word = value`.
    fn take_value(&mut self, word: &str, meta: &ParseNestedMeta<'_>) -> Result<()> {
        if !KNOWN.contains(&word) {
            return Err(unknown(word, meta.path.span(), &KNOWN));
        }
        let value = meta.value()?;
        match word {
            "prefix" => self.prefix = Some(value.parse::<LitStr>()?.value()),
            "name" => self.name = Some(value.parse()?),
            "was" => self.was = Some(checked(value.parse()?)?),
            "default" => self.default = Some(value.parse()?),
            "min" => self.min = Some(value.parse::<Literal>()?.bound()?),
            "max" => self.max = Some(value.parse::<Literal>()?.bound()?),
            "pattern" => self.patterns.push(pattern(value.parse()?)?),
            "check" => self.checks.push(value.parse()?),
            "belongs_to" => self.belongs_to = Some(value.parse()?),
            _ => self.on_delete = Some(on_delete(value.parse()?)?),
        }
        Ok(())
    }

    /// Joins `min` and `max` to one rule.
    fn close(&mut self) {
        if self.min.is_none() && self.max.is_none() {
            return;
        }
        let option = |bound: &Option<TokenStream>| match bound {
            Some(bound) => quote!(::core::option::Option::Some(#bound)),
            None => quote!(::core::option::Option::None),
        };
        let (min, max) = (option(&self.min), option(&self.max));
        self.rules.push(quote! {
            __tradebase::derive_support::Rule::Range { min: #min, max: #max }
        });
    }
}

/// The attributes of a struct.
#[derive(Default)]
pub struct StructAttributes {
    pub table: Option<LitStr>,
    pub series: Option<LitStr>,
    pub name: Option<LitStr>,
    pub was: Option<LitStr>,
    pub indexes: Vec<(Vec<Ident>, bool)>,
    pub partition: Option<PartitionBy>,
}

/// `partition_by(month, on = executed_at)`
pub struct PartitionBy {
    /// How much time a part holds: a variant of `PartitionStep`.
    pub step: Ident,
    /// The field that holds the time.
    pub on: Ident,
}

impl StructAttributes {
    /// Reads all `#[record(…)]` of a struct.
    pub fn read(attributes: &[syn::Attribute]) -> Result<Self> {
        const KNOWN: [&str; 7] =
            ["table", "series", "name", "was", "index", "unique", "partition_by"];
        let mut found = Self::default();
        for attribute in attributes.iter().filter(|a| a.path().is_ident("record")) {
            attribute.parse_nested_meta(|meta| {
                let word = meta.path.get_ident().map(Ident::to_string).unwrap_or_default();
                match word.as_str() {
                    "table" => found.table = Some(checked_name(&meta)?),
                    "series" => found.series = Some(checked_name(&meta)?),
                    "name" => found.name = Some(checked_name(&meta)?),
                    "was" => found.was = Some(checked_name(&meta)?),
                    "index" | "unique" => {
                        let content;
                        parenthesized!(content in meta.input);
                        let columns = Punctuated::<Ident, Token![,]>::parse_terminated(&content)?;
                        found.indexes.push((columns.into_iter().collect(), word == "unique"));
                    }
                    "partition_by" => found.partition = Some(partition_by(&meta)?),
                    _ => return Err(unknown(&word, meta.path.span(), &KNOWN)),
                }
                Ok(())
            })?;
        }
        Ok(found)
    }
}

fn partition_by(meta: &ParseNestedMeta<'_>) -> Result<PartitionBy> {
    let bad = |span| Error::new(span, "write `partition_by(month, on = executed_at)`, or `day`");
    let content;
    parenthesized!(content in meta.input);
    let word: Ident = content.parse().map_err(|e| bad(e.span()))?;
    let step = match word.to_string().as_str() {
        "day" => Ident::new("Day", word.span()),
        "month" => Ident::new("Month", word.span()),
        _ => return Err(bad(word.span())),
    };
    content.parse::<Token![,]>().map_err(|e| bad(e.span()))?;
    let on: Ident = content.parse().map_err(|e| bad(e.span()))?;
    if on != "on" {
        return Err(bad(on.span()));
    }
    content.parse::<Token![=]>().map_err(|e| bad(e.span()))?;
    let on = content.parse().map_err(|e| bad(e.span()))?;
    if content.is_empty() { Ok(PartitionBy { step, on }) } else { Err(bad(content.span())) }
}

fn checked_name(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    checked(meta.value()?.parse()?)
}

fn checked(lit: LitStr) -> Result<LitStr> {
    name::check(&lit.value(), lit.span())?;
    Ok(lit)
}

/// An attribute nobody knows, with the closest one that exists.
pub fn unknown(word: &str, span: Span, known: &[&str]) -> Error {
    let hint = match name::closest(word, known) {
        Some(close) => format!("did you mean `{close}`?"),
        None => format!("known are: {}", known.join(", ")),
    };
    Error::new(span, format!("unknown attribute `{word}`; {hint}"))
}

/// `decimal(18, 8)`
pub fn decimal(meta: &ParseNestedMeta<'_>) -> Result<(u8, u8)> {
    const PRECISION_MAX: u8 = 28;
    let content;
    parenthesized!(content in meta.input);
    let numbers = Punctuated::<LitInt, Token![,]>::parse_terminated(&content)?;
    let digits = |lit: &LitInt| lit.base10_parse::<u8>();
    match numbers.iter().collect::<Vec<_>>().as_slice() {
        [precision, scale] => {
            let (p, s) = (digits(precision)?, digits(scale)?);
            if p == 0 || p > PRECISION_MAX {
                let message = format!("a decimal has 1 to {PRECISION_MAX} digits, not {p}");
                return Err(Error::new(precision.span(), message));
            }
            if s > p {
                let message = format!("a decimal of {p} digits cannot have {s} after the point");
                return Err(Error::new(scale.span(), message));
            }
            Ok((p, s))
        }
        _ => Err(meta.error("write all digits and those after the point: `decimal(18, 8)`")),
    }
}

/// `text(64)`
pub fn text(meta: &ParseNestedMeta<'_>) -> Result<u32> {
    let content;
    parenthesized!(content in meta.input);
    let most: LitInt = content.parse()?;
    match most.base10_parse()? {
        0 => Err(Error::new(most.span(), "a text has at least one character: `text(64)`")),
        most => Ok(most),
    }
}

/// `length(1..=32)` or `length(1..)`
fn length(meta: &ParseNestedMeta<'_>) -> Result<TokenStream> {
    let bad = "write the fewest and the most: `length(1..=32)` or `length(1..)`";
    let content;
    parenthesized!(content in meta.input);
    let range: ExprRange = content.parse()?;
    let number = |expr: &Option<Box<syn::Expr>>| match expr.as_deref() {
        None => Ok(None),
        Some(syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(lit), .. })) => {
            lit.base10_parse::<u32>().map(Some)
        }
        Some(other) => Err(Error::new(other.span(), bad)),
    };
    let min = number(&range.start)?.unwrap_or(0);
    let max = match (number(&range.end)?, &range.limits) {
        (None, _) => u32::MAX,
        (Some(max), RangeLimits::Closed(_)) => max,
        (Some(_), RangeLimits::HalfOpen(_)) => return Err(Error::new(range.span(), bad)),
    };
    if min > max {
        return Err(Error::new(range.span(), "no length is in this range"));
    }
    Ok(quote!(__tradebase::derive_support::Rule::Length { min: #min, max: #max }))
}

/// `one_of("a", "b")`
fn one_of(meta: &ParseNestedMeta<'_>) -> Result<TokenStream> {
    let content;
    parenthesized!(content in meta.input);
    let texts = Punctuated::<LitStr, Token![,]>::parse_terminated(&content)?;
    Ok(quote!(__tradebase::derive_support::Rule::OneOf(&[#texts])))
}

fn pattern(lit: LitStr) -> Result<LitStr> {
    match regex_lite::Regex::new(&lit.value()) {
        Ok(_) => Ok(lit),
        Err(error) => Err(Error::new(lit.span(), format!("not a regular expression: {error}"))),
    }
}

fn on_delete(ident: Ident) -> Result<(Ident, TokenStream)> {
    let action = match ident.to_string().as_str() {
        "restrict" => quote!(__tradebase::OnDelete::Restrict),
        "cascade" => quote!(__tradebase::OnDelete::Cascade),
        "set_null" => quote!(__tradebase::OnDelete::SetNull),
        other => return Err(unknown(other, ident.span(), &["restrict", "cascade", "set_null"])),
    };
    Ok((ident, action))
}
