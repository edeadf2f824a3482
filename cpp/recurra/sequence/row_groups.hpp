// Rows do not look at each other, so members take them in groups, a few steps at a time. Each has groups of its own and
// brings them forward evenly; where another's are well behind, it takes a turn of those. A member whose core is slower,
// as happens where processes or hyperthreads share cores and where cores differ, then does fewer turns instead of being
// waited for.
#pragma once
#include <mutex>

#include "recurra/sequence/plan.hpp"
#include "recurra/threads/thread_pool.hpp"

namespace recurra {

class RowGroups {
 public:
  /// For `members` members. turn: how many steps are run before members look who does the next ones. tile_rows: how many
  /// rows a tile takes at most.
  RowGroups(const Plan& plan, int members, Index turn, Index tile_rows) : turn_(members == 1 ? plan.steps() : turn) {
    // A member's groups lie side by side: at each border a processor fetches ahead what the other core is about to write.
    const int count = group_count(plan, members, tile_rows);
    const std::vector<Index> cut = plan.split(count);  // at the plan's own cuts too, where it has groups
    for (int g = 0; g < count; ++g) {
      const Range rows{cut[size_t(g)], cut[size_t(g) + 1]};
      if (rows.count() > 0) groups_.push_back({rows, plan.length(rows.first), g * members / count});
    }
  }

  /// run(rows, steps, turn) for turn after turn of every group until none is left to begin: steps [turn.first, turn.last)
  /// of its `steps`. A group has at least one turn, those of a group come in their order, one at a time.
  template <class Run>
  void each(const Member& me, Run&& run) {
    Range turn{0, 0};
    for (Group* group = next(me.id, nullptr, turn); group; group = next(me.id, group, turn))
      run(group->rows, group->steps, turn);
  }

 private:
  struct Group {
    Range rows;
    Index steps;  // of the row that has most
    int owner;
    Index begun = 0;
    bool held = false, over = false;
  };

  /// The plan's groups, or parts of them. Else more groups than members, that there is something to take over, where that
  /// leaves enough rows for the tiles.
  static int group_count(const Plan& plan, int members, Index tile_rows) {
    if (const int groups = int(plan.groups()); groups > 1) return (members + groups - 1) / groups * groups;
    const Index rows = plan.batch();
    if (members == 1 || !plan.nearly_full()) return members;
    if (rows >= 2 * members * 2 * tile_rows) return 2 * members;
    const auto tiles = [&](Index groups) {
      const Index most = (rows + groups - 1) / groups;
      return groups * ((most + tile_rows - 1) / tile_rows);
    };
    return tiles(members + 1) <= tiles(members) ? members + 1 : members;
  }
  /// Leaves a group after its turn and begins one of another, or of the same.
  Group* next(int member, Group* left, Range& turn) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (left) left->held = false;
    Group* best = nullptr;
    Index most = -1;
    for (Group& group : groups_) {
      if (group.held || group.over) continue;
      // What is not its own has to be fetched from another core's caches.
      const Index ahead = group.owner == member ? 2 * turn_ : 0;
      if (group.steps - group.begun + ahead > most) most = group.steps - group.begun + ahead, best = &group;
    }
    if (!best) return nullptr;
    turn = {best->begun, std::min(best->steps, best->begun + turn_)};
    best->begun = turn.last;
    best->over = turn.last == best->steps;
    best->held = true;
    return best;
  }

  std::vector<Group> groups_;
  const Index turn_;
  std::mutex mutex_;
};

}  // namespace recurra
