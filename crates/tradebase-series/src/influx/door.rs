//! Any request to the server.

use std::fmt;

use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use tradebase_core::{Code, Error, Result};

use super::Influx;
use crate::error;

/// A request to an InfluxDB, for what is not wrapped here.
///
/// It is signed in as the room is, and sent once. Nothing is added to it: a query of a database
/// names it by `.param("db", …)`.
///
/// ```
/// use tradebase_series::InfluxRequest;
///
/// let request = InfluxRequest::get("/query").param("q", "SHOW DATABASES");
/// # let _ = request;
/// ```
#[derive(Clone)]
#[must_use = "it is sent by `Series::request`"]
pub struct InfluxRequest {
    method: Method,
    path: String,
    params: Vec<(String, String)>,
    body: Vec<u8>,
    accept: Option<String>,
    content_type: Option<String>,
}

impl InfluxRequest {
    /// A request that reads: `/query` with a `SELECT` or `SHOW`, `/ping` …
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path.into())
    }

    /// A request that changes something: `/write`, or `/query` with any statement.
    pub fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path.into())
    }

    fn new(method: Method, path: String) -> Self {
        let (params, body) = (Vec::new(), Vec::new());
        Self { method, path, params, body, accept: None, content_type: None }
    }

    /// Adds a parameter to the address. It may hold any text.
    pub fn param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.params.push((name.into(), value.into()));
        self
    }

    /// What is sent with it.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The form that the answer should have: `application/csv`. JSON unless given.
    pub fn accept(mut self, form: impl Into<String>) -> Self {
        self.accept = Some(form.into());
        self
    }

    /// The form that the body has: `application/x-www-form-urlencoded`.
    pub fn content_type(mut self, form: impl Into<String>) -> Self {
        self.content_type = Some(form.into());
        self
    }

    fn check(&self) -> Result<()> {
        let invalid = |message: String| Err(Error::new(Code::Invalid, message));
        let odd = |c: char| !c.is_ascii_graphic() || matches!(c, '?' | '#' | '\\');
        if !self.path.starts_with('/') || self.path.contains(odd) || self.path.contains("..") {
            let path = &self.path;
            return invalid(format!("the path of a request must be like /query, is {path:?}"));
        }
        if let Some((name, _)) = self.params.iter().find(|(name, _)| matches!(&**name, "u" | "p")) {
            let message = "a request is signed in as the room is, leave the parameter out";
            return invalid(format!("{message}: {name}"));
        }
        Ok(())
    }
}

/// Without parameters and body, which hold data.
impl fmt::Debug for InfluxRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InfluxRequest")
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// What the server answered, whatever its status.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InfluxResponse {
    /// The status of HTTP.
    pub status: u16,
    /// The form of the body, where the server says it.
    pub content_type: Option<String>,
    /// The body, whole.
    pub body: Vec<u8>,
}

impl InfluxResponse {
    /// The answer if it is a success, a typed error with the server's words if it is not.
    ///
    /// InfluxDB answers a statement that it understood and refused with a success, and says so in
    /// the body.
    pub fn ok(self) -> Result<InfluxResponse> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        Err(error::failure(self.status, &error::words(&self.body)).during("door"))
    }
}

/// Without the body, which holds data.
impl fmt::Debug for InfluxResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InfluxResponse")
            .field("status", &self.status)
            .field("content_type", &self.content_type)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Influx {
    /// Sends a request as it is.
    pub async fn door(&self, request: InfluxRequest) -> Result<InfluxResponse> {
        request.check()?;
        self.connect().await?;
        let InfluxRequest { method, path, params, body, accept, content_type } = request;
        let params: Vec<_> = params.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let mut sent = self.request(method, &path, &params);
        for (name, value) in [(ACCEPT, accept), (CONTENT_TYPE, content_type)] {
            if let Some(value) = value {
                sent = sent.header(name, value);
            }
        }
        if !body.is_empty() {
            sent = sent.body(body);
        }
        let response = self.send(sent).await?;
        let status = response.status().as_u16();
        let content_type = response.headers().get(CONTENT_TYPE);
        let content_type = content_type.and_then(|form| form.to_str().ok()).map(str::to_owned);
        let most = self.options.read_bytes_max;
        let body = self.body(response, most, || too_large(most)).await?;
        Ok(InfluxResponse { status, content_type, body })
    }
}

#[cold]
fn too_large(most: usize) -> Error {
    let message = format!(
        "the answer is larger than may be kept: ask for less, or raise `read_bytes_max`, which is \
         {most}"
    );
    Error::new(Code::StorageFull, message)
}
