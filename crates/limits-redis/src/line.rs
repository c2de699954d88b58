//! The connection to a server: one for all threads, made again by itself.
//!
//! A thread of its own sends what others ask and hands back what it is told; what many ask at once goes out in one piece.
//! While there is no connection nobody waits for one: calls fail at once, and one task tries again, each time after a longer
//! pause, which is another on each machine so that they do not all come back together.

use policyc::store::{Address, limits::Outage};
use redis::{
    AsyncConnectionConfig, Client, Cmd, FromRedisValue, RedisError, RedisResult, ScriptInvocation,
    aio::MultiplexedConnection,
};
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
/// How often the connection is tried while nobody asks anything.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How many calls may wait to be sent.
const QUEUE: usize = 1024;

pub(crate) struct Line {
    /// What the server is called, without secrets.
    name: Address,
    patience: Duration,
    state: watch::Sender<State>,
    /// None once it is dropped.
    runtime: Option<Runtime>,
}

/// How a connection stands.
enum State {
    /// It is made for the first time.
    Opening,
    /// It is there; the number tells it from those before it.
    Up(u64, MultiplexedConnection),
    /// It is not, and why.
    Down(String),
}

impl Line {
    /// A line to a server, which is connected to from now on.
    pub(crate) fn open(address: &Address, patience: Duration) -> Result<Self, String> {
        if address.scheme() == Some("rediss") {
            // A program that has chosen another stays with it.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        // The error of a bad address may quote it.
        let client = Client::open(address.exposed()).map_err(|error| {
            format!("it must be `redis://HOST[:PORT][/DATABASE]`, or `rediss://…` for TLS ({:?})", error.kind())
        })?;
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).thread_name("policyc-redis").enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let (state, _) = watch::channel(State::Opening);
        runtime.spawn(keep(client, state.clone(), patience));
        Ok(Self { name: address.clone(), patience, state, runtime: Some(runtime) })
    }

    /// Runs the script, which gives a number or several.
    pub(crate) fn run(&self, script: ScriptInvocation<'static>) -> Result<Vec<i64>, Outage> {
        self.ask(async move |mut connection| {
            let value: redis::Value = script.invoke_async(&mut connection).await?;
            if let redis::Value::Int(number) = value {
                return Ok(vec![number]);
            }
            Ok(FromRedisValue::from_redis_value(value)?)
        })
    }

    /// Sends a command.
    pub(crate) fn query<T: FromRedisValue + Send + 'static>(&self, command: Cmd) -> Result<T, Outage> {
        self.ask(async move |mut connection| command.query_async(&mut connection).await)
    }

    /// The server has said what the script does not say.
    pub(crate) fn nonsense(&self) -> Outage {
        self.outage("the answer is none of the script's")
    }

    fn outage(&self, why: &str) -> Outage {
        Outage(format!("{}: {why}", self.name))
    }

    /// Asks something over the connection, and waits for the answer.
    fn ask<T: Send + 'static, F: Future<Output = RedisResult<T>> + Send>(
        &self,
        ask: impl FnOnce(MultiplexedConnection) -> F + Send + 'static,
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
        answer.map_err(|why| self.outage(&why))
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
        f.debug_tuple("Line").field(&self.name).finish()
    }
}

/// Asks something over the connection, within a time.
async fn over<T, F: Future<Output = RedisResult<T>>>(
    state: &watch::Sender<State>,
    patience: Duration,
    ask: impl FnOnce(MultiplexedConnection) -> F,
) -> Result<T, String> {
    let mut number = None;
    let asked = time::timeout(patience, async {
        let (which, connection) = up(state).await?;
        number = Some(which);
        ask(connection).await.map_err(Lost::Failed)
    });
    match asked.await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(Lost::Down(why))) => Err(why),
        Ok(Err(Lost::Failed(error))) => {
            let why = error.to_string();
            if is_of_connection(&error) {
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

/// Why there is no answer.
enum Lost {
    /// There is no connection.
    Down(String),
    Failed(RedisError),
}

/// The connection, once it has been made or not for the first time.
async fn up(state: &watch::Sender<State>) -> Result<(u64, MultiplexedConnection), Lost> {
    let mut changes = state.subscribe();
    let settled = changes.wait_for(|state| !matches!(state, State::Opening)).await;
    match settled.as_deref() {
        Ok(State::Up(number, connection)) => Ok((*number, connection.clone())),
        Ok(State::Down(why)) => Err(Lost::Down(why.clone())),
        Ok(State::Opening) | Err(_) => Err(Lost::Down("there is no connection yet".to_owned())),
    }
}

/// Whether an error is about the connection and not about what was asked: another connection may do better, also one to
/// another server that has become the primary meanwhile.
fn is_of_connection(error: &RedisError) -> bool {
    error.is_unrecoverable_error() || error.is_io_error() || matches!(error.code(), Some("READONLY" | "MASTERDOWN"))
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

/// Keeps a connection: makes one, looks after it until it is lost, and begins anew.
async fn keep(client: Client, state: watch::Sender<State>, patience: Duration) {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(patience.max(Duration::from_secs(1))))
        .set_response_timeout(None)
        .set_pipeline_buffer_size(QUEUE);
    let mut failures = 0;
    for number in 0.. {
        match client.get_multiplexed_async_connection_with_config(&config).await {
            Ok(connection) => {
                failures = 0;
                state.send_replace(State::Up(number, connection));
                look_after(&state, patience).await;
            }
            Err(error) => {
                state.send_replace(State::Down(error.to_string()));
            }
        }
        time::sleep(pause(failures)).await;
        failures = failures.saturating_add(1);
    }
}

/// Waits until the connection is lost, and finds that out if nobody else does.
async fn look_after(state: &watch::Sender<State>, patience: Duration) {
    let mut changes = state.subscribe();
    loop {
        let lost = changes.wait_for(|state| !matches!(state, State::Up(..)));
        if time::timeout(HEARTBEAT, lost).await.is_ok() {
            return;
        }
        let ping =
            async |mut connection: MultiplexedConnection| redis::cmd("PING").query_async::<()>(&mut connection).await;
        // Whether it answered is for the state to say.
        let _ = over(state, patience, ping).await;
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

    #[test]
    fn pauses_grow_to_a_bound_and_differ() {
        for failures in [0, 1, 5, 6, 40, u32::MAX] {
            let whole = PAUSES.0.saturating_mul(2_u32.saturating_pow(failures)).min(PAUSES.1);
            let all: Vec<_> = (0..50).map(|_| pause(failures)).collect();
            assert!(all.iter().all(|pause| whole <= pause.saturating_mul(2) && *pause <= whole));
            assert!(all.iter().any(|pause| *pause != all[0]));
        }
    }
}
