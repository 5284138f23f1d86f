/*
 * A channel beside the fair queue: a part of queue.pml, where CHANNEL is defined.
 *
 * Shows that the queue keeps its promises whatever becomes of messages: a waiter that rests because of them asks for
 * the lock all the same, and a holder that leaves out the list passes no waiter that it can have heard of.
 *
 * A message that is lost is one that is never sent. One that was sent arrives at any later time and any number of
 * times, before the change of the lease that it tells of, too. A waiter rests at any time after a refusal: so it may
 * after a true message, an old one or a forged one. A message that would change nothing is not a step.
 */
#ifndef SKIPS
#define SKIPS           0  /* so many releases after a look at an empty queue may leave out the list */
#endif
#define PROCESS(i)      (i % PROCESSES)

mtype = { unasked, asked, answered };

bool rests[ACQUISITIONS];               /* it asks and looks again after idlePollMs, or when a message wakes it */
bool named[ACQUISITIONS];               /* a message says that the lock was handed to it, and may come now */
mtype question[ACQUISITIONS] = unasked; /* whether a process holds the lock that has not looked who is next */

#if SKIPS > 0
/* What the process of an acquisition knows, whose next acquisition knows it, too. */
byte isEmpty[PROCESSES];        /* the queue was empty, and a waiter would be heard: so many releases need no list */
bool hearsItself[PROCESSES];    /* its own messages come back to it */
bool hasSaid[ACQUISITIONS];     /* it has sent the message that it waits */
byte onTheWay[ACQUISITIONS];    /* which processes that message has not reached: one bit each */
#ifdef FOREVER
#define HEARS(p)        true  /* and hears no waiter, whose messages are all lost */
#else
#define HEARS(p)        (hearsItself[p])
#endif
#endif

#define RESTS(i)        (rests[i])
#define IS_TOLD(i)      (named[i] && c[i].state == waiting && lock == ID(i))
#define MAY_BE_SURE     true  /* the answer of a holder ends doubt */

/* What was asked before says nothing of the tickets that it sees now. */
inline looksAround(i) {
#ifdef NO_QUESTION_AFTER_LOOK
  skip
#else
  question[i] = unasked
#endif
}

inline looksWhoIsNext(i) {
#if SKIPS > 0
#ifdef NO_PROOF_BEFORE_LIST
  isEmpty[PROCESS(i)] = (c[i].next == NONE -> SKIPS : 0);
#else
  isEmpty[PROCESS(i)] = (c[i].next == NONE && HEARS(PROCESS(i)) -> SKIPS : 0);
#endif
#endif
  skip
}

/* What its process saw before it waited says nothing of those behind it. */
inline hasWaited(i) {
#if SKIPS > 0 && !defined(NO_HEED_OF_OWN_WAIT)
  isEmpty[PROCESS(i)] = 0
#else
  skip
#endif
}

inline forgetsMessages(i) {
  rests[i] = false;
  named[i] = false;
  question[i] = unasked
#if SKIPS > 0
  ; hasSaid[i] = false;
  onTheWay[i] = 0
#endif
}

#ifdef NO_SILENCE_AT_LIST
#define SPEAKS(k)       (c[k].state == holding || c[k].state == listed)
#else
#define SPEAKS(k)       (c[k].state == holding)
#endif
#define ANSWERS(k, i)   (k != i && SPEAKS(k) && lock == ID(k))
#ifdef NO_QUESTION_AFTER_LOOK
#define MAY_QUESTION(i) (c[i].state == waiting)
#else
#define MAY_QUESTION(i) (c[i].state == waiting && c[i].doubts)
#endif
/* Before it rests it asks, and is refused, or it looks. */
#define HAS_ASKED(i)    (!ASKS(i) || (lock != NONE && lock != ID(i)))
#define HAS_LOOKED(i)   (c[i].first || (ANY(IS_BEFORE, i) && (c[i].doubts || !ANY(IS_NEW, i))))
#define HANDS_OVER(i)   (c[i].state == listed || (c[i].state == passing && lock == ID(i)))

