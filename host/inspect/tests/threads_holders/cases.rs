//! Threads that wait for each other in known ways; what might mislead is among them: guards that were dropped, moved or
//! leaked, and bystanders with clones and references. It is one long file since it is a list: each case has its few lines.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Condvar, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, mpsc};
use std::thread;

use gmr_test_support::wait_until;

/// Who waits for whom; nobody where the list is empty.
pub struct Edge {
    pub waiter: &'static str,
    pub holders: &'static [&'static str],
    pub told: Told,
}

/// What may be expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Exactly these, for certain: the lock says so.
    Stored,
    /// Exactly these, for certain where there are types: a variable is a guard of it.
    Proved,
    /// Exactly these.
    Probably,
    /// Perhaps nobody or others besides: the guard leaves no trace in a frame, or a bystander's is of the same type.
    Perhaps,
}

#[derive(Default)]
pub struct Cases {
    pub threads: Arc<Mutex<BTreeMap<&'static str, u32>>>,
    pub edges: Vec<Edge>,
}

static STATIC: Mutex<u64> = Mutex::new(0);
static LAZY: LazyLock<u64> = LazyLock::new(|| {
    LAZY_BEGUN.open();
    stay();
    1
});
static LAZY_BEGUN: Gate = Gate::new();
static ONCE: OnceLock<u64> = OnceLock::new();
static ONCE_BEGUN: Gate = Gate::new();
static STATIC_HELD: Gate = Gate::new();

/// Opens once.
pub struct Gate(AtomicBool);

impl Gate {
    const fn new() -> Gate {
        Gate(AtomicBool::new(false))
    }

    fn open(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn pass(&self) {
        wait_until("the gate is not open", || self.0.load(Ordering::Acquire));
    }
}

fn gate() -> Arc<Gate> {
    Arc::new(Gate::new())
}

/// Does not come back, though the compiler cannot know.
#[inline(never)]
fn stay() {
    while black_box(true) {
        thread::park();
    }
}

fn use_it(value: u64) {
    black_box(value);
}

type Lock = Arc<Mutex<u64>>;

/// A lock, and a gate for each step.
fn lock() -> Lock {
    Arc::new(Mutex::new(0))
}

fn plain(lock: &Mutex<u64>, held: &Gate) {
    let mut guard = lock.lock().unwrap();
    *guard += 1;
    held.open();
    stay();
    *guard += 1;
}

struct Session<'a> {
    number: u64,
    guard: MutexGuard<'a, u64>,
}

impl Session<'_> {
    fn work(&mut self) {
        stay();
        *self.guard += self.number;
    }
}

fn in_struct(lock: &Mutex<u64>, held: &Gate) {
    let mut session = Session { number: 1, guard: lock.lock().unwrap() };
    held.open();
    session.work();
}

fn in_box(lock: &Mutex<u64>, held: &Gate) {
    let guard = Box::new(lock.lock().unwrap());
    held.open();
    stay();
    use_it(**guard);
}

fn in_vec(lock: &Mutex<u64>, held: &Gate) {
    let guards = Vec::from([lock.lock().unwrap()]);
    held.open();
    stay();
    use_it(*guards[0]);
}

fn in_map(lock: &Mutex<u64>, held: &Gate) {
    let guards = BTreeMap::from([(1, lock.lock().unwrap())]);
    held.open();
    stay();
    use_it(*guards[&1]);
}

fn work_on(value: &mut u64, held: &Gate) {
    held.open();
    stay();
    *value += 1;
}

fn in_temporary(lock: &Mutex<u64>, held: &Gate) {
    work_on(&mut lock.lock().unwrap(), held);
}

fn in_match(lock: &Mutex<u64>, held: &Gate) {
    if let Some(value) = lock.lock().unwrap().checked_add(1) {
        held.open();
        stay();
        use_it(value);
    }
}

fn by_helper(lock: &Mutex<u64>, held: &Gate) {
    fn locked(lock: &Mutex<u64>) -> MutexGuard<'_, u64> {
        lock.lock().unwrap_or_else(PoisonError::into_inner)
    }
    let mut guard = locked(lock);
    *guard += 1;
    held.open();
    stay();
    *guard += 1;
}

