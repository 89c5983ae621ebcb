//! States by scope, layers, and what a task tells of itself, through the steps of a real task.

#![forbid(unsafe_code)]

use ringwork_worker::ring::os::clock::thread_time;
use ringwork_worker::testing::{Pool, Worker as TestWorker};
use ringwork_worker::{
    Cbor, Config, Extract, Finder, PerLane, PerTask, State, TaskContext, TaskError, Worker,
};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What happened, in its order.
type Book = Arc<Mutex<Vec<&'static str>>>;

struct Noted(Book, &'static str);

impl Drop for Noted {
    fn drop(&mut self) {
        self.0.lock().unwrap().push(self.1);
    }
}

struct Base(Noted);
struct Upper(Noted);
struct Own(Noted, Rc<u8>);
struct OfTask(Noted);

#[test]
fn states_are_dropped_in_the_reverse_order_of_their_making_after_the_last_task() {
    let book = Book::default();
    let note = |what| Noted(Arc::clone(&book), what);
    let (base, upper, own, of_task) = (note(""), note(""), note(""), note(""));
    let noted = |of: &Noted, what| Noted(Arc::clone(&of.0), what);
    let worker = Worker::builder()
        // Told first, made second: it needs the other.
        .singleton("upper", move |base: Arc<Base>| {
            assert!(base.0.1 == "base");
            Ok::<_, TaskError>(Upper(noted(&upper, "upper")))
        })
        .singleton("base", move || {
            Ok::<_, TaskError>(Base(noted(&base, "base")))
        })
        .per_lane("own", move |_: Arc<Upper>| {
            Ok::<_, TaskError>(Own(noted(&own, "lane"), Rc::new(7)))
        })
        .per_task("task", move |_: State<Base>| {
            Ok::<_, TaskError>(OfTask(noted(&of_task, "task")))
        })
        .task(
            "all",
            |own: PerLane<Own>, PerTask(of_task): PerTask<OfTask>, upper: State<Upper>, (): ()| {
                let book = Arc::clone(&of_task.0.0);
                assert!(Arc::ptr_eq(&book, &upper.0.0.0) && Arc::ptr_eq(&book, &own.0.0));
                book.lock().unwrap().push("run");
                *own.1
            },
        );
    let pool = Pool::start(worker).unwrap();
    book.lock().unwrap().clear(); // of the makers' own
    assert_eq!(pool.call("all").run().result::<u8>(), Ok(7));
    assert_eq!(*book.lock().unwrap(), ["run", "task"]);
    drop(pool);
    let seen = book.lock().unwrap().clone();
    let of = |what| seen.iter().position(|one| *one == what).expect(what);
    assert!(of("task") < of("lane"), "{seen:?}");
    assert!(
        of("lane") < of("upper") && of("upper") < of("base"),
        "{seen:?}"
    );
}

#[test]
fn what_can_not_be_made_is_told_by_name() {
    struct Broken;
    let told = |builder| TestWorker::new(builder).err().expect("refused").to_string();
    let failing = Worker::builder().singleton("db", || {
        Err::<Broken, _>(std::io::Error::other("no route to the host"))
    });
    let text = told(failing);
    assert!(
        text.contains("the state \"db\"") && text.contains("no route"),
        "{text}"
    );
    let panicking =
        Worker::builder().per_lane("db", || -> Result<Broken, String> { panic!("the kettle") });
    let text = told(panicking);
    assert!(
        text.contains("for a lane: it panicked: the kettle"),
        "{text}"
    );
    let unread = Worker::builder().config(r#"{"state": {"db": {}}}"#);
    assert!(told(unread).contains("which nothing reads"));
    let failing = Worker::builder()
        .per_task("tx", || {
            Err::<Broken, _>(TaskError::new("tx.busy", "again"))
        })
        .task("never", |_: PerTask<Broken>, (): ()| -> u8 {
            panic!("it does not run")
        });
    let worker = TestWorker::new(failing).unwrap();
    assert_eq!(worker.call("never").run().code(), Some("tx.busy"));
}

#[test]
fn a_task_tells_what_it_is() {
    let worker = Worker::builder().task("tell", |task: &TaskContext<'_>, (): ()| {
        let client = task.client();
        assert_eq!(client.pid, std::process::id());
        format!(
            "{} {} {} {}",
            task.handler(),
            task.task_id(),
            task.priority(),
            task.attempt()
        )
    });
    let worker = TestWorker::new(worker).unwrap();
    let told = worker.call("tell").task_id(5).priority(0).attempt(3).run();
    assert_eq!(told.text(), Ok("tell 5 0 3".to_owned()));
    let told = worker.call("tell").task_id(6).run();
    assert_eq!(told.text(), Ok("tell 6 1 1".to_owned()));
}

#[test]
fn requests_are_borrowed_and_results_plain() {
    struct Sized(usize);
    impl Extract for Sized {
        type Item<'t> = Self;
        type Found = usize;
        fn find(finder: &mut Finder<'_>) -> usize {
            finder.name().len()
        }
        fn extract<'t>(found: &'t usize, _: &'t TaskContext<'t>) -> Result<Self, TaskError> {
            Ok(Self(*found))
        }
    }
    let worker = Worker::builder()
        .task("text", |text: &str| text.len())
        .task("bytes", |bytes: &[u8]| bytes.to_vec())
        .task("name", |Sized(size): Sized, (): ()| size)
        .task("cbor", |Cbor(numbers): Cbor<Vec<u64>>| {
            Cbor(numbers.iter().sum::<u64>())
        })
        .task("config", |config: Config<Option<u8>>, (): ()| {
            u8::from(config.is_some())
        });
    let refused = TestWorker::new(worker)
        .err()
        .expect("an option is no table")
        .to_string();
    assert!(refused.contains("[handler.config]"), "{refused}");
    let worker = Worker::builder()
        .task("text", |text: &str| text.len())
        .task("bytes", |bytes: &[u8]| bytes.to_vec())
        .task("name", |Sized(size): Sized, (): ()| size)
        .task("cbor", |Cbor(numbers): Cbor<Vec<u64>>| {
            Cbor(numbers.iter().sum::<u64>())
        });
    let worker = TestWorker::new(worker).unwrap();
    assert_eq!(
        worker
            .call("text")
            .request("größer")
            .run()
            .result::<usize>(),
        Ok(8)
    );
    let wrong = worker.call("text").request(vec![0xff_u8]).run();
    assert_eq!(wrong.code(), Some("request.undecodable"));
    assert_eq!(
        worker.call("text").request(7_u8).run().code(),
        Some("request.undecodable")
    );
    assert_eq!(
        worker.call("bytes").request("x").run().bytes(),
        Ok(b"x".to_vec())
    );
    assert_eq!(worker.call("name").run().result::<usize>(), Ok(4));
    let sum = worker.call("cbor").request(Cbor(vec![1_u64, 2])).run();
    assert_eq!(sum.result().map(|Cbor(sum): Cbor<u64>| sum), Ok(3));
    assert_eq!(worker.call("none").run().code(), Some("handler.unknown"));
}

