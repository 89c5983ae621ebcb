//! A worker with async handlers, for the tests of what becomes of them: they wait, are cancelled, block,
//! panic and leave things behind.

#![forbid(unsafe_code)]

#[path = "../../../worker/examples/fetch.rs"]
#[expect(dead_code, reason = "the example's main")]
mod fetch;

use nix::sys::signal::{Signal, raise};
use ringwork::{Ringwork, TaskType};
use ringwork_worker::{
    AsyncContext, Builder, PerLane, PerThread, State, TaskContext, TaskError, Worker, WorkerError,
};
use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::future::{Future, pending};
use std::io::Write;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::sleep;

/// Why the last task that listens was cancelled.
static LAST_WHY: Mutex<String> = Mutex::new(String::new());

/// Futures that were made and not dropped.
static ALIVE: AtomicU64 = AtomicU64::new(0);

/// Counts while it lives.
struct Alive;

impl Alive {
    fn new() -> Self {
        ALIVE.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Panics when it is dropped.
struct PanicsInDrop;

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("in the drop of a future");
    }
}

/// Waits for ever, and is never woken.
struct ForgetsItsWaker;

impl Future for ForgetsItsWaker {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

/// A client of the worker's own pool, since the first task that has asked for it.
#[derive(Default)]
struct OwnPool(OnceCell<Ringwork>);

impl OwnPool {
    async fn client(&self, task: &AsyncContext) -> Result<&Ringwork, TaskError> {
        let connect = || Ringwork::builder("own").dir(task.pool().clone()).connect();
        self.0.get_or_try_init(connect).await.map_err(own)
    }
}

fn own(error: ringwork::Error) -> TaskError {
    TaskError::new("test.own_pool", error.to_string())
}

/// The states that this process has made.
static MADE: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());

fn made() -> BTreeSet<&'static str> {
    MADE.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// A state that says that it was made.
struct Noted<const FOR: char>;

impl<const FOR: char> Noted<FOR> {
    fn new(name: &'static str) -> Result<Self, String> {
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        made.insert(name);
        Ok(Self)
    }
}

/// Handlers that take states, and tell which were made.
fn with_states(builder: Builder) -> Builder {
    builder
        .singleton("base", || Noted::<'b'>::new("base"))
        .singleton("of-io", |_: Arc<Noted<'b'>>| Noted::<'i'>::new("of-io"))
        .async_singleton("of-cpu", async || Noted::<'c'>::new("of-cpu"))
        .singleton("both", || Noted::<'2'>::new("both"))
        .singleton("unasked", || Noted::<'0'>::new("unasked"))
        .async_per_thread("thread", async || Noted::<'t'>::new("thread"))
        .per_lane("lane", || Noted::<'l'>::new("lane"))
        .task(
            "cpu.made",
            |_: State<Noted<'c'>>, _: PerLane<Noted<'l'>>, _: State<Noted<'2'>>, (): ()| {
                Vec::from_iter(made()).join(" ")
            },
        )
        .async_task(
            "io.made",
            |_: Arc<Noted<'i'>>, _: PerThread<Noted<'t'>>, _: Arc<Noted<'2'>>, (): ()| async {
                Vec::from_iter(made()).join(" ")
            },
        )
        // It has not said that it does.
        .task("cpu.takes_unsaid", |task: &TaskContext<'_>, (): ()| {
            let _: &Noted<'i'> = task.state();
        })
}

fn main() -> Result<(), WorkerError> {
    let builder = with_client(with_states(calling(waiting(wrong(Worker::builder())))));
    builder
        .task("cpu.echo", |_: &TaskContext<'_>, text: String| {
            Ok::<_, TaskError>(text)
        })
        .task("cpu.alive", |_: &TaskContext<'_>, (): ()| {
            Ok::<_, TaskError>(ALIVE.load(Ordering::Relaxed))
        })
        .task("cpu.pid", |_: &TaskContext<'_>, (): ()| {
            Ok::<_, TaskError>(u64::from(std::process::id()))
        })
        .task("cpu.blocks", |_: &TaskContext<'_>, ms: u64| {
            std::thread::sleep(Duration::from_millis(ms));
            Ok::<_, TaskError>(ms)
        })
        .task("test.corrupt", |request: String| {
            let written = ringwork_tests::corruption::run_in_own_pool(&request);
            written.map_err(|why| TaskError::new("test.corrupt", why))
        })
        .task("cpu.exits", |_: &TaskContext<'_>, (): ()| {
            std::process::exit(3);
            #[expect(unreachable_code, reason = "it says the type")]
            Ok::<(), TaskError>(())
        })
        .run()
}