/// The guard lies on the heap, and its function is over.
fn on_heap(lock: &Mutex<u64>, held: &Gate) {
    #[inline(never)]
    fn keep<'a>(lock: &'a Mutex<u64>, all: &mut Vec<Box<Session<'a>>>) {
        all.push(Box::new(Session { number: 2, guard: lock.lock().unwrap() }));
    }
    let mut all = Vec::new();
    keep(lock, &mut all);
    held.open();
    let mut all = black_box(all);
    stay();
    *all[0].guard += 1;
}

fn two_guards(lock: &Mutex<u64>, held: &Gate) {
    let other = Mutex::new(3_u64);
    let mut first = lock.lock().unwrap();
    let mut second = other.lock().unwrap();
    *first += 1;
    *second += 1;
    held.open();
    stay();
    *first += *second;
}

fn dropped_by_scope(lock: &Mutex<u64>, passed: &Gate) {
    {
        let mut guard = lock.lock().unwrap();
        *guard += 1;
    }
    passed.open();
    stay();
    use_it(u64::from(lock.is_poisoned()));
}

fn dropped_by_call(lock: &Mutex<u64>, passed: &Gate) {
    let mut guard = lock.lock().unwrap();
    *guard += 1;
    drop(guard);
    passed.open();
    stay();
    use_it(u64::from(lock.is_poisoned()));
}

fn by_reference(lock: &Mutex<u64>, passed: &Gate) {
    #[inline(never)]
    fn descend(lock: &Mutex<u64>, depth: u32, passed: &Gate) {
        if depth > 0 {
            descend(lock, depth - 1, passed);
        } else {
            passed.open();
            stay();
        }
        use_it(u64::from(lock.is_poisoned()));
    }
    descend(lock, 3, passed);
}

/// Had this lock, still has a reference to it, and holds another one of its type.
fn dropped_and_holds_another(lock: &Mutex<u64>, passed: &Gate) {
    let other = Mutex::new(7_u64);
    let mut guard = lock.lock().unwrap();
    *guard += 1;
    drop(guard);
    let mut second = other.lock().unwrap();
    *second += 1;
    passed.open();
    stay();
    *second += u64::from(lock.is_poisoned());
}

fn forgotten(lock: &Mutex<u64>, held: &Gate) {
    std::mem::forget(lock.lock().unwrap());
    held.open();
    stay();
    use_it(u64::from(lock.is_poisoned()));
}

fn waits(lock: &Mutex<u64>) {
    let guard = lock.lock().unwrap();
    use_it(*guard);
}

/// Has the first, and wants the second when all have come so far.
fn takes_two(first: &Mutex<u64>, second: &Mutex<u64>, all: &Barrier) {
    let mut one = first.lock().unwrap();
    *one += 1;
    all.wait();
    let other = second.lock().unwrap();
    use_it(*one + *other);
}

fn waits_for_condition(pair: &(Mutex<bool>, Condvar)) {
    let mut guard = pair.0.lock().unwrap();
    while !*guard {
        guard = pair.1.wait(guard).unwrap();
    }
}

/// A lock of the C library.
struct Raw<T>(std::cell::UnsafeCell<T>);

// SAFETY: the C library's locks are made to be used by several threads at a time.
unsafe impl<T> Sync for Raw<T> {}
// SAFETY: nobody moves one while it is in use: they lie behind an `Arc`.
unsafe impl<T> Send for Raw<T> {}

impl Raw<libc::pthread_mutex_t> {
    fn lock(&self) {
        // SAFETY: it is initialised and lives as long as the `Arc` that the caller has.
        unsafe { libc::pthread_mutex_lock(self.0.get()) };
    }

    fn unlock(&self) {
        // SAFETY: as in `lock`.
        unsafe { libc::pthread_mutex_unlock(self.0.get()) };
    }
}

