// Which core a thread runs on, and moving it elsewhere.
#pragma once
#if defined(__linux__)
#include <sched.h>

#include <cstddef>
#endif

namespace recurra {

/// The core that the calling thread runs on; -1 where the system does not say.
inline int current_core() {
#if defined(__linux__)
  return sched_getcpu();
#else
  return -1;
#endif
}

/// Move the calling thread to another core, if its affinity allows one, and restore the affinity.
inline void migrate_from_core([[maybe_unused]] int core) {
#if defined(__linux__)
  cpu_set_t all, others;
  if (sched_getaffinity(0, sizeof all, &all) != 0) return;
  others = all;
  CPU_CLR(size_t(core), &others);
  if (CPU_COUNT(&others) > 0 && sched_setaffinity(0, sizeof others, &others) == 0)
    sched_setaffinity(0, sizeof all, &all);
#endif
}

}  // namespace recurra
