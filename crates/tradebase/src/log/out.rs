//! Where events go, and the clock of those for people.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tradebase_core::clock;

/// Standard error, or what was given instead.
#[derive(Clone)]
pub(super) struct Out(Option<Arc<Mutex<Box<dyn Write + Send>>>>);

impl Out {
    pub(super) fn new(writer: Option<Box<dyn Write + Send>>) -> Self {
        Self(writer.map(|writer| Arc::new(Mutex::new(writer))))
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    /// In one piece, so that lines of several threads do not mix.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &self.0 {
            None => io::stderr().lock().write_all(bytes),
            Some(writer) => writer.lock().unwrap_or_else(PoisonError::into_inner).write_all(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &self.0 {
            None => io::stderr().lock().flush(),
            Some(writer) => writer.lock().unwrap_or_else(PoisonError::into_inner).flush(),
        }
    }
}

impl MakeWriter<'_> for Out {
    type Writer = Out;

    fn make_writer(&self) -> Out {
        self.clone()
    }
}

/// Moments as they stand in the JSON form.
pub(super) struct Clocked;

impl FormatTime for Clocked {
    fn format_time(&self, out: &mut Writer<'_>) -> fmt::Result {
        out.write_str(&now())
    }
}

/// The present moment: RFC 3339, microseconds, `Z`.
pub(super) fn now() -> String {
    let mut out = Vec::new();
    clock::now().write(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}
