//! The connection to a server: one for all threads, made again by itself.
//!
//! A thread of its own sends what others ask, one after the other, and hands back what it is told; what the server says
//! unasked, that somebody wrote, it keeps as a mark. While there is no connection nobody waits for one: calls fail at once, and
//! one task tries again, each time after a longer pause, which is another on each machine so that they do not all come back
//! together.

use crate::{tables, tls::Tls};
use policyc::store::{Address, Outage, documents::Mark};
use std::{
    error::Error as _,
    fmt,
    future::{Future, poll_fn},
    hash::{BuildHasher, RandomState},
    pin::pin,
    str::FromStr,
    sync::{Arc, mpsc},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    runtime::Runtime,
    sync::{Mutex, OwnedMutexGuard, watch},
    task::JoinHandle,
    time,
};
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls, config::SslMode};

/// The first pause before a connection is tried again, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// What a call works on, for itself alone.
pub(crate) type Held = OwnedMutexGuard<Client>;

pub(crate) struct Line {
    way: Arc<Way>,
    patience: Duration,
    state: watch::Sender<State>,
    /// The last mark that the server has told of.
    mark: watch::Sender<Mark>,
    /// None once it is dropped.
    runtime: Option<Runtime>,
}

/// How a server is reached.
struct Way {
    /// What it is called, without secrets.
    name: Address,
    config: Config,
    tls: Option<Tls>,
    schema: String,
    patience: Duration,
}

/// How a connection stands.
enum State {
    /// It is made for the first time.
    Opening,
    /// It is there; the number tells it from those before it.
    Up(u64, Arc<Mutex<Client>>),
    /// It is not, and why.
    Down(String),
}

/// Why something is not done.
#[derive(Debug)]
pub(crate) enum Failed {
    Server(tokio_postgres::Error),
    /// It must not be done, or the answer cannot be.
    Refused(String),
}

impl From<tokio_postgres::Error> for Failed {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error)
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) => f.write_str(why),
            // Without its details, in which there may be something of a row.
            Self::Server(error) => match (error.as_db_error(), error.source()) {
                (Some(told), _) => f.write_str(told.message()),
                (None, Some(source)) => write!(f, "{error}: {source}"),
                (None, None) => error.fmt(f),
            },
        }
    }
}

impl Line {
    /// A line to the server of an address, which is connected to from now on.
    pub(crate) fn open(address: &Address, patience: Duration, schema: &str) -> Result<Self, String> {
        let (config, is_secure) = config(address.exposed())?;
        let tls = is_secure.then(Tls::new).transpose()?;
        Self::along(Way { name: address.clone(), config, tls, schema: schema.to_owned(), patience })
    }

    /// Another line to the same server, to another schema.
    pub(crate) fn beside(&self, schema: &str) -> Result<Self, String> {
        let Way { name, config, tls, schema: _, patience } = &*self.way;
        let (name, config, tls) = (name.clone(), config.clone(), tls.clone());
        Self::along(Way { name, config, tls, schema: schema.to_owned(), patience: *patience })
    }

    fn along(way: Way) -> Result<Self, String> {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).thread_name("policyc-postgres").enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let (way, (state, _), (mark, _)) = (Arc::new(way), watch::channel(State::Opening), watch::channel(0));
        runtime.spawn(keep(way.clone(), state.clone(), mark.clone()));
        Ok(Self { patience: way.patience, way, state, mark, runtime: Some(runtime) })
    }

    /// The name of the schema, which is also that of the channel.
    pub(crate) fn schema(&self) -> &str {
        &self.way.schema
    }

    /// Asks something over the connection, and waits for the answer.
    pub(crate) fn ask<T: Send + 'static, F: Future<Output = Result<T, Failed>> + Send>(
        &self,
        ask: impl FnOnce(Held) -> F + Send + 'static,
    ) -> Result<T, Outage> {
        let (tell, told) = mpsc::sync_channel(1);
        let (state, patience) = (self.state.clone(), self.patience);
        let task = async move {
            // Whoever asked may have gone.
            let _ = tell.send(over(&state, patience, ask).await);
        };
        if let Some(runtime) = &self.runtime {
            runtime.spawn(task);
        }
        let answer = told.recv().unwrap_or_else(|_| Err("it is not asked any more".to_owned()));
        answer.map_err(|why| Outage(format!("{}: {why}", self.way.name)))
    }

    /// What the server has told of, before something is read.
    pub(crate) fn told(&self) -> Mark {
        *self.mark.borrow()
    }

    /// The mark that was read, and what had been told of before. What nobody else has told of meanwhile is not true.
    pub(crate) fn is_at(&self, mark: Mark, before: Mark) {
        self.mark.send_if_modified(|told| {
            let is_wrong = *told == before && *told != mark;
            if is_wrong {
                *told = mark;
            }
            is_wrong
        });
    }

    /// Waits until the server tells of a later mark.
    pub(crate) fn wait(&self, seen: Mark, most: Duration) {
        let (tell, told) = mpsc::sync_channel::<()>(1);
        let mut mark = self.mark.subscribe();
        if let Some(runtime) = &self.runtime {
            runtime.spawn(async move {
                let _ = time::timeout(most, mark.wait_for(|mark| *mark > seen)).await;
                drop(tell);
            });
        }
        // It ends with the task.
        let _ = told.recv();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // Without waiting, which a thread that answers requests must not.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Line").field(&self.way.name).finish()
    }
}

