//! What stands between a service and a store: in go connections, out go the same bytes; or none, or late, or only those of one
//! direction, as a test wants it at the moment.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicU16, Ordering},
    },
    thread,
    time::Duration,
};

/// How late everything is on a slow way.
const LATE: Duration = Duration::from_millis(200);

/// Which bytes are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Toward {
    Store,
    Service,
}

/// What becomes of what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Open,
    /// Connections end, and nobody gets another.
    Cut,
    /// Nothing arrives, and nobody is told.
    Silent,
    /// What goes in one direction is lost for ever, and with it whatever comes behind it on the same connection.
    Loses(Toward),
    /// What goes in one direction arrives once the way is another.
    Holds(Toward),
    Slow,
}

/// A proxy on a free port.
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    way: Mutex<Way>,
    changed: Condvar,
    /// The port of the store.
    store: AtomicU16,
    /// Both ends of all connections that there were.
    ends: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// To a store on this machine.
    pub(crate) fn to(store: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            way: Mutex::new(Way::Open),
            changed: Condvar::new(),
            store: store.into(),
            ends: Mutex::default(),
        });
        let carrier = shared.clone();
        // It ends with the process of the test.
        thread::spawn(move || listener.incoming().flatten().for_each(|service| carrier.clone().carry(service)));
        Self { port, shared }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Whatever is sent from now on goes another way.
    pub(crate) fn goes(&self, way: Way) {
        *self.shared.way() = way;
        self.shared.changed.notify_all();
        if way == Way::Cut {
            self.end_all();
        }
    }

    /// Goes to another store from now on.
    pub(crate) fn leads_to(&self, store: u16) {
        self.shared.store.store(store, Ordering::Relaxed);
        self.end_all();
    }

    fn end_all(&self) {
        for end in self.shared.ends.lock().unwrap().drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn way(&self) -> MutexGuard<'_, Way> {
        self.way.lock().unwrap()
    }

    fn carry(self: Arc<Self>, service: TcpStream) {
        if *self.way() == Way::Cut {
            return;
        }
        let Ok(store) = TcpStream::connect(("127.0.0.1", self.store.load(Ordering::Relaxed))) else { return };
        for end in [&service, &store] {
            let _ = end.set_nodelay(true);
        }
        let ends = [&service, &store].map(|end| end.try_clone().unwrap());
        self.ends.lock().unwrap().extend(ends);
        let (to_service, to_store) = (service.try_clone().unwrap(), store.try_clone().unwrap());
        let other = self.clone();
        thread::spawn(move || self.pass_on(service, to_store, Toward::Store));
        thread::spawn(move || other.pass_on(store, to_service, Toward::Service));
    }

    /// Passes on what comes, until one end is closed.
    fn pass_on(&self, mut from: TcpStream, mut to: TcpStream, toward: Toward) {
        let mut bytes = [0; 65536];
        let mut is_lost = false;
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            let way = *self.way();
            match way {
                Way::Open | Way::Cut => {}
                Way::Slow => thread::sleep(LATE),
                Way::Silent => is_lost = true,
                Way::Loses(lost) => is_lost |= lost == toward,
                Way::Holds(held) if held == toward => {
                    drop(self.changed.wait_while(self.way(), |now| *now == way).unwrap());
                }
                Way::Holds(_) => {}
            }
            if !is_lost && to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        // An end is told by the network, too: where nothing arrives, that does not either.
        drop(self.changed.wait_while(self.way(), |now| *now == Way::Silent).unwrap());
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    }
}