async fn sleeping(context: AsyncContext, ms: u64) -> Result<u32, TaskError> {
    let _alive = Alive::new();
    sleep(Duration::from_millis(ms)).await;
    Ok(context.attempt())
}

/// The bytes of the future that a handler returns.
fn size_of_future<A, Q, F>(_: &impl Fn(A, Q) -> F) -> usize {
    size_of::<F>()
}

fn waiting(builder: Builder) -> Builder {
    builder
        .async_task("http.get", fetch::get)
        .async_task(
            "io.echo",
            |text: String| async move { Ok::<_, TaskError>(text) },
        )
        .async_task("io.alive", |(): ()| async move {
            Ok::<_, TaskError>(ALIVE.load(Ordering::Relaxed))
        })
        .async_task("io.pid", |(): ()| async move {
            Ok::<_, TaskError>(u64::from(std::process::id()))
        })
        .async_task("io.yields", |text: String| async move {
            tokio::task::yield_now().await;
            Ok::<_, TaskError>(text)
        })
        .async_task("io.bytes", |size: usize| async move {
            tokio::task::yield_now().await;
            Ok::<_, TaskError>(vec![7_u8; size])
        })
        .async_task("io.sleep", sleeping)
        .task("io.sleep.size", |(): ()| size_of_future(&sleeping))
        .async_task(
            "io.until_cancelled",
            |context: AsyncContext, (): ()| async move {
                let _alive = Alive::new();
                let why = context.cancelled().await;
                *LAST_WHY.lock().unwrap_or_else(PoisonError::into_inner) = why.to_string();
                // It has time to clear up.
                sleep(Duration::from_millis(5)).await;
                Err::<(), _>(TaskError::new("task.cancelled", format!("{why:?}")))
            },
        )
        .async_task(
            "io.until_leaving",
            |context: AsyncContext, (): ()| async move {
                let _alive = Alive::new();
                context.leaving().await;
                Ok::<_, TaskError>(format!("{:?}", context.why_cancelled()))
            },
        )
        .async_task("io.spell", spell)
        .async_task("io.last_why", |(): ()| async move {
            LAST_WHY
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone()
        })
        .async_task("io.progress", |context: AsyncContext, (): ()| async move {
            context.progress(1, 2);
            pending::<()>().await;
            Ok::<_, TaskError>(())
        })
        .async_task(
            "io.spawns",
            |context: AsyncContext, never: u64| async move {
                for _ in 0..never {
                    context.spawn(async {
                        let _alive = Alive::new();
                        pending::<()>().await;
                    });
                }
                let sum = context.spawn(async {
                    sleep(Duration::from_millis(1)).await;
                    20_u64
                });
                Ok::<_, TaskError>(sum.await? + 1)
            },
        )
        .async_task("io.blocking", |context: AsyncContext, ms: u64| async move {
            let work = move || std::thread::sleep(Duration::from_millis(ms));
            context.blocking(work).await?;
            Ok::<_, TaskError>(ms)
        })
}

/// Handlers that call handlers of their own pool.
fn calling(builder: Builder) -> Builder {
    const ECHO: TaskType<str, String> = TaskType::new("cpu.echo");
    const NESTS: TaskType<i64, String> = TaskType::new("io.nests");
    const SLEEP: TaskType<i64, i64> = TaskType::new("io.sleep");
    builder
        .state(OwnPool::default())
        .async_task(
            "io.calls",
            |pool: Arc<OwnPool>, task: AsyncContext, text: String| async move {
                let rw = pool.client(&task).await?;
                let parts = text.split(' ').map(|part| rw.call(ECHO, part));
                let parts: Result<Vec<_>, _> =
                    ringwork::join_all(parts).await.into_iter().collect();
                parts.map(|parts| parts.join("+")).map_err(own)
            },
        )
        // Without end: it tells how deep it has come, and what has stopped it.
        .async_task(
            "io.nests",
            |pool: Arc<OwnPool>, task: AsyncContext, depth: i64| async move {
                let rw = pool.client(&task).await?;
                let deeper = rw.call(NESTS, &(depth + 1)).await;
                Ok::<_, TaskError>(deeper.unwrap_or_else(|error| format!("{depth}: {error}")))
            },
        )
        // Its own call is dropped between two polls.
        .async_task(
            "io.gives_up",
            |pool: Arc<OwnPool>, task: AsyncContext, ms: i64| async move {
                let rw = pool.client(&task).await?;
                let late = tokio::time::timeout(Duration::from_millis(30), rw.call(SLEEP, &ms));
                Ok::<_, TaskError>(u64::from(late.await.is_err()))
            },
        )
}