/// What an address says, and whether it asks for TLS. A server that shows any certificate is none: `require` asks for as much as
/// `verify-full`.
fn config(address: &str) -> Result<(Config, bool), String> {
    let wanted = |config: &Config| config.get_ssl_mode() != SslMode::Disable;
    let address = address.replace("sslmode=verify-full", "sslmode=require");
    // The error of a bad address may quote it.
    let parsed = Config::from_str(&address).ok().filter(|config| !config.get_hosts().is_empty());
    let mut config = parsed.ok_or(
        "it must be `postgres://[USER[:SECRET]@]HOST[:PORT]/DATABASE`, with `?sslmode=require` for TLS".to_owned(),
    )?;
    if !address.contains("sslmode=") {
        config.ssl_mode(SslMode::Disable);
    }
    if config.get_application_name().is_none() {
        config.application_name("policyc");
    }
    let is_secure = wanted(&config);
    Ok((config, is_secure))
}

/// Asks something over the connection, within a time.
async fn over<T, F: Future<Output = Result<T, Failed>>>(
    state: &watch::Sender<State>,
    patience: Duration,
    ask: impl FnOnce(Held) -> F,
) -> Result<T, String> {
    let mut number = None;
    let asked = time::timeout(patience, async {
        let (which, client) = up(state).await?;
        number = Some(which);
        let held = client.lock_owned().await;
        // Whoever held it before may have left it in the middle of something.
        if !is_up(state, which) {
            return Err(down(state));
        }
        ask(held).await
    });
    match asked.await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(failed)) => {
            let why = failed.to_string();
            if is_of_connection(&failed) {
                lose(state, number, &why);
            }
            Err(why)
        }
        Err(_) => {
            let why = format!("no answer within {} ms", patience.as_millis());
            lose(state, number, &why);
            Err(why)
        }
    }
}

/// The connection, once it has been made or not for the first time.
async fn up(state: &watch::Sender<State>) -> Result<(u64, Arc<Mutex<Client>>), Failed> {
    let mut changes = state.subscribe();
    let settled = changes.wait_for(|state| !matches!(state, State::Opening)).await;
    match settled.as_deref() {
        Ok(State::Up(number, client)) => Ok((*number, client.clone())),
        Ok(State::Down(why)) => Err(Failed::Refused(why.clone())),
        Ok(State::Opening) | Err(_) => Err(Failed::Refused("there is no connection yet".to_owned())),
    }
}

fn is_up(state: &watch::Sender<State>, number: u64) -> bool {
    matches!(&*state.borrow(), State::Up(current, _) if *current == number)
}

/// Why there is no connection any more.
fn down(state: &watch::Sender<State>) -> Failed {
    match &*state.borrow() {
        State::Down(why) => Failed::Refused(why.clone()),
        State::Up(..) | State::Opening => Failed::Refused("the connection was lost".to_owned()),
    }
}

/// Whether an error is about the connection and not about what was asked: another connection may do better, also one to
/// another server that has become the primary meanwhile.
fn is_of_connection(failed: &Failed) -> bool {
    match failed {
        Failed::Refused(_) => false,
        // Of the server's own errors: it ends, it is not the primary, or it has lost somebody.
        Failed::Server(error) => {
            let is_one = |code: &str| ["08", "25", "57P"].iter().any(|class| code.starts_with(class));
            error.code().is_none_or(|code| is_one(code.code()))
        }
    }
}

