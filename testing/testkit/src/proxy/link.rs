//! The connections of a proxy and the rules they follow.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::door::{Door, knock};
use super::frames::{Framer, Talk};
use super::rules::{Rules, Step};
use super::{CONNECTIONS_MAX, Counts, Side};

const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
const CHUNK_BYTES: usize = 16 * 1_024;
/// Chunks on their way in one direction; a sender that is further ahead has to wait.
const CHUNKS_MAX: usize = 256;
const STACK_BYTES: usize = 128 * 1_024;

/// All connections of a proxy.
pub(super) struct Hub {
    target: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    rules: Rules,
    links: Vec<Arc<Link>>,
    threads: Vec<JoinHandle<()>>,
    counts: Counts,
}

impl State {
    /// Takes what may pass now of a piece from the rules' budgets, or none if it has to wait.
    ///
    /// It counts from here and not once it is written: who has read an answer through the proxy
    /// finds it counted.
    fn spend(&mut self, from: Side, piece: &Piece<'_>) -> Option<Step> {
        let step = self.rules.spend(from, piece.bytes.len(), piece.begins)?;
        let whole = step.bytes == piece.bytes.len();
        let messages = if whole { widened(piece.messages) } else { 0 };
        let (bytes, counted) = match from {
            Side::Client => {
                (&mut self.counts.bytes_from_client, &mut self.counts.messages_from_client)
            }
            Side::Server => {
                (&mut self.counts.bytes_from_server, &mut self.counts.messages_from_server)
            }
        };
        *bytes += widened(step.bytes);
        *counted += messages;
        Some(step)
    }
}

/// One connection: the client's side of it, and the server's once that is made.
struct Link {
    client: TcpStream,
    server: OnceLock<TcpStream>,
    /// Written under the hub's lock, so that nobody misses it and sleeps on.
    dead: AtomicBool,
    talk: Talk,
}

/// Bytes on their way. No bytes stand for the end of the stream.
struct Chunk {
    due: Instant,
    bytes: Vec<u8>,
    /// Where messages end in them, as far as that can be told.
    ends: Vec<usize>,
}

/// What is forwarded at once: a chunk, or one message of it.
struct Piece<'a> {
    bytes: &'a [u8],
    /// Messages that end in it.
    messages: usize,
    /// It begins a message.
    begins: bool,
}

