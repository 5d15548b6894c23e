//! Where the user has the contract from.

use proc_macro2::TokenStream;
use quote::quote;

/// The crate that the generated code names: the contract itself, or the hall, which shows it too.
///
/// A derive cannot see what the user's crate depends on. So each derive is there twice, and each
/// of the two crates exports the one that names it.
#[derive(Clone, Copy)]
pub enum Home {
    Core,
    Hall,
}

impl Home {
    /// The relational room. Who has it without the hall has it by its own name.
    pub fn relational(self) -> TokenStream {
        match self {
            Home::Core => quote!(::tradebase_sql),
            Home::Hall => quote!(::tradebase::sql),
        }
    }

    /// The code in a block of its own, where `__tradebase` is that crate.
    pub fn block(self, code: &TokenStream) -> TokenStream {
        let home = match self {
            Home::Core => quote!(::tradebase_core),
            Home::Hall => quote!(::tradebase),
        };
        quote! {
            #[automatically_derived]
            #[allow(clippy::all, clippy::pedantic, unused_qualifications)]
            const _: () = {
                use #home as __tradebase;
                #code
            };
        }
    }
}
