/*
 * Hand-over inside a process: one lease serves its tasks, one after the other, while the service sees one holder.
 *
 * Shows that neither two tasks nor a task and another process hold the lock at once, that no write of one task is
 * accepted in the name of the next, and that a process whose tasks never stop wanting the lock does not keep it from
 * another.
 *
 * Three tasks of one process come back for ever, as does a rival process that polls. A lease runs out only after its
 * holder's clock said so: that much comes from the model of one lease. A refused poll changes nothing and is not a
 * step. Each switch (NO_...) leaves out one rule.
 */
#define TASKS    3
#define BUDGET   1  /* how many holds may follow the first before the lock is left to others */
#define NONE     15

mtype = { away, waits, contends, handed, holds, stops };

/*
 * The service: the lease is free, ours under our present id or under one that we gave up for lost, or the rival has it.
 */
mtype = { free, ours, lost, rivals };
mtype lock = free;

bool good;              /* by our clock, the lease is held */
byte followed;          /* how many holds of ours followed the first */
bool idGivenOut;        /* its holder put the lease id into a write */
bool stayAway;          /* the lock is to be left to others for as long as they need for a poll */

mtype task[TASKS] = away;
bool mayReleaseAgain[TASKS];
byte turn = NONE;     /* which task contends or holds */
chan line = [TASKS] of { byte };

/* A write that bears the lease id and is still under way: whose it is, and whether that id is on the lease. */
byte writer = NONE;
bool idStands;

bool rivalWants, rivalHolds;

#define AT_WORK(t)  (task[t] == holds && good)

inline someoneHolds(is) {
  is = AT_WORK(0) || AT_WORK(1) || AT_WORK(2)
}

/* The lease goes back, or to another id. */
inline freed() {
  lock = free;
  good = false;
  idStands = false;
  idGivenOut = false
}

/*
 * The process lets go of its lease. If it had its share, it leaves the lock alone for as long as others need to ask for
 * it.
 */
inline letGo() {
#ifdef NO_SHARE_BEYOND_ONE_LEASE
  stayAway = followed >= BUDGET && len(line) > 0;
  followed = 0
#else
  if
  :: followed >= BUDGET ->
    followed = 0;
#ifndef NO_STAY_AWAY
    stayAway = true
#endif
  :: else -> followed++
  fi
#endif
}

/* The turn goes to the next in line, who begins from the beginning. */
inline leaveTurn() {
  if
  :: len(line) > 0 -> line ? next; turn = next; task[next] = contends; next = 0
  :: len(line) == 0 -> turn = NONE
  fi
}

inline nowHolds(t) {
  task[t] = holds;
  printf("> task %d holds the lock\n", t + 1);
  if
  :: lock != ours ->
    printf("> VIOLATED exclusion: task %d takes itself for the holder, and the lease is not ours any more\n", t + 1);
    assert(false)
  :: else
  fi
}

#ifdef NO_CLOCK_AT_HAND_OVER
#define IS_GOOD       true
#else
#define IS_GOOD       (good)
#endif
#ifdef NO_BUDGET
#define HAS_BUDGET    true
#else
#define HAS_BUDGET    (followed < BUDGET)
#endif
#ifdef NO_CARE_FOR_ID
#define MAY_KEEP_ID   true
#else
#define MAY_KEEP_ID   (!idGivenOut)
#endif
#define HANDS_OVER    (IS_GOOD && HAS_BUDGET && MAY_KEEP_ID && len(line) > 0)

