// What the machine has.
#pragma once
#if defined(__linux__)
#include <unistd.h>
#endif
#include "layout.hpp"

namespace recurra {

/// Bytes of one core's level-2 cache; 512 KB where the system does not say.
inline Index l2_bytes() {
#if defined(__linux__) && defined(_SC_LEVEL2_CACHE_SIZE)
  static const long size = sysconf(_SC_LEVEL2_CACHE_SIZE);
  if (size > 0) return Index(size);
#endif
  return Index{512} << 10;
}

}  // namespace recurra
