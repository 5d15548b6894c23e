//! The role that guests sign in by.

use std::pin::pin;

use tradebase_core::watch::Operation;
use tradebase_core::{Code, Error, Result, Secret, Table};

use crate::engine::Engine;
use crate::sql::Sql;

impl Sql {
    /// Makes a role on PostgreSQL that can sign in and read these tables, and nothing else, or
    /// gives a role that it made these tables and that password. A role of another origin is never
    /// touched. The tables must be there.
    ///
    /// It gives the address to be set as [`SqlOptions::guest_url`](crate::SqlOptions::guest_url)
    /// or `DATABASE_GUEST_URL`, with the password in it. The server is sent what it checks the
    /// password by, not the password.
    ///
    /// Whoever connects must be allowed to make roles. When it returns, the role is there and has
    /// signed in once; if it could do too much, that is an error that says what. The rights that
    /// everybody has on the database are such a thing, and are not taken from anybody here.
    pub async fn guest_role(
        &self,
        name: &str,
        password: &Secret,
        tables: impl IntoIterator<Item = &'static Table>,
    ) -> Result<Secret> {
        let tables: Vec<_> = tables.into_iter().collect();
        let call = self.call(Operation::Create, None);
        let made = async {
            if self.bound.is_some() {
                let message = "a role is made outside of transactions";
                return Err(Error::new(Code::OutsideTransaction, message));
            }
            match &self.engine {
                Engine::Sqlite(_) => {
                    _ = (name, password, &tables);
                    let message = "SQLite has no roles: guests have a connection that only reads";
                    Err(Error::new(Code::Unsupported, message))
                }
                #[cfg(feature = "postgres")]
                Engine::Postgres(store) => {
                    let url = store.guest_role(&call, name, password, &tables).await?;
                    store.check_guest(&url, &tables).await.map(|()| url)
                }
            }
        };
        self.run(&call, |_| 1, pin!(made)).await
    }
}
