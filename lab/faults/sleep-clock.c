/*
 * Loaded before the C library (LD_PRELOAD): the monotonic clock of a process that does not count the time for which the machine slept.
 * On Linux this is what suspend does to it, and with it to every timer; the wall clock and the uptime go on.
 * SLEPT_FILE holds the nanoseconds slept so far, in eight bytes. The test writes them while the process is stopped.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

static const int64_t never = 0;
static const volatile int64_t *slept;

static const volatile int64_t *open_slept(void) {
  const char *path = getenv("SLEPT_FILE");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return &never;
  void *memory = mmap(0, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
  close(file);
  return memory == MAP_FAILED ? &never : memory;
}

int clock_gettime(clockid_t id, struct timespec *time) {
  if (!slept) slept = open_slept();
  int failed = syscall(SYS_clock_gettime, id, time);
  if (failed || (id != CLOCK_MONOTONIC && id != CLOCK_MONOTONIC_RAW && id != CLOCK_MONOTONIC_COARSE)) return failed;
  int64_t awake = time->tv_sec * SECOND + time->tv_nsec - *slept;
  time->tv_sec = awake / SECOND;
  time->tv_nsec = awake % SECOND;
  return 0;
}
