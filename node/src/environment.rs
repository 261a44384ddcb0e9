//! One JavaScript environment: the main thread's, or a worker's.
//!
//! It begins requests, passes on what JavaScript says to them, and hands over what happened. It keeps
//! the process alive while a request is live. When the environment ends, its requests are aborted
//! and nothing reaches it any more.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use napi::Env;
use napi::bindgen_prelude::{Function, Int32ArraySlice, Result, Uint8ArraySlice};
use napi_derive::napi;
use netreq::{Bytes, CertificateVerdict, ClientIdentity};
use tokio::sync::oneshot;

use crate::inbox::{Inbox, RedirectAnswer};
use crate::lent;
use crate::options;
use crate::pool;
use crate::pump::{self, Upload};
use crate::records::{Event, Full, Packer, RESERVED};
use crate::runtime::{Ending, at_end_of_turn, lock, spawn};
use crate::session::Session;
use crate::verdicts;
use crate::wake::Wake;

/// Where the requests of one environment put what happens to them.
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    wake: Wake,
    /// Questions about certificates that wait for JavaScript, each with its listener.
    pub(crate) verdicts: Mutex<HashMap<u32, (u32, oneshot::Sender<CertificateVerdict>)>>,
    /// Questions about the client's own that do.
    pub(crate) selections: Mutex<HashMap<u32, oneshot::Sender<Option<ClientIdentity>>>>,
    /// What the client may show, each by its place.
    pub(crate) identities: Mutex<Vec<ClientIdentity>>,
}

#[derive(Default)]
struct Queue {
    events: VecDeque<(u32, Event)>,
    /// Whether JavaScript has been woken and has not emptied the queue since.
    is_signalled: bool,
    /// The environment has ended.
    is_closed: bool,
}

impl Outbox {
    /// Hands an event to JavaScript. Dropped once the environment has ended.
    pub(crate) fn emit(self: &Arc<Self>, id: u32, event: Event) {
        let (is_first, are_many) = {
            let mut queue = lock(&self.queue);
            if queue.is_closed {
                return;
            }
            // Of reports that nobody has read yet only the latest counts.
            if let (Event::Progress(new), Some((last, Event::Progress(old)))) =
                (&event, queue.events.back_mut())
                && *last == id
            {
                *old = *new;
                return;
            }
            queue.events.push_back((id, event));
            let is_first = !std::mem::replace(&mut queue.is_signalled, true);
            (is_first, queue.events.len() == MANY)
        };
        // Outside the lock: JavaScript may run before this returns.
        if is_first {
            at_end_of_turn(Arc::clone(self) as _);
        } else if are_many {
            self.wake.call();
        }
    }

    /// Moves what there is to `events`; false when there is nothing, and the next event wakes.
    fn take(&self, events: &mut VecDeque<(u32, Event)>) -> bool {
        let mut queue = lock(&self.queue);
        std::mem::swap(&mut queue.events, events);
        queue.is_signalled = !events.is_empty();
        queue.is_signalled
    }

    pub(crate) fn is_closed(&self) -> bool {
        lock(&self.queue).is_closed
    }

    fn close(&self) {
        let events = {
            let mut queue = lock(&self.queue);
            queue.is_closed = true;
            std::mem::take(&mut queue.events)
        };
        // Outside the lock: a response that is dropped may have something to say.
        drop(events);
        lock(&self.verdicts).clear();
        lock(&self.selections).clear();
        self.wake.release();
    }
}

impl Ending for Outbox {
    fn turn_ended(&self) {
        let is_unread = !lock(&self.queue).events.is_empty();
        if is_unread {
            self.wake.call();
        }
    }
}

/// So many events wake JavaScript also before the end of a turn that is long.
const MANY: usize = 64;

type Requests = Rc<RefCell<Live>>;

/// What has begun and has not ended.
#[derive(Default)]
struct Live {
    inboxes: HashMap<u32, Arc<Inbox>>,
    /// Those for whose sake the process need not stay.
    resting: HashSet<u32>,
}

impl Live {
    fn remove(&mut self, id: u32) -> Option<Arc<Inbox>> {
        self.resting.remove(&id);
        self.inboxes.remove(&id)
    }
}

/// What `lib/native.js` holds; one for each environment.
#[napi]
#[expect(missing_debug_implementations, reason = "nobody in Rust holds one")]
pub struct Environment {
    outbox: Arc<Outbox>,
    /// Events that have been taken and have found no room yet.
    taken: RefCell<VecDeque<(u32, Event)>>,
    requests: Requests,
    is_kept_alive: Cell<bool>,
}

#[napi]
impl Environment {
    /// `wake` is called without arguments when there is something to drain; it must not throw.
    #[napi(constructor)]
    pub fn new(env: Env, wake: Function<'_, (), ()>) -> Result<Self> {
        // Before the cleanup hook: hooks run last in, first out, and ours must still find it.
        let wake = Wake::new(&env, &wake)?;
        let outbox = Arc::new(Outbox {
            queue: Mutex::default(),
            wake,
            verdicts: Mutex::default(),
            selections: Mutex::default(),
            identities: Mutex::default(),
        });
        let requests = Requests::default();
        env.add_env_cleanup_hook(
            (Arc::clone(&outbox), Rc::clone(&requests)),
            |(outbox, requests)| {
                // First: whoever was asked before is asked from now on.
                verdicts::forget(&outbox);
                outbox.close();
                for (_, inbox) in requests.borrow_mut().inboxes.drain() {
                    inbox.abort();
                }
            },
        )?;
        Ok(Self { outbox, taken: RefCell::default(), requests, is_kept_alive: Cell::new(false) })
    }