#if SKIPS > 0
#ifdef NO_TICKET_BEFORE_MESSAGE
#define MAY_SAY(i)      ((c[i].state == coming && c[i].ticket != none) || c[i].state == waiting)
#else
#define MAY_SAY(i)      (c[i].state == waiting)
#endif
#ifdef NO_HEED_OF_WAITERS
#define HEEDS(p)        skip
#else
#define HEEDS(p)        isEmpty[p] = 0
#endif
#define REACHES(p, i)   ((onTheWay[i] >> p) & 1) -> onTheWay[i] = onTheWay[i] & ~(1 << p); HEEDS(p); \
                        printf("> the process of P%d hears that P%d waits\n", P(p), P(i))

/* Those whose message has reached all that could hear it: they are not to be passed. */
#define IS_HEARD(k, p)  (c[k].state == waiting && c[k].ticket == leased && hasSaid[k] && !((onTheWay[k] >> p) & 1))

inline leavesOutList(i) {
#ifndef NO_RECENT_LIST
  isEmpty[PROCESS(i)]--;
#endif
  for (k : 0 .. ACQUISITIONS - 1) {
    c[k].seen = c[k].seen || IS_HEARD(k, PROCESS(i))
  }
  k = 0;
  c[i].next = NONE;
  c[i].state = listed
}
#endif

proctype channel(byte i) {
  byte k, p;
end:
  do
#ifndef AWAKE
  /* ---- a waiter ---- */
  :: d_step { c[i].state == waiting && !rests[i] && !calm && HAS_ASKED(i) && HAS_LOOKED(i) ->
      rests[i] = true; printf("> P%d rests, as messages say that another holds the lock\n", P(i)) }
#ifndef NO_IDLE_POLL
  :: d_step { rests[i] -> rests[i] = false; printf("> P%d has rested for idlePollMs\n", P(i)) }
#endif
#ifdef NO_LOOK_AFTER_MESSAGE
  :: d_step { c[i].state == waiting && !c[i].first && !calm ->
      c[i].first = true; printf("> a forged message says that P%d is first\n", P(i)) }
#endif
  :: d_step { MAY_QUESTION(i) && question[i] == unasked && !calm ->
      question[i] = asked; printf("> P%d says that it waits\n", P(i)) }
  :: d_step { question[i] == asked && ANY(ANSWERS, i) ->
      question[i] = answered; printf("> the holder answers P%d\n", P(i)) }
  :: d_step { question[i] == answered ->
      question[i] = unasked; c[i].doubts = false;
      printf("> P%d has the answer, and need not ask for the lock\n", P(i)) }

  /* ---- a process that hands the lock on ---- */
  :: d_step { HANDS_OVER(i) && c[i].next < ACQUISITIONS && c[c[i].next].state == waiting && !named[c[i].next] ->
      named[c[i].next] = true; printf("> P%d says that it hands the lock to P%d\n", P(i), P(c[i].next)) }
#endif

#if SKIPS > 0
  /* ---- what makes a list needless ---- */
#ifndef FOREVER
  :: d_step { c[i].state == holding && !hearsItself[PROCESS(i)] && !calm ->
      hearsItself[PROCESS(i)] = true; printf("> P%d hears its own message\n", P(i)) }
  :: d_step { MAY_SAY(i) && !hasSaid[i] && !calm ->
      hasSaid[i] = true;
      for (p : 0 .. PROCESSES - 1) {
        if
        :: HEARS(p) && p != PROCESS(i) -> onTheWay[i] = onTheWay[i] | (1 << p)
        :: else
        fi
      }
      p = 0;
      printf("> P%d says that it waits\n", P(i)) }
  :: d_step { REACHES(0, i) }
  :: d_step { REACHES(1, i) }
  :: d_step { REACHES(2, i) }
#endif
  :: d_step { MAY_LIST(i) && HEARS(PROCESS(i)) && isEmpty[PROCESS(i)] > 0 ->
      leavesOutList(i); printf("> P%d leaves out the list\n", P(i)) }
#endif
  od
}
