//! Requests on their way, and answers within their time.

use reqwest::{Method, RequestBuilder, Response};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tradebase_core::Result;

use super::{Influx, SMALL_ANSWER_MAX, quote};
use crate::error;

impl Influx {
    /// A request, signed in as the options say.
    pub(super) fn request(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
    ) -> RequestBuilder {
        let mut address = format!("{}{path}", self.base);
        for (i, (name, value)) in query.iter().enumerate() {
            address.push(if i == 0 { '?' } else { '&' });
            quote::percent(&mut address, name);
            address.push('=');
            quote::percent(&mut address, value);
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
    ///
    /// A connection lives on the runtime that sends over it, and is used again by later requests.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response> {
        let Some(runtime) = &self.options.runtime else {
            return self.within(request.send()).await;
        };
        let mut sending = Sending(runtime.spawn(request.send()));
        let sent = async { (&mut sending.0).await.map_err(error::ended) };
        let sent = self.timed(sent).await?;
        sent.map_err(|e| error::transport(e, &self.base))
    }

    /// A step of the HTTP client, within the deadline.
    pub(super) async fn within<T>(
        &self,
        work: impl Future<Output = std::result::Result<T, reqwest::Error>>,
    ) -> Result<T> {
        self.timed(async { work.await.map_err(|e| error::transport(e, &self.base)) }).await
    }

    /// Work, within the deadline.
    pub(super) async fn timed<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let deadline = self.options.answer_deadline;
        let timed = {
            // The timer of the given runtime: the caller's may be another one, without timers.
            let _entered = self.options.runtime.as_ref().map(Handle::enter);
            timeout(deadline, work)
        };
        timed.await.unwrap_or_else(|_| Err(error::late(deadline, &self.base)))
    }

    /// The body of an answer that has no rows.
    pub(super) async fn small(&self, response: Response) -> Result<Vec<u8>> {
        let long = || error::strange("a long text without rows");
        self.body(response, SMALL_ANSWER_MAX, long).await
    }

    /// The body of an answer, of so many bytes at most.
    pub(super) async fn body(
        &self,
        mut response: Response,
        bytes_max: usize,
        too_long: impl FnOnce() -> tradebase_core::Error,
    ) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(piece) = self.within(response.chunk()).await? {
            if body.len() + piece.len() > bytes_max {
                return Err(too_long());
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }
}

/// A request that is being sent by another task; dropped, it is given up.
struct Sending<T>(JoinHandle<T>);

impl<T> Drop for Sending<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
