/*
 * Fencing tokens: blocks reserved in the blob's metadata, blobs that are wiped, deleted and created again.
 *
 * Shows that tokens grow in the order in which the lock is held. That no two processes hold it at once is taken for
 * granted here; a hold may end at any moment, and what was sent under it may arrive later.
 *
 * A second has room for three tokens here, not for a million, and a block has two. With TOLD a holder reserves a block
 * for the next one, and tells it: a message that is lost is not heeded, and one that is late or doubled may be heeded
 * at any time. Each switch (NO_...) leaves out one rule.
 */
#define PROCESSES   3
#ifndef HOLDS
#define HOLDS       4  /* by all processes together */
#endif
#ifndef FAULTS
#define FAULTS      1  /* writes that go unanswered */
#endif
#ifndef RESTARTS
#define RESTARTS    1  /* processes that forget what they knew */
#endif
#ifndef STRANGERS
#define STRANGERS   2  /* how often a stranger wipes, deletes or creates the blob */
#endif
#ifndef LAST_SECOND
#define LAST_SECOND 4
#endif
#ifndef SKEW
#define SKEW        0  /* by how many seconds two front ends of the service may disagree */
#endif

#define PER_SECOND  3
#define BLOCK       2
#define NONE        0
#define ABSENT      15
#ifdef NO_WAIT_FOR_SEED
#define SEED_AFTER  0
#elif defined(NO_WAIT_FOR_FRONT_ENDS)
#define SEED_AFTER  1
#else
#define SEED_AFTER  (1 + SKEW)
#endif

mtype = { away, missed, granted, knows, sends, holds, handsOver };

/* The service: its clock, the blob, and who has the lease. */
byte second = 1;
bool exists;
byte top;           /* what the blob's record says is reserved, or NONE */
byte modified;      /* when the blob was written last, as long as it bears no record */
bool reservedNow;   /* a block was written in this second */
byte holder = ABSENT;
byte turns;

/* Of ETags it matters only which is still that of the blob: the others never come back. */
typedef Process {
  mtype state = away;
  bool used;                  /* it has asked for the lock before */
  byte date;                  /* the service's time as it knows it */
  byte seenTop, seenModified; /* what it read */
  bool seenIsLast;            /* the blob was not written since it saw it */
  byte tryNext, tryTop;       /* the block that it is about to reserve */
  bool tried, landed;         /* a write of that block went unanswered under this hold; and arrived */
  bool ownIsLast;             /* the blob was not written since its own last write */
  byte next, own;             /* the block that it reserved by that, up to `own` */
  byte highest                /* the highest token it ever reserved */
};
Process p[PROCESSES];

/*
 * A write that is not waited for any more: which process sent it, whether that hold lasts, whether the blob is as it
 * was.
 */
byte late = ABSENT, lateTop;
bool lateHolds, lateIsLast;

#ifdef TOLD
/* What a message says to a process that waits: a block, and whether the blob was not written since. */
typedef Told {
  byte next, top;
  bool isLast
};
Told told[PROCESSES];
bool forged;
#endif

byte lastToken;     /* what was handed out last */
byte faults, restarts, strangers;

#define MAX(a, b)   (a > b -> a : b)
#define END_OF(at)  (at * PER_SECOND + PER_SECOND - 1)

/* The next block after `stored` in this second. With none left in it, `first` is NONE. */
inline reserve(stored, at) {
  first = stored;
  first++;
#ifdef NO_FLOOR
  last = first + BLOCK - 1
#else
  if
  :: first < at * PER_SECOND -> first = at * PER_SECOND
  :: else
  fi;
  last = first + BLOCK - 1;
#ifndef NO_CEILING
  if
  :: first > END_OF(at) -> first = NONE; last = NONE
  :: first <= END_OF(at) && last > END_OF(at) -> last = END_OF(at)
  :: else
  fi
#endif
#endif
}

inline keep(i, from, upTo) {
  p[i].ownIsLast = true;
  p[i].next = from;
  p[i].own = upTo;
  p[i].highest = MAX(p[i].highest, upTo)
}

