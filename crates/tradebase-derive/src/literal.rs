//! Literals in attributes: numbers with a sign, kept exact.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Lit, Result, Token};

/// A literal, with its sign.
pub struct Literal {
    negative: bool,
    lit: Lit,
}

impl Parse for Literal {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let negative = input.parse::<Option<Token![-]>>()?.is_some();
        let lit: Lit = input.parse()?;
        Ok(Self { negative, lit })
    }
}

impl Literal {
    pub fn span(&self) -> Span {
        self.lit.span()
    }

    /// The digits as written, with the sign: `-0.05`.
    fn digits(&self) -> Option<String> {
        let digits = match &self.lit {
            Lit::Int(lit) => lit.base10_digits().to_owned(),
            Lit::Float(lit) => lit.base10_digits().to_owned(),
            Lit::Str(lit) => return Some(lit.value()),
            _ => return None,
        };
        Some(if self.negative { format!("-{digits}") } else { digits })
    }

    /// A default of a column.
    pub fn preset(&self) -> Result<TokenStream> {
        let sign = if self.negative { quote!(-) } else { quote!() };
        Ok(match &self.lit {
            Lit::Bool(lit) => quote!(__tradebase::Preset::Bool(#lit)),
            Lit::Int(lit) => quote!(__tradebase::Preset::Int(#sign #lit)),
            Lit::Float(lit) => quote!(__tradebase::Preset::Float(#sign #lit)),
            Lit::Str(lit) => quote!(__tradebase::Preset::Text(#lit)),
            _ => {
                let message = "a default is a literal: true, 1, 0.5 or \"text\"";
                return Err(Error::new(self.span(), message));
            }
        })
    }

    /// A bound of a range: whole units, digits after the point, and the same as a float.
    pub fn bound(&self) -> Result<TokenStream> {
        let message = "a bound is a number: 0, -1.5, or \"0.00000001\" as text";
        let bad = || Error::new(self.span(), message);
        let digits = self.digits().ok_or_else(bad)?;
        let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
        let units: i128 = format!("{whole}{fraction}").parse().map_err(|_| bad())?;
        let scale = u8::try_from(fraction.len()).map_err(|_| bad())?;
        let float: f64 = digits.parse().map_err(|_| bad())?;
        Ok(quote! {
            __tradebase::derive_support::Bound { units: #units, scale: #scale, float: #float }
        })
    }
}
