/*
 * One lease: acquire, renew, expire, give up, release.
 *
 * Shows that no two processes work under the lock at once, whatever becomes of requests and answers and however long a
 * process stands still, as long as no clock loses more than its share of the margin within one lease.
 *
 * Time goes in ticks of the service's clock. A process may stand still at any point for any number of ticks: a pause is
 * a schedule like any other, and a crash is a pause without end. Each switch (NO_...) leaves out one rule.
 */
#ifndef PROCESSES
#define PROCESSES    3
#endif
#ifndef ACQUISITIONS
#define ACQUISITIONS 1  /* by each process */
#endif
#ifndef FAULTS
#define FAULTS       2  /* unanswered tries and repeated deliveries in one run */
#endif

#define LEASE        4
#define STOP         1  /* what the work needs to stop */
#ifdef NO_MARGIN_FOR_CLOCKS
#define DRIFT        2  /* what a clock may lose within one lease */
#else
#define DRIFT        1
#endif
#define MARGIN       2  /* one for the clock, one for the work */
#define GOOD_FOR     (LEASE - MARGIN)
#define OVER         (GOOD_FOR + STOP)

#define IDS          (PROCESSES * ACQUISITIONS)
#define NONE         15

mtype = { idle, asking, held, lost, releasing };
mtype = { none, acquire, renew, release };
mtype = { unanswered, granted, refused };

/* The service: whose lease it is, and for how many ticks more. The id stays on record when the lease has run out. */
byte leaseId = NONE;
byte left;

typedef Process {
  mtype state = idle;
  byte nth;              /* which of its acquisitions this is */
  mtype request = none;  /* the one it waits for */
  mtype answer = unanswered;
  bool answering;        /* the service has served it, and the answer is on its way */
  byte age;              /* by its own clock, from just before the last request that was granted was sent */
  byte missed;           /* what that clock lost meanwhile */
  byte requestAge;       /* the same for the request it waits for */
  byte requestMissed
};
Process p[PROCESSES];

/* Requests without a waiter any more. They arrive at any time, or never. */
bool lateAcquire[IDS], lateRenew[IDS], lateRelease[IDS];
byte faults;

#ifdef NO_FRESH_ID
#define ID(i)    (i)
#else
#define ID(i)    (p[i].nth * PROCESSES + i)
#endif

/* The work under the lock. It stops a while after the lock is lost. */
#ifdef NO_CLOCK
#define WORKS(i) (p[i].state == held)
#else
#define WORKS(i) ((p[i].state == held || p[i].state == lost) && p[i].age < OVER)
#endif

inline nowHolds(i) {
  for (k : 0 .. PROCESSES - 1) {
    if
    :: k != i && WORKS(k) ->
      printf("> VIOLATED exclusion: P%d works under the lock while P%d does\n", i + 1, k + 1);
      assert(false)
    :: else
    fi
  }
  k = 0
}

/* ---- what the service does with a request ---- */

inline served(what, id, ok) {
  ok = false;
  if
  :: what == acquire ->
    if
    :: left == 0 || leaseId == id -> leaseId = id; left = LEASE; ok = true
    :: else
    fi
  :: what == renew ->
    if
    :: leaseId == id -> left = LEASE; ok = true
    :: leaseId != id && leaseId != NONE && left == 0 ->
      /* As an emulator does: whatever lease has run out is revived. The answer bears the id of that. */
      left = LEASE;
#ifdef NO_ID_COMPARED
      ok = true
#endif
    :: else
    fi
  :: what == release ->
    if
    :: leaseId == id -> leaseId = NONE; left = 0; ok = true
    :: else
    fi
  fi
}

inline markLate(what, id) {
  if
  :: what == acquire -> lateAcquire[id] = true
  :: what == renew -> lateRenew[id] = true
  :: what == release -> lateRelease[id] = true
  :: else
  fi
}


/* What can only be refused any more is forgotten: it makes no difference whether it ever arrives. */
inline tidy() {
#ifdef NO_FRESH_ID
  skip
#else
  for (k : 0 .. IDS - 1) {
    if
    :: leaseId != k && !lateAcquire[k] && !(p[k % PROCESSES].request == acquire && ID(k % PROCESSES) == k) ->
      lateRenew[k] = false;
      if
      :: !(p[k % PROCESSES].state == asking && ID(k % PROCESSES) == k) -> lateRelease[k] = false
      :: else
      fi
    :: else
    fi
  }
  k = 0
#endif
}

