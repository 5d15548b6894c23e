//! The listening side of a proxy.

use std::io;
use std::iter;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle, sleep};
use std::time::Duration;

use super::link::Hub;

/// When the system is out of descriptors, accepting again at once would only burn time.
const TROUBLE_PAUSE: Duration = Duration::from_millis(10);

/// More than the system lets wait at a port.
const WAITING_MAX: usize = 4_096;

/// An open port and the thread that lets connections in. Dropping it closes the port.
pub(super) struct Door {
    listener: Arc<TcpListener>,
    closing: Arc<AtomicBool>,
    doorman: Option<JoinHandle<()>>,
}

impl Door {
    pub(super) fn open(address: SocketAddr, hub: &Arc<Hub>) -> io::Result<Self> {
        let listener = Arc::new(TcpListener::bind(address)?);
        listener.set_nonblocking(true)?;
        let closing = Arc::new(AtomicBool::new(false));
        let work = {
            let (listener, closing, hub) = (listener.clone(), closing.clone(), hub.clone());
            move || {
                while await_knock(&listener, &closing) {
                    hub.admit(&listener);
                }
            }
        };
        let doorman = Some(thread::Builder::new().name("kit-proxy".into()).spawn(work)?);
        Ok(Self { listener, closing, doorman })
    }

    /// Closes the connections that the system has accepted and the doorman has not.
    pub(super) fn turn_away(&self) -> usize {
        iter::from_fn(|| knock(&self.listener)).take(WAITING_MAX).count()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::SeqCst);
        // SAFETY: plain system call on a descriptor we hold; on a listener it wakes the doorman.
        unsafe { libc::shutdown(self.listener.as_raw_fd(), libc::SHUT_RDWR) };
        if let Some(doorman) = self.doorman.take() {
            _ = doorman.join();
        }
    }
}

/// The next waiting connection, if there is one.
pub(super) fn knock(listener: &TcpListener) -> Option<TcpStream> {
    match listener.accept() {
        Ok((client, _)) => Some(client),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
        Err(_) => {
            sleep(TROUBLE_PAUSE);
            None
        }
    }
}

/// Waits without taking the connection: it is taken under the hub's lock, so that at any time it
/// is either waiting or known and a cut misses none.
fn await_knock(listener: &TcpListener, closing: &AtomicBool) -> bool {
    let mut wanted = libc::pollfd { fd: listener.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one valid pollfd, and the count says one.
    unsafe { libc::poll(&raw mut wanted, 1, -1) };
    !closing.load(Ordering::SeqCst)
}
