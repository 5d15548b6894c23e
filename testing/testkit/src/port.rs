//! Ports of this machine that nobody else is given.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use libc::{c_int, sockaddr_in, socklen_t};

use crate::KitError;

/// A port on 127.0.0.1, held by a bound socket that does not listen.
///
/// While it is held the kernel gives the number to nobody who asks for any port, nor as the source
/// port of an outgoing connection. A server that names the port and sets `SO_REUSEADDR`, as all of
/// ours do, still gets it. So a server that was killed finds its port free, and a client that
/// keeps knocking meanwhile cannot end up connected to itself.
#[derive(Debug)]
pub(crate) struct Port {
    number: u16,
    _held: OwnedFd,
}

impl Port {
    pub(crate) fn hold() -> Result<Self, KitError> {
        hold().map_err(|error| KitError::io("find a free port on 127.0.0.1", &error))
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }
}

fn hold() -> io::Result<Port> {
    // SAFETY: plain system call; a non-negative result is a descriptor nobody else owns.
    let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
    check(fd)?;
    // SAFETY: as above.
    let held = unsafe { OwnedFd::from_raw_fd(fd) };
    let yes: c_int = 1;
    let value_size = c_size::<c_int>()?;
    // SAFETY: the option's value is a c_int and its size is given.
    check(unsafe {
        let value = (&raw const yes).cast();
        libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, value, value_size)
    })?;
    // SAFETY: an all-zero sockaddr_in is valid; port 0 asks for any free port.
    let mut address: sockaddr_in = unsafe { std::mem::zeroed() };
    address.sin_family = libc::sa_family_t::try_from(libc::AF_INET).map_err(io::Error::other)?;
    address.sin_addr.s_addr = u32::from(Ipv4Addr::LOCALHOST).to_be();
    let mut size = c_size::<sockaddr_in>()?;
    // SAFETY: the pointer and the size describe a live sockaddr_in.
    check(unsafe { libc::bind(held.as_raw_fd(), (&raw const address).cast(), size) })?;
    // SAFETY: as above, and the kernel writes at most `size` bytes.
    check(unsafe {
        libc::getsockname(held.as_raw_fd(), (&raw mut address).cast(), &raw mut size)
    })?;
    Ok(Port { number: u16::from_be(address.sin_port), _held: held })
}

fn c_size<T>() -> io::Result<socklen_t> {
    socklen_t::try_from(size_of::<T>()).map_err(io::Error::other)
}

fn check(result: c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn a_held_port_is_free_for_its_server_only() {
        let port = Port::hold().unwrap();
        let address = (Ipv4Addr::LOCALHOST, port.number());
        assert!(TcpStream::connect(address).is_err());
        for _ in 0..2 {
            let server = TcpListener::bind(address).unwrap();
            let client = TcpStream::connect(address).unwrap();
            let (accepted, _) = server.accept().unwrap();
            drop((accepted, client));
        }
        let others: Vec<Port> = (0..500).map(|_| Port::hold().unwrap()).collect();
        assert!(others.iter().all(|other| other.number() != port.number()));
    }
}