#[test]
fn layers_stand_around_each_other_and_a_panic_goes_through_them() {
    let book = Book::default();
    let layered = |name: &'static str, after: &'static str| {
        let book = Arc::clone(&book);
        move |call: &mut ringwork_worker::Call<'_, '_>, next: ringwork_worker::Next<'_>| {
            let _left = Noted(Arc::clone(&book), after);
            book.lock().unwrap().push(name);
            next.run(call)
        }
    };
    let worker = Worker::builder()
        .layer(layered("outer", "outer left"))
        .task("fail", |(): ()| Err::<(), _>(TaskError::new("a.b", "c")))
        .task("panic", |(): ()| -> () { panic!("the kettle") })
        .layer(layered("inner", "inner left"));
    let worker = TestWorker::new(worker).unwrap();
    for (handler, code) in [("fail", "a.b"), ("panic", "handler.panicked")] {
        assert_eq!(worker.call(handler).run().code(), Some(code));
        let seen = std::mem::take(&mut *book.lock().unwrap());
        assert_eq!(
            seen,
            ["outer", "inner", "inner left", "outer left"],
            "{handler}"
        );
    }
}

#[test]
fn a_caller_that_gives_up_is_seen_in_a_pool_and_without_one() {
    let wait = |task: &TaskContext<'_>, (): ()| -> Result<(), TaskError> {
        loop {
            task.check_cancelled()?;
            std::thread::yield_now();
        }
    };
    let soon = Duration::from_millis(5);
    let worker = TestWorker::new(Worker::builder().task("wait", wait)).unwrap();
    for time in [Duration::ZERO, soon] {
        let given_up = worker.call("wait").cancel_after(time).run();
        assert_eq!(given_up.code(), Some("task.cancelled"));
    }
    let pool = Pool::start(Worker::builder().lanes(2).task("wait", wait)).unwrap();
    assert_eq!(
        pool.call("wait").cancel_after(soon).run().code(),
        Some("task.cancelled")
    );
    let late = pool.call("wait").deadline(soon).run();
    assert_eq!(late.code(), Some("deadline.passed"));
}

