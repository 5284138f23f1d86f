/*
 * Once per slot: the record of the last slot, read before the lock, compared under it, and written with If-Match.
 *
 * Shows that a slot that is done never runs again, that with LEAVE no slot is begun twice, that the record's slot never
 * goes back, and that no holder writes over the record of a later one. A lease runs out at any moment, and a process
 * crashes between any two steps. What was sent by either may arrive later. Tokens grow: tokens.pml shows that.
 *
 * Each switch (NO_...) leaves out one rule. LEAVE: what crashed or failed is not begun again.
 */
#define PROCESSES   3
#ifndef SLOTS
#define SLOTS       2
#endif
#ifndef HOLDS
#define HOLDS       3  /* by all processes together */
#endif
#ifndef FAULTS
#define FAULTS      1  /* writes that go unanswered */
#endif
#ifndef LIES
#define LIES        0  /* processes whose clock misses that their lease ran out */
#endif
#define NONE        0

mtype = { away, knows, compares, sends, refused, answered, works, ends };
mtype = { none, started, done, failed, crashed };

/* The service: the token of the hold that has the lease, and the record. It is not leased. */
byte lease, lastToken;
byte slot, token;
mtype state = none;

/* Of ETags it matters only which is still that of the record: the others never come back. */
typedef Process {
  mtype step = away;
  bool used;                 /* it has asked before */
  byte slot, token;          /* what it is asked for; of its hold */
  byte seenSlot, seenToken;  /* the record as it knows it */
  mtype seenState = none;
  bool seenIsLast;           /* the record was not written since */
  mtype writes = none;       /* the state that it is about to record */
  bool lied                  /* its clock misses that its lease ran out */
};
Process p[PROCESSES];

/* A write that is not waited for any more. */
byte lateSlot, lateToken;
mtype lateState = none;
bool lateIsLast;
byte faults, lies;

/* What has happened, for the properties alone. */
bool wasDone[SLOTS + 1];
bool wasBegun[SLOTS + 1];

#define HOLDS_LOCK(i) (p[i].token == lease)
#define IS_SAME(i)    (p[i].slot == p[i].seenSlot)
#define IS_OWN(i)     (slot == p[i].slot && token == p[i].token && state == p[i].writes)
#ifdef NO_SLOT_ORDER
#define IS_EARLIER(i) (false)
#else
#define IS_EARLIER(i) (p[i].slot < p[i].seenSlot)
#endif
#ifdef LEAVE
#define IS_OVER(i)    (IS_EARLIER(i) || (IS_SAME(i) && p[i].seenState != started))
#define IS_CRASHED(i) (IS_SAME(i) && p[i].seenState == started)
#else
#define IS_OVER(i)    (IS_EARLIER(i) || (IS_SAME(i) && p[i].seenState == done))
#define IS_CRASHED(i) (false)
#endif
#ifdef NO_TOKEN_COMPARED
#define IS_LATEST(i)  (true)
#else
#define IS_LATEST(i)  (p[i].seenToken <= p[i].token)
#endif
#ifdef NO_IF_MATCH
#define MATCHES(is)   (true)
#else
#define MATCHES(is)   (is)
#endif
#define BELIEVES(i)   (HOLDS_LOCK(i) || p[i].lied)
#ifdef NO_LOOK_AFTER_ANSWER
#define MAY_BEGIN(i)  (true)
#else
#define MAY_BEGIN(i)  (BELIEVES(i))
#endif
#define IS_FIRST(i)   (i == 0 || p[(i + PROCESSES - 1) % PROCESSES].used)

inline look(i) {
  p[i].seenSlot = slot;
  p[i].seenState = state;
  p[i].seenToken = token;
  p[i].seenIsLast = true
}

inline leave(i) {
  p[i].step = away;
  p[i].slot = 0;
  p[i].token = NONE;
  p[i].seenSlot = 0;
  p[i].seenState = none;
  p[i].seenToken = NONE;
  p[i].seenIsLast = false;
  p[i].writes = none;
  p[i].lied = false
}

inline release(i) {
  if
  :: HOLDS_LOCK(i) -> lease = NONE
  :: else
  fi;
  leave(i)
}

inline writeRecord(newSlot, newState, newToken) {
  if
  :: newToken < token ->
    printf("> VIOLATED stale write: token %d is written over token %d\n", newToken, token); assert(false)
  :: newToken >= token && newSlot < slot ->
    printf("> VIOLATED slot order: slot %d is written over slot %d\n", newSlot, slot); assert(false)
  :: else
  fi;
  slot = newSlot;
  state = newState;
  token = newToken;
  if
  :: newState == done -> wasDone[newSlot] = true
  :: else
  fi;
  lateIsLast = false;
  for (k : 0 .. PROCESSES - 1) {
    p[k].seenIsLast = false
  }
  k = 0
}

/* It knows that the record bears what it wrote. */
inline isWritten(i) {
  if
  :: p[i].writes == started -> p[i].writes = none; p[i].step = answered
  :: else -> release(i)
  fi
}

