//! A house with so many places: on a full house whoever waits for its own sender goes, so that another can come in.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// How long a sender is left alone on a full house before it says something: a request comes right behind its connection.
const IDLE_MANNERS: Duration = Duration::from_millis(20);

/// How long a sender in the middle of a head is left alone on a full house; most heads come in one piece.
const HEAD_MANNERS: Duration = Duration::from_millis(200);

/// The same for a sender that reads its answer.
const ANSWER_MANNERS: Duration = Duration::from_millis(500);

/// The time between two looks for somebody who can go.
const BETWEEN: Duration = Duration::from_millis(10);

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Before its first byte, or between two requests.
    Idle,
    /// Some of a request's head has come.
    Head,
    /// The request is being read or worked on: the host's turn, or a sender's who knows the secret.
    Request,
    /// The answer is being sent.
    Answer,
    /// All is said; what the sender still sends is thrown away.
    Farewell,
    /// It was sent away: it does nothing more.
    Gone,
}

/// One connection's place.
#[derive(Debug)]
pub struct Place {
    standing: Mutex<Standing>,
    away: Notify,
}

#[derive(Debug, Clone, Copy)]
struct Standing {
    phase: Phase,
    since: Instant,
}

impl Standing {
    /// How willingly it is let go, the least first; `None` if it stays.
    fn rank(self, now: Instant) -> Option<u8> {
        let waits = now.saturating_duration_since(self.since);
        match self.phase {
            Phase::Farewell => Some(0),
            Phase::Idle if waits >= IDLE_MANNERS => Some(1),
            Phase::Head if waits >= HEAD_MANNERS => Some(2),
            Phase::Answer if waits >= ANSWER_MANNERS => Some(2),
            Phase::Idle | Phase::Head | Phase::Answer | Phase::Request | Phase::Gone => None,
        }
    }
}

impl Place {
    fn new() -> Self {
        Self {
            standing: Mutex::new(Standing {
                phase: Phase::Idle,
                since: Instant::now(),
            }),
            away: Notify::new(),
        }
    }

    /// Where it stands.
    pub fn phase(&self) -> Phase {
        self.standing().phase
    }

    /// Goes from one phase to another if it stands there; returns where it stands then.
    pub fn step(&self, from: Phase, to: Phase) -> Phase {
        let mut standing = self.standing();
        if standing.phase == from {
            *standing = Standing {
                phase: to,
                since: Instant::now(),
            };
        }
        standing.phase
    }

    /// Goes to a phase from any other, unless it was sent away; returns where it stands then.
    pub fn enter(&self, phase: Phase) -> Phase {
        let from = self.phase();
        match from {
            Phase::Gone => Phase::Gone,
            from => self.step(from, phase),
        }
    }

    /// Sends it away if it may go.
    fn send_away(&self, now: Instant) -> bool {
        let mut standing = self.standing();
        if standing.rank(now).is_none() {
            return false;
        }
        standing.phase = Phase::Gone;
        drop(standing);
        self.away.notify_one();
        true
    }

    /// Resolves once it was sent away.
    pub async fn sent_away(&self) {
        self.away.notified().await;
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The places of a listener.
#[derive(Debug)]
pub struct House {
    slots: Arc<Semaphore>,
    places: Mutex<HashMap<u64, Arc<Place>>>,
    next: AtomicU64,
}

/// A connection that has a place; it is given back with this.
#[derive(Debug)]
pub struct Guest {
    house: Arc<House>,
    number: u64,
    /// Its place.
    pub place: Arc<Place>,
    _slot: OwnedSemaphorePermit,
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.house.places().remove(&self.number);
    }
}

impl House {
    /// A house with so many places.
    pub fn new(places: usize) -> Arc<Self> {
        Arc::new(Self {
            slots: Arc::new(Semaphore::new(places.clamp(1, Semaphore::MAX_PERMITS))),
            places: Mutex::default(),
            next: AtomicU64::new(0),
        })
    }

    /// A place, as soon as there is one. On a full house one is sent away for it, if anybody may go.
    pub async fn take(self: Arc<Self>) -> Guest {
        loop {
            if let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() {
                return self.seat(slot);
            }
            self.send_one_away();
            let waited = tokio::time::timeout(BETWEEN, Arc::clone(&self.slots).acquire_owned());
            if let Ok(Ok(slot)) = waited.await {
                return self.seat(slot);
            }
        }
    }