#[cfg(feature = "io")]
mod async_handlers {
    use super::*;
    use ringwork_worker::{AsyncContext, AsyncNext, PerThread};
    use std::io::{Read, Write};
    use std::sync::atomic::{AtomicU32, Ordering};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    struct Suffix(&'static str);
    struct Label(String);

    fn worker() -> ringwork_worker::Builder {
        let say = |suffix: Arc<Suffix>, task: AsyncContext, text: String| async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            assert_eq!(task.state::<Suffix>().0, suffix.0);
            text + suffix.0
        };
        Worker::builder().state(Suffix("!")).async_task("say", say)
    }

    #[test]
    fn they_take_what_others_do_and_keep_it_while_they_wait() {
        let worker = worker()
            .config(r#"{"handler": {"label": {"ms": 1}}}"#)
            .per_task(
                "label",
                |task: &TaskContext<'_>, suffix: State<Suffix>| match task.task_id() {
                    13 => Err(TaskError::new("label.none", "no label")),
                    id => Ok(Label(format!("{id}{}", suffix.0.0))),
                },
            )
            .async_task(
                "label",
                |PerTask(label): PerTask<Label>, pause: Config<Pause>, (): ()| async move {
                    tokio::time::sleep(Duration::from_millis(pause.ms)).await;
                    label.0
                },
            );
        let pool = Pool::start(worker).unwrap();
        let said = pool.call("say").request("hi").run();
        assert_eq!(said.text(), Ok("hi!".to_owned()));
        let label = |id| pool.call("label").task_id(id).run();
        assert_eq!(label(7).text(), Ok("7!".to_owned()));
        assert_eq!(label(13).code(), Some("label.none"));
    }

    #[derive(serde::Deserialize)]
    struct Pause {
        ms: u64,
    }

    #[test]
    fn what_they_lack_and_what_is_a_lanes_is_told_at_the_start() {
        let refused = |worker: ringwork_worker::Builder| {
            let refused = Pool::start(worker).err();
            refused.expect("refused").to_string()
        };
        let missing = Worker::builder().async_task("say", |_: Arc<Suffix>, (): ()| async move {});
        let text = refused(missing);
        assert!(
            text.contains("\"say\" needs a state") && text.contains("Suffix"),
            "{text}"
        );
        let of_a_lane = worker()
            .per_lane("lane", || Ok::<_, String>(7_u32))
            .per_task("label", |lane: PerLane<u32>| {
                Ok::<_, TaskError>(Label(lane.to_string()))
            })
            .async_task("label", |_: PerTask<Label>, (): ()| async move {});
        let text = refused(of_a_lane);
        assert!(
            text.contains("\"label\" is async") && text.contains("u32"),
            "{text}"
        );
        let unlayered = worker().layer(|call, next| next.run(call));
        assert!(refused(unlayered).contains("\"say\" is async"));
        let unlayered = worker()
            .task("echo", |text: &str| text.to_owned())
            .async_layer(|_: AsyncContext, next: AsyncNext| next.run());
        assert!(refused(unlayered).contains("\"echo\" is not async"));
    }

