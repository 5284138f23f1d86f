/*
 * The fair queue: tickets, hand-over by Change Lease, giving up.
 *
 * Shows that a lock which is handed from process to process by name never has two holders, goes to the process that
 * came first, and is never left with a process that does not take it, whatever is lost or late.
 *
 * Every acquisition has an id of its own, which is also its number here: P4 is the second acquisition of the process
 * whose first was P1. Of time there are only the seconds by which tickets sort. What would change nothing is not a
 * step: a refused poll, a look at a list that says nothing new. So when nothing can happen any more and a process
 * waits, the lock is stuck until a lease runs out. With CHANNEL there are messages, too. Each switch (NO_...) leaves
 * out one rule.
 */
#define PROCESSES    3
#ifndef ACQUISITIONS
#define ACQUISITIONS 3  /* by all processes together */
#endif
#ifndef FAULTS
#define FAULTS       1  /* lost answers, late requests, tickets that lapse under a process that stands still */
#endif
#ifndef QUITS
#define QUITS        1  /* waits that are given up */
#endif
#ifndef CRASHES
#define CRASHES      1
#endif
#ifndef SECONDS
#define SECONDS      3  /* how often the service's clock turns to the next second during one wait */
#endif
#define JOINING      2  /* how often it does between a ticket's creation and the moment when its lease stands */
#define NONE         15
#define UNKNOWN      14

#ifdef NO_FRESH_ID
#define ID(c)        (c % PROCESSES)
#else
#define ID(c)        (c)
#endif

mtype = { outside, coming, waiting, holding, listed, leaving, passing, finished, dead };
mtype = { none, made, leased };

/* The service. */
byte lock = NONE;  /* the id on the lease of the lock */
bool little;         /* little is left of that lease */

typedef Contender {
  mtype state = outside;
  mtype ticket = none;
  byte came;            /* so many seconds ago: its ticket sorts by this, then by its number */
  byte madeAgo;         /* so many seconds ago its ticket was made */
  byte before;          /* whose tickets stood already, of those who came two seconds earlier and more: one bit each */
  bool first, doubts;   /* what it knows of its place */
  bool looked;          /* it has looked at the queue */
  byte known;           /* which it saw before itself: one bit each */
  bool unsure;          /* an acquire of its was not answered, or its ticket ran out: the lock may have become its */
  byte next = UNKNOWN;  /* which its listing showed to be next */
  bool seen             /* it was in a listing from which the lock was handed on */
};
Contender c[ACQUISITIONS];

/* Requests without a waiter any more. They arrive at any time, or never. */
bool lateAcquire[ACQUISITIONS], lateRelease[ACQUISITIONS], lateLease[ACQUISITIONS];
byte lateChange[ACQUISITIONS] = UNKNOWN;

byte faults, quits, crashes;
bool lapsed;   /* a lease of the lock has run out: from here on no order is promised */
bool calm;     /* no more mishaps, and no more seconds: a process that waits for one of them is stuck all the same */
bool excused;  /* a process crashed, or a late acquire took the lock for no process: the lease may have to run out */

#define SORTS_BEFORE(a, b)  (c[a].came > c[b].came || (c[a].came == c[b].came && a < b))
#define ENDED(i)            (c[i].state == finished || c[i].state == passing || c[i].state == dead)
#define P(i)                (i + 1)
#define WANTS(i)            (c[i].state == outside || c[i].state == coming || c[i].state == waiting)
#define MAY_FAIL            (faults < FAULTS)

inline nowHolds(i) {
  for (k : 0 .. ACQUISITIONS - 1) {
    if
    :: k != i && c[k].state == holding ->
      printf("> VIOLATED exclusion: P%d holds the lock while P%d does\n", P(i), P(k)); assert(false)
    :: else
    fi
  }
  k = 0
}

/* The lease becomes this one's: no other may have been first. */
inline keepsOrder(i) {
  for (k : 0 .. ACQUISITIONS - 1) {
    if
    :: k != i && !lapsed && WANTS(i) && c[k].state == waiting && c[k].ticket == leased ->
      if
      :: lock == NONE && ((c[i].before >> k) & 1) ->
        printf("> VIOLATED order: P%d gets the lock before P%d, who came two seconds earlier\n", P(i), P(k));
        assert(false)
      :: c[k].seen && (c[i].ticket == none || SORTS_BEFORE(k, i)) ->
        printf("> VIOLATED order: P%d gets the lock before P%d, who was first in line when it was handed on\n",
          P(i), P(k));
        assert(false)
      :: else
      fi
    :: else
    fi
  }
  k = 0
}