impl Raw<libc::pthread_rwlock_t> {
    fn read(&self) {
        // SAFETY: it is initialised and lives as long as the `Arc` that the caller has.
        unsafe { libc::pthread_rwlock_rdlock(self.0.get()) };
    }

    fn write(&self) {
        // SAFETY: as in `read`.
        unsafe { libc::pthread_rwlock_wrlock(self.0.get()) };
    }
}

type Body = fn(&Mutex<u64>, &Gate);

impl Cases {
    pub fn start() -> Cases {
        let mut cases = Cases::default();
        cases.rings();
        cases.guards();
        cases.misleading();
        cases.readers_and_writers();
        cases.without_a_lock();
        cases.ends();
        cases.c_library();
        cases.parking_lot();
        cases.crossbeam_and_rayon();
        for waiter in ["join.wait", "pt.1", "pt.2", "ptr.wait", "ptw.wait"] {
            cases.told(waiter, Told::Stored);
        }
        for waiter in ["ab.1", "ab.2", "abc.1", "abc.2", "abc.3", "plain.wait", "struct.wait", "cvn.wait"] {
            cases.told(waiter, Told::Proved);
        }
        for waiter in ["many.w1", "read.wait", "write.wait", "pl.1", "pl.2", "plw.wait", "plrw.wait", "self"]
        {
            cases.told(waiter, Told::Proved);
        }
        for waiter in ["map.wait", "heap.wait", "static.wait", "mix.wait", "mixh.wait", "hid.wait"] {
            cases.told(waiter, Told::Perhaps);
        }
        cases
    }

