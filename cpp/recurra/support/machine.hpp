// Cache sizes of this machine.
#pragma once
#if defined(__linux__)
#include <unistd.h>
#endif
#include "recurra/support/layout.hpp"

namespace recurra {

/// Bytes of a core's level-2 cache; 512 KB where the system does not say.
inline Index l2_bytes() {
#if defined(__linux__) && defined(_SC_LEVEL2_CACHE_SIZE)
  static const long size = sysconf(_SC_LEVEL2_CACHE_SIZE);
  if (size > 0) return Index(size);
#endif
  return Index{512} << 10;
}

/// Whether so many bytes stay in a core's level-2 cache while other data pass through it.
inline bool stays_in_l2(Index bytes) { return bytes <= l2_bytes() * 3 / 4; }

}  // namespace recurra
