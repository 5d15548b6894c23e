//! InfluxDB 1.x over HTTP.

pub(crate) mod answer;
pub mod codec;
mod door;
mod quote;
mod read;
mod send;
mod types;
mod write;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use reqwest::{Client, Method, Url, redirect};
use tokio::runtime::Handle;
use tradebase_core::watch::{Operation, Watch};
use tradebase_core::{Capabilities, Code, Error, Result};

pub use door::{InfluxRequest, InfluxResponse};
pub use types::influx_type;

use crate::capability::INFLUX;
use crate::error;
use crate::identity::Bounds;
use crate::options::InfluxOptions;
use crate::plan::Plan;

/// How long an unused connection is kept. Servers and balancers close theirs after minutes.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// The most bytes of an answer that is no stream of rows: of an error, say.
const SMALL_ANSWER_MAX: usize = 1 << 20;

/// A database of an InfluxDB 1.x.
#[derive(Debug)]
pub struct Influx {
    client: Client,
    /// The address without a slash at its end.
    base: String,
    options: InfluxOptions,
    /// Whether the server said a version that is supported.
    is_connected: AtomicBool,
    is_closed: AtomicBool,
    /// Held by the one call that looks at the version; why the last one failed.
    connecting: tokio::sync::Mutex<Option<Error>>,
    /// Looks that failed.
    failures: AtomicU64,
}

impl Influx {
    /// The server, not looked for yet.
    pub fn later(mut options: InfluxOptions) -> Result<Self> {
        let base = base(&options.url)?;
        options.batch_lines_max = options.batch_lines_max.max(1);
        options.read_rows_max = options.read_rows_max.max(1);
        let client = Client::builder()
            // The environment names proxies; a store is reached directly.
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(options.connect_deadline)
            .pool_idle_timeout(IDLE_MAX)
            .build()
            .map_err(|e| error::transport(e, &base))?;
        let (is_connected, is_closed) = (AtomicBool::new(false), AtomicBool::new(false));
        let connecting = tokio::sync::Mutex::default();
        let failures = AtomicU64::new(0);
        Ok(Self { client, base, options, is_connected, is_closed, connecting, failures })
    }

    /// What it can do.
    pub fn capabilities(&self) -> &'static Capabilities {
        &INFLUX
    }

    /// The address with the database; neither holds a secret.
    pub fn address(&self) -> String {
        format!("{}/{}", self.base, self.options.database)
    }

    /// A server keeps its points.
    pub fn is_ephemeral(&self) -> bool {
        false
    }

    /// Nothing takes the place of a server.
    pub fn instead_of(&self) -> Option<PathBuf> {
        None
    }

    /// The measures of its operations.
    pub fn watch(&self) -> &Watch {
        &self.options.watch
    }

    /// Whether the server was found.
    pub fn is_connected(&self) -> bool {
        self.is_connected.load(Ordering::Acquire) && !self.is_closed.load(Ordering::Acquire)
    }

    /// Finds the server and looks at its version, once.
    pub async fn connect(&self) -> Result<()> {
        if self.is_closed.load(Ordering::Acquire) {
            return Err(Error::new(Code::Closed, "the series is closed"));
        }
        if self.options.runtime.is_none() && Handle::try_current().is_err() {
            return Err(error::no_runtime());
        }
        if self.is_connected() {
            return Ok(());
        }
        self.watch().run(Operation::Connect, |()| 0, self.find()).await
    }

    async fn find(&self) -> Result<()> {
        let failures = self.failures.load(Ordering::Acquire);
        let mut failure = self.connecting.lock().await;
        if self.is_connected() {
            return Ok(());
        }
        // Whoever waited behind a failed look has waited long enough.
        if let Some(why) = &*failure
            && self.failures.load(Ordering::Acquire) != failures
        {
            return Err(why.again());
        }
        if let Err(why) = self.look_at_version().await {
            *failure = Some(why.again());
            self.failures.fetch_add(1, Ordering::Release);
            return Err(why);
        }
        self.is_connected.store(true, Ordering::Release);
        let (store, operation) = (INFLUX.engine, "connect");
        tracing::info!(store, operation, address = self.address(), "connected");
        Ok(())
    }

    /// Asks the server whether it is there.
    pub async fn ping(&self) -> Result<()> {
        self.connect().await?;
        let answered = self.look_at_version().await;
        if answered.is_err() {
            // The next call looks for the server anew.
            self.is_connected.store(false, Ordering::Release);
        }
        answered
    }

    /// Makes the database, if it is not there.
    pub async fn create(&self, _: &Plan) -> Result<()> {
        self.connect().await?;
        let mut statement = String::from("CREATE DATABASE ");
        quote::identifier(&mut statement, &self.options.database);
        self.execute(&statement).await
    }

    /// Takes all points of a series away. Nothing happens if there is no such series.
    pub async fn remove(&self, plan: &Plan) -> Result<()> {
        self.connect().await?;
        let mut statement = String::from("DROP SERIES FROM ");
        quote::identifier(&mut statement, plan.name);
        self.execute(&statement).await
    }

    /// Lets the server go, for all handles.
    pub async fn close(&self) -> Result<()> {
        self.is_closed.store(true, Ordering::Release);
        Ok(())
    }

    fn bounds(&self) -> Bounds {
        Bounds { lines: self.options.batch_lines_max, bytes: self.options.batch_bytes_max }
    }

    async fn look_at_version(&self) -> Result<()> {
        let response = self.send(self.request(Method::GET, "/ping", &[])).await?;
        let version = response.headers().get("x-influxdb-version");
        let version = version.and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        if response.status().as_u16() == 401 {
            return Err(error::failure(401, "/ping needs a sign-in"));
        }
        check_version(&version)
    }

    /// Runs a statement that has no rows to give.
    async fn execute(&self, statement: &str) -> Result<()> {
        let request = self.request(
            Method::POST,
            "/query",
            &[("db", &self.options.database), ("q", statement)],
        );
        let response = self.send(request).await?;
        let status = response.status().as_u16();
        let body = self.small(response).await?;
        if status != 200 {
            return Err(error::failure(status, &error::words(&body)));
        }
        let mut progress = answer::Progress::new(1);
        answer::read(&body, &mut progress, &mut Nothing)?;
        if progress.is_complete() { Ok(()) } else { Err(error::cut()) }
    }
}