    fn seat(self: Arc<Self>, slot: OwnedSemaphorePermit) -> Guest {
        let place = Arc::new(Place::new());
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.places().insert(number, Arc::clone(&place));
        Guest {
            house: self,
            number,
            place,
            _slot: slot,
        }
    }

    /// Sends the one away that has waited longest among those that are let go most willingly, unless somebody who was
    /// sent away has yet to leave.
    pub fn send_one_away(&self) {
        let now = Instant::now();
        let chosen = {
            let places = self.places();
            if places.values().any(|place| place.phase() == Phase::Gone) {
                return;
            }
            let ranked = places.values().filter_map(|place| {
                let standing = *place.standing();
                Some((standing.rank(now)?, standing.since, place))
            });
            ranked
                .min_by_key(|(rank, since, _)| (*rank, *since))
                .map(|(_, _, place)| Arc::clone(place))
        };
        // One that began to send meanwhile stays; the next look finds another.
        if let Some(place) = chosen {
            place.send_away(now);
        }
    }

    fn places(&self) -> MutexGuard<'_, HashMap<u64, Arc<Place>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(phases: &[(Phase, u64)]) -> (Arc<House>, Vec<Arc<Place>>) {
        let house = House::new(phases.len());
        let now = Instant::now();
        let places = phases.iter().enumerate().map(|(number, (phase, age_ms))| {
            let place = Arc::new(Place::new());
            *place.standing() = Standing {
                phase: *phase,
                since: now.checked_sub(Duration::from_millis(*age_ms)).unwrap(),
            };
            let number = u64::try_from(number).unwrap();
            house.places().insert(number, Arc::clone(&place));
            place
        });
        let places = places.collect();
        (house, places)
    }

    #[track_caller]
    fn check(phases: &[(Phase, u64)], goes: Option<usize>) {
        let (house, places) = seats(phases);
        house.send_one_away();
        let gone = places.iter().position(|place| place.phase() == Phase::Gone);
        assert_eq!(gone, goes, "{phases:?}");
    }

    #[test]
    fn who_waits_for_its_own_sender_goes_first_and_the_longest_of_them() {
        use Phase::*;
        check(&[], None);
        check(&[(Request, 60_000)], None);
        check(&[(Request, 60_000), (Idle, 10)], None);
        check(&[(Request, 60_000), (Idle, 30)], Some(1));
        check(&[(Idle, 30), (Idle, 50), (Idle, 40)], Some(1));
        check(&[(Idle, 30), (Farewell, 0)], Some(1));
        check(&[(Head, 9000), (Idle, 30)], Some(1));
        check(&[(Head, 100), (Answer, 400)], None);
        check(&[(Head, 300), (Answer, 400)], Some(0));
        check(&[(Head, 1500), (Answer, 2500), (Request, 9000)], Some(1));
    }

    #[test]
    fn only_one_goes_for_one_that_comes() {
        let (house, places) = seats(&[(Phase::Idle, 200), (Phase::Idle, 100)]);
        house.send_one_away();
        house.send_one_away();
        let phases = [places[0].phase(), places[1].phase()];
        assert_eq!(phases, [Phase::Gone, Phase::Idle]);
        house.places().remove(&0);
        house.send_one_away();
        assert_eq!(places[1].phase(), Phase::Gone);
    }

    #[test]
    fn one_that_was_sent_away_does_nothing_more() {
        let place = Place::new();
        assert_eq!(place.step(Phase::Head, Phase::Request), Phase::Idle);
        assert_eq!(place.step(Phase::Idle, Phase::Head), Phase::Head);
        let later = Instant::now() + Duration::from_millis(100);
        assert!(!place.send_away(later));
        assert_eq!(place.enter(Phase::Idle), Phase::Idle);
        assert!(place.send_away(later));
        assert!(!place.send_away(later));
        assert_eq!(place.enter(Phase::Request), Phase::Gone);
        assert_eq!(place.step(Phase::Idle, Phase::Head), Phase::Gone);
    }
}
