use super::store::Store;
use crate::guest::{Ask, GuestRows};
use tradebase_core::Result;
impl Store {
    pub(crate) async fn guest(&self, _ask: &Ask) -> Result<GuestRows> {
        Ok(GuestRows::default())
    }
}
