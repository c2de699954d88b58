//! The connection to a server: one for all threads, made again by itself.
//!
//! In go questions from any thread, out come answers, or an [`Outage`] in time. A thread of its own sends what others ask and
//! hands back what it is told. While there is no connection nobody waits for one: calls fail at once, and one task tries
//! again, each time after a longer pause, which is another on each machine so that they do not all come back together.
//!
//! What is spoken to the server is for a [`Server`] to say.

use policyc::store::{Address, Outage};
use std::{
    fmt,
    future::Future,
    hash::{BuildHasher, RandomState},
    sync::mpsc,
    time::Duration,
};
use tokio::{runtime::Runtime, sync::watch, time};

/// The first pause before a connection is tried again, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// A server, and how it is spoken to.
pub trait Server: Send + Sync + 'static {
    /// A connection, or what leads to it.
    type Connection: Clone + Send + Sync + 'static;
    /// What else belongs to one connection, for whoever looks after it.
    type Carrier: Send;

    /// Makes a connection.
    ///
    /// # Errors
    /// Why there is none, without secrets.
    fn connect(&self) -> impl Future<Output = Result<(Self::Connection, Self::Carrier), String>> + Send;

    /// Looks after a connection until it [is lost](Up::lost).
    fn look_after(&self, up: Up<Self::Connection>, carrier: Self::Carrier) -> impl Future<Output = ()> + Send;
}

/// Why something is not done.
pub trait Failure: fmt::Display + Send {
    /// Whether it is about the connection and not about what was asked: another connection may do better, also one to another
    /// server that has become the primary meanwhile.
    fn is_of_connection(&self) -> bool;
}

/// A connection to a server, for all threads.
pub struct Line<C> {
    /// What the server is called, without secrets.
    name: Address,
    link: Link<C>,
    /// None once it is dropped.
    runtime: Option<Runtime>,
}

/// How the connection stands, for all who ask.
struct Link<C> {
    state: watch::Sender<State<C>>,
    patience: Duration,
}

/// How a connection stands.
enum State<C> {
    /// It is made for the first time.
    Opening,
    /// It is there; the number tells it from those before it.
    Up(u64, C),
    /// It is not, and why.
    Down(String),
}

/// A connection that is there, or was a moment ago.
pub struct Up<C> {
    /// The connection itself.
    pub connection: C,
    number: u64,
    link: Link<C>,
}

impl<C: Clone + Send + Sync + 'static> Line<C> {
    /// A line to a server, which is connected to from now on, by a thread of a name. No question takes longer than `patience`.
    ///
    /// # Errors
    /// There are no threads.
    pub fn open<S>(name: Address, thread: &str, patience: Duration, server: S) -> Result<Self, String>
    where
        S: Server<Connection = C>,
    {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).thread_name(thread).enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let link = Link { state: watch::channel(State::Opening).0, patience };
        runtime.spawn(keep(server, link.clone()));
        Ok(Self { name, link, runtime: Some(runtime) })
    }

    /// Asks something over the connection, and waits for the answer.
    ///
    /// # Errors
    /// There is no connection or no answer, or the server refuses.
    pub fn ask<T: Send + 'static, E: Failure, F: Future<Output = Result<T, E>> + Send>(
        &self,
        ask: impl FnOnce(Up<C>) -> F + Send + 'static,
    ) -> Result<T, Outage> {
        let link = self.link.clone();
        let answer = self.run(async move { link.ask(ask).await });
        let answer = answer.unwrap_or_else(|| Err("it is not asked any more".to_owned()));
        answer.map_err(|why| self.outage(&why))
    }

    /// Runs a task on the thread of the line, and waits until it is over; nothing comes of it if the line ends before.
    pub fn run<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let (tell, told) = mpsc::sync_channel(1);
        self.runtime.as_ref()?.spawn(async move {
            // Whoever asked may have gone.
            let _ = tell.send(task.await);
        });
        told.recv().ok()
    }

    /// That the server cannot be asked, and why.
    pub fn outage(&self, why: &str) -> Outage {
        Outage(format!("{}: {why}", self.name))
    }
}

impl<C> Drop for Line<C> {
    fn drop(&mut self) {
        // Without waiting, which a thread that answers requests must not.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl<C> fmt::Debug for Line<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Line").field(&self.name).finish()
    }
}

impl<C> Clone for Link<C> {
    fn clone(&self) -> Self {
        Self { state: self.state.clone(), patience: self.patience }
    }
}

/// Why there is no answer.
enum Unanswered<E> {
    /// There is no connection.
    Down(String),
    Failed(E),
}

