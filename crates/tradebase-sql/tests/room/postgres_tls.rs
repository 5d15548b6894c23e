//! Encryption on the way to PostgreSQL: what the address says of it is kept, or the store is not
//! opened.

#![cfg(feature = "postgres")]

use crate::common;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use common::poll_once;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::time::sleep;
use tradebase_core::{Code, Value};
use tradebase_sql::{Sql, SqlOptions};
use tradebase_testkit::{Postgres, TempFolder};

type Root = CertifiedIssuer<'static, KeyPair>;

fn root(name: &str) -> Root {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
    Root::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
}

/// A server that speaks to nobody in plain, and the roots of right and wrong addresses.
struct Encrypted {
    server: Postgres,
    folder: TempFolder,
}

impl Encrypted {
    /// One whose certificate is for 127.0.0.1, and not for localhost.
    fn shared() -> &'static Self {
        static SHARED: OnceLock<Encrypted> = OnceLock::new();
        SHARED.get_or_init(|| {
            let (right, wrong) = (root("right"), root("wrong"));
            let key = KeyPair::generate().unwrap();
            let parameters = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
            let certificate = parameters.signed_by(&key, &right).unwrap();
            let server = Postgres::options()
                .tls(&certificate.pem(), &key.serialize_pem())
                .access("hostssl all all 127.0.0.1/32 trust")
                .start()
                .unwrap();
            let folder = TempFolder::new().unwrap();
            std::fs::write(folder.file("right.pem"), right.pem()).unwrap();
            std::fs::write(folder.file("wrong.pem"), wrong.pem()).unwrap();
            std::fs::write(folder.file("empty.pem"), "nothing").unwrap();
            Encrypted { server, folder }
        })
    }

    fn root(&self, name: &str) -> PathBuf {
        self.folder.file(name)
    }

    /// The address of the server with parameters, in which `$` stands for the folder of roots.
    fn url(&self, host: &str, parameters: &str) -> String {
        let folder = self.folder.path().display().to_string();
        let parameters = parameters.replace('$', &folder);
        format!("postgres://postgres@{host}:{}/postgres?{parameters}", self.server.port())
    }
}

#[tokio::test]
async fn postgres_that_is_verified_is_spoken_to_encrypted() {
    let encrypted = Encrypted::shared();
    assert!(encrypted.root("right.pem").exists());
    for (host, parameters) in [
        ("127.0.0.1", "sslmode=verify-full&sslrootcert=$/right.pem"),
        ("127.0.0.1", "sslrootcert=$/right.pem"),
        ("127.0.0.1", "sslmode=verify-ca&sslrootcert=$/right.pem"),
        // The name is not asked for.
        ("localhost", "sslmode=verify-ca&sslrootcert=$/right.pem"),
        ("localhost", "sslmode=require&sslrootcert=$/right.pem"),
        // Nothing is asked for.
        ("localhost", "sslmode=require"),
        ("127.0.0.1", "sslmode=prefer"),
    ] {
        let sql = Sql::open(&encrypted.url(host, parameters)).await.unwrap();
        let is = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        let rows = sql.query_values(is, &[]).await.unwrap();
        assert_eq!(rows.rows, [[Value::Bool(true)]], "{host} {parameters}");
        sql.close().await.unwrap();
    }
}

#[tokio::test]
async fn postgres_that_is_not_who_the_address_says_is_refused() {
    let encrypted = Encrypted::shared();
    let refused = Code::AuthenticationRefused;
    for (host, parameters, code, words) in [
        ("127.0.0.1", "sslmode=verify-full&sslrootcert=$/wrong.pem", refused, "certificate"),
        ("127.0.0.1", "sslmode=verify-ca&sslrootcert=$/wrong.pem", refused, "certificate"),
        ("127.0.0.1", "sslmode=require&sslrootcert=$/wrong.pem", refused, "certificate"),
        ("localhost", "sslmode=verify-full&sslrootcert=$/right.pem", refused, "host's name"),
        ("127.0.0.1", "sslrootcert=$/missing.pem", Code::Config, "missing.pem"),
        ("127.0.0.1", "sslrootcert=$/empty.pem", Code::Config, "empty.pem"),
        // This server speaks to nobody in plain.
        ("127.0.0.1", "", refused, "no encryption"),
        ("127.0.0.1", "sslmode=disable", refused, "no encryption"),
    ] {
        let error = Sql::open(&encrypted.url(host, parameters)).await.unwrap_err();
        assert_eq!(error.code(), code, "{host} {parameters}: {error}");
        assert!(error.to_string().contains(words), "{host} {parameters}: {error}");
        assert!(!error.is_retryable());
    }
}

#[tokio::test]
async fn postgres_that_does_not_encrypt_is_not_spoken_to_in_plain() {
    let database = Postgres::shared().database();
    let error = Sql::open(&format!("{}?sslmode=require", database.url())).await.unwrap_err();
    assert_eq!((error.code(), error.is_retryable()), (Code::Unsupported, false), "{error}");
    assert!(error.to_string().contains("does not encrypt"), "{error}");
    let sql = Sql::open(&format!("{}?sslmode=prefer", database.url())).await.unwrap();
    sql.close().await.unwrap();
}

#[tokio::test]
async fn postgres_statement_is_cancelled_through_encryption_too() {
    let encrypted = Encrypted::shared();
    let url = encrypted.url("127.0.0.1", "sslmode=verify-full&sslrootcert=$/right.pem");
    let sql = Sql::open_with(SqlOptions::new(&url)).await.unwrap();
    let mut nap = Box::pin(sql.execute("SELECT pg_sleep(600)", &[]));
    let asleep = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND \
                  query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()";
    let naps = async || sql.query_values(asleep, &[]).await.unwrap().rows.len();
    while naps().await == 0 {
        assert!(poll_once(&mut nap).await.is_pending());
        sleep(Duration::from_millis(1)).await;
    }
    drop(nap);
    for _ in 0..500 {
        if naps().await == 0 {
            return sql.close().await.unwrap();
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("the statement goes on");
}