    /// Begins request `id`. `head` and `flags` are read by `options.rs`; `limits` are time limits.
    /// Everything that is wrong with them comes as a record.
    #[napi]
    #[allow(clippy::too_many_arguments, reason = "one call begins a request; objects cost more")]
    pub fn start(
        &self,
        env: Env,
        id: u32,
        session: &Session,
        head: String,
        flags: u32,
        body: Option<&[u8]>,
        limits: Option<&[f64]>,
    ) -> Result<()> {
        let upload = match options::is_chunked(flags) {
            true => Upload::Chunks,
            false => Upload::Whole(Bytes::copy_from_slice(body.unwrap_or_default())),
        };
        let session = session.engine();
        let timeouts = limits.map(options::timeouts);
        let inbox = self.register(&env, id);
        let outbox = Arc::clone(&self.outbox);
        Self::run(async move {
            match options::read(&head, flags) {
                Ok(mut options) => {
                    options.session = Some(session);
                    options.timeouts = timeouts;
                    pump::run(id, options, upload, inbox, outbox).await;
                }
                Err(refused) => outbox.emit(id, Event::refused(refused)),
            }
        })
    }

    /// A piece of a chunked body. Its bytes are copied here.
    #[napi]
    pub fn write(&self, id: u32, chunk: &[u8]) {
        if let Some(inbox) = self.requests.borrow().inboxes.get(&id) {
            inbox.write(pool::copied(chunk));
        }
    }

    /// The end of a chunked body.
    #[napi]
    pub fn end(&self, id: u32) {
        if let Some(inbox) = self.requests.borrow().inboxes.get(&id) {
            inbox.end();
        }
    }

    /// Room for `pieces` more of the response's body.
    #[napi]
    pub fn want(&self, id: u32, pieces: u32) {
        if let Some(inbox) = self.requests.borrow().inboxes.get(&id) {
            inbox.want(pieces);
        }
    }

    /// Whether request `id` lets the process end: nobody waits for its body.
    #[napi]
    pub fn rest(&self, env: Env, id: u32, rests: bool) {
        let mut requests = self.requests.borrow_mut();
        if rests && requests.inboxes.contains_key(&id) {
            requests.resting.insert(id);
        } else {
            requests.resting.remove(&id);
        }
        drop(requests);
        self.keep_alive_if_live(&env);
    }

    /// The answer to a redirect: whether to follow, and perhaps with which fields instead.
    #[napi]
    pub fn answer_redirect(&self, id: u32, follow: bool, fields: Option<String>) {
        let answer = match (follow, fields) {
            (false, _) => RedirectAnswer::Cancel,
            (true, None) => RedirectAnswer::Follow,
            (true, Some(fields)) => {
                let parts = fields.split_terminator('\0');
                RedirectAnswer::FollowWith(options::fields(parts, false))
            }
        };
        if let Some(inbox) = self.requests.borrow().inboxes.get(&id) {
            inbox.answer(answer);
        }
    }

    /// The answer to a redirect: its response is the response.
    #[napi]
    pub fn deliver_redirect(&self, id: u32) {
        if let Some(inbox) = self.requests.borrow().inboxes.get(&id) {
            inbox.answer(RedirectAnswer::Deliver);
        }
    }

    /// Ends request `id`; no record of it comes any more.
    #[napi]
    pub fn abort(&self, env: Env, id: u32) {
        let inbox = self.requests.borrow_mut().remove(id);
        if let Some(inbox) = inbox {
            inbox.abort();
            self.keep_alive_if_live(&env);
        }
    }

    /// Writes what happened into `numbers` and `slab`; see `records.rs`. Gives the count of numbers.
    #[napi]
    pub fn drain(
        &self,
        env: Env,
        mut numbers: Int32ArraySlice<'_>,
        mut slab: Uint8ArraySlice<'_>,
    ) -> u32 {
        let (numbers, slab) = lent::writable(&mut numbers, &mut slab);
        let mut taken = self.taken.borrow_mut();
        if numbers.len() < RESERVED {
            return 0;
        }
        let mut packer = Packer::new(numbers, slab);
        let mut missing = 0;
        let mut has_ended = false;
        'full: while !taken.is_empty() || self.outbox.take(&mut taken) {
            while let Some((id, event)) = taken.front_mut() {
                // Of aborted requests JavaScript hears no more.
                let is_awaited = matches!(event, Event::Changed(_))
                    || self.requests.borrow().inboxes.contains_key(id);
                if is_awaited {
                    match packer.put(*id, event) {
                        Ok(()) => {}
                        Err(Full::Used) => missing = 1,
                        Err(Full::TooSmall(bytes)) => missing = bytes,
                    }
                    if missing > 0 {
                        break 'full;
                    }
                    if event.is_last() {
                        self.requests.borrow_mut().remove(*id);
                        has_ended = true;
                    }
                }
                taken.pop_front();
            }
        }
        drop(taken);
        if has_ended {
            self.keep_alive_if_live(&env);
        }
        packer.finish(missing)
    }

    pub(crate) fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }

    pub(crate) fn register(&self, env: &Env, id: u32) -> Arc<Inbox> {
        let inbox = Arc::new(Inbox::default());
        self.requests.borrow_mut().inboxes.insert(id, Arc::clone(&inbox));
        self.keep_alive_if_live(env);
        inbox
    }

    fn keep_alive_if_live(&self, env: &Env) {
        let requests = self.requests.borrow();
        let is_live = requests.inboxes.len() > requests.resting.len();
        drop(requests);
        if self.is_kept_alive.replace(is_live) != is_live {
            self.outbox.wake.keep_alive(env, is_live);
        }
    }

    pub(crate) fn run(task: impl Future<Output = ()> + Send + 'static) -> Result<()> {
        spawn(task)
    }
}
