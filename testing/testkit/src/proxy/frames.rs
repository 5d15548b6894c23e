//! Where PostgreSQL's messages end in a stream of bytes.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Major version 3 of the protocol; the minor one stands in the lower half.
const PROTOCOL_3: u32 = 3;
/// Requests that come in the place of a startup message, above the protocol's versions.
const CANCEL: u32 = 80_877_102;
const TLS: u32 = 80_877_103;
const GSS: u32 = 80_877_104;
/// What the server itself takes as the length of a startup message at most.
const STARTUP_BYTES_MAX: u32 = 10_000;
/// A length and what is asked for.
const STARTUP_HEAD_BYTES: usize = 8;
/// A kind and a length, which counts itself and not the kind.
const HEAD_BYTES: usize = 5;

/// What both directions of one connection must know of each other.
#[derive(Debug, Default)]
pub(super) struct Talk {
    /// Requests for encryption that the server has not answered, which it does with one byte.
    asked: AtomicU32,
    /// The client has said that it speaks PostgreSQL.
    begun: AtomicBool,
    /// Another protocol, or encrypted: nobody can tell where its messages end.
    opaque: AtomicBool,
}

impl Talk {
    pub(super) fn is_opaque(&self) -> bool {
        self.opaque.load(Ordering::SeqCst)
    }

    fn end_reading(&self) {
        self.opaque.store(true, Ordering::SeqCst);
    }
}

/// Reads along in one direction of a connection, from its first byte.
#[derive(Debug, Default)]
pub(super) struct Framer {
    from_client: bool,
    started: bool,
    head: Vec<u8>,
    /// Bytes of the present message that are still to come, once its head is known.
    left: Option<usize>,
}

impl Framer {
    pub(super) fn of_client() -> Self {
        Self { from_client: true, ..Self::default() }
    }

    pub(super) fn of_server() -> Self {
        Self { started: true, ..Self::default() }
    }

    /// The ends of the messages that end in these bytes, in order.
    pub(super) fn ends(&mut self, bytes: &[u8], talk: &Talk) -> Vec<usize> {
        let (mut ends, mut at) = (Vec::new(), 0);
        while at < bytes.len() && !talk.is_opaque() {
            if let Some(left) = self.left {
                let taken = left.min(bytes.len() - at);
                at += taken;
                self.left = Some(left - taken);
            } else {
                self.head.push(bytes[at]);
                at += 1;
                self.left = self.measure(talk);
            }
            if self.left == Some(0) {
                self.left = None;
                ends.push(at);
            }
        }
        ends
    }

    /// How many bytes follow the head, once it is whole.
    fn measure(&mut self, talk: &Talk) -> Option<usize> {
        if !self.from_client && !self.is_answer_due(talk) {
            return None;
        }
        if !self.from_client && talk.asked.load(Ordering::SeqCst) > 0 {
            return self.answer(talk);
        }
        let (wanted, length_at) =
            if self.started { (HEAD_BYTES, 1) } else { (STARTUP_HEAD_BYTES, 0) };
        if self.head.len() < wanted {
            return None;
        }
        let head = std::mem::take(&mut self.head);
        let length = number(&head, length_at);
        if !self.started && !self.start(length, number(&head, 4), talk) {
            talk.end_reading();
            return None;
        }
        // The length counts itself, which stands in the head as all before it.
        let whole = usize::try_from(length).ok()?.checked_add(length_at);
        let left = whole.and_then(|whole| whole.checked_sub(wanted));
        if left.is_none() {
            talk.end_reading();
        }
        left
    }

    /// A server that speaks first speaks something else.
    fn is_answer_due(&self, talk: &Talk) -> bool {
        let due = talk.begun.load(Ordering::SeqCst);
        if !due {
            talk.end_reading();
        }
        due
    }

