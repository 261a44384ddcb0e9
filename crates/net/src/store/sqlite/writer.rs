//! The thread of a store: waits for work, does it, and tells everybody.
//!
//! Each round writes everything that is pending, in one transaction, and then answers whoever waited
//! for it. The session hears of other processes' changes after the transaction that found them.

use super::database::Rows;
use super::disk::Disk;
use super::failure::Failure;
use super::queue::{Entry, Shared, Work};
use super::{Loaded, OnEvent, StoreChange, StoreEvent};
use crate::error::Error;

/// Works until the store is closed.
pub(super) fn run(shared: &Shared, disk: Disk) {
    let mut writer = Writer { shared, disk, on_event: None, failing: false, unwritten: false };
    loop {
        let work = shared.wait();
        let closing = work.closing;
        let result = writer.round(work);
        if closing {
            writer.disk.close();
            shared.finish(&result);
            return;
        }
    }
}

struct Writer<'a> {
    shared: &'a Shared,
    disk: Disk,
    on_event: Option<OnEvent>,
    /// Whether the session has been told that nothing can be kept.
    failing: bool,
    /// Whether the last batch came back.
    unwritten: bool,
}

impl Writer<'_> {
    fn round(&mut self, work: Work) -> Result<(), Error> {
        for (on_event, sender) in work.loads {
            let loaded = self.load(on_event).map(|loaded| without_removed(loaded, &work.batch));
            // The caller may have gone.
            let _ = sender.send(loaded);
        }
        let mut batch = work.batch;
        let result = if batch.is_empty() {
            Ok(())
        } else {
            if work.thin {
                self.disk.thin(&mut batch, MOST_REMOVALS);
            }
            self.disk.commit(&batch).map(|rows| self.tell(rows))
        };
        self.tell_events();
        let result = match result {
            Ok(()) if batch.is_empty() => Ok(()),
            Ok(()) => {
                self.shared.written();
                self.unwritten = false;
                self.recovered();
                Ok(())
            }
            Err(failure) => {
                self.shared.not_written(batch, work.thin);
                self.unwritten = true;
                Err(self.failed(failure))
            }
        };
        if work.look {
            self.look();
        }
        for flush in work.flushes {
            flush(result.clone());
        }
        result
    }

    fn look(&mut self) {
        let looked = self.disk.look();
        self.tell_events();
        match looked {
            Ok(rows) => {
                if let Some(rows) = rows {
                    self.tell(rows);
                }
                // That a full disk can be read does not mend it.
                if !self.unwritten {
                    self.recovered();
                }
            }
            Err(failure) => {
                self.failed(failure);
            }
        }
    }

    fn load(&mut self, on_event: OnEvent) -> Result<Loaded, Error> {
        self.on_event = Some(on_event);
        self.shared.watch();
        let loaded = self.disk.load();
        let loaded = match loaded {
            Ok((loaded, rows)) => {
                self.skipped(rows.skipped);
                self.saw(rows.version, true);
                Ok(loaded)
            }
            Err(failure) => {
                let refused = failure.is_refusal();
                let error = self.failed(failure);
                if refused { Err(error) } else { Ok(Loaded::default()) }
            }
        };
        self.tell_events();
        loaded
    }

    /// Hands the session what others have changed.
    fn tell(&mut self, rows: Rows) {
        let Rows { mut changes, whole, skipped, version } = rows;
        self.skipped(skipped);
        let alone = changes.is_empty() && !whole;
        if whole {
            self.shared.with_pending(&mut changes);
            self.event(StoreEvent::OutsideWhole(changes));
        } else {
            self.shared.without_overtaken(&mut changes);
            if !changes.is_empty() {
                self.event(StoreEvent::Outside(changes));
            }
        }
        self.saw(version, alone);
    }

    fn saw(&mut self, version: i64, alone: bool) {
        self.disk.set_seen(version);
        self.shared.seen(version, alone);
    }

    fn skipped(&mut self, rows: usize) {
        if rows > 0 {
            self.event(StoreEvent::Skipped(rows));
        }
    }

    fn tell_events(&mut self) {
        for event in self.disk.take_events() {
            self.event(event);
        }
    }

    fn failed(&mut self, failure: Failure) -> Error {
        let error = Error::from(failure);
        if !std::mem::replace(&mut self.failing, true) {
            self.event(StoreEvent::Failed(error.clone()));
        }
        error
    }

    fn recovered(&mut self) {
        if std::mem::take(&mut self.failing) {
            self.event(StoreEvent::Recovered);
        }
    }

    fn event(&mut self, event: StoreEvent) {
        if let Some(on_event) = &mut self.on_event {
            on_event(event);
        }
    }
}

/// What was on disk without what the session has removed before it asked for it.
fn without_removed(mut loaded: Loaded, batch: &[Entry]) -> Loaded {
    for entry in batch {
        match &entry.change {
            StoreChange::RemoveCookie(key, at) => {
                loaded.cookies.retain(|cookie| cookie.last_update() > *at || cookie.key() != *key)
            }
            StoreChange::RemoveHsts(host, at) => {
                loaded.hsts.retain(|(name, entry)| entry.observed > *at || name != host);
            }
            StoreChange::SetCookie(_) | StoreChange::TouchCookie(_) | StoreChange::SetHsts(..) => {}
        }
    }
    loaded
}

/// Removals that are remembered while the database can be neither written nor read.
const MOST_REMOVALS: usize = 8_192;