proctype taskOf(byte t) {
  byte next;
  bool is;
end:
  do
  :: d_step { task[t] == away && turn == NONE -> turn = t; task[t] = contends; mayReleaseAgain[t] = false }
  :: d_step { task[t] == away && turn != NONE ->
      line ! t; task[t] = waits; mayReleaseAgain[t] = false; printf("> task %d waits in line\n", t + 1) }
  :: d_step { task[t] == contends && lock == free && !stayAway ->
      lock = ours; good = true; printf("> task %d asks and is granted the lease\n", t + 1); nowHolds(t) }
  :: d_step { task[t] == handed && IS_GOOD -> nowHolds(t) }
  :: d_step { task[t] == handed && !IS_GOOD ->
      printf("> task %d finds that the lease is lost\n", t + 1);
      if
      :: lock == ours -> freed()
      :: else
      fi;
      idGivenOut = false;
      letGo();
      task[t] = contends }
  :: d_step { task[t] == holds && good && writer == NONE && !idGivenOut ->
      writer = t; idStands = true; idGivenOut = true;
      printf("> task %d sends a write that bears the lease id\n", t + 1) }

  /* ---- release ---- */
  :: d_step { task[t] == holds && HANDS_OVER ->
      line ? next;
      task[t] = away; mayReleaseAgain[t] = true;
      task[next] = handed; turn = next;
#ifndef NO_BUDGET
      followed++;
#endif
      printf("> task %d hands the lock to task %d\n", t + 1, next + 1);
      next = 0 }
  :: d_step { task[t] == holds && good && !HANDS_OVER ->
      printf("> task %d releases the lock\n", t + 1);
      task[t] = away; mayReleaseAgain[t] = true;
      letGo();
      freed();
      leaveTurn() }
  /* Lost by the clock: the next one tries for another lease, while this one may still be stopping. */
  :: d_step { task[t] == holds && !IS_GOOD ->
      printf("> task %d gives the lock up for lost\n", t + 1);
      if
      :: lock == ours -> lock = lost
      :: else
      fi;
      idGivenOut = false;
      task[t] = stops;
      letGo();
      leaveTurn() }
  :: d_step { task[t] == stops ->
      task[t] = away;
      if
      :: lock == lost -> freed()
      :: else
      fi }
  /* Called again, by a finally block say. */
  :: d_step { task[t] == away && mayReleaseAgain[t] ->
      mayReleaseAgain[t] = false;
#ifdef NO_HOLD_OF_ITS_OWN
      if
      :: lock == ours -> printf("> task %d releases a second time\n", t + 1); lock = free; idStands = false
      :: else
      fi
#endif
      }
  od
}

active proctype rival() {
  bool is;
end:
  do
  :: d_step { !rivalWants && !rivalHolds -> rivalWants = true }
  :: d_step { rivalWants && lock == free ->
      lock = rivals; rivalWants = false; rivalHolds = true; stayAway = false;
      printf("> the rival holds the lock\n");
      someoneHolds(is);
      if
      :: is -> printf("> VIOLATED exclusion: the rival holds the lock while a task does\n"); assert(false)
      :: else
      fi;
      is = false }
  :: d_step { rivalHolds -> rivalHolds = false; lock = free; printf("> the rival releases the lock\n") }
  od
}

active proctype world() {
end:
  do
  :: d_step { good -> printf("> our lease is renewed\n") }
  :: d_step { good -> good = false; printf("> the deadline of our lease passes\n") }
  :: d_step { !good && (lock == ours || lock == lost) ->
      lock = free; idStands = false; printf("> our lease runs out\n") }
  /* Longer than anybody's longest poll. */
  :: d_step { stayAway && !rivalWants -> stayAway = false }
  :: d_step { writer != NONE ->
      if
      :: idStands ->
        if
        :: turn != writer && turn != NONE && task[turn] == holds ->
          printf("> VIOLATED writes: a write of task %d is accepted while task %d holds the lock\n",
            writer + 1, turn + 1);
          assert(false)
        :: else
        fi
      :: else
      fi;
      writer = NONE; idStands = false }
  od
}

init {
  atomic {
    run taskOf(0);
    run taskOf(1);
    run taskOf(2)
  }
}

#ifdef FOREVER
/* A process that polls gets the lock, though the tasks of another process never stop wanting it. */
ltl served { [] (rivalWants -> <> rivalHolds) }
#endif