    /// Those that others start.
    pub fn late(&self) -> impl Iterator<Item = &'static str> {
        ["join.target", "scope.target", "ry.work"].into_iter()
    }

    fn go(&self, name: &'static str, body: impl FnOnce() + Send + 'static) {
        let threads = Arc::clone(&self.threads);
        let thread = thread::Builder::new().name(name.into()).stack_size(256 << 10).spawn(move || {
            note(&threads, name);
            body();
        });
        drop(thread.unwrap());
    }

    fn edge(&mut self, waiter: &'static str, holders: &'static [&'static str]) {
        self.edges.push(Edge { waiter, holders, told: Told::Probably });
    }

    fn told(&mut self, waiter: &'static str, told: Told) {
        self.edges.iter_mut().find(|edge| edge.waiter == waiter).unwrap().told = told;
    }

    fn rings(&mut self) {
        let (a, b, both) = (lock(), lock(), Arc::new(Barrier::new(2)));
        let (c, d, too) = (Arc::clone(&a), Arc::clone(&b), Arc::clone(&both));
        self.go("ab.1", move || takes_two(&a, &b, &both));
        self.go("ab.2", move || takes_two(&d, &c, &too));
        self.edge("ab.1", &["ab.2"]);
        self.edge("ab.2", &["ab.1"]);
        let (locks, all) = ([lock(), lock(), lock()], Arc::new(Barrier::new(3)));
        for (number, name) in ["abc.1", "abc.2", "abc.3"].into_iter().enumerate() {
            let (mine, next) = (Arc::clone(&locks[number]), Arc::clone(&locks[(number + 1) % 3]));
            let all = Arc::clone(&all);
            self.go(name, move || takes_two(&mine, &next, &all));
        }
        self.edge("abc.1", &["abc.2"]);
        self.edge("abc.2", &["abc.3"]);
        self.edge("abc.3", &["abc.1"]);
        self.go("self", || {
            let lock = lock();
            let guard = lock.lock().unwrap();
            let again = lock.lock().unwrap();
            use_it(*guard + *again);
        });
        self.edge("self", &["self"]);
    }

    /// One that holds in this way, and one that waits.
    fn one_waits(&self, holder: &'static str, waiter: &'static str, body: Body) {
        let (lock, held) = (lock(), gate());
        let (theirs, open) = (Arc::clone(&lock), Arc::clone(&held));
        self.go(holder, move || body(&theirs, &open));
        self.go(waiter, move || {
            held.pass();
            waits(&lock);
        });
    }

    /// As that, after another one had it in this way.
    fn after(&mut self, names: [&'static str; 3], truth: &'static [&'static str], before: Body, holds: Body) {
        let [was, holder, waiter] = names;
        let (lock, passed, held) = (lock(), gate(), gate());
        let (theirs, open) = (Arc::clone(&lock), Arc::clone(&passed));
        self.go(was, move || before(&theirs, &open));
        let (theirs, open) = (Arc::clone(&lock), Arc::clone(&held));
        self.go(holder, move || {
            passed.pass();
            holds(&theirs, &open);
        });
        self.go(waiter, move || {
            held.pass();
            waits(&lock);
        });
        self.edge(waiter, truth);
    }

    fn guards(&mut self) {
        let all: [(&'static str, &'static str, &'static [&'static str], Body); 11] = [
            ("plain.hold", "plain.wait", &["plain.hold"], plain),
            ("struct.hold", "struct.wait", &["struct.hold"], in_struct),
            ("box.hold", "box.wait", &["box.hold"], in_box),
            ("vec.hold", "vec.wait", &["vec.hold"], in_vec),
            ("map.hold", "map.wait", &["map.hold"], in_map),
            ("tmp.hold", "tmp.wait", &["tmp.hold"], in_temporary),
            ("match.hold", "match.wait", &["match.hold"], in_match),
            ("helper.hold", "helper.wait", &["helper.hold"], by_helper),
            ("heap.hold", "heap.wait", &["heap.hold"], on_heap),
            ("two.hold", "two.wait", &["two.hold"], two_guards),
            ("forget.was", "forget.wait", &[], forgotten),
        ];
        for (holder, waiter, truth, body) in all {
            self.one_waits(holder, waiter, body);
            self.edge(waiter, truth);
        }
        self.go("static.hold", || plain(&STATIC, &STATIC_HELD));
        self.go("static.wait", || {
            STATIC_HELD.pass();
            waits(&STATIC);
        });
        self.edge("static.wait", &["static.hold"]);
        let (lock, held) = (lock(), gate());
        let (theirs, open) = (Arc::clone(&lock), Arc::clone(&held));
        self.go("many.hold", move || plain(&theirs, &open));
        for waiter in ["many.w1", "many.w2", "many.w3"] {
            let (lock, held) = (Arc::clone(&lock), Arc::clone(&held));
            self.go(waiter, move || {
                held.pass();
                waits(&lock);
            });
            self.edge(waiter, &["many.hold"]);
        }
    }

    fn misleading(&mut self) {
        self.after(["was.was", "was.hold", "was.wait"], &["was.hold"], dropped_by_scope, plain);
        self.after(["drop.was", "drop.hold", "drop.wait"], &["drop.hold"], dropped_by_call, plain);
        self.after(["ref.by", "ref.hold", "ref.wait"], &["ref.hold"], by_reference, plain);
        self.after(["mix.was", "mix.hold", "mix.wait"], &["mix.hold"], dropped_and_holds_another, plain);
        self.after(
            ["mixh.was", "mixh.hold", "mixh.wait"],
            &["mixh.hold"],
            dropped_and_holds_another,
            on_heap,
        );
        self.after(["hid.by", "hid.hold", "hid.wait"], &["hid.hold"], by_reference, on_heap);
    }

    fn readers_and_writers(&mut self) {
        let (shared, held) = (Arc::new(RwLock::new(0_u64)), gate());
        let (lock, open) = (Arc::clone(&shared), Arc::clone(&held));
        self.go("write.hold", move || {
            let mut guard = lock.write().unwrap();
            *guard += 1;
            open.open();
            stay();
            *guard += 1;
        });
        self.go("read.wait", move || {
            held.pass();
            use_it(*shared.read().unwrap());
        });
        self.edge("read.wait", &["write.hold"]);
        let (shared, all) = (Arc::new(RwLock::new(0_u64)), Arc::new(Barrier::new(3)));
        for reader in ["read.r1", "read.r2"] {
            let (lock, all) = (Arc::clone(&shared), Arc::clone(&all));
            self.go(reader, move || {
                let guard = lock.read().unwrap();
                all.wait();
                stay();
                use_it(*guard);
            });
        }
        self.go("write.wait", move || {
            all.wait();
            *shared.write().unwrap() += 1;
        });
        self.edge("write.wait", &["read.r1", "read.r2"]);
    }

    fn without_a_lock(&mut self) {
        self.go("cv.wait", || waits_for_condition(&(Mutex::new(false), Condvar::new())));
        self.edge("cv.wait", &[]);
        let (lock, held) = (lock(), gate());
        let (theirs, open) = (Arc::clone(&lock), Arc::clone(&held));
        self.go("cvn.hold", move || {
            let guard = theirs.lock().unwrap();
            open.open();
            waits_for_condition(&(Mutex::new(false), Condvar::new()));
            use_it(*guard);
        });
        self.go("cvn.wait", move || {
            held.pass();
            waits(&lock);
        });
        self.edge("cvn.wait", &["cvn.hold"]);
        self.edge("cvn.hold", &[]);
        self.go("park", stay);
        self.edge("park", &[]);
        self.go("barrier", || {
            Barrier::new(2).wait();
        });
        self.edge("barrier", &[]);
        self.go("lazy.init", || use_it(*LAZY));
        self.go("lazy.wait", || {
            LAZY_BEGUN.pass();
            use_it(*LAZY);
        });
        self.edge("lazy.wait", &["lazy.init"]);
        let begins = || {
            ONCE_BEGUN.open();
            stay();
            1
        };
        self.go("once.init", move || use_it(*ONCE.get_or_init(begins)));
        self.go("once.wait", || {
            ONCE_BEGUN.pass();
            use_it(*ONCE.get_or_init(|| 2));
        });
        self.edge("once.wait", &["once.init"]);
    }

    fn ends(&mut self) {
        let threads = Arc::clone(&self.threads);
        self.go("join.wait", move || {
            let target = thread::spawn(move || {
                note(&threads, "join.target");
                stay();
            });
            target.join().unwrap();
        });
        self.edge("join.wait", &["join.target"]);
        let threads = Arc::clone(&self.threads);
        self.go("scope.wait", move || {
            thread::scope(|scope| {
                scope.spawn(|| {
                    note(&threads, "scope.target");
                    stay();
                });
            });
        });
        self.edge("scope.wait", &["scope.target"]);
        let (sender, receiver) = mpsc::channel();
        self.go("ch.hold", move || {
            stay();
            sender.send(1).unwrap();
        });
        self.go("ch.wait", move || receiver.iter().for_each(use_it));
        self.edge("ch.wait", &["ch.hold"]);
        let (sender, receiver) = mpsc::sync_channel(1);
        self.go("full.hold", move || {
            stay();
            use_it(receiver.recv().unwrap());
        });
        self.go("full.wait", move || (0..u64::MAX).for_each(|number| sender.send(number).unwrap()));
        self.edge("full.wait", &["full.hold"]);
    }

    fn c_library(&mut self) {
        let raw = || Arc::new(Raw(std::cell::UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER)));
        let (a, b, both) = (raw(), raw(), Arc::new(Barrier::new(2)));
        for (name, first, second) in [("pt.1", &a, &b), ("pt.2", &b, &a)] {
            let (first, second, both) = (Arc::clone(first), Arc::clone(second), Arc::clone(&both));
            self.go(name, move || {
                first.lock();
                both.wait();
                second.lock();
                first.unlock();
            });
        }
        self.edge("pt.1", &["pt.2"]);
        self.edge("pt.2", &["pt.1"]);
        let shared = || Arc::new(Raw(std::cell::UnsafeCell::new(libc::PTHREAD_RWLOCK_INITIALIZER)));
        let (lock, held) = (shared(), gate());
        let (theirs, open) = (Arc::clone(&lock), Arc::clone(&held));
        self.go("ptrw.hold", move || {
            theirs.write();
            open.open();
            stay();
        });
        let (other, opened) = (Arc::clone(&lock), Arc::clone(&held));
        self.go("ptr.wait", move || {
            opened.pass();
            other.read();
        });
        self.edge("ptr.wait", &["ptrw.hold"]);
        self.go("ptw.wait", move || {
            held.pass();
            lock.write();
        });
        self.edge("ptw.wait", &["ptrw.hold"]);
    }

    fn parking_lot(&mut self) {
        let lock = || Arc::new(parking_lot::Mutex::new(0_u64));
        let (a, b, both) = (lock(), lock(), Arc::new(Barrier::new(2)));
        for (name, first, second) in [("pl.1", &a, &b), ("pl.2", &b, &a)] {
            let (first, second, both) = (Arc::clone(first), Arc::clone(second), Arc::clone(&both));
            self.go(name, move || {
                let mut one = first.lock();
                *one += 1;
                both.wait();
                let other = second.lock();
                use_it(*one + *other);
            });
        }
        self.edge("pl.1", &["pl.2"]);
        self.edge("pl.2", &["pl.1"]);
        let (lock, passed, held) = (lock(), gate(), gate());
        let (theirs, open) = (Arc::clone(&lock), Arc::clone(&passed));
        self.go("plw.was", move || {
            *theirs.lock() += 1;
            open.open();
            stay();
            drop(theirs);
        });
        let (theirs, open) = (Arc::clone(&lock), Arc::clone(&held));
        self.go("plw.hold", move || {
            passed.pass();
            let mut guard = theirs.lock();
            *guard += 1;
            open.open();
            stay();
            *guard += 1;
        });
        self.go("plw.wait", move || {
            held.pass();
            use_it(*lock.lock());
        });
        self.edge("plw.wait", &["plw.hold"]);
        self.parking_lot_shared();
        self.go("plcv.wait", || {
            let (lock, condition) = (parking_lot::Mutex::new(false), parking_lot::Condvar::new());
            let mut guard = lock.lock();
            while !*guard {
                condition.wait(&mut guard);
            }
        });
        self.edge("plcv.wait", &[]);
    }

    fn parking_lot_shared(&mut self) {
        let (shared, held) = (Arc::new(parking_lot::RwLock::new(0_u64)), gate());
        let (lock, open) = (Arc::clone(&shared), Arc::clone(&held));
        self.go("plrw.hold", move || {
            let mut guard = lock.write();
            *guard += 1;
            open.open();
            stay();
            *guard += 1;
        });
        self.go("plrw.wait", move || {
            held.pass();
            use_it(*shared.read());
        });
        self.edge("plrw.wait", &["plrw.hold"]);
        let (shared, held) = (Arc::new(parking_lot::RwLock::new(0_u64)), gate());
        let (lock, open) = (Arc::clone(&shared), Arc::clone(&held));
        self.go("plrr.hold", move || {
            let guard = lock.read();
            open.open();
            stay();
            use_it(*guard);
        });
        self.go("plrr.wait", move || {
            held.pass();
            *shared.write() += 1;
        });
        self.edge("plrr.wait", &["plrr.hold"]);
    }

    fn crossbeam_and_rayon(&mut self) {
        let (sender, receiver) = crossbeam_channel::unbounded();
        self.go("cb.hold", move || {
            stay();
            sender.send(1).unwrap();
        });
        self.go("cb.wait", move || receiver.iter().for_each(use_it));
        self.edge("cb.wait", &["cb.hold"]);
        let (sender, receiver) = crossbeam_channel::bounded(1);
        self.go("cbf.hold", move || {
            stay();
            use_it(receiver.recv().unwrap());
        });
        self.go("cbf.wait", move || (0..u64::MAX).for_each(|number| sender.send(number).unwrap()));
        self.edge("cbf.wait", &["cbf.hold"]);
        let threads = Arc::clone(&self.threads);
        self.go("ry.wait", move || {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
            pool.install(|| {
                note(&threads, "ry.work");
                stay();
            });
        });
        self.edge("ry.wait", &["ry.work"]);
    }
}

fn note(threads: &Mutex<BTreeMap<&'static str, u32>>, name: &'static str) {
    threads.lock().unwrap().insert(name, gmr_test_support::workload::gettid());
}