    #[test]
    fn an_async_state_is_made_before_the_worker_is_ready_and_its_connection_lives_on() {
        struct Line(tokio::sync::Mutex<TcpStream>);
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        let echo = std::thread::spawn(move || {
            let (mut line, _) = server.accept().unwrap();
            let mut bytes = [0; 64];
            while let Ok(read @ 1..) = line.read(&mut bytes) {
                line.write_all(&bytes[..read]).unwrap();
            }
        });
        let connect = move |_: Arc<Suffix>| async move {
            let line = TcpStream::connect(address).await?;
            Ok::<_, std::io::Error>(Line(line.into()))
        };
        let worker = Worker::builder()
            .async_singleton("line", connect)
            .state(Suffix("!"))
            .io_threads(2)
            .async_task("echo", |line: Arc<Line>, text: String| async move {
                let mut line = line.0.lock().await;
                line.write_all(text.as_bytes()).await?;
                let mut answer = vec![0; text.len()];
                line.read_exact(&mut answer).await?;
                Ok::<_, std::io::Error>(answer)
            });
        let pool = Pool::start(worker).unwrap();
        for text in ["tea", "milk", "sugar"] {
            let answer = pool.call("echo").request(text).run();
            assert_eq!(answer.bytes(), Ok(text.as_bytes().to_vec()));
        }
        drop(pool);
        echo.join().unwrap();
    }

    /// Which I/O thread made it; says so when it is dropped, and by which.
    struct Own {
        made_by: String,
        name: &'static str,
        dropped: Arc<Mutex<Vec<String>>>,
        runtime: tokio::runtime::Id,
    }

    fn thread_name() -> String {
        std::thread::current().name().unwrap_or_default().to_owned()
    }

    impl Own {
        async fn new(
            name: &'static str,
            dropped: &Arc<Mutex<Vec<String>>>,
        ) -> Result<Self, String> {
            // It is awaited on the thread's own runtime.
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok(Self {
                made_by: thread_name(),
                name,
                dropped: Arc::clone(dropped),
                runtime: tokio::runtime::Handle::current().id(),
            })
        }
    }

    impl Drop for Own {
        fn drop(&mut self) {
            let mut dropped = self.dropped.lock().unwrap();
            assert_eq!(self.made_by, thread_name(), "dropped by another");
            dropped.push(format!("{} {}", self.made_by, self.name));
        }
    }

    #[test]
    fn each_io_thread_has_a_state_of_its_own_for_the_tasks_that_it_polls() {
        struct First(Own);
        struct Second(Own);
        let dropped = Arc::new(Mutex::new(Vec::new()));
        let (one, two) = (Arc::clone(&dropped), Arc::clone(&dropped));
        let worker = Worker::builder()
            .io_threads(2)
            .lanes(1)
            .async_per_thread("second", move |_: Arc<Suffix>| {
                let dropped = Arc::clone(&two);
                async move { Own::new("second", &dropped).await.map(Second) }
            })
            .async_per_thread("first", move || {
                let dropped = Arc::clone(&one);
                async move { Own::new("first", &dropped).await.map(First) }
            })
            .state(Suffix("!"))
            .async_task(
                "who",
                |first: PerThread<First>, second: PerThread<Second>, ms: u64| async move {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                    let runtime = tokio::runtime::Handle::current().id();
                    assert_eq!((first.0.runtime, second.0.runtime), (runtime, runtime));
                    assert_eq!(
                        (&first.0.made_by, &second.0.made_by),
                        (&thread_name(), &thread_name())
                    );
                    thread_name()
                },
            );
        let pool = Pool::start(worker).unwrap();
        let each = ["ringwork-io-0", "ringwork-io-1"];
        std::thread::scope(|scope| {
            let who = || pool.call("who").request(20_i64).run().text().unwrap();
            let calls: Vec<_> = (0..4).map(|_| scope.spawn(who)).collect();
            for call in calls {
                let thread = call.join().unwrap();
                assert!(each.contains(&thread.as_str()), "{thread}");
            }
        });
        drop(pool);
        let mut dropped = dropped.lock().unwrap().clone();
        dropped.sort_by_key(|one| one.split(' ').next().map(str::to_owned));
        let all = each
            .iter()
            .flat_map(|thread| ["first", "second"].map(|name| format!("{thread} {name}")));
        assert_eq!(
            dropped,
            Vec::from_iter(all),
            "in the reverse order of their making"
        );
    }

