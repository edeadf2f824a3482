// Loops whose items do not depend on one another, shared among threads. An item's result does not depend on who
// computes it, so the number of threads changes no bit.
#pragma once
#include <algorithm>

#include "recurra/support/denormals.hpp"
#include "recurra/threads/thread_pool.hpp"

namespace recurra {

/// Call work(first, last) on parts of [0, items): one part a thread, and no thread for less than `least` items.
/// Parts begin at multiples of `step`. Denormals are flushed inside.
template <class Work>
void parallel_for(Index items, Index least, Work&& work, Index step = 1) {
  const FlushDenormals flush;
  const Index steps = (items + step - 1) / step;
  const Index most = std::max<Index>(1, items / std::max<Index>(1, least));
  const int count =
      static_cast<int>(std::min<Index>({Index(max_threads().load(std::memory_order_relaxed)), most, steps}));
  if (count <= 1) {
    if (items > 0) work(Index{0}, items);
    return;
  }
  Team::shared().run(count, [&](const Member& member) {
    const Range part = member.part(steps);
    const Index first = part.first * step, last = std::min(part.last * step, items);
    if (first < last) work(first, last);
  });
}

}  // namespace recurra