/// As `test.spell` of the other worker: notes in a file that a task has begun, and that it ends; `PATH
/// NAME MILLISECONDS END`, where END is `ok`, or `die`, which ends the process of the first attempt.
async fn spell(context: AsyncContext, request: String) -> Result<u32, TaskError> {
    let parts: Vec<&str> = request.split(' ').collect();
    let [path, name, milliseconds, end] = parts[..] else {
        let usage = "PATH NAME MILLISECONDS END";
        return Err(TaskError::new("test.spell", usage));
    };
    let note = |what: &str| {
        let mut file = OpenOptions::new().append(true).create(true).open(path)?;
        file.write_all(format!("{what} {name}\n").as_bytes())
    };
    note("begin")?;
    sleep(Duration::from_millis(milliseconds.parse()?)).await;
    if end == "die" && context.attempt() == 1 {
        let _ = raise(Signal::SIGKILL);
    }
    note("end")?;
    Ok(context.attempt())
}

/// A client of the pool that a state has.
struct OfState(Ringwork);

/// A handler that calls its own pool by a client that was connected before the worker was confined:
/// where a test names the pool.
fn with_client(builder: Builder) -> Builder {
    const ECHO: TaskType<str, String> = TaskType::new("cpu.echo");
    let Ok(pool) = std::env::var("RINGWORK_TEST_CLIENT_OF") else {
        return builder;
    };
    let asks = std::env::var_os("RINGWORK_TEST_CLIENT_ASKS").is_some();
    let connect = move || {
        let pool = pool.clone();
        async move {
            let rw = Ringwork::connect(&pool).await?;
            // A question that it takes a thread to answer.
            assert!(!asks || rw.is_open());
            Ok::<_, ringwork::Error>(OfState(rw))
        }
    };
    builder.async_singleton("client", connect).async_task(
        "io.calls_by_state",
        |client: Arc<OfState>, text: String| async move {
            client.0.call(ECHO, &text).await.map_err(own)
        },
    )
}

/// Handlers that do what they should not.
fn wrong(builder: Builder) -> Builder {
    builder
        .async_task("io.blocks", |ms: u64| async move {
            tokio::task::yield_now().await;
            std::thread::sleep(Duration::from_millis(ms));
            Ok::<_, TaskError>(ms)
        })
        // Before its first await.
        .async_task("io.blocks_at_once", |ms: u64| async move {
            std::thread::sleep(Duration::from_millis(ms));
            Ok::<_, TaskError>(ms)
        })
        .async_task("io.panics", |late: u64| async move {
            if late > 0 {
                sleep(Duration::from_millis(1)).await;
            }
            panic!("on purpose");
            #[expect(unreachable_code, reason = "it says the type")]
            Ok::<(), TaskError>(())
        })
        .async_task(
            "io.blocking_panics",
            |context: AsyncContext, (): ()| async move {
                context.blocking(|| panic!("on purpose")).await?;
                Ok::<_, TaskError>(())
            },
        )
        .async_task(
            "io.child_panics",
            |context: AsyncContext, awaits: u64| async move {
                let (tells, told) = tokio::sync::oneshot::channel::<()>();
                let child = context.spawn(async {
                    let _tells = tells;
                    panic!("on purpose")
                });
                match awaits {
                    0 => drop(told.await), // dropped by the panic
                    _ => child.await?,
                }
                Ok::<_, TaskError>(())
            },
        )
        .async_task("io.panics_in_drop", |(): ()| async move {
            let _panics = PanicsInDrop;
            pending::<()>().await;
            Ok::<_, TaskError>(())
        })
        .async_task("io.forgets", |(): ()| async move {
            let _alive = Alive::new();
            ForgetsItsWaker.await;
            Ok::<_, TaskError>(())
        })
        .async_task("io.leaks", |context: AsyncContext, (): ()| async move {
            // Its context outlives it, in a task of Tokio that no one ends.
            let leaked = context.clone();
            tokio::spawn(async move {
                loop {
                    sleep(Duration::from_millis(1)).await;
                    leaked.progress(1, 1);
                }
            });
            Ok::<_, TaskError>(())
        })
        .async_task("io.fails", |late: u64| async move {
            sleep(Duration::from_millis(late)).await;
            Err::<(), _>(TaskError::new("test.failed", "as asked"))
        })
        .async_task("io.exits", |(): ()| async move {
            tokio::task::yield_now().await;
            std::process::exit(3);
            #[expect(unreachable_code, reason = "it says the type")]
            Ok::<(), TaskError>(())
        })
}
