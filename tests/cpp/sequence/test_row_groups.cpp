// Groups of rows: every step runs once and in order, and workers take over tasks of others.
#include "recurra/sequence/row_groups.hpp"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "check.hpp"

using recurra::Index;
using recurra::ThreadPool;
using recurra::Worker;

TEST(rows_in_groups_run_every_step_once_and_in_order) {
  for (const int workers : {1, 2, 3})
    for (const Index rows : {0, 5, 17, 100})
      for (const bool ragged : {false, true}) {
        constexpr Index steps = 43;
        std::vector<std::uint8_t> mask(size_t(rows * steps), 1);
        for (Index b = 0; ragged && b < rows; ++b)  // some rows have no step at all
          std::fill_n(mask.begin() + b * steps, b * 7 % (steps + 1), std::uint8_t(0));
        for (const bool grouped : {false, true}) {
          const recurra::Plan plan(rows, steps, mask.data(), false, grouped);
          recurra::RowGroups groups(plan, workers, 4, 6);
          std::vector<Index> done(size_t(rows), 0);  // not atomic: a group's tasks must not overlap
          std::vector<int> ends(size_t(rows), 0);
          // The first worker has two groups of eleven tasks and waits until the others have taken one of them.
          const bool waits = workers > 1 && rows == 100 && !ragged;
          const int own_of_others = (grouped ? 2 : 2 * (workers - 1)) * 11;  // the plan has four groups
          std::atomic<int> by_others{0};
          ThreadPool::shared().run(workers, [&](const Worker& worker) {
            groups.each(worker, [&](recurra::Range group_rows, Index most, recurra::Range steps_range) {
              by_others += worker.id > 0;
              for (int k = 0; k < 10000 && worker.id == 0 && waits && by_others <= own_of_others; ++k)
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
              for (Index i = group_rows.first; i < group_rows.last; ++i) {
                CHECK_EQUAL(done[size_t(i)], steps_range.first);
                done[size_t(i)] = steps_range.last;
                ends[size_t(i)] += steps_range.last == most;
              }
            });
          });
          for (Index i = 0; i < rows; ++i) {
            CHECK(done[size_t(i)] >= plan.length(i));
            CHECK_EQUAL(ends[size_t(i)], 1);
          }
          if (waits) CHECK(by_others > own_of_others);
        }
      }
}