inline asks(i, which) {
  p[i].used = true;
  p[i].slot = which;
  look(i);
  if
  :: IS_OVER(i) -> leave(i)
  :: else -> p[i].step = knows; printf("> P%d reads the record for slot %d\n", i + 1, which)
  fi
}

inline begins(i) {
  printf("> P%d begins slot %d\n", i + 1, p[i].slot);
  if
  :: p[i].lied  /* it works at its own risk */
  :: !p[i].lied && wasDone[p[i].slot] -> printf("> VIOLATED done once: slot %d was done\n", p[i].slot); assert(false)
#ifdef LEAVE
  :: !p[i].lied && !wasDone[p[i].slot] && wasBegun[p[i].slot] ->
    printf("> VIOLATED at most once: slot %d was begun\n", p[i].slot); assert(false)
#endif
  :: else
  fi;
#ifdef LEAVE
  wasBegun[p[i].slot] = true;
#endif
  p[i].step = works
}

inline goesUnanswered(i) {
  faults++;
  lateSlot = p[i].slot; lateState = p[i].writes; lateToken = p[i].token; lateIsLast = p[i].seenIsLast;
  printf("> P%d gets no answer when it writes %e\n", i + 1, p[i].writes)
}

#define MAY_GO_UNANSWERED(i) (p[i].step == sends && lateState == none && faults < FAULTS)

proctype process(byte i) {
  byte k;
end:
  do
  :: d_step { p[i].step == away && IS_FIRST(i) && lastToken < HOLDS -> asks(i, 1) }
#if SLOTS > 1
  :: d_step { p[i].step == away && IS_FIRST(i) && lastToken < HOLDS -> asks(i, 2) }
#endif
  :: d_step { p[i].step == knows && lease == NONE && lastToken < HOLDS ->
      lastToken++; lease = lastToken; p[i].token = lastToken;
#ifdef NO_COMPARISON_UNDER_LOCK
      p[i].seenIsLast = true;
#endif
      p[i].step = compares;
      printf("> P%d holds the lock with token %d\n", i + 1, lastToken) }

  /* ---- under the lock ---- */
  :: d_step { p[i].step == compares && IS_OVER(i) -> printf("> P%d finds nothing to do\n", i + 1); release(i) }
  :: d_step { p[i].step == compares && !IS_OVER(i) && IS_LATEST(i) && BELIEVES(i) ->
      if
      :: IS_CRASHED(i) -> p[i].writes = crashed; p[i].step = sends
      :: else ->
#ifdef NO_STARTED_FIRST
        p[i].step = answered
#else
        p[i].writes = started; p[i].step = sends
#endif
      fi }
  :: d_step { p[i].step == sends && MATCHES(p[i].seenIsLast) ->
      printf("> P%d writes that slot %d is %e\n", i + 1, p[i].slot, p[i].writes);
      writeRecord(p[i].slot, p[i].writes, p[i].token);
      look(i);
      isWritten(i) }
  :: d_step { p[i].step == sends && !MATCHES(p[i].seenIsLast) -> p[i].step = refused }
  /* It sends the same again. */
  :: d_step { MAY_GO_UNANSWERED(i) ->
      goesUnanswered(i);
#ifdef NO_READ_AGAIN
      isWritten(i)
#endif
    }
  :: d_step { p[i].step == refused ->
      look(i);
      printf("> P%d reads the record again\n", i + 1);
      if
      :: IS_OWN(i) -> isWritten(i)
      :: !IS_OWN(i) && (p[i].writes == started || p[i].writes == crashed) -> p[i].writes = none; p[i].step = compares
      :: else -> p[i].step = ends
      fi }
  :: d_step { p[i].step == answered && MAY_BEGIN(i) -> begins(i) }
  :: d_step { p[i].step == works -> p[i].writes = done; p[i].step = ends; printf("> P%d has worked\n", i + 1) }
  :: d_step { p[i].step == works -> p[i].writes = failed; p[i].step = ends; printf("> P%d has failed\n", i + 1) }
  :: d_step { p[i].step == ends && IS_LATEST(i) && BELIEVES(i) -> p[i].step = sends }

  /* ---- the lock is another's, the lock is lost, or the process crashes: it knows nothing any more ---- */
  :: d_step { p[i].step != away -> printf("> P%d stops\n", i + 1); leave(i) }
  :: d_step { MAY_GO_UNANSWERED(i) -> goesUnanswered(i); printf("> P%d stops\n", i + 1); leave(i) }
#if LIES
  :: d_step { p[i].token != NONE && !BELIEVES(i) && lies < LIES ->
      lies++; p[i].lied = true; printf("> P%d's clock misses it\n", i + 1) }
#endif
  od
}

active proctype others() {
  byte k;
end:
  do
  :: d_step { lease != NONE -> printf("> the lease with token %d runs out\n", lease); lease = NONE }
  :: d_step { lateState != none ->
      if
      :: MATCHES(lateIsLast) ->
        printf("> a late write says that slot %d is %e\n", lateSlot, lateState);
        writeRecord(lateSlot, lateState, lateToken)
      :: else
      fi;
      lateSlot = 0; lateState = none; lateToken = NONE; lateIsLast = false }
  od
}

init {
  atomic {
    run process(0);
    run process(1);
    run process(2)
  }
}
