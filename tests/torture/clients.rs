//! Clients at work through all nodes, and the books in which each writes down what it was promised.

mod batches;
mod followers;
mod items;
mod probes;
mod sets;

use crate::arena::Arena;
use crate::caller::{Caller, Count, Findings};
use crate::service::Service;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a client rests between two calls. Two cores carry the nodes, the network and the clients.
const REST: Duration = Duration::from_millis(4);

/// What one client knows, to be compared with what a node shows once everything has healed.
pub(crate) trait Book: Send {
    /// Does one thing through any node.
    fn turn(&mut self, caller: &mut Caller);

    /// Compares everything that it knows with what this node shows. Whoever cannot be answered gets another try.
    fn check(&mut self, caller: &mut Caller, node: IpAddr, may_be_torn: bool) -> Option<()>;
}

/// All clients of a run.
pub(crate) struct Clients {
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<(Box<dyn Book>, Caller)>>,
}

impl Clients {
    pub(crate) fn start(arena: &Arena, service: &Arc<Service>, findings: &Findings, seed: u64) -> Clients {
        let addrs = arena.addrs();
        let sets = [(); 2].map(|()| Arc::new(Mutex::default()));
        let mut books: Vec<Box<dyn Book>> = Vec::new();
        for writer in 0..3 {
            books.push(Box::new(items::Writer::new(format!("items-{writer}"))));
        }
        for (number, set) in sets.iter().enumerate() {
            for adder in 0..2 {
                books.push(Box::new(sets::Adder::new(number, adder, set)));
            }
            books.push(Box::new(followers::OfItem::new("sets", format!("set-{number}"))));
        }
        books.push(Box::new(batches::Writer::new("batches".to_owned())));
        for pk in ["items-0", "batches"] {
            books.push(Box::new(followers::OfRange::new(pk.to_owned())));
        }
        for &node in &addrs {
            books.push(Box::new(probes::Probe::new(node, service)));
        }
        let is_over = Arc::new(AtomicBool::new(false));
        let start = |(number, mut book): (usize, Box<dyn Book>)| {
            let own_seed = seed.wrapping_mul(1_000).wrapping_add(number as u64);
            let mut caller = Caller::new(addrs.clone(), &arena.credentials, findings, own_seed);
            caller.allows_damage = arena.allows_damage;
            let is_over = Arc::clone(&is_over);
            std::thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    book.turn(&mut caller);
                    std::thread::sleep(REST);
                }
                (book, caller)
            })
        };
        let threads = books.into_iter().enumerate().map(start).collect();
        Clients { is_over, threads }
    }

    /// Ends them.
    pub(crate) fn finish(self) -> Books {
        self.is_over.store(true, Ordering::Relaxed);
        let mut books = Books { books: Vec::new(), count: Count::default() };
        for thread in self.threads {
            let (book, caller) = thread.join().expect("a client does not panic");
            books.count += caller.count;
            books.books.push((book, caller));
        }
        books
    }
}

/// What all clients know in the end.
pub(crate) struct Books {
    books: Vec<(Box<dyn Book>, Caller)>,
    pub(crate) count: Count,
}

impl Books {
    /// Compares all of it with what each node shows.
    pub(crate) fn check(&mut self, nodes: &[IpAddr], may_be_torn: bool, findings: &Findings) {
        for (book, caller) in &mut self.books {
            caller.addrs = nodes.to_vec();
            for &node in nodes {
                let deadline = Instant::now() + Duration::from_secs(60);
                while book.check(caller, node, may_be_torn).is_none() {
                    if Instant::now() > deadline {
                        findings.add(format!("{node} does not answer although nothing is broken any more"));
                        return;
                    }
                    std::thread::sleep(Duration::from_millis(50));
                }
            }
        }
    }
}
