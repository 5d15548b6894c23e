//! Reads rows that another process wrote, and compares them with the rows of the same seed.

use tradebase_conformance::rows::Maker;
use tradebase_conformance::store::{Address, Sample, Store, assert_same};
use tradebase_core::Record;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, record, seed, count] = arguments.as_slice() else {
        panic!("usage: fresh-reader ADDRESS trades|sessions SEED COUNT");
    };
    let address: Address = address.parse().expect("an address");
    let (seed, count) = (seed.parse().expect("a seed"), count.parse().expect("a count"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match record.as_str() {
        "trades" => runtime.block_on(compare(&address, &Maker::new(seed).trades(count))),
        _ => runtime.block_on(compare(&address, &Maker::new(seed).sessions(count))),
    }
}

async fn compare<T: Sample>(address: &Address, wanted: &[T]) {
    let store = Store::open(address).await.expect("the store opens");
    let keys: Vec<_> = wanted.iter().map(Record::key).collect();
    let found = store.read::<T>(&keys).await.expect("the rows are read");
    assert_same(wanted, found, "in a fresh process");
}
