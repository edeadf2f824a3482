// Items shared among a team's members: each begins with its own part, and who has done that takes from the end of what
// another has left. A member whose core is slower for a while, as happens where cores are shared with other processes,
// then does less instead of being waited for. In quiet times every member keeps its part from turn to turn, and with it
// what its cache holds.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>

#include "recurra/threads/thread_pool.hpp"

namespace recurra {

class Sharing {
 public:
  Sharing() = default;
  /// For turns of `items` items, fewer than 2^32 - 1, by at most `members` members.
  Sharing(int members, Index items) : items_(items) {
    if (members > 1) rests_.reset(new Rest[size_t(2 * members)]);
  }

  Index items() const { return items_; }
  /// Call run(item) once for each item, here or in another member. Every member calls this in each turn, with turns
  /// counted from 0, and the members meet at a barrier between one turn and the next.
  template <class Run>
  void each(const Member& me, Index turn, Run&& run) {
    if (me.count == 1) {
      for (Index item = 0; item < items_; ++item) run(item);
      return;
    }
    // What was used in the turn before is for the next one; nobody looks at it now.
    rest(me, turn + 1, me.id).store(part(me, me.id));
    Index item;
    for (int k = 0; k < me.count; ++k) {
      const int member = (me.id + k) % me.count;
      auto& range = rest(me, turn, member);
      std::uint64_t none = untouched;  // in the first turn who comes first does it, for a member that is late as well
      if (turn == 0) range.compare_exchange_strong(none, part(me, member));
      while (take(range, k > 0, item)) run(item);
    }
  }

 private:
  // Items [first, last) that nobody has taken yet: first in the high half.
  struct alignas(64) Rest {
    std::atomic<std::uint64_t> range{untouched};
  };
  static constexpr std::uint64_t untouched = ~std::uint64_t{0};
  std::atomic<std::uint64_t>& rest(const Member& me, Index turn, int member) const {
    return rests_[size_t(turn % 2 * me.count + member)].range;
  }
  std::uint64_t part(const Member& me, int member) const {
    const Range part = Member{member, me.count, nullptr}.part(items_);
    return std::uint64_t(part.first) << 32 | std::uint64_t(part.last);
  }
  static bool take(std::atomic<std::uint64_t>& range, bool from_end, Index& item) {
    std::uint64_t now = range.load();
    for (;;) {
      const std::uint64_t first = now >> 32, last = now & 0xffffffffu;
      if (first >= last) return false;
      item = Index(from_end ? last - 1 : first);
      if (range.compare_exchange_weak(now, from_end ? now - 1 : now + (std::uint64_t{1} << 32))) return true;
    }
  }

  Index items_ = 0;
  std::unique_ptr<Rest[]> rests_;
};

}  // namespace recurra