inline handOut(i) {
  printf("> P%d holds the lock with token %d\n", i + 1, p[i].next);
  if
  :: p[i].next <= lastToken ->
    printf("> VIOLATED token order: %d comes after %d\n", p[i].next, lastToken); assert(false)
  :: else
  fi;
  lastToken = p[i].next;
  p[i].next++;
  p[i].state = holds
}

inline writeBlob(newTop) {
  top = newTop;
  if
  :: top == NONE -> modified = second
  :: else -> modified = 0; reservedNow = true
  fi;
  lateIsLast = false;
  for (k : 0 .. PROCESSES - 1) {
    p[k].seenIsLast = false;
    p[k].landed = false;
#ifdef TOLD
    told[k].isLast = false;
#endif
#ifndef NO_SAME_ETAG
    p[k].ownIsLast = false;
    if
    :: p[k].state == holds  /* it does not know that, and goes on */
    :: else -> p[k].next = 0; p[k].own = 0
    fi
#endif
  }
  k = 0
}

#ifdef TOLD
inline tells(to, from, upTo, isSure) {
  told[to].next = from;
  told[to].top = upTo;
  told[to].isLast = isSure
}

#define MAY_RESERVE(i, to)  (to != i && p[i].state == holds && holder == i && p[i].ownIsLast && \
                             p[to].state == away && told[to].next == NONE)

/* It has looked who is next, and holds no more. */
inline reservesFor(i, to) {
  reserve(p[i].highest, second);
  if
  :: first != NONE ->
    writeBlob(last);
    printf("> P%d reserves tokens from %d to %d for P%d\n", i + 1, first, last, to + 1);
    tells(to, first, last, true);
    p[i].highest = last;
#ifdef NO_END_OF_BLOCK
    p[i].ownIsLast = true
#else
    p[i].next = 0;
    p[i].own = 0
#endif
  :: else
  fi;
  p[i].state = handsOver;
  first = 0;
  last = 0
}

inline reservesUnanswered(i, to) {
  reserve(p[i].highest, second);
  if
  :: first != NONE ->
    faults++;
    late = i; lateTop = last; lateHolds = true; lateIsLast = true;
    printf("> P%d gets no answer when it reserves tokens from %d to %d for P%d\n", i + 1, first, last, to + 1);
#ifdef NO_CERTAIN_WRITE
    tells(to, first, last, true)
#endif
  :: else
  fi;
  p[i].state = handsOver;
  first = 0;
  last = 0
}

#ifdef NO_ETAG_AT_GRANT
#define IS_TOLD(i)          (told[i].next > p[i].highest)
#else
#define IS_TOLD(i)          (told[i].next > p[i].highest && told[i].isLast && p[i].seenIsLast)
#endif
#endif

inline forgetSeen(i) {
  p[i].date = 0;
  p[i].seenTop = 0;
  p[i].seenModified = 0;
  p[i].seenIsLast = false;
  p[i].tryNext = 0;
  p[i].tryTop = 0;
  p[i].tried = false;
  p[i].landed = false
}

inline leave(i) {
  if
  :: holder == i -> holder = ABSENT
  :: else
  fi;
#ifdef TOLD
  /* It waits under another lease id the next time. */
  tells(i, NONE, NONE, false);
#endif
  if
  :: late == i -> lateHolds = false
  :: else
  fi;
  if
  :: !p[i].ownIsLast -> p[i].next = 0; p[i].own = 0
  :: else
  fi;
  forgetSeen(i);
  p[i].state = away
}

#define MAY_ENTER(i) (p[i].state == away && turns < HOLDS && (i == 0 || p[(i + PROCESSES - 1) % PROCESSES].used))
#define HAS_LEFT(i)  (p[i].own != NONE && p[i].next <= p[i].own)
#ifdef NO_SAME_ETAG
#define IS_OWN(i)    (p[i].ownIsLast)
#else
#define IS_OWN(i)    (p[i].ownIsLast && p[i].seenIsLast)
#endif
#ifdef NO_IF_MATCH
#define MATCHES(is)  (true)
#else
#define MATCHES(is)  (is)
#endif
#ifdef NO_SAME_SECOND
#define IS_GOOD(i)   (last != NONE)
#else
#define IS_GOOD(i)   (last != NONE && second == p[i].date)
#endif

