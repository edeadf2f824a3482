// Cache sizes of this machine.
#pragma once
#if defined(__linux__)
#include <unistd.h>
#endif
#include "recurra/support/layout.hpp"

namespace recurra {

#if defined(__linux__) && defined(_SC_LEVEL2_CACHE_SIZE)
inline const long system_l2_bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);  // asked when the program or module is loaded
#endif

/// Bytes of a core's level-2 cache; 512 KB where the system does not say.
inline Index l2_bytes() {
#if defined(__linux__) && defined(_SC_LEVEL2_CACHE_SIZE)
  if (system_l2_bytes > 0) return Index(system_l2_bytes);
#endif
  return Index{512} << 10;
}

/// Whether so many bytes stay in a core's level-2 cache while other data pass through it.
inline bool stays_in_l2(Index bytes) { return bytes <= l2_bytes() * 3 / 4; }

}  // namespace recurra