/* What a holder sees: the first ticket that is leased, and is not its own. */
inline list(i) {
  c[i].next = NONE;
#ifndef NO_HAND_OVER
  for (k : 0 .. ACQUISITIONS - 1) {
    if
    :: k != i && c[k].ticket == leased ->
      c[k].seen = c[k].seen || lock == ID(i);
      if
      :: c[i].next == NONE || SORTS_BEFORE(k, c[i].next) -> c[i].next = k
      :: else
      fi
    :: else
    fi
  }
  k = 0;
#endif
  looksWhoIsNext(i);
  if
  :: c[i].next == NONE -> printf("> P%d lists the queue: it is empty\n", P(i))
  :: else -> printf("> P%d lists the queue: P%d is next\n", P(i), P(c[i].next))
  fi
}

/* What a waiter sees: whether a ticket is before its own, and whether that ticket may have come later. */
#define IS_BEFORE(k, i)  (k != i && c[k].ticket == leased && SORTS_BEFORE(k, i))
#define IS_NEW(k, i)     (IS_BEFORE(k, i) && !((c[i].known >> k) & 1))
#ifdef NO_DOUBT
#define CAME_LATE(k, i)  false
#elif defined(NO_DOUBT_OF_SLOW_TICKETS)
#define CAME_LATE(k, i)  (IS_NEW(k, i) && c[k].madeAgo <= c[i].madeAgo + 1)
#else
#define CAME_LATE(k, i)  (IS_NEW(k, i) && (c[i].looked || c[k].madeAgo <= c[i].madeAgo + JOINING))
#endif
#if ACQUISITIONS > 4
#define ANY(what, i)     (what(0, i) || what(1, i) || what(2, i) || what(3, i) || what(4, i))
#elif ACQUISITIONS > 3
#define ANY(what, i)     (what(0, i) || what(1, i) || what(2, i) || what(3, i))
#else
#define ANY(what, i)     (what(0, i) || what(1, i) || what(2, i))
#endif

inline grant(i) {
  lock = ID(i);
  little = false
}

inline giveTo(i, to) {
  if
  :: lock == ID(i) && to == NONE -> lock = NONE; printf("> P%d releases the lock\n", P(i))
  :: lock == ID(i) && to != NONE ->
    if
    :: c[to].ticket == leased -> keepsOrder(to)
    :: else  /* it gave up, stood still or died meanwhile */
    fi;
    lock = ID(to);
    printf("> P%d hands the lock to P%d\n", P(i), P(to))
  :: else -> printf("> P%d has nothing to give away\n", P(i))
  fi
}

inline removeTicket(i) {
  c[i].ticket = none;
  c[i].madeAgo = 0;
  for (k : 0 .. ACQUISITIONS - 1) {
    c[k].before = c[k].before & ~(1 << i);
    c[k].known = c[k].known & ~(1 << i)
  }
  k = 0
}

inline forgetsPlace(i) {
  c[i].first = false;
  c[i].doubts = false;
  c[i].looked = false;
  c[i].known = 0;
  forgetsMessages(i)
}

/* Forgets what makes no difference any more. */
inline ends(i, how) {
  c[i].state = how;
  c[i].next = UNKNOWN;
  forgetsPlace(i);
  c[i].unsure = false;
  c[i].before = 0;
  if
  :: c[i].ticket == none -> c[i].came = 0; c[i].madeAgo = 0; c[i].seen = false
  :: else
  fi
}

/* Whether the lock is this one's, or another may be about to hand it over. */
#define GIVES(k, i)      (c[k].next == i || lateChange[k] == i)
#define MAY_BE_GIVEN(i)  (lock == ID(i) || ANY(GIVES, i))
#define MAY_ENTER(i)     (i < PROCESSES || ENDED(i - PROCESSES))
#ifdef NO_DOUBT_AFTER_FAULTS
#define DOUBTS(i)        (c[i].doubts)
#else
#define DOUBTS(i)        (c[i].doubts || c[i].unsure)
#endif
#ifdef NO_HEAD_ONLY
#define ASKS(i)          (c[i].state == waiting)
#else
/* Who doubts asks so much later than who is first that it gets the lock only if it was handed to it. */
#define ASKS(i)          (c[i].state == waiting && (c[i].first || (DOUBTS(i) && lock == ID(i))))
#endif
#define MAY_ASK(i)       (IS_TOLD(i) || (ASKS(i) && !RESTS(i)))

