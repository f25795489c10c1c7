//! One connection through the network: what is carried, and how it fails.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use rustix::net::sockopt::set_socket_linger;

use super::frames::Frames;
use super::network::{Delivered, Fault, Shared};

/// No answer to a call or an upgrade is so short.
const SHORTEST_ANSWER: usize = 60;

/// Once it is open, a connection that is to fail carries so much at most.
const MOST_BYTES: usize = 20_000;

/// And it lasts so many milliseconds at most.
const LONGEST: u64 = 60;

/// How many milliseconds a connection stands still at most: some clients give it up, others do not notice.
const LONGEST_STALL: u64 = 400;

/// A connection, in the direction to the client.
pub(super) struct Carrier {
    shared: Arc<Shared>,
    client: TcpStream,
    server: TcpStream,
    client_left: Arc<AtomicBool>,
    random: Rng,
    frames: Frames,
    /// What is still to happen to it, after how many bytes or when.
    fault: Option<Fault>,
    left: usize,
    until: Option<Instant>,
    /// Its number, once it is open.
    link: Option<usize>,
}

impl Carrier {
    /// A connection that fails in this way.
    pub(super) fn new(
        shared: Arc<Shared>,
        client: TcpStream,
        server: TcpStream,
        fault: Option<Fault>,
        random: Rng,
    ) -> io::Result<Self> {
        let client_left = Arc::new(AtomicBool::new(false));
        let (from, to, left) = (client.try_clone()?, server.try_clone()?, Arc::clone(&client_left));
        thread::spawn(move || carry_back(from, to, &left));
        let mut carrier = Self {
            shared,
            client,
            server,
            client_left,
            random,
            frames: Frames::default(),
            fault,
            left: usize::MAX,
            until: None,
            link: None,
        };
        carrier.arm();
        Ok(carrier)
    }

    /// Carries what comes until one of the two sides has gone, or the connection has failed.
    pub(super) fn carry(mut self) -> io::Result<()> {
        let result = self.run();
        if result.is_err() || self.client_left.load(Ordering::Relaxed) {
            self.doubt();
        }
        // What was planned and has not happened is still to come.
        let fault = self.fault.take();
        fault.into_iter().for_each(|fault| self.shared.plan().todo.push_front(fault));
        let _ = self.server.shutdown(Shutdown::Both);
        // Nothing follows this. A connection that is to be reset is by the last one that lets go of it.
        let _ = self.client.shutdown(if result.is_err() { Shutdown::Read } else { Shutdown::Both });
        Ok(())
    }

    /// An error resets the connection to the client.
    fn run(&mut self) -> io::Result<()> {
        let mut bytes = [0; 4096];
        loop {
            if self.is_due() && !self.fail(&mut bytes)? {
                return Ok(());
            }
            let most = bytes.len().min(self.left);
            match self.read(&mut bytes[..most])? {
                Some(0) => return Ok(()),
                Some(read) => self.forward(&bytes[..read])?,
                None => {}
            }
        }
    }

    fn arm(&mut self) {
        (self.left, self.until) = match self.fault {
            Some(Fault::Call | Fault::Upgrade) => (self.random.usize(..SHORTEST_ANSWER), None),
            Some(_) if self.frames.opened => {
                let after = Duration::from_millis(self.random.u64(..LONGEST));
                (self.random.usize(1..MOST_BYTES), Some(Instant::now() + after))
            }
            // Something may be put back into the plan.
            None if self.frames.opened => (usize::MAX, Some(Instant::now() + Duration::from_millis(LONGEST))),
            _ => (usize::MAX, None),
        };
    }

    fn is_due(&self) -> bool {
        self.left == 0 || self.until.is_some_and(|until| until <= Instant::now())
    }

