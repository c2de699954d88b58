//! TLS 1.2 and 1.3 on every socket that the service listens on, by a certificate that can be exchanged while it runs.

use crate::server::settings::Faulty;
use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use serde::Deserialize;
use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// By which certificate the service is known: `[tls]`. Both files are PEM.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Files {
    /// The certificate, and behind it those that lead to a root.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl Files {
    /// The two files.
    #[must_use]
    pub const fn new(cert: PathBuf, key: PathBuf) -> Self {
        Self { cert, key }
    }

    /// Makes paths relative to the settings' folder.
    pub(in crate::server) fn paths(&mut self, below: impl Fn(&Path) -> PathBuf) {
        self.cert = below(&self.cert);
        self.key = below(&self.key);
    }

    fn read(&self) -> Result<ServerConfig, Faulty> {
        let bad = |path: &Path, error: &dyn fmt::Display| Faulty(format!("cannot use `{}`: {error}", path.display()));
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&self.cert)
            .and_then(Iterator::collect)
            .map_err(|error| bad(&self.cert, &error))?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| bad(&self.key, &error))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| bad(&self.cert, &error))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// The certificate in use.
pub(crate) struct Tls {
    files: Files,
    config: ArcSwap<ServerConfig>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tls").field(&self.files).finish()
    }
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// They cannot be read, or do not belong together.
    pub(in crate::server) fn open(files: &Files) -> Result<Self, Faulty> {
        Ok(Self { config: ArcSwap::from_pointee(files.read()?), files: files.clone() })
    }

    /// Reads the files again, for new connections. Files that cannot be used change nothing.
    pub(in crate::server) fn reload(&self) {
        match self.files.read() {
            Ok(config) => self.config.store(Arc::new(config)),
            Err(error) => tracing::error!(%error, "the certificate stays as it is"),
        }
    }

    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(self.config.load_full()).accept(stream).await
    }
}