    /// Whether these are the first words of PostgreSQL; typed messages follow a version.
    fn start(&mut self, length: u32, asks: u32, talk: &Talk) -> bool {
        let known = asks >> 16 == PROTOCOL_3 || [CANCEL, TLS, GSS].contains(&asks);
        if !known || !(8..=STARTUP_BYTES_MAX).contains(&length) {
            return false;
        }
        talk.begun.store(true, Ordering::SeqCst);
        if asks == TLS || asks == GSS {
            talk.asked.fetch_add(1, Ordering::SeqCst);
        }
        self.started = asks >> 16 == PROTOCOL_3;
        true
    }

    /// One byte: no, and the client goes on in the clear; yes, and all that follows is secret; or
    /// an error in full.
    fn answer(&mut self, talk: &Talk) -> Option<usize> {
        match self.head.as_slice() {
            b"N" => {
                talk.asked.fetch_sub(1, Ordering::SeqCst);
                self.head.clear();
                Some(0)
            }
            b"E" => {
                talk.asked.store(0, Ordering::SeqCst);
                None
            }
            _ => {
                talk.end_reading();
                None
            }
        }
    }
}

fn number(head: &[u8], at: usize) -> u32 {
    let bytes = head.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    u32::from_be_bytes(bytes.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let size = u32::try_from(body.len() + 4).unwrap();
        [&[kind], size.to_be_bytes().as_slice(), body].concat()
    }

    fn asks(code: u32, body: &[u8]) -> Vec<u8> {
        let size = u32::try_from(body.len() + 8).unwrap();
        [size.to_be_bytes().as_slice(), &code.to_be_bytes(), body].concat()
    }

    /// The lengths of the messages, whatever pieces the bytes come in.
    fn lengths(framer: &mut Framer, talk: &Talk, stream: &[u8], piece: usize) -> Vec<usize> {
        let mut ends = Vec::new();
        for (i, bytes) in stream.chunks(piece).enumerate() {
            ends.extend(framer.ends(bytes, talk).iter().map(|end| i * piece + end));
        }
        let starts = std::iter::once(0).chain(ends.iter().copied());
        starts.zip(&ends).map(|(start, end)| end - start).collect()
    }

    #[test]
    fn messages_end_where_they_end_in_whatever_pieces_they_come() {
        let version = asks(196_608, b"user\0me\0\0");
        let client = [asks(TLS, b""), version.clone(), message(b'Q', b"select 1\0")].concat();
        let server =
            [b"N".to_vec(), message(b'R', &[0; 4]), message(b'C', b""), message(b'Z', b"I")];
        for piece in 1..40 {
            let talk = Talk::default();
            let found = lengths(&mut Framer::of_client(), &talk, &client, piece);
            assert_eq!(found, [8, version.len(), 14]);
            let found = lengths(&mut Framer::of_server(), &talk, &server.concat(), piece);
            assert_eq!(found, [1, 9, 5, 6]);
            assert!(!talk.is_opaque());
        }
    }

    #[test]
    fn a_cancel_request_is_one_message() {
        let talk = Talk::default();
        assert_eq!(Framer::of_client().ends(&asks(CANCEL, &[7; 8]), &talk), [16]);
        assert!(!talk.is_opaque());
    }

    #[test]
    fn a_refused_request_for_encryption_may_be_an_error() {
        let talk = Talk::default();
        Framer::of_client().ends(&asks(TLS, b""), &talk);
        assert_eq!(Framer::of_server().ends(&message(b'E', b"no\0"), &talk), [8]);
    }

    #[test]
    fn what_is_no_postgres_or_is_encrypted_is_let_alone() {
        for (client, server) in [
            (b"PING\r\n\r\n\r\n".to_vec(), b"+PONG".to_vec()),
            (asks(TLS, b""), b"S\x16\x03\x01".to_vec()),
            (Vec::new(), b"ready".to_vec()),
            (asks(196_608, &[0; 20_000]), b"E".to_vec()),
        ] {
            let talk = Talk::default();
            Framer::of_client().ends(&client, &talk);
            Framer::of_server().ends(&server, &talk);
            assert!(talk.is_opaque(), "{client:?}");
        }
    }
}