/// For statements that have no rows to give.
struct Nothing;

impl answer::Rows for Nothing {
    fn columns(&mut self, _: usize, _: &[tradebase_core::json::Cell<'_>]) -> Result<()> {
        Ok(())
    }

    fn row(&mut self, _: usize, _: &[tradebase_core::json::Cell<'_>]) -> Result<()> {
        Ok(())
    }
}

/// The address as requests begin with it. No message repeats it: there may be a password in it.
fn base(text: &str) -> Result<String> {
    let config = |message: &str| Error::new(Code::Config, message);
    let url = Url::parse(text).map_err(|e| {
        config("the address of the InfluxDB must be like http://host:8086").because(e)
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(config("user and password belong in the options, not in the address"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(config("the address of the InfluxDB must end before its ? or #"));
    }
    match url.scheme() {
        "http" => Ok(url.as_str().trim_end_matches('/').to_owned()),
        "https" => Err(Error::new(Code::Unsupported, "InfluxDB over TLS is not supported yet")),
        other => Err(config(&format!("an InfluxDB is reached by http, not by: {other}"))),
    }
}

/// Only 1.x for now: 2 and 3 have other doors, and other answers behind the same ones.
fn check_version(version: &str) -> Result<()> {
    let major = version.trim_start_matches('v').split('.').next().unwrap_or_default();
    match major {
        "1" => Ok(()),
        "" => Err(Error::new(
            Code::Unsupported,
            "the server does not say a version: InfluxDB 1.x is supported",
        )),
        _ => Err(Error::new(
            Code::Unsupported,
            format!("only InfluxDB 1.x is supported for now, the server is: {version}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn influx_versions_other_than_1_are_refused() {
        for good in ["1.6.7~rc0", "1.12.4", "1.8.10", "v1.11.8"] {
            assert!(check_version(good).is_ok(), "{good}");
        }
        for bad in ["", "2.7.12", "v2.9.1", "3.11.7", "10.0", "unknown"] {
            assert_eq!(check_version(bad).unwrap_err().code(), Code::Unsupported, "{bad}");
        }
    }

    #[test]
    fn influx_addresses_are_checked_and_never_repeated() {
        assert_eq!(base("http://localhost:8086/").unwrap(), "http://localhost:8086");
        assert_eq!(base("http://host/influx/").unwrap(), "http://host/influx");
        for (bad, code) in [
            ("http://user:hunter2@host:8086", Code::Config),
            ("http://:hunter2@host:8086", Code::Config),
            ("hunter2", Code::Config),
            ("ftp://hunter2", Code::Config),
            ("http://host/?p=hunter2", Code::Config),
            ("https://hunter2", Code::Unsupported),
        ] {
            let error = base(bad).unwrap_err();
            assert_eq!(error.code(), code, "{bad}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