#ifdef NO_TICKET_GONE
#define HAS_WON(i)       (c[i].state == holding || c[i].state == listed || c[i].state == finished)
#define MAY_LIST(i)      (c[i].state == holding)
#else
#define HAS_WON(i)       (c[i].state == holding)
#define MAY_LIST(i)      (c[i].state == holding && c[i].ticket == none)
#endif

#ifdef CHANNEL
#include "channel.pml"
#else
#define RESTS(i)         false
#define IS_TOLD(i)       false
#define MAY_BE_SURE      false
inline looksWhoIsNext(i) { skip }
inline looksAround(i) { skip }
inline hasWaited(i) { skip }
inline forgetsMessages(i) { skip }
#endif

/* Where doubt never ends it makes no difference which they are. */
inline remembersThoseBefore(i) {
  for (k : 0 .. ACQUISITIONS - 1) {
    if
    :: IS_BEFORE(k, i) && (!c[i].doubts || MAY_BE_SURE) -> c[i].known = c[i].known | (1 << k)
    :: else
    fi
  }
  k = 0
}

proctype contender(byte i) {
  byte k;
end:
  do
  /* ---- on the way in ---- */
  :: d_step { c[i].state == outside && MAY_ENTER(i) && (lock == NONE || lock == ID(i)) ->
      printf("> P%d asks and holds the lock\n", P(i));
      if
      :: lock == NONE -> keepsOrder(i)
      :: else
      fi;
      grant(i); nowHolds(i); c[i].state = holding }
  :: d_step { c[i].state == outside && MAY_ENTER(i) && lock != NONE && lock != ID(i) ->
      c[i].state = coming; printf("> P%d is refused\n", P(i)) }
  :: d_step { c[i].state == outside && MAY_ENTER(i) && lock != NONE && lock != ID(i) ->
      c[i].state = coming; c[i].came = 1;
      printf("> P%d is refused, having waited for a second in its process\n", P(i)) }
  :: d_step { c[i].state == outside && MAY_ENTER(i) && MAY_FAIL && !lateAcquire[i] ->
      faults++; lateAcquire[i] = true; c[i].unsure = true; printf("> P%d gets no answer to its acquire\n", P(i)) }
  :: d_step { c[i].state == coming && c[i].ticket == none ->
      c[i].ticket = made;
      for (k : 0 .. ACQUISITIONS - 1) {
        if
        :: c[k].ticket == leased && c[k].came >= c[i].came + 2 -> c[i].before = c[i].before | (1 << k)
        :: else
        fi
      }
      k = 0;
      printf("> P%d makes its ticket\n", P(i)) }
  :: d_step { c[i].state == coming && c[i].ticket != none ->
      c[i].ticket = leased; c[i].state = waiting; printf("> P%d leases its ticket\n", P(i)) }
  :: d_step { c[i].state == coming && c[i].ticket == made && MAY_FAIL && !lateLease[i] ->
      faults++; lateLease[i] = true; printf("> P%d gets no answer when it leases its ticket\n", P(i)) }

  /* ---- waiting ---- */
  :: d_step { c[i].state == waiting && !RESTS(i) && !c[i].first && !ANY(IS_BEFORE, i) ->
      c[i].first = true; printf("> P%d looks: it is first\n", P(i)) }
  :: d_step { c[i].state == waiting && !RESTS(i) && !c[i].first && !c[i].doubts && ANY(IS_NEW, i) ->
      if
      :: ANY(CAME_LATE, i) ->
        c[i].doubts = true; c[i].known = 0; printf("> P%d looks: it is not first, and may have been\n", P(i))
      :: else -> printf("> P%d looks: it is not first\n", P(i))
      fi;
      remembersThoseBefore(i);
      looksAround(i);
      c[i].looked = true }
  :: d_step { MAY_ASK(i) && (lock == NONE || lock == ID(i)) ->
      printf("> P%d asks and holds the lock\n", P(i));
      if
      :: lock == NONE -> keepsOrder(i)
      :: else
      fi;
      grant(i); nowHolds(i); c[i].state = holding;
      forgetsPlace(i); hasWaited(i); c[i].unsure = false }
  :: d_step { MAY_ASK(i) && MAY_FAIL && !lateAcquire[i] ->
      faults++; lateAcquire[i] = true; c[i].unsure = true; printf("> P%d gets no answer to its acquire\n", P(i)) }
  :: d_step { c[i].state == waiting && c[i].ticket == leased && MAY_FAIL ->
      faults++; c[i].state = coming; forgetsPlace(i); c[i].unsure = true; c[i].seen = false; c[i].before = 0;
#ifdef NO_NEW_TICKET
      c[i].ticket = made; c[i].madeAgo = SECONDS;
      for (k : 0 .. ACQUISITIONS - 1) {
        c[k].before = c[k].before & ~(1 << i)
      }
      k = 0;
#else
      removeTicket(i);
#endif
      printf("> P%d stands still until its ticket has run out\n", P(i)) }

  /* ---- holding and handing on ---- */
  :: d_step { HAS_WON(i) && c[i].ticket != none -> removeTicket(i); printf("> the ticket of P%d is gone\n", P(i)) }
  :: d_step { MAY_LIST(i) ->
#ifdef NO_TIME_LEFT
      little = true;
#endif
      list(i); c[i].state = listed }
  :: d_step { c[i].state == listed && MAY_FAIL && lateChange[i] == UNKNOWN && !lateRelease[i] ->
      faults++;
      if
      :: c[i].next == NONE -> lateRelease[i] = true
      :: else -> lateChange[i] = c[i].next
      fi;
      printf("> P%d gets no answer when it gives the lock away\n", P(i))
#ifdef NO_END_AT_LIST
      ; c[i].state = holding; printf("> P%d takes itself for the holder again\n", P(i))
#endif
      }
  :: d_step { c[i].state == listed -> giveTo(i, c[i].next); ends(i, finished) }

  /* ---- giving up ---- */
  :: d_step { (c[i].state == coming || c[i].state == waiting || (c[i].state == outside && c[i].unsure)) &&
              quits < QUITS ->
      quits++; c[i].state = leaving; forgetsPlace(i); printf("> P%d gives up\n", P(i)) }
  :: d_step { c[i].state == leaving ->
#ifdef NO_SURE_REMOVAL
      /* Removed under its lease, which it does not have yet: refused, and taken for gone. */
      if
      :: c[i].ticket == leased -> removeTicket(i)
      :: else
      fi;
#else
      removeTicket(i);
#endif
      printf("> P%d has removed its ticket\n", P(i)); ends(i, passing) }
#ifdef NO_PASSING_ON_AFTER_GRANT
  /* Granted, and given up before the caller saw it. */
  :: d_step { c[i].state == holding && quits < QUITS ->
      quits++; c[i].next = NONE; c[i].state = listed; printf("> P%d gives up, and releases\n", P(i)) }
#endif
  :: d_step { c[i].state == passing && c[i].next == UNKNOWN && MAY_BE_GIVEN(i) ->
#ifdef NO_PASSING_ON
      c[i].next = NONE
#else
      list(i)
#endif
      }
  :: d_step { c[i].state == passing && c[i].next != UNKNOWN && lock == ID(i) ->
      giveTo(i, c[i].next); ends(i, finished) }
  :: d_step { c[i].state == passing && c[i].next != UNKNOWN && lock != ID(i) ->
      printf("> P%d finds that it was not given the lock\n", P(i));
#ifdef NO_REPEAT
      ends(i, finished)
#else
      c[i].next = UNKNOWN
#endif
      }
  :: d_step { c[i].state == passing && c[i].next != UNKNOWN && MAY_FAIL &&
              lateChange[i] == UNKNOWN && !lateRelease[i] ->
      faults++;
      if
      :: c[i].next == NONE -> lateRelease[i] = true
      :: else -> lateChange[i] = c[i].next
      fi;
      c[i].next = UNKNOWN;
      printf("> P%d gets no answer when it passes the lock on\n", P(i)) }

#ifdef FOREVER
  :: d_step { c[i].state == finished -> c[i].state = outside; c[i].came = 0; c[i].seen = false }
#endif

  /* ---- the end of a process ---- */
  :: d_step { !ENDED(i) && c[i].state != outside && crashes < CRASHES ->
      crashes++; excused = true; printf("> P%d crashes\n", P(i)); ends(i, dead) }
  :: d_step { c[i].state == dead && c[i].ticket != none ->
      removeTicket(i); ends(i, dead); printf("> the ticket of P%d runs out\n", P(i)) }
  od
}