impl Hub {
    pub(super) fn new(target: SocketAddr) -> Self {
        Self { target, state: Mutex::default(), changed: Condvar::new() }
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Rules)) {
        change(&mut self.state().rules);
        self.changed.notify_all();
    }

    pub(super) fn counts(&self) -> Counts {
        let state = self.state();
        Counts { open: state.links.len(), ..state.counts }
    }

    /// Takes one waiting connection in and starts the threads that serve it.
    pub(super) fn admit(self: &Arc<Self>, listener: &TcpListener) {
        let mut state = self.state();
        let Some(client) = knock(listener) else { return };
        state.counts.connections += 1;
        if state.links.len() >= CONNECTIONS_MAX {
            return;
        }
        let link = Arc::new(Link {
            client,
            server: OnceLock::new(),
            dead: false.into(),
            talk: Talk::default(),
        });
        let work = {
            let (hub, link) = (Arc::clone(self), Arc::clone(&link));
            move || {
                hub.serve(&link);
                hub.forget(&link);
            }
        };
        if let Ok(thread) = worker().spawn(work) {
            state.threads.retain(|thread| !thread.is_finished());
            state.threads.push(thread);
            state.links.push(link);
        }
    }

    /// Closes all connections, those included that still wait at the door.
    pub(super) fn cut(&self, door: Option<&Door>) {
        let mut state = self.state();
        state.counts.connections += widened(door.map_or(0, Door::turn_away));
        state.links.iter().for_each(|link| link.kill());
        // They are closed now; their threads take a moment longer.
        state.links.clear();
        self.changed.notify_all();
    }

    /// Closes all connections and waits until no thread of them is left.
    pub(super) fn close(&self) {
        self.cut(None);
        let threads = std::mem::take(&mut self.state().threads);
        for thread in threads {
            _ = thread.join();
        }
    }

    fn serve(&self, link: &Link) {
        let Ok(server) = TcpStream::connect_timeout(&self.target, CONNECT_DEADLINE) else {
            return;
        };
        _ = (link.client.set_nodelay(true), server.set_nodelay(true));
        let server = {
            // Under the lock: a cut either sees this stream or was seen here.
            let _state = self.state();
            if link.is_dead() {
                return;
            }
            link.server.get_or_init(|| server)
        };
        let (to_server, for_server) = sync_channel(CHUNKS_MAX);
        let (to_client, for_client) = sync_channel(CHUNKS_MAX);
        thread::scope(|scope| {
            let started = [
                worker().spawn_scoped(scope, || {
                    self.read(link, Framer::of_client(), &link.client, to_server);
                }),
                worker().spawn_scoped(scope, || {
                    self.read(link, Framer::of_server(), server, to_client);
                }),
                worker().spawn_scoped(scope, || {
                    self.write(link, Side::Client, server, for_server);
                }),
            ];
            if started.iter().any(Result::is_err) {
                self.kill(link);
            }
            self.write(link, Side::Server, &link.client, for_client);
        });
    }

    fn read(&self, link: &Link, mut framer: Framer, mut from: &TcpStream, out: SyncSender<Chunk>) {
        let mut buffer = vec![0; CHUNK_BYTES];
        loop {
            let Ok(count) = from.read(&mut buffer) else { return self.kill(link) };
            let due = Instant::now() + self.state().rules.delay;
            let bytes = buffer[..count].to_vec();
            let ends = framer.ends(&bytes, &link.talk);
            // The other end of the queue is gone when the link is dead.
            if out.send(Chunk { due, bytes, ends }).is_err() || count == 0 {
                return;
            }
        }
    }

    fn write(&self, link: &Link, side: Side, mut to: &TcpStream, chunks: Receiver<Chunk>) {
        // When the last message had passed; none while one is under way.
        let mut passed = Some(Instant::now());
        for Chunk { due, bytes, ends } in chunks {
            let mut at = 0;
            while at < bytes.len() || bytes.is_empty() {
                let rest = (&bytes[at..], at, ends.as_slice());
                let Some(step) = self.pass(link, side, due, passed, rest) else { return };
                if bytes.is_empty() {
                    // The other direction may still have something to say.
                    _ = to.shutdown(Shutdown::Write);
                    return;
                }
                if to.write_all(&bytes[at..at + step.bytes]).is_err() || step.cut {
                    return self.kill(link);
                }
                at += step.bytes;
                passed = ends.contains(&at).then(Instant::now);
            }
        }
    }

    /// Waits until the next piece may go on; says how much of it, or none when its link is dead.
    fn pass(
        &self,
        link: &Link,
        side: Side,
        due: Instant,
        passed: Option<Instant>,
        (rest, at, ends): (&[u8], usize, &[usize]),
    ) -> Option<Step> {
        let mut state = self.state();
        loop {
            if link.is_dead() {
                return None;
            }
            let begins = passed.is_some() && !link.talk.is_opaque();
            let single = state.rules.by_message(side);
            let later = ends.iter().filter(|&&end| end > at);
            let (size, messages) = match later.clone().next() {
                Some(end) if single => (end - at, 1),
                _ => (rest.len(), later.count()),
            };
            let piece = Piece { bytes: &rest[..size], messages, begins };
            let due = match passed {
                Some(passed) if begins => due.max(passed + state.rules.pause),
                _ => due,
            };
            let now = Instant::now();
            state = if now < due {
                let waited = self.changed.wait_timeout(state, due - now);
                waited.unwrap_or_else(PoisonError::into_inner).0
            } else if let Some(step) = state.spend(side, &piece) {
                return Some(step);
            } else {
                self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
            };
        }
    }

    fn kill(&self, link: &Link) {
        let _state = self.state();
        link.kill();
        self.changed.notify_all();
    }

    fn forget(&self, link: &Arc<Link>) {
        let mut state = self.state();
        link.kill();
        state.links.retain(|other| !Arc::ptr_eq(other, link));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Link {
    fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// Ends both streams, which wakes the threads that read and write them.
    fn kill(&self) {
        self.dead.store(true, Ordering::SeqCst);
        for stream in [Some(&self.client), self.server.get()].into_iter().flatten() {
            // One that is already closed is fine.
            _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn widened(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

fn worker() -> thread::Builder {
    thread::Builder::new().name("kit-proxy-link".into()).stack_size(STACK_BYTES)
}
