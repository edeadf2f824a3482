// Items [0, n) for the workers of a call, with work stealing: each worker starts with its own share and then steals
// from the end of the others'.
//
// The items may be run in rounds, with a barrier between one round and the next. Without stealing a worker gets the
// same items in every round, so that its cache keeps their data; a worker on a slower core (shared with other
// processes, say) loses items to the others and is not waited for.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>

#include "recurra/threads/thread_pool.hpp"

namespace recurra {

class WorkStealingRange {
 public:
  WorkStealingRange() = default;
  /// `items` items (fewer than 2^32 - 1) for at most `workers` workers.
  WorkStealingRange(int workers, Index items) : items_(items) {
    if (workers > 1) remaining_.reset(new Remaining[size_t(2 * workers)]);
  }

  Index items() const { return items_; }
  /// Every worker calls this once a round, rounds counted from 0; among them they call run(item) once for each item.
  template <class Run>
  void each(const Worker& worker, Index round, Run&& run) {
    if (worker.count == 1) {
      for (Index item = 0; item < items_; ++item) run(item);
      return;
    }
    // Two sets of ranges alternate: the one of the round before is free, so it is filled for the next round.
    remaining(worker, round + 1, worker.id).store(share(worker, worker.id));
    Index item;
    for (int k = 0; k < worker.count; ++k) {
      const int owner = (worker.id + k) % worker.count;
      auto& range = remaining(worker, round, owner);
      std::uint64_t expected = unset;  // in the first round the first worker to look fills it, for a late owner too
      if (round == 0) range.compare_exchange_strong(expected, share(worker, owner));
      while (take(range, k > 0, item)) run(item);
    }
  }

 private:
  // Items [first, last) that nobody has taken yet; first is the high half.
  struct alignas(64) Remaining {
    std::atomic<std::uint64_t> range{unset};
  };
  static constexpr std::uint64_t unset = ~std::uint64_t{0};
  std::atomic<std::uint64_t>& remaining(const Worker& worker, Index round, int owner) const {
    return remaining_[size_t(round % 2 * worker.count + owner)].range;
  }
  std::uint64_t share(const Worker& worker, int owner) const {
    const Range share = Worker{owner, worker.count, nullptr}.range(items_);
    return std::uint64_t(share.first) << 32 | std::uint64_t(share.last);
  }
  static bool take(std::atomic<std::uint64_t>& range, bool from_end, Index& item) {
    std::uint64_t seen = range.load();
    for (;;) {
      const std::uint64_t first = seen >> 32, last = seen & 0xffffffffu;
      if (first >= last) return false;
      item = Index(from_end ? last - 1 : first);
      if (range.compare_exchange_weak(seen, from_end ? seen - 1 : seen + (std::uint64_t{1} << 32))) return true;
    }
  }

  Index items_ = 0;
  std::unique_ptr<Remaining[]> remaining_;
};

}  // namespace recurra