inline acquires(i, ahead) {
  turns++;
  holder = i;
  p[i].used = true;
  p[i].seenIsLast = true;
  p[i].date = second + ahead;
  p[i].state = granted;
  printf("> P%d acquires the lease in second %d\n", i + 1, second + ahead)
}

inline reads(i, ahead) {
  p[i].seenIsLast = true;
  p[i].date = second + ahead;
  if
  :: p[i].landed ->
    printf("> P%d reads its own record\n", i + 1);
    keep(i, p[i].tryNext, p[i].tryTop);
    p[i].state = granted
  :: else ->
    p[i].seenTop = top;
    p[i].seenModified = modified;
    p[i].state = knows;
    if
    :: top == NONE -> printf("> P%d reads a blob without a record\n", i + 1)
    :: else -> printf("> P%d reads a record up to %d\n", i + 1, top)
    fi
  fi
}

proctype process(byte i) {
  byte k, stored, first, last;
end:
  do
  :: d_step { MAY_ENTER(i) && exists && holder == ABSENT -> acquires(i, 0) }
#if SKEW
  :: d_step { MAY_ENTER(i) && exists && holder == ABSENT -> acquires(i, SKEW) }
#endif

  /* ---- a blob that is missing ---- */
  :: d_step { MAY_ENTER(i) && !exists ->
      p[i].used = true; p[i].date = second; p[i].state = missed;
      printf("> P%d finds no blob in second %d\n", i + 1, second) }
  :: d_step { p[i].state == missed && !exists ->
      reserve(p[i].highest, p[i].date);
      exists = true;
      writeBlob(last);
      printf("> P%d creates the blob in second %d with tokens from %d to %d\n", i + 1, second, first, last);
      if
      :: IS_GOOD(i) -> keep(i, first, last)
      :: else
      fi;
      first = 0;
      last = 0;
      forgetSeen(i);
      p[i].state = away }
  :: d_step { p[i].state == missed && exists -> forgetSeen(i); p[i].state = away }

  /* ---- a token ---- */
  :: d_step { p[i].state == granted && IS_OWN(i) && HAS_LEFT(i) -> handOut(i); forgetSeen(i) }
  :: d_step { p[i].state == granted && IS_OWN(i) && !HAS_LEFT(i) ->
      p[i].seenTop = p[i].own; p[i].seenModified = 0; p[i].state = knows }
  :: d_step { p[i].state == granted && !IS_OWN(i) && holder == i -> reads(i, 0) }
#if SKEW
  :: d_step { p[i].state == granted && !IS_OWN(i) && holder == i -> reads(i, SKEW) }
#endif
#ifdef TOLD
  :: d_step { p[i].state == granted && !IS_OWN(i) && IS_TOLD(i) ->
      printf("> P%d is told that tokens from %d to %d are its own\n", i + 1, told[i].next, told[i].top);
      keep(i, told[i].next, told[i].top);
      tells(i, NONE, NONE, false) }
#endif
  /* It knows how much time has passed since the answer. */
  :: d_step { p[i].state == knows && p[i].date < second -> p[i].date = second }
  :: d_step { p[i].state == knows && (p[i].seenTop != NONE || p[i].date >= p[i].seenModified + SEED_AFTER) ->
      stored = MAX(p[i].seenTop, p[i].highest);
      reserve(stored, p[i].date);
      stored = 0;
      if
      :: first != NONE ->
        p[i].tryNext = first; p[i].tryTop = last; p[i].tried = false; p[i].landed = false; p[i].state = sends;
        p[i].seenTop = 0; p[i].seenModified = 0; p[i].date = 0
      :: else
      fi;
      first = 0;
      last = 0 }
  :: d_step { p[i].state == sends && holder == i && MATCHES(p[i].seenIsLast) ->
      writeBlob(p[i].tryTop);
      printf("> P%d reserves tokens from %d to %d\n", i + 1, p[i].tryNext, p[i].tryTop);
      keep(i, p[i].tryNext, p[i].tryTop);
      p[i].seenIsLast = true;
      p[i].state = granted }
  :: d_step { p[i].state == sends && holder == i && !MATCHES(p[i].seenIsLast) -> p[i].state = granted }
  :: d_step { p[i].state == sends && late == ABSENT && faults < FAULTS ->
      faults++;
      late = i; lateTop = p[i].tryTop; lateHolds = (holder == i); lateIsLast = p[i].seenIsLast;
      p[i].tried = true; p[i].seenIsLast = false; p[i].state = granted;
      printf("> P%d gets no answer when it reserves tokens from %d to %d\n", i + 1, p[i].tryNext, p[i].tryTop) }
  /* The next task of the same process. */
  :: d_step { p[i].state == holds && holder == i && HAS_LEFT(i) -> handOut(i) }
  :: d_step { p[i].state == holds && holder == i && !HAS_LEFT(i) ->
      p[i].seenIsLast = p[i].ownIsLast; p[i].date = second; p[i].state = granted }

#ifdef TOLD
  :: d_step { MAY_RESERVE(i, 0) -> reservesFor(i, 0) }
  :: d_step { MAY_RESERVE(i, 1) -> reservesFor(i, 1) }
  :: d_step { MAY_RESERVE(i, 2) -> reservesFor(i, 2) }
  :: d_step { MAY_RESERVE(i, 0) && late == ABSENT && faults < FAULTS -> reservesUnanswered(i, 0) }
  :: d_step { MAY_RESERVE(i, 1) && late == ABSENT && faults < FAULTS -> reservesUnanswered(i, 1) }
  :: d_step { MAY_RESERVE(i, 2) && late == ABSENT && faults < FAULTS -> reservesUnanswered(i, 2) }
#endif

  /* ---- the end of a hold ---- */
  :: d_step { holder == i -> printf("> P%d does not hold the lock any more\n", i + 1); leave(i) }
  :: d_step { restarts < RESTARTS && p[i].highest != NONE ->
      restarts++; leave(i); p[i].ownIsLast = false; p[i].next = 0; p[i].own = 0; p[i].highest = 0;
      printf("> P%d starts again and knows nothing\n", i + 1) }
  od
}

