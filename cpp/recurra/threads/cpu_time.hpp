// The processor time of the calling thread, and how much of it went into waiting for other threads.
#pragma once
#include <cstdint>
#if defined(__linux__) || defined(__APPLE__)
#include <time.h>
#endif

namespace recurra {

/// Nanoseconds that the calling thread has run on a core; -1 where the system does not say it finely enough.
inline std::int64_t thread_cpu_time() {
#if defined(__linux__) || defined(__APPLE__)
  timespec now;
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0) return std::int64_t(now.tv_sec) * 1000000000 + now.tv_nsec;
#endif
  return -1;
}

/// Of that, what wait_with_backoff() took after its first microseconds.
inline std::int64_t& thread_waiting_time() {
  static thread_local std::int64_t nanoseconds = 0;
  return nanoseconds;
}

/// A clock of the calling thread that goes on while it computes: on a core, and not waiting. Constant where the system
/// has none.
inline std::int64_t computing_time() { return thread_cpu_time() - thread_waiting_time(); }

}  // namespace recurra
