//! A TCP proxy that breaks connections on demand.

mod door;
mod frames;
mod link;
mod rules;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::KitError;
use crate::port::Port;
use door::Door;
use link::Hub;

/// More connections at once are closed unheard.
pub const CONNECTIONS_MAX: usize = 256;

/// One end of a proxied connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The program that connects to the proxy.
    Client,
    /// The server behind the proxy.
    Server,
}

/// What went through a proxy so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections accepted since the proxy was made.
    pub connections: u64,
    /// Connections that are open now.
    pub open: usize,
    /// Bytes from clients that were forwarded.
    pub bytes_from_client: u64,
    /// Bytes from the server that were forwarded.
    pub bytes_from_server: u64,
    /// Messages of PostgreSQL from clients that were forwarded to their end.
    pub messages_from_client: u64,
    /// Messages of PostgreSQL from the server that were forwarded to their end.
    pub messages_from_server: u64,
}

/// A TCP proxy on a free port of 127.0.0.1, in front of any address.
///
/// It forwards everything until it is told otherwise. It keeps order within a connection and
/// never changes a byte. Dropping it closes its connections and its port.
pub struct Proxy {
    port: Port,
    door: Mutex<Option<Door>>,
    hub: Arc<Hub>,
}

impl Proxy {
    /// A proxy before `server`, such as `127.0.0.1:5432`. The server need not run yet; while it
    /// does not, connections are accepted and closed.
    ///
    /// # Errors
    /// When the address means nothing, or no port is free.
    pub fn before(server: &str) -> Result<Self, KitError> {
        let cannot = |error| KitError::io(format_args!("stand before {server}"), &error);
        let target = server.to_socket_addrs().map_err(cannot)?.next();
        let nothing = || KitError::failed(format!("nothing has the address: {server}"));
        let hub = Arc::new(Hub::new(target.ok_or_else(nothing)?));
        let proxy = Self { port: Port::hold()?, door: Mutex::new(None), hub };
        proxy.refuse(false)?;
        Ok(proxy)
    }

    /// Where clients connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port.number()).into()
    }

    /// From now on every byte arrives so much later, each way; a question and its answer take
    /// twice that. Bytes on their way are not slowed by each other.
    pub fn delay(&self, each_way: Duration) {
        self.hub.change(|rules| rules.delay = each_way);
    }

    /// Closes all present connections, those included that no server has answered yet. What was
    /// on its way is lost. New connections are accepted.
    pub fn cut(&self) {
        let door = self.door.lock().unwrap_or_else(PoisonError::into_inner);
        self.hub.cut(door.as_ref());
    }

    /// While on, new connections are refused by the system, as by a server that is down. Present
    /// ones live on.
    ///
    /// # Errors
    /// When the port cannot be opened again.
    pub fn refuse(&self, on: bool) -> Result<(), KitError> {
        let mut door = self.door.lock().unwrap_or_else(PoisonError::into_inner);
        if on {
            *door = None;
        } else if door.is_none() {
            let opened = Door::open(self.address(), &self.hub);
            *door = Some(opened.map_err(|error| KitError::io("open the proxy", &error))?);
        }
        Ok(())
    }

    /// Lets `bytes` more bytes from `from` through, over all connections, then closes the
    /// connection on which the next one arrives; that one is lost. Then the rule is used up, so a
    /// retry succeeds.
    ///
    /// With zero bytes from the server: the server has done its work and nobody hears of it.
    pub fn cut_after(&self, from: Side, bytes: u64) {
        self.hub.change(|rules| rules.side(from).bytes = Some(bytes));
    }

    /// From now on every message of PostgreSQL's protocol is forwarded on its own, so long after
    /// the one before it from the same side. With no pause, as they come.
    ///
    /// Who waits for an answer is so woken for every message of it. Connections that speak
    /// another protocol, or that are encrypted, are forwarded as they come.
    pub fn by_message(&self, pause: Duration) {
        self.hub.change(|rules| rules.pause = pause);
    }

    /// Lets `messages` more messages of PostgreSQL's protocol from `from` through, over all
    /// connections, then closes the connection on which the next one begins; that one is lost.
    /// Then the rule is used up.
    pub fn cut_after_messages(&self, from: Side, messages: u64) {
        self.hub.change(|rules| rules.side(from).cut_after = Some(messages));
    }

    /// Lets `messages` more messages of PostgreSQL's protocol from `from` through, over all
    /// connections, then holds what comes from that side, as [`hold`](Proxy::hold) does;
    /// `hold(false)` lets it go.
    pub fn hold_after_messages(&self, from: Side, messages: u64) {
        self.hub.change(|rules| rules.side(from).hold_after = Some(messages));
    }

    /// While on, connections are accepted and stay open, but nothing is forwarded. Afterwards
    /// what was sent meanwhile arrives.
    pub fn hold(&self, on: bool) {
        self.hub.change(|rules| rules.hold(on));
    }

    /// What went through so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.hub.counts()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let door = self.door.get_mut().unwrap_or_else(PoisonError::into_inner);
        *door = None;
        self.hub.close();
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("address", &self.address())
            .field("counts", &self.counts())
            .finish()
    }
}
