//! A house with so many places: on a full house whoever waits for its own sender goes, so that another can come in.
//!
//! A stranger that asks again and again would be left alone anew each time, and never go. So only a sender that proved
//! known is: any other is left alone from when it came until its first answer, and to read that.

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

/// Who sends on a connection, by what was answered last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sender {
    /// Nobody can say: nothing was answered yet.
    New,
    /// Anybody might have got that answer, and each one since the first of them in a row.
    Stranger {
        /// When that first one was given.
        since: Instant,
    },
    /// It was verified.
    Known,
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
    accepted: Instant,
    sender: Sender,
}

impl Standing {
    fn new(now: Instant) -> Self {
        Self {
            phase: Phase::Idle,
            since: now,
            accepted: now,
            sender: Sender::New,
        }
    }

    /// How willingly it is let go, the least first, and from when it counts among those of the same rank; `None` if it
    /// stays.
    fn rank(self, now: Instant) -> Option<(u8, Instant)> {
        let (stranger, from) = match self.sender {
            Sender::New => (false, self.accepted),
            Sender::Stranger { since } => (true, since),
            Sender::Known => (false, self.since),
        };
        let waits = now.saturating_duration_since(from);
        match self.phase {
            Phase::Farewell => Some((0, self.since)),
            Phase::Idle | Phase::Head if stranger => Some((1, self.accepted)),
            Phase::Idle if waits >= IDLE_MANNERS => Some((2, self.since)),
            Phase::Head if waits >= HEAD_MANNERS => Some((3, self.since)),
            Phase::Answer if waits >= ANSWER_MANNERS => Some((3, self.since)),
            Phase::Idle | Phase::Head | Phase::Answer | Phase::Request | Phase::Gone => None,
        }
    }
}

impl Place {
    fn new() -> Self {
        Self {
            standing: Mutex::new(Standing::new(Instant::now())),
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
            standing.phase = to;
            standing.since = Instant::now();
        }
        standing.phase
    }

    /// A request was answered: `known` says whether only a known sender gets that answer.
    pub fn answered(&self, known: bool) {
        let mut standing = self.standing();
        standing.sender = match standing.sender {
            _ if known => Sender::Known,
            Sender::New | Sender::Known => Sender::Stranger {
                since: Instant::now(),
            },
            stranger @ Sender::Stranger { .. } => stranger,
        };
        drop(standing);
        self.step(Phase::Request, Phase::Answer);
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

    /// Sends the oldest away of those that are let go most willingly, unless somebody who was sent away has yet to leave.
    pub fn send_one_away(&self) {
        let now = Instant::now();
        let chosen = {
            let places = self.places();
            if places.values().any(|place| place.phase() == Phase::Gone) {
                return;
            }
            let ranked = places.values().filter_map(|place| {
                let standing = *place.standing();
                Some((standing.rank(now)?, place))
            });
            ranked
                .min_by_key(|(rank, _)| *rank)
                .map(|(_, place)| Arc::clone(place))
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

    /// So long ago.
    fn ago(ms: u64) -> Instant {
        Instant::now()
            .checked_sub(Duration::from_millis(ms))
            .unwrap()
    }

    fn seats(standings: &[Standing]) -> (Arc<House>, Vec<Arc<Place>>) {
        let house = House::new(standings.len());
        let places = standings.iter().enumerate().map(|(number, standing)| {
            let place = Arc::new(Place::new());
            *place.standing() = *standing;
            let number = u64::try_from(number).unwrap();
            house.places().insert(number, Arc::clone(&place));
            place
        });
        let places = places.collect();
        (house, places)
    }

    #[track_caller]
    fn check_standings(standings: &[Standing], goes: Option<usize>) {
        let (house, places) = seats(standings);
        house.send_one_away();
        let gone = places.iter().position(|place| place.phase() == Phase::Gone);
        assert_eq!(gone, goes, "{standings:?}");
    }

    /// A known sender, in a phase for so long.
    fn known((phase, ms): (Phase, u64)) -> Standing {
        Standing {
            phase,
            since: ago(ms),
            accepted: ago(60_000),
            sender: Sender::Known,
        }
    }

    /// A new one, which came so long ago and has been in a phase for no time.
    fn new((phase, ms): (Phase, u64)) -> Standing {
        Standing {
            phase,
            ..Standing::new(ago(ms))
        }
    }

    /// A stranger, which came so long ago and got its first answer a while before now.
    fn stranger(phase: Phase, came_ms: u64, answered_ms: u64) -> Standing {
        Standing {
            phase,
            since: Instant::now(),
            accepted: ago(came_ms),
            sender: Sender::Stranger {
                since: ago(answered_ms),
            },
        }
    }

    #[track_caller]
    fn check(phases: &[(Phase, u64)], goes: Option<usize>) {
        let standings: Vec<_> = phases.iter().copied().map(known).collect();
        check_standings(&standings, goes);
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
    fn a_new_sender_is_left_alone_from_when_it_came_and_not_anew_in_each_phase() {
        use Phase::*;
        for (phase, ms) in [(Idle, 20), (Head, 200)] {
            let moved = |ms| Standing {
                since: Instant::now(),
                ..new((phase, ms))
            };
            check_standings(&[moved(ms / 2)], None);
            check_standings(&[moved(ms)], Some(0));
        }
        check_standings(&[new((Request, 9000))], None);
    }

    #[test]
    fn a_stranger_that_had_its_answer_goes_at_once_and_the_oldest_first() {
        use Phase::*;
        check_standings(&[stranger(Idle, 1, 0)], Some(0));
        check_standings(&[stranger(Head, 1, 0)], Some(0));
        check_standings(&[stranger(Request, 9000, 9000)], None);
        let [older, younger] = [stranger(Head, 50, 0), stranger(Idle, 40, 30)];
        check_standings(&[younger, older], Some(1));
        check_standings(&[known((Idle, 9000)), new((Idle, 9000)), younger], Some(2));
        check_standings(&[younger, known((Farewell, 0))], Some(1));
        // It has the time to read the first answer, and not each one anew.
        check_standings(&[stranger(Answer, 9000, 400)], None);
        check_standings(&[stranger(Answer, 9000, 500)], Some(0));
    }

    #[test]
    fn a_sender_is_known_by_its_last_answer() {
        let place = Place::new();
        let answered = |known| {
            place.enter(Phase::Request);
            place.answered(known);
            assert_eq!(place.phase(), Phase::Answer);
            place.standing().sender
        };
        let stranger = answered(false);
        assert!(matches!(stranger, Sender::Stranger { .. }));
        assert_eq!(answered(false), stranger);
        assert_eq!(answered(true), Sender::Known);
        assert_ne!(answered(false), stranger);
        // It goes as soon as it has read that.
        place.step(Phase::Answer, Phase::Idle);
        assert!(place.send_away(Instant::now()));
        place.answered(true);
        assert_eq!(place.phase(), Phase::Gone);
    }

    #[test]
    fn only_one_goes_for_one_that_comes() {
        let (house, places) = seats(&[(Phase::Idle, 200), (Phase::Idle, 100)].map(known));
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
