// Software prefetching: single addresses, short rows, and lists of memory areas that a product fetches while it
// computes.
#pragma once
#include <Eigen/Core>

#include "recurra/support/compiler.hpp"
#include "recurra/support/layout.hpp"

// Macros: gcc 12 takes a function that only prefetches for one without effect and removes its calls.
#if defined(_MSC_VER)
#define RECURRA_PREFETCH(address) Eigen::internal::prefetch(address)
#define RECURRA_PREFETCH_L2(address) Eigen::internal::prefetch(address)
#else
#define RECURRA_PREFETCH(address) __builtin_prefetch(address)
#define RECURRA_PREFETCH_L2(address) __builtin_prefetch(address, 0, 2)
#endif

namespace recurra {

/// Prefetch n > 0 elements at p, which need not be aligned. (Written twice: gcc removes the loop where a lambda tells
/// what to fetch.)
template <class T>
RECURRA_INLINE void prefetch(const T* p, Index n) {
  constexpr Index line = 64 / Index(sizeof(T));
  for (Index j = 0; j < n - 1; j += line) RECURRA_PREFETCH(p + j);
  RECURRA_PREFETCH(p + n - 1);
}
/// The same to L2 only.
template <class T>
RECURRA_INLINE void prefetch_l2(const T* p, Index n) {
  constexpr Index line = 64 / Index(sizeof(T));
  for (Index j = 0; j < n - 1; j += line) RECURRA_PREFETCH_L2(p + j);
  RECURRA_PREFETCH_L2(p + n - 1);
}

/// Prefetch distance, in rows, of loops over rows that lie anywhere in memory.
inline constexpr Index prefetch_distance = 8;

/// Memory areas that the tiles of a product prefetch to L2 while they compute, one area after another. For memory that
/// is used next and that the hardware does not prefetch in time, because it is not read in the order of its addresses.
class PrefetchList {
 public:
  /// Put an area before the others, in place of an earlier one: the weights of the next product.
  void set_first(const void* from, Index bytes) { areas_[0] = {static_cast<const char*>(from), bytes}; }
  /// Append an area; three at most.
  void add(const void* from, Index bytes) { areas_[count_++] = {static_cast<const char*>(from), bytes}; }
  /// The address of the next `bytes` to prefetch, or null when nothing is left.
  const char* take(Index bytes) {
    for (int n = 0; n < count_; ++n) {
      Area& area = areas_[n];
      if (area.bytes <= 0) continue;
      const char* from = area.from;
      area.bytes -= bytes;
      if (area.bytes > 0) area.from += bytes;
      return from;
    }
    return nullptr;
  }

 private:
  struct Area {
    const char* from = nullptr;
    Index bytes = 0;
  };
  Area areas_[4];
  int count_ = 1;
};

}  // namespace recurra
