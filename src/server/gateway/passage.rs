//! An answer on its way from an upstream to a client: piece by piece, as fast as the client takes it.

use super::meter::Meter;
use crate::server::decide::Held;
use bytes::Bytes;
use futures_util::Stream;
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

/// The pieces of an answer.
pub(super) struct Passage {
    /// None once the answer is over. First, so that what is held is given back before the upstream is left.
    pub(super) held: Option<Held>,
    pub(super) pieces: Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>,
    /// How many bytes are still to come, where the upstream has said.
    pub(super) left: Option<u64>,
    pub(super) meter: Meter,
}

impl Passage {
    /// The answer is over: what it used is known now, or never.
    fn end(&mut self) {
        if let Some(mut held) = self.held.take() {
            held.used = self.meter.used();
        }
    }
}

impl Stream for Passage {
    type Item = reqwest::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match ready!(self.pieces.as_mut().poll_next(cx)) {
                Some(Ok(piece)) => {
                    self.left = self.left.map(|left| left.saturating_sub(piece.len() as u64));
                    let on = self.meter.take(piece);
                    // A client that was told the length does not wait for more, so all is settled before the last piece.
                    if self.left == Some(0) {
                        self.end();
                    }
                    if !on.is_empty() {
                        return Poll::Ready(Some(Ok(on)));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    let rest = self.meter.rest();
                    self.end();
                    return Poll::Ready((!rest.is_empty()).then_some(Ok(rest)));
                }
            }
        }
    }
}
