//! What is spoken to a server of PostgreSQL, over one [connection](policyc_line) for all threads: one question after the other.
//!
//! In go questions from any thread, out come rows, or an [`Outage`] in time. What a store asks of a connection before
//! anything else, and what it makes of what the server says unasked, is for a [`Session`] to say; how its tables come about, for
//! [`Tables`].

mod tables;
mod tls;

pub use tables::Tables;

use policyc::store::{Address, Outage};
use policyc_line::{Failure, Server, Up};
use std::{
    error::Error as _,
    fmt,
    future::{Future, poll_fn},
    pin::pin,
    str::FromStr,
    sync::Arc,
    time::Duration,
};
use tls::Tls;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{Mutex, OwnedMutexGuard},
    task::JoinHandle,
    time,
};
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls, config::SslMode};

/// What a call works on, for itself alone.
pub type Held = OwnedMutexGuard<Client>;

/// The connection of all threads.
type Turns = Arc<Mutex<Client>>;

/// What a store does with a connection.
pub trait Session: Clone + Send + Sync + 'static {
    /// What is done before anything else is asked, with the store's schema before all others. Where it fails, the connection is
    /// none.
    fn begin(&self, client: &mut Client, schema: &str) -> impl Future<Output = Result<(), Failed>> + Send;

    /// What the server says unasked: the text of a notification.
    fn told(&self, text: &str);
}

/// A connection to a server, for all threads, made again by itself.
#[derive(Debug)]
pub struct Line {
    line: policyc_line::Line<Turns>,
    way: Way,
}

/// How a server is reached.
#[derive(Clone)]
struct Way {
    /// What it is called, without secrets.
    name: Address,
    config: Config,
    tls: Option<Tls>,
    schema: String,
    patience: Duration,
}

/// A server of PostgreSQL.
struct Postgres<S> {
    way: Way,
    session: S,
}

/// Why something is not done.
#[derive(Debug)]
pub enum Failed {
    /// The server says no, or nothing.
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
    /// A line to the server of an address, which is connected to from now on. No question takes longer than `patience`. The
    /// name of the schema needs no quotes.
    ///
    /// # Errors
    /// What is wrong with the address, without its secrets.
    pub fn open(address: &Address, patience: Duration, schema: &str, session: impl Session) -> Result<Self, String> {
        let (config, is_secure) = config(address.exposed())?;
        let tls = is_secure.then(Tls::new).transpose()?;
        Self::along(Way { name: address.clone(), config, tls, schema: schema.to_owned(), patience }, session)
    }

    /// Another line to the same server, to a schema.
    ///
    /// # Errors
    /// There are no threads.
    pub fn beside(&self, schema: &str, session: impl Session) -> Result<Self, String> {
        Self::along(Way { schema: schema.to_owned(), ..self.way.clone() }, session)
    }

    fn along(way: Way, session: impl Session) -> Result<Self, String> {
        let server = Postgres { way: way.clone(), session };
        let line = policyc_line::Line::open(way.name.clone(), "policyc-postgres", way.patience, server)?;
        Ok(Self { line, way })
    }

    /// The name of the schema.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.way.schema
    }

    /// How long a question may take.
    #[must_use]
    pub const fn patience(&self) -> Duration {
        self.way.patience
    }

    /// Asks something over the connection, and waits for the answer.
    ///
    /// # Errors
    /// There is no connection or no answer, or the server refuses.
    pub fn ask<T: Send + 'static, F: Future<Output = Result<T, Failed>> + Send>(
        &self,
        ask: impl FnOnce(Held) -> F + Send + 'static,
    ) -> Result<T, Outage> {
        self.line.ask(move |up: Up<Turns>| async move {
            let held = up.connection.clone().lock_owned().await;
            // Whoever held it before may have left it in the middle of something.
            match up.why_lost() {
                Some(why) => Err(Failed::Refused(why)),
                None => ask(held).await,
            }
        })
    }

    /// Runs a task on the thread of the line, and waits until it is over.
    pub fn run(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.line.run(task);
    }

    /// That the server cannot be asked, and why.
    #[must_use]
    pub fn outage(&self, why: &str) -> Outage {
        self.line.outage(why)
    }
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Way").field(&self.name).finish()
    }
}

impl Failure for Failed {
    fn is_of_connection(&self) -> bool {
        match self {
            Self::Refused(_) => false,
            // Of the server's own errors: it ends, it is not the primary, or it has lost somebody.
            Self::Server(error) => {
                let is_one = |code: &str| ["08", "25", "57P"].iter().any(|class| code.starts_with(class));
                error.code().is_none_or(|code| is_one(code.code()))
            }
        }
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

impl<S: Session> Server for Postgres<S> {
    type Connection = Turns;
    /// What carries it tells at its end why it ended.
    type Carrier = JoinHandle<Option<String>>;

    async fn connect(&self) -> Result<(Turns, Self::Carrier), String> {
        let patience = self.way.patience.max(Duration::from_secs(1));
        match time::timeout(patience, connect(&self.way, &self.session)).await {
            Ok(Ok((client, carrier))) => Ok((Arc::new(Mutex::new(client)), carrier)),
            Ok(Err(failed)) => Err(failed.to_string()),
            Err(_) => Err("it cannot be reached".to_owned()),
        }
    }

    async fn look_after(&self, up: Up<Turns>, carrier: Self::Carrier) {
        let mut carrier = pin!(carrier);
        tokio::select! {
            () = up.lost() => {}
            ended = &mut carrier => {
                up.lose(&ended.ok().flatten().unwrap_or_else(|| "the connection was lost".to_owned()));
            }
        }
        // Nothing that is under way on it comes to an end any more.
        carrier.abort();
    }
}

/// Makes a connection; what carries it tells at its end why it ended.
async fn connect(way: &Way, session: &impl Session) -> Result<(Client, JoinHandle<Option<String>>), Failed> {
    let (mut client, connection) = match &way.tls {
        None => {
            let (client, connection) = way.config.connect(NoTls).await?;
            (client, tokio::spawn(carry(connection, session.clone())))
        }
        Some(tls) => {
            let (client, connection) = way.config.connect(tls.clone()).await?;
            (client, tokio::spawn(carry(connection, session.clone())))
        }
    };
    let (schema, patience) = (&way.schema, way.patience.as_millis());
    // What nobody waits for any more, the server ends too; and what was answered has reached the disk, whatever is usual there.
    let usual = format!(
        "SET search_path TO {schema}, pg_temp; SET statement_timeout = {patience}; SET lock_timeout = {patience};
         SET idle_in_transaction_session_timeout = {patience};
         SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';"
    );
    client.batch_execute(&usual).await?;
    session.begin(&mut client, schema).await?;
    Ok((client, connection))
}

/// Carries what is said.
async fn carry<S, T>(mut connection: Connection<S, T>, session: impl Session) -> Option<String>
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match poll_fn(|context| connection.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notification(told))) => session.told(told.payload()),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Some(Failed::from(error).to_string()),
            None => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::config;

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