impl<C: Clone> Link<C> {
    /// Asks something over the connection, within a time.
    async fn ask<T, E: Failure, F: Future<Output = Result<T, E>>>(
        &self,
        ask: impl FnOnce(Up<C>) -> F,
    ) -> Result<T, String> {
        let mut number = None;
        let asked = time::timeout(self.patience, async {
            let up = self.up().await.map_err(Unanswered::Down)?;
            number = Some(up.number);
            ask(up).await.map_err(Unanswered::Failed)
        });
        match asked.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(Unanswered::Down(why))) => Err(why),
            Ok(Err(Unanswered::Failed(failed))) => {
                let why = failed.to_string();
                if failed.is_of_connection() {
                    self.lose(number, &why);
                }
                Err(why)
            }
            Err(_) => {
                let why = format!("no answer within {} ms", self.patience.as_millis());
                self.lose(number, &why);
                Err(why)
            }
        }
    }

    /// The connection, once it has been made or not for the first time.
    async fn up(&self) -> Result<Up<C>, String> {
        let mut changes = self.state.subscribe();
        let settled = changes.wait_for(|state| !matches!(state, State::Opening)).await;
        match settled.as_deref() {
            Ok(State::Up(number, connection)) => {
                Ok(Up { connection: connection.clone(), number: *number, link: self.clone() })
            }
            Ok(State::Down(why)) => Err(why.clone()),
            Ok(State::Opening) | Err(_) => Err("there is no connection yet".to_owned()),
        }
    }
}

impl<C> Link<C> {
    /// A connection is no good any more, unless another has taken its place.
    fn lose(&self, number: Option<u64>, why: &str) {
        self.state.send_if_modified(|state| {
            let is_it = matches!(state, State::Up(current, _) if Some(*current) == number);
            if is_it {
                *state = State::Down(why.to_owned());
            }
            is_it
        });
    }
}

impl<C: Clone> Up<C> {
    /// Asks something over whatever connection there is by now; whether it answered is for that to show.
    pub async fn ask<T, E: Failure, F: Future<Output = Result<T, E>>>(&self, ask: impl FnOnce(Up<C>) -> F) {
        let _ = self.link.ask(ask).await;
    }
}

impl<C> Up<C> {
    /// Why it is no good any more; nothing as long as it is.
    pub fn why_lost(&self) -> Option<String> {
        match &*self.link.state.borrow() {
            State::Up(current, _) if *current == self.number => None,
            State::Down(why) => Some(why.clone()),
            State::Up(..) | State::Opening => Some("the connection was lost".to_owned()),
        }
    }

    /// Waits until it is no good any more. For whoever looks after it: there is no other connection before that.
    pub async fn lost(&self) {
        let mut changes = self.link.state.subscribe();
        let _ = changes.wait_for(|state| !matches!(state, State::Up(..))).await;
    }

    /// It is no good any more.
    pub fn lose(&self, why: &str) {
        self.link.lose(Some(self.number), why);
    }
}

/// Keeps a connection: makes one, has it looked after until it is lost, and begins anew.
async fn keep<S: Server>(server: S, link: Link<S::Connection>) {
    let mut failures = 0;
    for number in 0.. {
        match server.connect().await {
            Ok((connection, carrier)) => {
                failures = 0;
                link.state.send_replace(State::Up(number, connection.clone()));
                server.look_after(Up { connection, number, link: link.clone() }, carrier).await;
            }
            Err(why) => drop(link.state.send_replace(State::Down(why))),
        }
        time::sleep(pause(failures)).await;
        failures = failures.saturating_add(1);
    }
}

/// The pause after so many failures: twice as long each time, less up to a half by chance.
fn pause(failures: u32) -> Duration {
    let (first, longest) = PAUSES;
    let whole = first.saturating_mul(2_u32.saturating_pow(failures)).min(longest);
    let chance = u32::try_from(RandomState::new().hash_one(failures) % 1000).unwrap_or_default();
    whole.saturating_sub(whole.saturating_mul(chance).checked_div(2000).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{PAUSES, pause};
    use std::time::Duration;

    #[test]
    fn pauses_grow_to_a_bound_and_differ() {
        for failures in [0, 1, 5, 6, 40, u32::MAX] {
            let whole = PAUSES.0.saturating_mul(2_u32.saturating_pow(failures)).min(PAUSES.1);
            let all: Vec<Duration> = (0..50).map(|_| pause(failures)).collect();
            assert!(all.iter().all(|pause| whole <= pause.saturating_mul(2) && *pause <= whole));
            assert!(all.iter().any(|pause| *pause != all[0]));
        }
    }
}
