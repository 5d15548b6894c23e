//! A struct as the derives see it: its fields, each a column, an embedded struct, or skipped.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, Ident, Result, Type, Visibility};

use crate::attribute::FieldAttributes;
use crate::name;

/// One field.
pub struct Field {
    pub ident: Ident,
    pub vis: Visibility,
    pub ty: Type,
    pub column: String,
    pub given: FieldAttributes,
    pub what: What,
    /// The constant that holds its first position.
    pub at: Ident,
}

/// What a field is to the stores.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum What {
    Column,
    Json,
    Embedded,
    Skipped,
}

impl Field {
    fn read(index: usize, field: &syn::Field) -> Result<Self> {
        let given = FieldAttributes::read(field)?;
        let Some(ident) = field.ident.clone() else {
            return Err(Error::new(field.span(), "a record's fields have names"));
        };
        let plain = ident.to_string();
        let plain = plain.strip_prefix("r#").unwrap_or(&plain).to_owned();
        let column = given.name.as_ref().map_or(plain, syn::LitStr::value);
        let what = what(&given)?;
        if what != What::Skipped {
            name::check(&column, ident.span())?;
        }
        let at = format_ident!("AT_{index}");
        Ok(Self { ident, vis: field.vis.clone(), ty: field.ty.clone(), column, given, what, at })
    }

    pub fn span(&self) -> Span {
        self.ty.span()
    }

    /// Whether it takes part in the key.
    pub fn is_key(&self) -> bool {
        self.given.has("key")
    }

    /// Whether the database assigns it: written as `Assigned<…>`, or said so.
    pub fn is_assigned(&self) -> bool {
        let named = match &self.ty {
            Type::Path(path) => path.path.segments.last().is_some_and(|s| s.ident == "Assigned"),
            _ => false,
        };
        named || self.given.has("assigned")
    }

    /// The prefix of an embedded struct's columns.
    fn prefix(&self) -> String {
        self.given.prefix.clone().unwrap_or_else(|| format!("{}_", self.column))
    }

