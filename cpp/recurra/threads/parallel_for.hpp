// A parallel loop over independent items. An item's result does not depend on the thread that computes it, so the
// number of threads changes no bit.
#pragma once
#include <algorithm>

#include "recurra/support/denormals.hpp"
#include "recurra/threads/thread_pool.hpp"

namespace recurra {

/// Call work(first, last) on ranges that cover [0, items): one range a thread, at least `grain` items each, starting at
/// multiples of `step`. Denormals are flushed inside.
template <class Work>
void parallel_for(Index items, Index grain, Work&& work, Index step = 1) {
  const FlushDenormals flush;
  const Index steps = (items + step - 1) / step;
  const Index most = std::max<Index>(1, items / std::max<Index>(1, grain));
  const int count =
      static_cast<int>(std::min<Index>({Index(max_threads().load(std::memory_order_relaxed)), most, steps}));
  if (count <= 1) {
    if (items > 0) work(Index{0}, items);
    return;
  }
  ThreadPool::shared().run_independent(count, [&](const Worker& worker) {
    const Range range = worker.range(steps);
    const Index first = range.first * step, last = std::min(range.last * step, items);
    if (first < last) work(first, last);
  });
}

}  // namespace recurra
