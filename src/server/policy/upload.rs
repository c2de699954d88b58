//! Policy sets that were sent: texts by name, or a bundle.

use super::Unchanged;
use crate::{
    engine::{Engine, EngineBuilder, LoadError},
    load::bundle::{self, BadBundle},
    server::http::BadBody,
};
use ::http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use bytes::Bytes;
use serde::Deserialize;
use std::{collections::BTreeMap, path::PathBuf};

/// What a single text is called, and a bundle.
const TEXT: &str = "upload.policy";
const BUNDLE_NAME: &str = "upload.bundle";

/// How files end that are bundles.
const BUNDLE: &str = ".bundle";

/// A policy set that was sent.
#[derive(Debug)]
pub(in crate::server) enum Upload {
    Texts(BTreeMap<String, String>),
    Bundle(Bytes),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Files {
    files: BTreeMap<String, String>,
}

impl Upload {
    /// What a body of some type is.
    pub(super) fn read(headers: &HeaderMap, body: Bytes) -> Result<Self, BadBody> {
        let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match kind.split(';').next().unwrap_or_default().trim() {
            "application/json" => serde_json::from_slice(&body)
                .map(|Files { files }| Self::Texts(files))
                .map_err(|error| BadBody::new(StatusCode::BAD_REQUEST, error.to_string())),
            "text/plain" => String::from_utf8(body.into())
                .map(|text| Self::Texts(BTreeMap::from([(TEXT.to_owned(), text)])))
                .map_err(|_| BadBody::new(StatusCode::BAD_REQUEST, "the body is not UTF-8")),
            "application/octet-stream" => Ok(Self::Bundle(body)),
            _ => {
                let message = "send texts as `application/json`: {\"files\": {\"a.policy\": \"…\"}}, one text as `text/plain`, or a \
                               bundle as `application/octet-stream`";
                Err(BadBody::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message))
            }
        }
    }

    /// What files that were chosen are, by their names: a bundle, or texts.
    pub(in crate::server) fn of_files(files: Vec<(String, Bytes)>) -> Result<Self, BadBody> {
        let bad = |message: String| BadBody::new(StatusCode::BAD_REQUEST, message);
        if let [(name, bytes)] = files.as_slice()
            && name.ends_with(BUNDLE)
        {
            return Ok(Self::Bundle(bytes.clone()));
        }
        let mut texts = BTreeMap::new();
        for (name, bytes) in files {
            let text = String::from_utf8(bytes.into()).map_err(|_| bad(format!("`{name}` is not UTF-8")))?;
            if texts.insert(name.clone(), text).is_some() {
                return Err(bad(format!("there are two files called `{name}`")));
            }
        }
        if texts.is_empty() { Err(bad("no file was chosen".to_owned())) } else { Ok(Self::Texts(texts)) }
    }

    /// Loads the set. A bundle brings its catalogs with it.
    pub(super) fn load(self, builder: EngineBuilder, catalogs: &[PathBuf]) -> Result<Engine, Unchanged> {
        match self {
            Self::Texts(files) => {
                let builder = catalogs.iter().fold(builder, EngineBuilder::catalog);
                Ok(files.iter().fold(builder, |builder, (name, text)| builder.text(name, text)).load()?)
            }
            Self::Bundle(bytes) => {
                let bad = |error| LoadError::Bundle(BadBundle { path: BUNDLE_NAME.into(), error });
                Ok(builder.of_loader(bundle::read(&bytes, None).map_err(bad)?.loader)?)
            }
        }
    }
}
