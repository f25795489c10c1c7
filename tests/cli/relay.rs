//! A relay between a client and a server, whose connections can be cut, or held: then it takes what comes and passes nothing
//! on, as a network does that has lost its way.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

pub(crate) struct Relay {
    pub(crate) port: u16,
    state: Arc<RelayState>,
}

#[derive(Default)]
struct RelayState {
    connections: Mutex<Connections>,
    /// Nothing is passed on.
    held: Mutex<bool>,
    released: Condvar,
}

#[derive(Default)]
struct Connections {
    open: Vec<TcpStream>,
    /// None is opened.
    cut: bool,
}

impl Relay {
    /// A relay to the server at this address.
    pub(crate) fn new(server: &str) -> Self {
        let state = Arc::<RelayState>::default();
        let copying = Arc::clone(&state);
        Self::start(server, state, move |client, server| copying.copy(client, server))
    }

    /// One that has this function pass on what the client sends, from the first to the second.
    pub(crate) fn reading(
        server: &str,
        requests: impl Fn(TcpStream, TcpStream) + Clone + Send + 'static,
    ) -> Self {
        Self::start(server, Arc::default(), requests)
    }

    fn start(
        server: &str,
        state: Arc<RelayState>,
        requests: impl Fn(TcpStream, TcpStream) + Clone + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (server, shared) = (server.to_owned(), Arc::clone(&state));
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&server));
                let mut connections = shared.connections.lock().unwrap();
                let (false, Ok(server)) = (connections.cut, server) else { continue };
                connections.open.extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
                drop(connections);
                let (back, to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let (shared, requests) = (Arc::clone(&shared), requests.clone());
                thread::spawn(move || shared.copy(back, to));
                thread::spawn(move || requests(client, server));
            }
        });
        Self { port, state }
    }

    /// Ends all connections, and opens none until [`Relay::restore`].
    pub(crate) fn cut(&self) {
        let mut connections = self.state.connections.lock().unwrap();
        connections.cut = true;
        for connection in connections.open.drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// Passes nothing on until [`Relay::restore`].
    pub(crate) fn hold(&self) {
        *self.state.held.lock().unwrap() = true;
    }

    pub(crate) fn restore(&self) {
        self.state.connections.lock().unwrap().cut = false;
        *self.state.held.lock().unwrap() = false;
        self.state.released.notify_all();
    }
}

impl RelayState {
    fn copy(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; 16 << 10];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let held = self.released.wait_while(self.held.lock().unwrap(), |held| *held);
            drop(held.unwrap());
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    }
}
