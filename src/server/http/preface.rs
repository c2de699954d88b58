//! The first bytes of a connection, which tell its version of HTTP: they must come in time. From then on the version's own
//! time-outs hold.

use std::{
    future::Future,
    io,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// How a connection of HTTP/2 begins (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection whose first bytes must come in time.
pub(super) struct Hurried<S> {
    stream: S,
    /// How much of the preface has come, and until when the rest must; none once the version is known.
    waiting: Option<(usize, Pin<Box<Sleep>>)>,
}

impl<S> Hurried<S> {
    pub(super) fn new(stream: S, patience: Duration) -> Self {
        Self { stream, waiting: Some((0, Box::pin(sleep(patience)))) }
    }

    /// Takes note of bytes that came.
    fn came(&mut self, bytes: &[u8]) {
        let Some((seen, _)) = &mut self.waiting else { return };
        let rest = PREFACE.get(*seen..).unwrap_or_default();
        if bytes.len() < rest.len() && rest.starts_with(bytes) {
            *seen = seen.saturating_add(bytes.len());
        } else {
            self.waiting = None;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Hurried<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = pin!(&mut self.stream).poll_read(context, buffer);
        match read {
            Poll::Ready(_) => {
                self.came(buffer.filled().get(before..).unwrap_or_default());
                read
            }
            Poll::Pending => {
                let is_over = self.waiting.as_mut().is_some_and(|(_, end)| end.as_mut().poll(context).is_ready());
                if is_over { Poll::Ready(Err(io::ErrorKind::TimedOut.into())) } else { Poll::Pending }
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Hurried<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        pin!(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        pin!(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        pin!(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        pin!(&mut self.stream).poll_write_vectored(context, bytes)
    }
}