/* The request that a process waits for reaches the service; or reaches it once more, much later. */
proctype network(byte i) {
  byte k;
  bool ok;
end:
  do
  :: d_step { p[i].request != none && !p[i].answering ->
      served(p[i].request, ID(i), ok);
      p[i].answering = true;
      p[i].answer = (ok -> granted : refused);
      printf("> service: %e of P%d is %e\n", p[i].request, i + 1, p[i].answer);
      tidy();
      ok = false }
  :: d_step { p[i].request != none && p[i].answering && faults < FAULTS ->
      faults++;
      printf("> network: %e of P%d is under way a second time\n", p[i].request, i + 1);
      markLate(p[i].request, ID(i));
      tidy() }
  od
}

proctype lateArrivals(byte id) {
  byte k;
  bool ok;
end:
  do
  :: d_step { lateAcquire[id] -> lateAcquire[id] = false; served(acquire, id, ok);
      printf("> service: late acquire of P%d is %e\n", id % PROCESSES + 1, (ok -> granted : refused)); tidy();
      ok = false }
  :: d_step { lateRenew[id] -> lateRenew[id] = false; served(renew, id, ok);
      printf("> service: late renew of P%d is %e\n", id % PROCESSES + 1, (ok -> granted : refused)); tidy();
      ok = false }
  :: d_step { lateRelease[id] -> lateRelease[id] = false; served(release, id, ok);
      printf("> service: late release of P%d is %e\n", id % PROCESSES + 1, (ok -> granted : refused)); tidy();
      ok = false }
  od
}

/* ---- what a process does ---- */

inline send(i, what) {
  p[i].request = what;
  p[i].answer = unanswered;
  p[i].answering = false;
  p[i].requestAge = 0;
  p[i].requestMissed = 0
}

inline forget(i) {
  p[i].request = none;
  p[i].answer = unanswered;
  p[i].answering = false;
  p[i].requestAge = 0;
  p[i].requestMissed = 0
}

/* The open request is given up. If the service has not served it, it may yet. */
inline drop(i) {
  if
  :: p[i].request != none && !p[i].answering -> markLate(p[i].request, ID(i))
  :: else
  fi;
  forget(i)
}

inline keepFrom(i) {
#ifdef NO_AGE_FROM_SENDING
  p[i].age = 0;
  p[i].missed = 0;
#else
  p[i].age = p[i].requestAge;
  p[i].missed = p[i].requestMissed;
#endif
  forget(i)
}

inline next(i) {
  p[i].state = idle;
  p[i].age = 0;
  p[i].missed = 0;
  p[i].nth++;
  tidy()
}

#define HAS_BEGUN(i)  (p[i].state != idle || p[i].nth > 0)
#ifdef NO_ID_COMPARED
#define MAY_RENEW(i)  true
#else
#define MAY_RENEW(i)  (p[i].age < GOOD_FOR)
#endif

proctype process(byte i) {
  byte k;
end:
  do
  /* All are alike: the first begins first. */
  :: d_step { p[i].state == idle && p[i].nth < ACQUISITIONS && (i == 0 || HAS_BEGUN((i + PROCESSES - 1) % PROCESSES)) ->
      p[i].state = asking }

  :: d_step { p[i].state == asking && p[i].request == none -> send(i, acquire); printf("> P%d sends acquire\n", i + 1) }
  :: d_step { p[i].state == asking && p[i].answer == refused -> forget(i); printf("> P%d is refused\n", i + 1) }
  :: d_step { p[i].state == asking && p[i].answer == granted && p[i].requestAge < GOOD_FOR ->
      keepFrom(i);
      p[i].state = held;
      printf("> P%d holds the lock\n", i + 1);
      nowHolds(i) }
  :: d_step { p[i].state == asking && p[i].answer == granted && p[i].requestAge >= GOOD_FOR ->
      /* Granted too long ago. */
      forget(i); lateRelease[ID(i)] = true; printf("> P%d is granted it too late, and releases\n", i + 1); next(i) }
  :: d_step { p[i].state == asking && p[i].request == acquire && faults < FAULTS ->
      faults++;
      drop(i);
#ifdef NO_WHOLE_GIVE_UP
      lateRelease[ID(i)] = true;
#endif
      printf("> P%d gets no answer to its acquire\n", i + 1) }
  :: d_step { p[i].state == asking ->
      drop(i); lateRelease[ID(i)] = true; printf("> P%d gives up, and releases in the background\n", i + 1); next(i) }

  :: d_step { p[i].state == held && p[i].request == none && MAY_RENEW(i) ->
      send(i, renew); printf("> P%d sends renew\n", i + 1) }
  :: d_step { p[i].state == held && p[i].answer == granted ->
      if
      :: p[i].requestAge < GOOD_FOR -> keepFrom(i); printf("> P%d has renewed\n", i + 1); nowHolds(i)
      :: else -> forget(i)
      fi }
  :: d_step { p[i].state == held && p[i].answer == refused ->
      forget(i); p[i].state = lost; printf("> P%d learns that its lease is lost\n", i + 1) }
  :: d_step { p[i].state == held && p[i].request == renew && faults < FAULTS ->
      faults++; drop(i); printf("> P%d gets no answer to its renew\n", i + 1) }
  :: d_step { p[i].state == held && p[i].age >= GOOD_FOR ->
      drop(i);
#ifdef NO_WAIT_AFTER_LOSS
      lateRelease[ID(i)] = true;
#endif
      p[i].state = lost; printf("> P%d gives its lease up for lost\n", i + 1) }
  :: d_step { p[i].state == held ->
      drop(i); send(i, release); p[i].age = 0; p[i].missed = 0; p[i].state = releasing;
      printf("> P%d sends release\n", i + 1) }

  /* Its work has ended, sooner or later. */
  :: d_step { p[i].state == lost ->
      lateRelease[ID(i)] = true; printf("> P%d has stopped, and releases\n", i + 1); next(i) }

  :: d_step { p[i].state == releasing && p[i].answer != unanswered ->
      forget(i); printf("> P%d has released\n", i + 1); next(i) }
  :: d_step { p[i].state == releasing && faults < FAULTS ->
      faults++; drop(i); printf("> P%d gets no answer to its release\n", i + 1); next(i) }
  od
}

