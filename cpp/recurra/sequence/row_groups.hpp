// Rows of a batch for the workers of a call, with work stealing. Rows do not depend on one another, so they are cut
// into groups, and a task is a few consecutive steps of one group. Each worker owns groups and advances them evenly; it
// takes over a task of another worker's group where that is well behind. So a slower core (shared with other processes
// or hyperthreads) runs fewer tasks and is not waited for.
#pragma once
#include <mutex>

#include "recurra/sequence/plan.hpp"
#include "recurra/threads/thread_pool.hpp"

namespace recurra {

class RowGroups {
 public:
  /// steps_per_task: steps of a group that are run before workers look for the next task. tile_rows: most rows of a
  /// tile.
  RowGroups(const Plan& plan, int workers, Index steps_per_task, Index tile_rows)
      : steps_per_task_(workers == 1 ? plan.steps() : steps_per_task) {
    // A worker's groups are neighbours: at each border the hardware prefetches lines that the other core is writing.
    const int count = group_count(plan, workers, tile_rows);
    const std::vector<Index> cut = plan.split(count);  // includes the plan's own cuts where it has groups
    for (int g = 0; g < count; ++g) {
      const Range rows{cut[size_t(g)], cut[size_t(g) + 1]};
      if (rows.count() > 0) groups_.push_back({rows, plan.length(rows.first), g * workers / count});
    }
  }

  /// run(rows, steps, task_steps) for one task after another until none is left to begin: `rows` are the group's,
  /// `steps` is its number of steps, `task_steps` the range of them to run. Every group has at least one task; the
  /// tasks of a group run in order and never two at a time.
  template <class Run>
  void each(const Worker& worker, Run&& run) {
    Range task_steps{0, 0};
    for (Group* group = next(worker.id, nullptr, task_steps); group; group = next(worker.id, group, task_steps))
      run(group->rows, group->steps, task_steps);
  }

 private:
  struct Group {
    Range rows;
    Index steps;  // of its longest row
    int owner;
    Index begun = 0;
    bool running = false, finished = false;
  };

  /// The plan's groups, each cut for some workers where there are too few. Without any, more groups than workers, so
  /// that there is something to take over, as long as that leaves enough rows for the tiles.
  static int group_count(const Plan& plan, int workers, Index tile_rows) {
    if (const int groups = int(plan.groups()); groups > 1) return (workers + groups - 1) / groups * groups;
    const Index rows = plan.batch();
    if (workers == 1 || !plan.nearly_full()) return workers;
    if (rows >= 2 * workers * 2 * tile_rows) return 2 * workers;
    const auto tiles = [&](Index groups) {
      const Index most = (rows + groups - 1) / groups;
      return groups * ((most + tile_rows - 1) / tile_rows);
    };
    return tiles(workers + 1) <= tiles(workers) ? workers + 1 : workers;
  }
  /// Ends a task of `previous`, if any, and begins the next one of the same or another group.
  Group* next(int worker, Group* previous, Range& task_steps) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (previous) previous->running = false;
    Group* best = nullptr;
    Index most = -1;
    for (Group& group : groups_) {
      if (group.running || group.finished) continue;
      // Another worker's group has to come from another core's caches: it is taken only when two tasks behind.
      const Index bonus = group.owner == worker ? 2 * steps_per_task_ : 0;
      if (group.steps - group.begun + bonus > most) most = group.steps - group.begun + bonus, best = &group;
    }
    if (!best) return nullptr;
    task_steps = {best->begun, std::min(best->steps, best->begun + steps_per_task_)};
    best->begun = task_steps.last;
    best->finished = task_steps.last == best->steps;
    best->running = true;
    return best;
  }

  std::vector<Group> groups_;
  const Index steps_per_task_;
  std::mutex mutex_;
};

}  // namespace recurra
