// The thread team: everyone runs, barriers hold, errors come back, nested and concurrent calls work.
#include "recurra/sequence/row_groups.hpp"
#include "recurra/threads/thread_pool.hpp"
#include "recurra/threads/work_stealing_range.hpp"

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include "check.hpp"
#include "recurra/support/workspace.hpp"

using recurra::Index;
using recurra::Member;
using recurra::Team;

TEST(every_member_runs_once_and_barriers_hold) {
  for (int count : {1, 2, 3, 5})
    for (int round = 0; round < 200; ++round) {
      std::vector<int> first(count, 0), second(count, 0);
      Team::shared().run(count, [&](const Member& me) {
        first[me.id] = me.id + 1;
        me.barrier();
        for (int i = 0; i < me.count; ++i) second[me.id] += first[i];
        me.barrier();
      });
      for (int i = 0; i < count; ++i) CHECK_EQUAL(second[i], count * (count + 1) / 2);
    }
}

static int cores() {  // that this process may use
#if defined(__linux__)
  cpu_set_t usable;
  if (sched_getaffinity(0, sizeof usable, &usable) == 0) return CPU_COUNT(&usable);
#endif
  return int(std::thread::hardware_concurrency());
}

TEST(with_less_patience_some_may_be_missing_and_the_work_is_whole) {
  int missed = 0, came = 0;
  for (int round = 0; round < 3000; ++round) {
    const int count = 2 + round % 4;
    std::vector<int> runs(size_t(count), 0), seen(size_t(count), 0);
    std::atomic<int> members{0};
    const double patience = round % 3 == 0 ? 0 : round % 3 == 1 ? 5 : 1e6;
    Team::shared().run_with_who_comes(count, patience, [&](const Member& me) {
      members = me.count;
      ++runs[size_t(me.id)];
      me.barrier();
      for (int i = 0; i < me.count; ++i) seen[size_t(me.id)] += runs[size_t(i)];
      me.barrier();
    });
    for (int i = 0; i < count; ++i) {
      CHECK_EQUAL(runs[size_t(i)], i < members ? 1 : 0);
      CHECK_EQUAL(seen[size_t(i)], i < members ? members.load() : 0);
    }
    members == count ? ++came : ++missed;  // on fewer cores than members some refuse, however long one waits
    if (round % 5 == 0) {  // who came too late for one call is there for the next
      std::atomic<int> all{0};
      Team::shared().run(count, [&](const Member& me) { all += me.count; });
      CHECK_EQUAL(all.load(), count * count);
    }
  }
  CHECK(missed > 0);
  if (cores() > 1) CHECK(came > 0);  // on a single one all are in their caller's way
}

TEST(an_error_in_a_member_reaches_the_caller) {
  for (int thrower : {0, 1}) {
    bool caught = false;
    try {
      Team::shared().run(2, [&](const Member& me) {
        if (me.id == thrower) throw std::runtime_error("x");
      });
    } catch (const std::runtime_error&) {
      caught = true;
    }
    CHECK(caught);
  }
}

TEST(a_call_within_a_call_and_calls_from_two_threads_run) {
  std::atomic<int> runs{0};
  Team::shared().run(2, [&](const Member&) { Team::shared().run(2, [&](const Member& me) { runs += me.count; }); });
  CHECK_EQUAL(runs.load(), 2);  // the inner ones run alone
  std::atomic<long> total{0};
  const auto work = [&] {
    for (int i = 0; i < 300; ++i) Team::shared().run(2, [&](const Member& me) { total += me.count == 1 ? 2 : 1; });
  };
  std::thread other(work);
  work();
  other.join();
  CHECK_EQUAL(total.load(), 1200);
}

TEST(parts_cover_everything) {
  for (recurra::Index n : {0, 1, 5, 7}) {
    recurra::Index next = 0;
    for (int id = 0; id < 3; ++id) {
      const recurra::Range part = Member{id, 3, nullptr}.part(n);
      CHECK_EQUAL(part.first, next);
      next = part.last;
    }
    CHECK_EQUAL(next, n);
  }
}