    /// `None`: nothing came until it is time to fail.
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<Option<usize>> {
        let patience = self.until.map(|until| until.saturating_duration_since(Instant::now()));
        self.server.set_read_timeout(patience.map(|patience| patience.max(Duration::from_millis(1))))?;
        match self.server.read(bytes) {
            Ok(read) => Ok(Some(read)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(None),
            Err(error) => {
                set_socket_linger(&self.client, Some(Duration::ZERO))?;
                Err(error)
            }
        }
    }

    fn forward(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.client.write_all(bytes)?;
        self.left = self.left.saturating_sub(bytes.len());
        let texts = self.frames.take(bytes);
        if self.frames.opened && self.link.is_none() {
            let links = &mut self.shared.plan().links;
            links.push(Delivered::default());
            self.link = Some(links.len() - 1);
        }
        let mut plan = self.shared.plan();
        if let Some(link) = self.link.filter(|_| plan.keeps) {
            plan.links[link].texts.extend(texts);
        }
        drop(plan);
        if self.until.is_none() && self.frames.opened {
            self.arm();
        }
        Ok(())
    }

    /// Lets the connection fail. `true`: it goes on after all.
    fn fail(&mut self, bytes: &mut [u8]) -> io::Result<bool> {
        let Some(fault) = self.fault.take().or_else(|| self.next_fault()) else {
            self.arm();
            // What is left has to happen on the way to another connection.
            return Ok(self.shared.plan().todo.is_empty());
        };
        self.fault = Some(fault);
        if fault == Fault::Cut && !self.cut_a_frame(bytes)? {
            return Ok(false);
        }
        self.fault = None;
        *self.shared.plan().done.entry(fault).or_default() += 1;
        match fault {
            Fault::Stalled => return self.stall(),
            Fault::HalfOpen => {
                self.server.shutdown(Shutdown::Both)?;
                while self.client.read(bytes)? > 0 {}
            }
            Fault::Reset => return self.reset(),
            Fault::Call | Fault::Upgrade | Fault::Cut if self.random.bool() => return self.reset(),
            _ => {}
        }
        Ok(false)
    }

    fn reset(&mut self) -> io::Result<bool> {
        set_socket_linger(&self.client, Some(Duration::ZERO))?;
        Err(ErrorKind::ConnectionReset.into())
    }

    /// `false`: it has ended before there was one.
    fn cut_a_frame(&mut self, bytes: &mut [u8]) -> io::Result<bool> {
        self.server.set_read_timeout(None)?;
        loop {
            let read = self.server.read(bytes)?;
            if read == 0 {
                return Ok(false);
            }
            let cut = self.frames.cut(&bytes[..read], self.random.usize(1..=read));
            self.forward(&bytes[..cut.unwrap_or(read)])?;
            if cut.is_some() {
                return Ok(true);
            }
        }
    }

    /// It stands still, and then something else happens to it.
    fn stall(&mut self) -> io::Result<bool> {
        thread::sleep(Duration::from_millis(self.random.u64(1..LONGEST_STALL)));
        self.doubt();
        self.fault = self.next_fault();
        self.arm();
        Ok(true)
    }

    /// The next of what can happen to an open connection.
    fn next_fault(&self) -> Option<Fault> {
        let mut plan = self.shared.plan();
        let early = |fault: &Fault| matches!(fault, Fault::Refused | Fault::Call | Fault::Upgrade);
        let at = plan.todo.iter().position(|fault| !early(fault))?;
        plan.todo.remove(at)
    }

    /// What was carried may not have been read.
    fn doubt(&mut self) {
        if let Some(link) = self.link {
            self.shared.plan().links[link].perhaps = true;
        }
    }
}

/// Carries what the client says until it or the server has gone.
fn carry_back(mut client: TcpStream, mut server: TcpStream, client_left: &AtomicBool) {
    let mut bytes = [0; 4096];
    loop {
        let read = client.read(&mut bytes).unwrap_or(0);
        if read == 0 {
            client_left.store(true, Ordering::Relaxed);
            let _ = server.shutdown(Shutdown::Both);
            return;
        }
        if server.write_all(&bytes[..read]).is_err() {
            return;
        }
    }
}
