//! The generated pages are those of this code.

use std::path::Path;

use tradebase_conformance::reference;
use tradebase_conformance::store::{Engine, Home};

#[tokio::test]
async fn the_page_of_engines_is_that_of_the_code() {
    let mut all = Vec::new();
    for engine in Engine::ALL {
        all.push(Home::new(engine).open().await.expect("the store opens").capabilities());
    }
    let page = reference::engines(&all);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/engines.md");
    if std::env::var_os("TRADEBASE_WRITE_REFERENCE").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is made");
        std::fs::write(&path, &page).expect("the page is written");
    }
    let found = std::fs::read_to_string(&path).expect("the page is there");
    assert_eq!(found, page, "write it anew with TRADEBASE_WRITE_REFERENCE=1");
}