/* ---- time ---- */

#define KEEPS_TIME(i) ((p[i].state == held || p[i].state == lost) && p[i].age < OVER)
#define TIMES(i)      ((p[i].request == acquire || p[i].request == renew) && p[i].requestAge < GOOD_FOR)

#define RUNS(i)       (KEEPS_TIME(i) || TIMES(i))
#define MAY_MISS(i)   (RUNS(i) && (!KEEPS_TIME(i) || p[i].missed < DRIFT) && (!TIMES(i) || p[i].requestMissed < DRIFT))
#if PROCESSES == 3
#define TIME_MATTERS  (left > 0 || RUNS(0) || RUNS(1) || RUNS(2))
#else
#define TIME_MATTERS  (left > 0 || RUNS(0) || RUNS(1))
#endif

inline clockTicks(i) {
  if
  :: KEEPS_TIME(i) ->
    p[i].age++;
    if
    :: p[i].age == OVER -> p[i].missed = 0
    :: else
    fi
  :: else
  fi;
  if
  :: TIMES(i) ->
    p[i].requestAge++;
    if
    :: p[i].requestAge == GOOD_FOR -> p[i].requestMissed = 0
    :: else
    fi
  :: else
  fi
}

inline clockMisses(i) {
  if
  :: KEEPS_TIME(i) -> p[i].missed++
  :: else
  fi;
  if
  :: TIMES(i) -> p[i].requestMissed++
  :: else
  fi;
  printf("> P%d's clock misses it\n", i + 1)
}

inline tick(first, second, third) {
  printf("> a tick passes\n");
  if
  :: left > 0 ->
    left--;
    if
    :: left == 0 -> printf("> service: the lease has run out\n")
    :: else
    fi
  :: else
  fi;
  if
  :: first -> clockMisses(0)
  :: else -> clockTicks(0)
  fi;
  if
  :: second -> clockMisses(1)
  :: else -> clockTicks(1)
  fi;
#if PROCESSES == 3
  if
  :: third -> clockMisses(2)
  :: else -> clockTicks(2)
  fi
#endif
}

active proctype time() {
end:
  do
  :: d_step { TIME_MATTERS -> tick(false, false, false) }
  :: d_step { MAY_MISS(0) -> tick(true, false, false) }
  :: d_step { MAY_MISS(1) -> tick(false, true, false) }
  :: d_step { MAY_MISS(0) && MAY_MISS(1) -> tick(true, true, false) }
#if PROCESSES == 3
  :: d_step { MAY_MISS(2) -> tick(false, false, true) }
  :: d_step { MAY_MISS(0) && MAY_MISS(2) -> tick(true, false, true) }
  :: d_step { MAY_MISS(1) && MAY_MISS(2) -> tick(false, true, true) }
  :: d_step { MAY_MISS(0) && MAY_MISS(1) && MAY_MISS(2) -> tick(true, true, true) }
#endif
  od
}

init {
  byte i;
  atomic {
    for (i : 0 .. PROCESSES - 1) {
      run process(i);
      run network(i)
    }
    for (i : 0 .. IDS - 1) {
      run lateArrivals(i)
    }
    i = 0
  }
}