    /// How many columns it takes.
    pub fn width(&self) -> TokenStream {
        let ty = &self.ty;
        match self.what {
            What::Column | What::Json => quote!(1),
            What::Embedded => quote!(<#ty as __tradebase::Row>::WIDTH),
            What::Skipped => quote!(0),
        }
    }

    /// Its part of the columns.
    pub fn part(&self) -> Option<TokenStream> {
        let ty = &self.ty;
        match self.what {
            What::Skipped => None,
            What::Embedded => {
                let prefix = self.prefix();
                Some(quote! {
                    __tradebase::derive_support::Part::Many(
                        #prefix, <#ty as __tradebase::Put>::COLUMNS)
                })
            }
            What::Column | What::Json => {
                let column = self.description();
                Some(quote!(__tradebase::derive_support::Part::One(#column)))
            }
        }
    }

    /// The constant that describes the column.
    fn description(&self) -> TokenStream {
        let (ty, column) = (&self.ty, &self.column);
        let mut made = if self.what == What::Json {
            let nullable = is_option(ty);
            quote! {
                __tradebase::Column::new(#column, __tradebase::Kind::Json, #nullable)
                    .with_check(__tradebase::derive_support::check_json::<#ty>)
            }
        } else {
            quote! {
                __tradebase::Column::new(
                    #column,
                    <#ty as __tradebase::Field>::KIND,
                    <#ty as __tradebase::Field>::NULLABLE)
                .with_labels(
                    <#ty as __tradebase::Field>::LABELS,
                    <#ty as __tradebase::Field>::CLOSED)
                .with_check(<#ty as __tradebase::Field>::CHECK)
            }
        };
        if let Some((precision, scale)) = self.given.decimal {
            made.extend(quote! {
                .with_kind(__tradebase::Kind::Decimal { precision: #precision, scale: #scale })
            });
        }
        if let Some(max) = self.given.text {
            made.extend(quote! {
                .with_kind(__tradebase::Kind::Text { max: ::core::option::Option::Some(#max) })
            });
        }
        for (_, role) in &self.given.roles {
            made.extend(quote!(.with_roles(#role)));
        }
        if self.is_assigned() && !self.given.has("assigned") {
            made.extend(quote!(.with_roles(__tradebase::Roles::ASSIGNED)));
        }
        if let Some(preset) = self.given.default.as_ref().and_then(|d| d.preset().ok()) {
            made.extend(quote!(.with_default(#preset)));
        }
        if let Some(was) = &self.given.was {
            made.extend(quote!(.with_was(#was)));
        }
        made.extend(self.rules());
        made.extend(self.parent());
        made
    }

    fn rules(&self) -> TokenStream {
        if self.given.rules.is_empty() && self.given.patterns.is_empty() {
            return TokenStream::new();
        }
        let rules = &self.given.rules;
        let patterns = self.given.patterns.iter().map(|lit| {
            quote! {{
                static PATTERN: __tradebase::derive_support::Pattern =
                    __tradebase::derive_support::Pattern::new(#lit);
                __tradebase::derive_support::Rule::Pattern(&PATTERN)
            }}
        });
        quote! {
            .with_rules({
                const RULES: &[__tradebase::derive_support::Rule] =
                    &[#(#rules,)* #(#patterns,)*];
                RULES
            })
        }
    }

    fn parent(&self) -> TokenStream {
        let Some(parent) = &self.given.belongs_to else { return TokenStream::new() };
        let action = match &self.given.on_delete {
            Some((_, action)) => action.clone(),
            None => quote!(__tradebase::OnDelete::Restrict),
        };
        quote! {
            .with_parent(__tradebase::Parent::new(
                || <#parent as __tradebase::Record>::TABLE, #action))
        }
    }

    /// Checks of the field's type, which only the compiler knows: at the field, with what to do.
    pub fn assertions(&self) -> TokenStream {
        if self.what != What::Column {
            return TokenStream::new();
        }
        let ty = &self.ty;
        let span = self.span();
        let field = quote!(<#ty as __tradebase::Field>);
        let kind = quote!(#field::KIND);
        let mut claims: Vec<(TokenStream, &str)> = Vec::new();
        claims.push((
            quote!(!#field::NESTED),
            "an Option inside an Option: no store can tell their nulls apart",
        ));
        if self.given.decimal.is_some() {
            claims.push((
                quote!(#kind.is_decimal()),
                "`decimal(…)` is for a decimal field; this type is none",
            ));
        } else {
            claims.push((
                quote!(!__tradebase::derive_support::is_undeclared(#kind)),
                "a decimal must say its digits: write #[record(decimal(18, 8))], all digits and \
                 those after the point",
            ));
        }
        if self.given.text.is_some() {
            claims.push((quote!(#kind.is_text()), "`text(…)` is for a text field"));
        }
        if !self.given.truncate {
            claims.push((
                quote!(!#field::CUTS),
                "this type is finer than the store: write #[record(truncate)] if digits below a \
                 microsecond may be cut off, or use Timestamp or TimestampNs",
            ));
        }
        if self.is_assigned() {
            claims.push((quote!(#field::ASSIGNED), "`assigned` is for a field of Assigned<i64>"));
        } else {
            claims.push((
                quote!(!#field::ASSIGNED),
                "an assigned key behind an alias must say so: write #[record(key, assigned)]",
            ));
        }
        self.role_claims(&field, &mut claims);
        if let Some(default) = &self.given.default
            && let Ok(preset) = default.preset()
        {
            let given_kind = self.kind_expr(&kind);
            claims.push((
                quote!(#preset.fits(#given_kind, #field::LABELS)),
                "the default does not fit the field: true, 1, 0.5, \"text\"; a decimal, date, \
                 time or id is written as \"text\", an enum as one of its stored texts",
            ));
        }
        let checks = claims.into_iter().map(|(claim, message)| {
            quote_spanned!(span=> const _: () = ::core::assert!(#claim, #message);)
        });
        quote!(#(#checks)*)
    }

    fn kind_expr(&self, kind: &TokenStream) -> TokenStream {
        match self.given.decimal {
            Some((precision, scale)) => {
                quote!(__tradebase::Kind::Decimal { precision: #precision, scale: #scale })
            }
            None => kind.clone(),
        }
    }

    fn role_claims(&self, field: &TokenStream, claims: &mut Vec<(TokenStream, &'static str)>) {
        let kind = quote!(#field::KIND);
        let is = |what: TokenStream| quote!(::core::matches!(#kind, #what));
        let given = &self.given;
        if given.has("key") {
            claims.push((
                quote!(!#field::NULLABLE),
                "a key cannot be an Option: every record has one",
            ));
        }
        if given.has("tag") {
            let float = is(quote!(__tradebase::Kind::F64));
            claims.push((quote!(!#float), "a float cannot be a tag: its text form is not unique"));
        }
        if given.has("time") {
            let moment = is(quote! {
                __tradebase::Kind::Timestamp | __tradebase::Kind::TimestampNs
            });
            claims.push((
                quote!(#moment && !#field::NULLABLE),
                "the time of a series is a Timestamp or TimestampNs, and no Option",
            ));
        }
        if given.has("sequence") {
            claims.push((
                quote!(#kind.is_integer() && !#field::NULLABLE),
                "a sequence is an integer from 0 to 999, and no Option",
            ));
        }
        if given.has("version") {
            let whole = is(quote!(__tradebase::Kind::I64));
            claims.push((quote!(#whole && !#field::NULLABLE), "a version is an i64"));
        }
        if given.has("created") || given.has("updated") {
            let moment = is(quote!(__tradebase::Kind::Timestamp));
            claims.push((
                quote!(#moment && !#field::NULLABLE),
                "`created` and `updated` are for a Timestamp, and no Option: the layer fills them",
            ));
        }
        if given.on_delete.as_ref().is_some_and(|(action, _)| action == "set_null") {
            claims.push((quote!(#field::NULLABLE), "`set_null` needs an Option to set to null"));
        }
    }
}

fn what(given: &FieldAttributes) -> Result<What> {
    let what = role(given)?;
    match &given.belongs_to {
        Some(parent) if what != What::Column => {
            let message = "only a plain column points to another record";
            Err(Error::new(parent.span(), message))
        }
        _ => Ok(what),
    }
}

fn role(given: &FieldAttributes) -> Result<What> {
    let both = |span: Span, what: &str| Err(Error::new(span, format!("{what} cannot be both")));
    match (given.json, given.embed, given.skip) {
        (Some(span), Some(_), _) => both(span, "`json` and `embed`: a field"),
        (Some(span), _, Some(_)) | (_, Some(span), Some(_)) => both(span, "a skipped field"),
        (Some(span), None, None) => {
            if let Some((role, _)) = given.roles.iter().find(|(r, _)| r != "index") {
                let message = format!("a JSON field cannot be `{role}`");
                return Err(Error::new(span, message));
            }
            Ok(What::Json)
        }
        (None, Some(span), None) => {
            if let Some((role, _)) = given.roles.first() {
                let message = format!("an embedded struct cannot be `{role}`: its fields can");
                return Err(Error::new(span, message));
            }
            Ok(What::Embedded)
        }
        (None, None, Some(_)) => Ok(What::Skipped),
        (None, None, None) => Ok(What::Column),
    }
}

/// Whether a type is written as `Option<…>`.
pub fn is_option(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => path.path.segments.last().is_some_and(|s| s.ident == "Option"),
        _ => false,
    }
}

/// The fields of a plain struct; anything else is refused with what to do.
pub fn fields(input: &DeriveInput) -> Result<Vec<Field>> {
    if !input.generics.params.is_empty() {
        let message = "a record cannot be generic: its columns stand in statics, which generic \
                       types cannot have; write the type out";
        return Err(Error::new(input.generics.span(), message));
    }
    let Data::Struct(data) = &input.data else {
        let message = "only a struct can be a record; for an enum use #[derive(Field)]";
        return Err(Error::new(input.ident.span(), message));
    };
    let Fields::Named(named) = &data.fields else {
        let message = "a record has named fields; for a newtype use #[derive(Field)]";
        return Err(Error::new(input.ident.span(), message));
    };
    let mut fields = Vec::new();
    let mut errors: Option<Error> = None;
    for (index, field) in named.named.iter().enumerate() {
        match Field::read(index, field) {
            Ok(field) => fields.push(field),
            Err(error) => match &mut errors {
                Some(all) => all.combine(error),
                None => errors = Some(error),
            },
        }
    }
    match errors {
        Some(errors) => Err(errors),
        None if fields.iter().all(|f| f.what == What::Skipped) => {
            Err(Error::new(input.ident.span(), "a record needs at least one column"))
        }
        None => Ok(fields),
    }
}
