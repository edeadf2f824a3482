// The thread pool: all workers run, barriers hold, errors reach the caller, nested and concurrent calls work.
#include "recurra/threads/thread_pool.hpp"

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "check.hpp"

using recurra::Index;
using recurra::ThreadPool;
using recurra::Worker;
using recurra_test::Rounds;

TEST(every_worker_runs_once_and_barriers_hold) {
  for (int count : {1, 2, 3, 5})
    for (Rounds rounds(200); rounds.next();) {
      std::vector<int> first(count, 0), second(count, 0);
      ThreadPool::shared().run(count, [&](const Worker& worker) {
        first[worker.id] = worker.id + 1;
        worker.barrier();
        for (int i = 0; i < worker.count; ++i) second[worker.id] += first[i];
        worker.barrier();
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

TEST(with_a_timeout_some_workers_may_be_missing_and_the_work_is_whole) {
  int missed = 0, complete = 0;
  for (Rounds rounds(3000); rounds.next();) {
    const int round = rounds.number();
    const int count = 2 + round % 4;
    std::vector<int> runs(size_t(count), 0), seen(size_t(count), 0);
    std::atomic<int> workers{0};
    const double timeout_us = round % 3 == 0 ? 0 : round % 3 == 1 ? 5 : 1e6;
    ThreadPool::shared().run_with_timeout(count, timeout_us, [&](const Worker& worker) {
      workers = worker.count;
      ++runs[size_t(worker.id)];
      worker.barrier();
      for (int i = 0; i < worker.count; ++i) seen[size_t(worker.id)] += runs[size_t(i)];
      worker.barrier();
    });
    for (int i = 0; i < count; ++i) {
      CHECK_EQUAL(runs[size_t(i)], i < workers ? 1 : 0);
      CHECK_EQUAL(seen[size_t(i)], i < workers ? workers.load() : 0);
    }
    workers == count ? ++complete : ++missed;  // on fewer cores than workers some decline, however long the timeout
    if (round % 5 == 0) {  // a thread that is too late for one call takes part in the next
      std::atomic<int> all{0};
      ThreadPool::shared().run(count, [&](const Worker& worker) { all += worker.count; });
      CHECK_EQUAL(all.load(), count * count);
    }
  }
  CHECK(missed > 0);
  if (cores() > 1) CHECK(complete > 0);  // on a single core all run on the caller's
}

TEST(an_error_in_a_worker_reaches_the_caller) {
  for (int thrower : {0, 1}) {
    bool caught = false;
    try {
      ThreadPool::shared().run(2, [&](const Worker& worker) {
        if (worker.id == thrower) throw std::runtime_error("x");
      });
    } catch (const std::runtime_error&) {
      caught = true;
    }
    CHECK(caught);
  }
}

TEST(a_call_within_a_call_and_calls_from_two_threads_run) {
  std::atomic<int> runs{0};
  ThreadPool::shared().run(
      2, [&](const Worker&) { ThreadPool::shared().run(2, [&](const Worker& worker) { runs += worker.count; }); });
  CHECK_EQUAL(runs.load(), 2);  // each inner call has one worker
  std::atomic<long> total{0};
  const auto work = [&] {
    for (int i = 0; i < 300; ++i)
      ThreadPool::shared().run(2, [&](const Worker& worker) { total += worker.count == 1 ? 2 : 1; });
  };
  std::thread other(work);
  work();
  other.join();
  CHECK_EQUAL(total.load(), 1200);
}

TEST(ranges_cover_everything) {
  for (recurra::Index n : {0, 1, 5, 7}) {
    recurra::Index next = 0;
    for (int id = 0; id < 3; ++id) {
      const recurra::Range range = Worker{id, 3, nullptr}.range(n);
      CHECK_EQUAL(range.first, next);
      next = range.last;
    }
    CHECK_EQUAL(next, n);
  }
}
