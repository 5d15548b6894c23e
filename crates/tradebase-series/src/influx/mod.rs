//! InfluxDB 1.x over HTTP.

pub(crate) mod answer;
mod read;
mod write;

pub(crate) use read::read_document;

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response, Url, redirect};
use tokio::time::timeout;
use tradebase_core::{Code, Error, Result};

use crate::error;
use crate::escape;
use crate::identity::Bounds;
use crate::options::InfluxOptions;

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
}

impl Influx {
    /// Finds the server and looks at its version.
    pub async fn open(mut options: InfluxOptions) -> Result<Self> {
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
            .map_err(error::transport)?;
        let influx = Self { client, base, options };
        influx.look_at_version().await?;
        Ok(influx)
    }

    /// Makes the database, if it is not there.
    pub async fn create(&self) -> Result<()> {
        let mut statement = String::from("CREATE DATABASE ");
        escape::identifier(&mut statement, &self.options.database);
        self.execute(&statement).await
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
        let request = self.request(Method::POST, "/query", &[("q", statement)]);
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

    fn request(&self, method: Method, path: &str, query: &[(&str, &str)]) -> RequestBuilder {
        let mut address = format!("{}{path}", self.base);
        for (i, (name, value)) in query.iter().enumerate() {
            address.push(if i == 0 { '?' } else { '&' });
            address.push_str(name);
            address.push('=');
            escape::percent(&mut address, value);
        }
        let request = self.client.request(method, address);
        match &self.options.user {
            Some(user) => {
                request.basic_auth(user, self.options.password.as_ref().map(|p| p.expose()))
            }
            None => request,
        }
    }

    /// Sends a request and waits for the head of the answer, within the deadline.
    async fn send(&self, request: RequestBuilder) -> Result<Response> {
        self.within(request.send()).await
    }

    async fn within<T>(
        &self,
        work: impl Future<Output = std::result::Result<T, reqwest::Error>>,
    ) -> Result<T> {
        let deadline = self.options.answer_deadline;
        match timeout(deadline, work).await {
            Ok(done) => done.map_err(error::transport),
            Err(_) => Err(error::late(deadline)),
        }
    }

    /// The body of an answer that has no rows.
    async fn small(&self, mut response: Response) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(piece) = self.within(response.chunk()).await? {
            body.extend_from_slice(&piece);
            if body.len() > SMALL_ANSWER_MAX {
                return Err(error::strange("a long text without rows"));
            }
        }
        Ok(body)
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