    #[test]
    fn a_state_of_an_io_thread_that_is_not_to_be_had_is_told_at_the_start() {
        let refused = |worker: ringwork_worker::Builder| {
            let refused = Pool::start(worker).err();
            refused.expect("refused").to_string()
        };
        let takes = || {
            let worker = Worker::builder();
            worker.async_task("say", |_: PerThread<Suffix>, (): ()| async {})
        };
        let missing = refused(takes());
        for part in ["the handler \"say\"", "Suffix", "add .async_per_thread(..)"] {
            assert!(missing.contains(part), "{part} in {missing}");
        }
        let elsewhere = refused(takes().state(Suffix("")));
        assert!(elsewhere.contains("State<..> takes it"), "{elsewhere}");
        let fails = || async { Err::<Suffix, _>("the server is not there") };
        let fails = refused(takes().async_per_thread("suffix", fails));
        for part in ["\"suffix\"", "can't be made for an I/O thread", "not there"] {
            assert!(fails.contains(part), "{part} in {fails}");
        }
        let panics = async || -> Result<Suffix, String> { panic!("on purpose") };
        let panics = refused(takes().async_per_thread("suffix", panics));
        assert!(panics.contains("it panicked: on purpose"), "{panics}");
        let lane = worker()
            .per_lane("lane", || Ok::<_, String>(7_u32))
            .per_task("label", |lane: PerLane<u32>| {
                Ok::<_, TaskError>(Label(lane.to_string()))
            })
            .async_task("label", |_: PerTask<Label>, (): ()| async move {});
        assert!(refused(lane).contains("PerThread<..> of .async_per_thread(..)"));
    }

