//! A network between a client and a server that fails as often as planned, at moments that a seed decides.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use rustix::net::sockopt::set_socket_linger;

use super::carrier::Carrier;

/// How a connection fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// It is reset before anything was said.
    Refused,
    /// The HTTP call before the upgrade gets a part of its answer, or none.
    Call,
    /// The upgrade gets a part of its answer, or none.
    Upgrade,
    /// It ends, as when a process is killed.
    Ended,
    /// The same in the middle of a frame.
    Cut,
    /// It is reset.
    Reset,
    /// The server has gone, and nobody tells the client.
    HalfOpen,
    /// It stands still for a while.
    Stalled,
}

/// Every fault, the slow ones less often.
pub(super) const FAULTS: &[Fault] = &[
    Fault::Refused,
    Fault::Call,
    Fault::Upgrade,
    Fault::Upgrade,
    Fault::Ended,
    Fault::Ended,
    Fault::Ended,
    Fault::Cut,
    Fault::Cut,
    Fault::Cut,
    Fault::Reset,
    Fault::Reset,
    Fault::Reset,
    Fault::HalfOpen,
    Fault::Stalled,
];

/// The messages that came whole over a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Delivered {
    /// In order.
    pub(super) texts: Vec<String>,
    /// Whoever was to read them may have been gone, or told of the end before all were read.
    pub(super) perhaps: bool,
}

/// A network, on a port of its own.
pub(super) struct Network {
    pub(super) port: u16,
    planned: u64,
    shared: Arc<Shared>,
}

/// What all connections share.
pub(super) struct Shared {
    server: AtomicU16,
    over: AtomicBool,
    plan: Mutex<Plan>,
}

/// What is to happen, and what has.
pub(super) struct Plan {
    pub(super) random: Rng,
    pub(super) todo: VecDeque<Fault>,
    pub(super) done: BTreeMap<Fault, u64>,
    /// Are the messages kept that come over a connection?
    pub(super) keeps: bool,
    /// What came over each connection that was opened.
    pub(super) links: Vec<Delivered>,
}

impl Network {
    /// One that fails so many times, each time in one of these ways.
    pub(super) fn new(server: u16, faults: &[Fault], planned: u64, seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let mut todo: VecDeque<Fault> = (1..planned).map(|_| faults[random.usize(..faults.len())]).collect();
        // A call is only made where a connection has failed.
        todo.push_back(Fault::Ended);
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("it has an address").port();
        let plan = Plan { random, todo, done: BTreeMap::new(), keeps: false, links: Vec::new() };
        let shared = Shared { server: server.into(), over: AtomicBool::new(false), plan: plan.into() };
        let network = Self { port, planned, shared: Arc::new(shared) };
        let shared = Arc::clone(&network.shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                if shared.over.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&shared);
                thread::spawn(move || client.and_then(|client| take(shared, client)));
            }
        });
        network
    }

    /// From now on, the server is on this port.
    pub(super) fn serve(&self, port: u16) {
        self.shared.server.store(port, Ordering::Relaxed);
    }

    /// How often it has failed in which way.
    pub(super) fn done(&self) -> BTreeMap<Fault, u64> {
        self.shared.plan().done.clone()
    }

    /// How often it has failed.
    pub(super) fn failures(&self) -> u64 {
        self.shared.plan().done.values().sum()
    }

    /// Has it failed as often as planned?
    pub(super) fn is_done(&self) -> bool {
        self.failures() == self.planned
    }

    /// From now on, the messages that come over it are kept.
    pub(super) fn keep(self) -> Self {
        self.shared.plan().keeps = true;
        self
    }

    /// More chance from the same seed.
    pub(super) fn random(&self) -> Rng {
        self.shared.plan().random.fork()
    }

    /// What came over each connection that was opened, in order.
    pub(super) fn links(&self) -> Vec<Delivered> {
        self.shared.plan().links.clone()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Shared {
    pub(super) fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Plan {
    /// What is to happen to the connection with this request.
    fn fault_for(&mut self, request: &str) -> Option<Fault> {
        let call = request.starts_with("POST ");
        if request.contains("/ack ") {
            // Acknowledgements decide nothing.
            return None;
        }
        let at = self.todo.iter().position(|fault| (*fault == Fault::Call) == call)?;
        // A call does not fail before its turn: there is only one for every connection.
        if call && at > 0 { None } else { self.todo.remove(at) }
    }
}

fn take(shared: Arc<Shared>, client: TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    let request = first_line(&client)?;
    let (fault, random) = {
        let mut plan = shared.plan();
        (plan.fault_for(&request), plan.random.fork())
    };
    if fault == Some(Fault::Refused) {
        *shared.plan().done.entry(Fault::Refused).or_default() += 1;
        return Ok(set_socket_linger(&client, Some(Duration::ZERO))?);
    }
    match TcpStream::connect(("127.0.0.1", shared.server.load(Ordering::Relaxed))) {
        Ok(server) => Carrier::new(shared, client, server, fault, random)?.carry(),
        // It has been killed.
        Err(_) => {
            fault.into_iter().for_each(|fault| shared.plan().todo.push_front(fault));
            Ok(())
        }
    }
}

/// The first line of a request, which stays to be read.
fn first_line(client: &TcpStream) -> io::Result<String> {
    let mut bytes = [0; 4096];
    loop {
        let read = client.peek(&mut bytes)?;
        if let Some(line) = bytes[..read].split(|byte| *byte == b'\n').next().filter(|line| line.len() < read)
        {
            return Ok(String::from_utf8_lossy(line).into_owned());
        }
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        thread::sleep(Duration::from_millis(1));
    }
}