TEST(freed_memory_is_used_again_and_bounded) {
  auto& workspace = recurra::Workspace::shared();
  workspace.set_limit(size_t{1} << 30);
  float* where;
  {
    recurra::Buffer<float> buffer(1 << 20);
    where = buffer.data();
    where[(1 << 20) - 1] = 1;
  }
  recurra::Buffer<float> again((1 << 20) - 100);
  CHECK_EQUAL(again.data(), where);
  again.clear();
  CHECK(workspace.kept() >= (size_t{4} << 20));
  workspace.set_limit(0);
  CHECK_EQUAL(workspace.kept(), size_t{0});
  workspace.set_limit(size_t{1} << 30);
}

TEST(shared_items_are_done_once_in_every_turn) {
  for (const int members : {1, 2, 3, 5})
    for (const Index items : {0, 1, 4, 37}) {
      constexpr Index turns = 50;
      std::vector<std::atomic<int>> done(size_t(items * turns));
      std::atomic<int> taken_over{0};
      recurra::Sharing sharing(members, items);
      Team::shared().run(members, [&](const Member& me) {
        const recurra::Range part = me.part(items);
        for (Index turn = 0; turn < turns; ++turn) {
          sharing.each(me, turn, [&](Index item) {
            if (me.id == 0) std::this_thread::sleep_for(std::chrono::microseconds(20));  // others help
            if (item < part.first || item >= part.last) ++taken_over;
            ++done[size_t(turn * items + item)];
          });
          me.barrier();
        }
      });
      for (const auto& count : done) CHECK_EQUAL(count.load(), 1);
      if (members > 1 && items == 37) CHECK(taken_over > 0);
    }
}

TEST(what_a_late_member_should_begin_with_is_taken_too) {
  for (const int members : {2, 3}) {
    constexpr Index items = 11;
    recurra::Sharing sharing(members, items);
    std::atomic<int> done{0}, late{0};
    Team::shared().run(members, [&](const Member& me) {
      const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(5);
      while (me.id == 0 && done < items && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
      sharing.each(me, 0, [&](Index) {
        ++done;
        if (me.id == 0) ++late;
      });
    });
    CHECK_EQUAL(done.load(), int(items));
    CHECK_EQUAL(late.load(), 0);
  }
}

TEST(rows_in_groups_run_every_step_once_and_in_order) {
  for (const int members : {1, 2, 3})
    for (const Index rows : {0, 5, 17, 100})
      for (const bool ragged : {false, true}) {
        constexpr Index steps = 43;
        std::vector<std::uint8_t> mask(size_t(rows * steps), 1);
        for (Index b = 0; ragged && b < rows; ++b)  // some rows have no step at all
          std::fill_n(mask.begin() + b * steps, b * 7 % (steps + 1), std::uint8_t(0));
        for (const bool grouped : {false, true}) {
          const recurra::Plan plan(rows, steps, mask.data(), false, grouped);
          recurra::RowGroups groups(plan, members, 4, 6);
          std::vector<Index> done(size_t(rows), 0);  // not atomic: a group's turns must not overlap
          std::vector<int> ends(size_t(rows), 0);
          // The first member has two groups of eleven turns and waits until the others have taken one of its own.
          const bool waits = members > 1 && rows == 100 && !ragged;
          const int own_of_others = (grouped ? 2 : 2 * (members - 1)) * 11;  // the plan has four groups
          std::atomic<int> by_others{0};
          Team::shared().run(members, [&](const Member& me) {
            groups.each(me, [&](recurra::Range part, Index most, recurra::Range turn) {
              by_others += me.id > 0;
              for (int k = 0; k < 10000 && me.id == 0 && waits && by_others <= own_of_others; ++k)
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
              for (Index i = part.first; i < part.last; ++i) {
                CHECK_EQUAL(done[size_t(i)], turn.first);
                done[size_t(i)] = turn.last;
                ends[size_t(i)] += turn.last == most;
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
