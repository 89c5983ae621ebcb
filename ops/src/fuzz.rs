//! The endpoint without a socket, for the fuzz targets (`fuzz/`). Not an API.

use crate::app::{Access, App};
use crate::checks::around;
use crate::routes::routes;
use crate::server::talk;
use crate::task::Submitter;
use crate::{Feed, MetricsFormat, NoFeed, Readiness, Since, Source, Unreadable};
use serde_json::{Map, Value};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// All that is answered to a client that sends these bytes, and closes then.
///
/// # Panics
/// When there is no runtime.
pub fn conversation(sent: &[u8], submitter: Box<dyn Submitter>) -> Vec<u8> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().build().expect("a runtime");
    let answered = Arc::new(Mutex::new(Vec::new()));
    let client = Client {
        sent: sent.to_vec(),
        read: 0,
        answered: Arc::clone(&answered),
    };
    let app = App::new(Box::new(NoPool), Some(submitter), Access::default());
    let service = around(routes(&app), &app);
    runtime.block_on(talk(client, service, app.stop.subscribe()));
    let answered = answered.lock().unwrap_or_else(PoisonError::into_inner);
    answered.clone()
}

struct Client {
    sent: Vec<u8>,
    read: usize,
    answered: Arc<Mutex<Vec<u8>>>,
}

impl AsyncRead for Client {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = &self.sent[self.read..];
        let some = rest.len().min(into.remaining());
        into.put_slice(&rest[..some]);
        self.read += some;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Client {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        answered.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

struct NoPool;

impl Source for NoPool {
    fn readiness(&self) -> Result<Readiness, Unreadable> {
        Ok(Readiness {
            state: "serving",
            ready: true,
            over: false,
            reason: String::new(),
        })
    }

    fn stat(&self) -> Result<String, Unreadable> {
        Ok("{}".to_owned())
    }

    fn stat_page(&self) -> Result<String, Unreadable> {
        Ok("none\n".to_owned())
    }

    fn tasks_page(&self) -> Result<String, Unreadable> {
        Ok("none\n".to_owned())
    }

    fn metrics(&self, _: MetricsFormat) -> Result<String, Unreadable> {
        Ok(String::new())
    }

    fn tasks(&self) -> Result<String, Unreadable> {
        Ok("{}".to_owned())
    }

    fn live(&self) -> Result<Map<String, Value>, Unreadable> {
        Err(Unreadable("there is no pool".to_owned()))
    }

    fn follow(&self, _: &str, _: Since) -> Result<Box<dyn Feed>, NoFeed> {
        Err(NoFeed::NoEvents)
    }
}