    #[test]
    fn an_async_state_that_can_not_be_made_is_told_by_name() {
        let refused = |worker: ringwork_worker::Builder| {
            let refused = Pool::start(worker).err();
            refused.expect("refused").to_string()
        };
        let fails = || async { Err::<Suffix, _>("the server is not there") };
        let text = refused(Worker::builder().async_singleton("fails", fails));
        assert!(
            text.contains("\"fails\"") && text.contains("not there"),
            "{text}"
        );
        let panics = || async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            panic!("on purpose");
            #[expect(unreachable_code, reason = "it says the type")]
            Ok::<Suffix, String>(Suffix(""))
        };
        let text = refused(Worker::builder().async_singleton("panics", panics));
        assert!(text.contains("it panicked: on purpose"), "{text}");
        let circle = |_: Arc<Suffix>| async { Ok::<_, String>(Suffix("")) };
        assert!(refused(Worker::builder().async_singleton("itself", circle)).contains("circle"));
    }

    #[test]
    fn layers_run_around_them_from_the_outermost() {
        let seen = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&seen);
        let worker = worker()
            .async_task("fails", |(): ()| async move {
                Err::<(), _>(TaskError::new("test.failed", "as asked"))
            })
            .async_task("panics", |late: u64| async move {
                tokio::time::sleep(Duration::from_millis(late)).await;
                assert!(late > 9, "on purpose");
            })
            .async_layer(move |_: AsyncContext, next: AsyncNext| {
                let count = Arc::clone(&count);
                async move {
                    let done = next.run().await;
                    // Before the caller is told.
                    count.fetch_add(1, Ordering::SeqCst);
                    done
                }
            })
            .async_layer(|task: AsyncContext, next: AsyncNext| async move {
                tokio::task::yield_now().await;
                if task.task_id() == 13 {
                    return Err(TaskError::new("access.denied", "not with this id"));
                }
                let done = next.run().await?;
                match done.has_result() {
                    true => Ok(done),
                    false => Err(TaskError::new("layer.no_result", "there is none")),
                }
            });
        let pool = Pool::start(worker).unwrap();
        let said = pool.call("say").request("hi").run();
        assert_eq!(said.text(), Ok("hi!".to_owned()));
        let denied = pool.call("say").request("hi").task_id(13).run();
        assert_eq!(denied.code(), Some("access.denied"));
        assert_eq!(pool.call("fails").run().code(), Some("test.failed"));
        let undecodable = pool.call("say").request(7_i64).run();
        assert_eq!(undecodable.code(), Some("layer.no_result"));
        assert_eq!(seen.load(Ordering::SeqCst), 4);
        for late in [0_i64, 1] {
            let panicked = pool.call("panics").request(late).run();
            assert_eq!(panicked.code(), Some("handler.panicked"));
            assert!(panicked.message().contains("on purpose"));
        }
        // A layer that waits is dropped with the task.
        let late = pool.call("panics").request(600_000_i64);
        let late = late.deadline(Duration::from_millis(30)).run();
        assert_eq!(late.code(), Some("deadline.passed"));
    }
}

/// For docs/lab: what the look-up of an argument takes. It asserts nothing of the time.
#[test]
#[ignore = "a measurement, to be run alone: cargo test --release -p ringwork-worker --test state -- --ignored --nocapture"]
fn measure_what_arguments_cost() {
    struct Value(u64);
    let time = |name: &str, run: &dyn Fn()| {
        run();
        // Of the processor, whatever else runs.
        let begun = thread_time();
        run();
        let took = thread_time().saturating_sub(begun);
        println!("{name}: {:.2} ns", took.as_nanos() as f64 / 1e7);
    };
    let worker = Worker::builder()
        .state(Value(1))
        .state(String::new())
        .per_lane("lane", || Ok::<_, TaskError>(Value(2)))
        .task(
            "measure",
            move |task: &TaskContext<'_>, found: State<Value>, (): ()| {
                let index = 0_usize;
                assert_eq!(found.0.0, 1);
                time("State<T>", &|| {
                    for _ in 0..10_000_000 {
                        let index = std::hint::black_box(&index);
                        let task = std::hint::black_box(task);
                        let value = <State<'_, Value>>::extract(index, task);
                        std::hint::black_box(value.is_ok_and(|value| value.0.0 == 1));
                    }
                });
                time("context.state::<T>()", &|| {
                    for _ in 0..10_000_000 {
                        std::hint::black_box(std::hint::black_box(task).state::<Value>().0);
                    }
                });
                time("Arc<T>", &|| {
                    for _ in 0..10_000_000 {
                        let index = std::hint::black_box(&index);
                        let value = <Arc<Value>>::extract(index, std::hint::black_box(task));
                        std::hint::black_box(value.is_ok_and(|value| value.0 == 1));
                    }
                });
                let lane = 2_usize;
                time("PerLane<T>", &|| {
                    for _ in 0..10_000_000 {
                        let index = std::hint::black_box(&lane);
                        let value =
                            <PerLane<'_, Value>>::extract(index, std::hint::black_box(task));
                        std::hint::black_box(value.is_ok_and(|value| value.0 == 2));
                    }
                });
            },
        );
    let worker = TestWorker::new(worker).unwrap();
    assert_eq!(worker.call("measure").run().code(), None);
}
