// The thread pool: all workers run, barriers hold, errors reach the caller, nested and concurrent calls work.
#include "recurra/threads/thread_pool.hpp"

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>
#if defined(__linux__)
#include <unistd.h>
#endif

#include "check.hpp"
#include "child.hpp"

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
  if (cores() == 1) return;  // all run on the caller's
  CHECK(complete > 0 || recurra_test::within(60, [] {
          std::atomic<int> workers{0};
          ThreadPool::shared().run_with_timeout(2, 1e6, [&](const Worker& worker) { workers = worker.count; });
          return workers == 2;
        }));
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

/// run_independent() on several threads: first it waits until calls that were slow on a busy machine are forgiven.
template <class Work>
static void run_independent(int count, Work&& work) {
  recurra_test::within(20, [] {
    std::atomic<int> workers{1};
    ThreadPool::shared().run_independent(2, [&](const Worker& worker) { workers = worker.count; });
    return workers > 1;
  });
  ThreadPool::shared().run_independent(count, work);
}

TEST(the_caller_does_the_share_of_a_thread_that_has_not_started) {
  int on_caller = 0;
  for (Rounds rounds(500); rounds.next();) {
    const int count = 2 + rounds.number() % 3;
    std::vector<std::atomic<int>> runs(static_cast<size_t>(count));
    std::atomic<int> own{0}, counted{0};
    const auto caller = std::this_thread::get_id();
    if (rounds.number() % 10 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));  // they fall asleep
    run_independent(count, [&](const Worker& worker) {
      counted += worker.count;
      ++runs[size_t(worker.id)];
      own += std::this_thread::get_id() == caller;
    });
    for (const auto& each : runs) CHECK_EQUAL(each.load(), 1);
    CHECK_EQUAL(counted.load(), count * count);
    on_caller += own - 1;
  }
  CHECK(on_caller > 0);
}

TEST(a_worker_that_has_started_is_waited_for) {
  for (Rounds rounds(50); rounds.next();) {
    std::atomic<bool> started{false}, finished{false};
    run_independent(2, [&](const Worker& worker) {
      if (worker.id == 0) {
        for (int i = 0; i < 10 && !started; ++i) std::this_thread::sleep_for(std::chrono::microseconds(50));
      } else {
        started = true;
        std::this_thread::sleep_for(std::chrono::microseconds(300));
        finished = true;
      }
    });
    CHECK(finished.load());
  }
}

TEST(an_error_in_a_share_reaches_the_caller_of_independent_work) {
  for (int thrower : {0, 1, 2}) {
    std::atomic<int> others{0};
    bool caught = false;
    try {
      run_independent(3, [&](const Worker& worker) {
        if (worker.id == thrower) throw std::runtime_error("x");
        ++others;
      });
    } catch (const std::runtime_error&) {
      caught = true;
    }
    CHECK(caught);
    CHECK_EQUAL(others.load(), 2);
  }
}

#if defined(__linux__) && !defined(__SANITIZE_THREAD__) && !defined(RECURRA_EMULATED)
namespace {

/// Calls whose second worker is late by 20 ms each time, until one has a single worker; then until there are two again.
/// The code says what did not happen.
int late_workers() {
  const auto compute = [](std::chrono::microseconds time) {
    const auto start = recurra::computing_time();
    while (recurra::computing_time() - start < std::chrono::nanoseconds(time).count()) {
    }
  };
  for (const bool with_timeout : {false, true}) {
    if (with_timeout && cores() == 1) continue;  // the second thread declines
    int workers = 2;
    const auto call = [&](bool late) {
      const auto work = [&](const Worker& worker) {
        if (worker.id == 0) workers = worker.count;
        else if (late) std::this_thread::sleep_for(std::chrono::milliseconds(20));
        worker.barrier();
        compute(std::chrono::microseconds(600));
      };
      if (with_timeout) ThreadPool::shared().run_with_timeout(2, 1e6, work);
      else ThreadPool::shared().run_if_faster(2, work);
    };
    int calls = 0;
    while (workers == 2 && ++calls < 100) call(true);
    if (calls == 100) return 1;
    std::atomic<int> all{0};
    ThreadPool::shared().run(2, [&](const Worker&) { ++all; });
    if (all != 2) return 2;  // run() always has its workers
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (workers == 1 && std::chrono::steady_clock::now() < give_up) call(false);
    if (workers == 1) return 3;
  }
  return 0;
}

}  // namespace

TEST(calls_that_several_threads_make_slower_run_on_one_for_a_while) {  // in a child: other tests want their threads
  const pid_t child = fork();
  if (child == 0) _exit(late_workers());
  CHECK_EQUAL(recurra_test::exit_code_of(child, 100), 0);
}
#endif

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