active proctype others() {
  byte k;
end:
  do
  :: d_step { second < LAST_SECOND -> second++; reservedNow = false; printf("> second %d begins\n", second) }
  :: d_step { late != ABSENT ->
      if
      :: lateHolds && MATCHES(lateIsLast) ->
        printf("> a late write of P%d says that tokens up to %d are reserved\n", late + 1, lateTop);
        writeBlob(lateTop);
        p[late].landed = p[late].tried
      :: else
      fi;
      late = ABSENT; lateTop = 0; lateHolds = false; lateIsLast = false }
  :: d_step { exists && holder == ABSENT && strangers < STRANGERS ->
      strangers++; writeBlob(NONE); printf("> a stranger wipes the record in second %d\n", second) }
  :: d_step { !exists && strangers < STRANGERS ->
      strangers++; exists = true; writeBlob(NONE); printf("> a stranger creates the blob, without a record\n") }
#ifdef NO_PROOF
  :: d_step { !forged && p[0].state == away ->
      forged = true; tells(0, 1, 1, true); printf("> a forged message says that token 1 is P1's\n") }
#endif
#if !SKEW
  /* Not within the second in which tokens were reserved: nothing is promised then. */
  :: d_step { exists && holder == ABSENT && strangers < STRANGERS && !reservedNow ->
      strangers++; writeBlob(NONE); modified = 0; exists = false; printf("> a stranger deletes the blob\n") }
#endif
  od
}

init {
  atomic {
    run process(0);
    run process(1);
    run process(2)
  }
}