proctype lateArrivals(byte i) {
  byte k;
end:
  do
  :: d_step { lateAcquire[i] ->
      lateAcquire[i] = false;
      if
      :: lock == NONE || lock == ID(i) ->
        excused = excused || (lock == NONE && (c[i].state == listed || c[i].state == finished || c[i].state == dead));
        grant(i);
        printf("> a late acquire of P%d takes the lock\n", P(i))
      :: else -> printf("> a late acquire of P%d is refused\n", P(i))
      fi }
  :: d_step { lateRelease[i] -> lateRelease[i] = false; giveTo(i, NONE) }
  :: d_step { lateChange[i] != UNKNOWN ->
      giveTo(i, lateChange[i]); lateChange[i] = UNKNOWN }
  :: d_step { lateLease[i] ->
      lateLease[i] = false;
      if
      :: c[i].ticket == made -> c[i].ticket = leased; printf("> a late request leases the ticket of P%d\n", P(i))
      :: else
      fi }
  od
}

/* ---- time ---- */

#define COUNTS(k, i)  (c[k].state == coming || c[k].state == waiting || c[k].ticket != none)
#define NO_ROOM(k, i) (COUNTS(k, i) && c[k].came == SECONDS)
#define IS_JOINING(k, i) (c[k].ticket == made && c[k].state == coming && c[k].madeAgo == JOINING)
#define HAS_TIME      (!calm && ANY(COUNTS, 0) && !ANY(NO_ROOM, 0) && !ANY(IS_JOINING, 0))

