//! TLS on the service's own socket.

use crate::service::{Service, Setup};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use reqwest::{
    Certificate, Version,
    blocking::{Client, ClientBuilder},
};
use std::{
    fs,
    io::Read,
    net::TcpStream,
    path::Path,
    time::{Duration, Instant},
};

const POLICY: &str = "actions view;\nallow anyone to view;\n";
const TLS: &str = "[tls]\ncert = \"cert.pem\"\nkey = \"key.pem\"\n[http]\nhandshake_seconds = 1";

/// Writes a new certificate and its key, and gives the certificate.
fn certify(folder: &Path) -> Certificate {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(folder.join("key.pem"), signing_key.serialize_pem()).unwrap();
    fs::write(folder.join("cert.pem"), cert.pem()).unwrap();
    Certificate::from_pem(cert.pem().as_bytes()).unwrap()
}

fn start() -> (Service, Certificate) {
    let setup = Setup::new(POLICY).settings(TLS);
    let certificate = certify(setup.path());
    (setup.start(), certificate)
}

fn client(certificate: &Certificate) -> ClientBuilder {
    Client::builder().tls_certs_only([certificate.clone()]).timeout(Duration::from_secs(30))
}

fn health(service: &Service, client: ClientBuilder) -> reqwest::Result<(Version, u16)> {
    let port = service.address().rsplit(':').next().unwrap();
    let response = client.build()?.get(format!("https://localhost:{port}/healthz")).send()?;
    Ok((response.version(), response.status().as_u16()))
}

#[test]
fn both_versions_of_http_are_spoken() {
    let (service, certificate) = start();
    assert!(service.url("/").starts_with("https://"));
    assert_eq!(health(&service, client(&certificate)).unwrap(), (Version::HTTP_2, 200));
    assert_eq!(health(&service, client(&certificate).http1_only()).unwrap(), (Version::HTTP_11, 200));
    assert!(health(&service, Client::builder()).is_err(), "nobody vouches for the certificate");
    let port = service.address().rsplit(':').next().unwrap();
    assert!(reqwest::blocking::get(format!("http://localhost:{port}/healthz")).is_err(), "no HTTP without TLS");
}

#[test]
fn a_certificate_is_exchanged_while_the_service_runs() {
    let (service, old) = start();
    let new = certify(service.folder.path());
    assert!(health(&service, client(&new)).is_err());
    service.signal("HUP");
    service.says("the policy set stays as it is");
    assert!(health(&service, client(&new)).is_ok());
    assert!(health(&service, client(&old)).is_err());
    fs::write(service.folder.path().join("key.pem"), "nonsense").unwrap();
    service.signal("HUP");
    service.says("the certificate stays as it is");
    assert!(health(&service, client(&new)).is_ok());
}

#[test]
fn a_handshake_that_does_not_go_on_is_cut_off() {
    let (service, certificate) = start();
    let began = Instant::now();
    let mut stream = TcpStream::connect(service.address()).unwrap();
    assert_eq!(stream.read(&mut [0; 16]).unwrap_or(0), 0);
    assert!(began.elapsed() < Duration::from_secs(20));
    assert!(health(&service, client(&certificate)).is_ok());
}