/// A connection is no good any more, unless another has taken its place.
fn lose(state: &watch::Sender<State>, number: Option<u64>, why: &str) {
    state.send_if_modified(|state| {
        let is_it = matches!(state, State::Up(current, _) if Some(*current) == number);
        if is_it {
            *state = State::Down(why.to_owned());
        }
        is_it
    });
}

/// Keeps a connection: makes one, waits until it is lost, and begins anew.
async fn keep(way: Arc<Way>, state: watch::Sender<State>, mark: watch::Sender<Mark>) {
    let mut failures = 0;
    let patience = way.patience.max(Duration::from_secs(1));
    for number in 0.. {
        match time::timeout(patience, connect(&way, &mark)).await {
            Ok(Ok((client, connection))) => {
                failures = 0;
                let mut changes = state.subscribe();
                state.send_replace(State::Up(number, Arc::new(Mutex::new(client))));
                let mut connection = pin!(connection);
                let lost = changes.wait_for(|state| !matches!(state, State::Up(..)));
                tokio::select! {
                    _ = lost => {}
                    ended = &mut connection => {
                        let why = ended.ok().flatten().unwrap_or_else(|| "the connection was lost".to_owned());
                        lose(&state, Some(number), &why);
                    }
                }
                // Nothing that is under way on it comes to an end any more.
                connection.abort();
            }
            Ok(Err(failed)) => drop(state.send_replace(State::Down(failed.to_string()))),
            Err(_) => drop(state.send_replace(State::Down("it cannot be reached".to_owned()))),
        }
        time::sleep(pause(failures)).await;
        failures = failures.saturating_add(1);
    }
}

/// Makes a connection; what carries it tells at its end why it ended.
async fn connect(way: &Way, mark: &watch::Sender<Mark>) -> Result<(Client, JoinHandle<Option<String>>), Failed> {
    let (mut client, connection) = match &way.tls {
        None => {
            let (client, connection) = way.config.connect(NoTls).await?;
            (client, tokio::spawn(carry(connection, mark.clone())))
        }
        Some(tls) => {
            let (client, connection) = way.config.connect(tls.clone()).await?;
            (client, tokio::spawn(carry(connection, mark.clone())))
        }
    };
    let (schema, patience) = (&way.schema, way.patience.as_millis());
    // What nobody waits for any more, the server ends too; and what was answered has reached the disk, whatever is usual there.
    let session = format!(
        "SET search_path TO {schema}, pg_temp; SET statement_timeout = {patience}; SET lock_timeout = {patience};
         SET idle_in_transaction_session_timeout = {patience};
         SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';"
    );
    client.batch_execute(&session).await?;
    let now = tables::prepare(&mut client, schema).await?;
    client.batch_execute(&format!("LISTEN {schema}")).await?;
    // What was written before that is read by whoever waits, at the latest when they have waited long enough.
    mark.send_replace(now.try_into().unwrap_or_default());
    Ok((client, connection))
}

/// Carries what is said, and keeps the mark that the server tells of.
async fn carry<S, T>(mut connection: Connection<S, T>, mark: watch::Sender<Mark>) -> Option<String>
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match poll_fn(|context| connection.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notification(told))) => {
                if let Ok(told) = told.payload().parse() {
                    mark.send_replace(told);
                }
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Some(Failed::from(error).to_string()),
            None => return None,
        }
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
    use super::{PAUSES, config, pause};
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

    #[test]
    fn tls_is_spoken_where_the_address_asks_for_it() {
        let is_secure = |more: &str| config(&format!("postgres://u:p@host/db{more}")).map(|(_, is_secure)| is_secure);
        assert_eq!(is_secure(""), Ok(false));
        assert_eq!(is_secure("?sslmode=disable"), Ok(false));
        for mode in ["require", "verify-full", "prefer"] {
            assert_eq!(is_secure(&format!("?sslmode={mode}")), Ok(true));
        }
        for bad in ["?sslmode=s3cret", "?s3cret=1"] {
            assert!(!is_secure(bad).unwrap_err().contains("s3cret"));
        }
        assert!(config("postgres://").is_err() && config("host=x dbname=y").is_ok());
    }
}
