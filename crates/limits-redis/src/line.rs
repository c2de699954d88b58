//! What is spoken to a server, over one [connection](policyc_line) for all threads: what many ask at once goes out in one
//! piece.

use policyc::store::{Address, limits::Outage};
use policyc_line::{Failure, Server, Up};
use redis::{
    AsyncConnectionConfig, Client, Cmd, FromRedisValue, RedisError, ScriptInvocation, aio::MultiplexedConnection,
};
use std::{fmt, time::Duration};
use tokio::time;

/// How often the connection is tried while nobody asks anything.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How many calls may wait to be sent.
const QUEUE: usize = 1024;

#[derive(Debug)]
pub(crate) struct Line(policyc_line::Line<MultiplexedConnection>);

/// A server of Redis or Valkey.
struct Redis {
    client: Client,
    config: AsyncConnectionConfig,
}

struct Failed(RedisError);

impl From<RedisError> for Failed {
    fn from(error: RedisError) -> Self {
        Self(error)
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Failure for Failed {
    fn is_of_connection(&self) -> bool {
        let Self(error) = self;
        error.is_unrecoverable_error() || error.is_io_error() || matches!(error.code(), Some("READONLY" | "MASTERDOWN"))
    }
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
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(patience.max(Duration::from_secs(1))))
            .set_response_timeout(None)
            .set_pipeline_buffer_size(QUEUE);
        policyc_line::Line::open(address.clone(), "policyc-redis", patience, Redis { client, config }).map(Self)
    }

    /// Runs the script, which gives a number or several.
    pub(crate) fn run(&self, script: ScriptInvocation<'static>) -> Result<Vec<i64>, Outage> {
        self.0.ask(async move |mut up: Up<MultiplexedConnection>| {
            let value: redis::Value = script.invoke_async(&mut up.connection).await?;
            if let redis::Value::Int(number) = value {
                return Ok::<_, Failed>(vec![number]);
            }
            Ok(FromRedisValue::from_redis_value(value).map_err(RedisError::from)?)
        })
    }

    /// Sends a command.
    pub(crate) fn query<T: FromRedisValue + Send + 'static>(&self, command: Cmd) -> Result<T, Outage> {
        self.0.ask(async move |mut up: Up<MultiplexedConnection>| {
            command.query_async(&mut up.connection).await.map_err(Failed)
        })
    }

    /// The server has said what the script does not say.
    pub(crate) fn nonsense(&self) -> Outage {
        self.0.outage("the answer is none of the script's")
    }
}

impl Server for Redis {
    type Connection = MultiplexedConnection;
    type Carrier = ();

    async fn connect(&self) -> Result<(MultiplexedConnection, ()), String> {
        let connection = self.client.get_multiplexed_async_connection_with_config(&self.config).await;
        connection.map(|connection| (connection, ())).map_err(|error| error.to_string())
    }

    /// Finds out that the connection is lost if nobody else does.
    async fn look_after(&self, up: Up<MultiplexedConnection>, (): ()) {
        while time::timeout(HEARTBEAT, up.lost()).await.is_err() {
            up.ask(async |mut up: Up<MultiplexedConnection>| {
                redis::cmd("PING").query_async::<()>(&mut up.connection).await.map_err(Failed)
            })
            .await;
        }
    }
}