inline ownerHolds(is) {
  is = false;
  for (k : 0 .. ACQUISITIONS - 1) {
    is = is || (lock == ID(k) && (c[k].state == holding || c[k].state == listed))
  }
  k = 0
}

active proctype time() {
  byte k;
  bool is;
end:
  do
  :: d_step { HAS_TIME ->
      for (k : 0 .. ACQUISITIONS - 1) {
        if
        :: COUNTS(k, 0) ->
          c[k].came++;
          if
          :: c[k].ticket != none -> c[k].madeAgo++
          :: else
          fi
        :: else
        fi
      }
      k = 0;
      printf("> the service's clock turns to the next second\n") }
  :: d_step { lock != NONE && (excused || little) ->
      ownerHolds(is);
      if
      :: !is && !excused ->
        printf("> VIOLATED promptness: the lease of P%d runs out before it could ask\n", P(lock)); assert(false)
      :: !is && excused -> printf("> the lease of P%d runs out\n", P(lock)); lock = NONE; lapsed = true; little = false
      :: else
      fi;
      is = false }
#ifndef FOREVER
  :: d_step { !calm -> calm = true; faults = FAULTS; quits = QUITS; crashes = CRASHES }
#endif
  :: timeout -> d_step {
      for (k : 0 .. ACQUISITIONS - 1) {
        if
        :: !ENDED(k) && lock == ID(k) ->
          printf("> VIOLATED progress: the lock is P%d's, which does not ask for it\n", P(k)); assert(false)
        :: else
        fi
      }
      for (k : 0 .. ACQUISITIONS - 1) {
        if
        :: !ENDED(k) ->
          printf("> VIOLATED progress: P%d waits, and nothing happens until a lease runs out\n", P(k)); assert(false)
        :: else
        fi
      }
      if
      :: lock != NONE && !excused ->
        printf("> VIOLATED progress: no process is left, and the lease of P%d stands\n", P(lock)); assert(false)
      :: else
      fi };
      break
  od
}

init {
  byte i;
  atomic {
    for (i : 0 .. ACQUISITIONS - 1) {
      run contender(i);
#ifndef FOREVER
      run lateArrivals(i);
#endif
#ifdef CHANNEL
      run channel(i)
#endif
    }
    i = 0
  }
}

#ifdef FOREVER
/* A process that waits gets the lock, though all come back for ever. */
ltl served { [] ((c[WHO].state == waiting) -> <> (c[WHO].state == holding)) }
#endif
