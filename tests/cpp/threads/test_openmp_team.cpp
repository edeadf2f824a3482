// A team of OpenMP threads runs the pool's calls: all workers, barriers, timeouts, errors, nested calls. In a child
// process of its own, as the runtime stays loaded: later tests are to run on the pool's own threads.
#include "recurra/threads/openmp_team.hpp"

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "check.hpp"
#include "child.hpp"
#include "recurra/threads/thread_pool.hpp"

// Not under the thread sanitizer: libgomp itself is not instrumented.
#if defined(__linux__) && !defined(__SANITIZE_THREAD__) && !defined(RECURRA_EMULATED)
#include <dlfcn.h>
#include <unistd.h>

using recurra::OpenMPTeam;
using recurra::ThreadPool;
using recurra::Worker;

namespace {

/// 0 where all holds; else the number of the check that did not.
int checks() {
  void* library = dlopen("libgomp.so.1", RTLD_NOW);
  if (!library) return 0;  // nothing to test here
  const auto set_threads = reinterpret_cast<void (*)(int)>(dlsym(library, "omp_set_num_threads"));
  const auto in_parallel = reinterpret_cast<int (*)()>(dlsym(library, "omp_in_parallel"));
  if (!set_threads || !in_parallel) return 1;
  for (int count : {2, 3}) {
    set_threads(count);
    if (!OpenMPTeam::find(count)) return 2;
    if (OpenMPTeam::find(count + 1)) return 3;  // another size than OpenMP's
    int complete = 0;
    for (recurra_test::Rounds rounds(300); rounds.next();) {
      std::vector<int> first(size_t(count), 0), second(size_t(count), 0);
      std::atomic<int> on_team{0};
      ThreadPool::shared().run(count, [&](const Worker& worker) {
        on_team += in_parallel();
        if (worker.count != count) return;
        first[size_t(worker.id)] = worker.id + 1;
        worker.barrier();
        for (int i = 0; i < count; ++i) second[size_t(worker.id)] += first[size_t(i)];
      });
      if (on_team != count) return 4;
      for (int value : second)
        if (value != count * (count + 1) / 2) return 5;
      const int kind = rounds.number() % 3;
      const double timeout_us = kind == 0 ? 0 : kind == 1 ? 5 : 3e7;
      std::atomic<int> workers{0}, sum{0};
      ThreadPool::shared().run_with_timeout(count, timeout_us, [&](const Worker& worker) {
        workers = worker.count;
        worker.barrier();
        sum += worker.id + 1;
      });
      if (workers < 1 || workers > count || sum != workers * (workers + 1) / 2) return 6;
      // On a busy machine calls pause on one thread (speedup.hpp).
      if (timeout_us > 1000 && workers != count && workers != 1) return 7;
      complete += timeout_us > 1000 && workers == count;
    }
    const bool completes =
        complete > 0 || recurra_test::within(60, [&] {
          std::atomic<int> workers{0};
          ThreadPool::shared().run_with_timeout(count, 3e7, [&](const Worker& worker) { workers = worker.count; });
          return workers == count;
        });
    if (!completes) return 12;
  }
  set_threads(2);
  bool caught = false;
  try {
    ThreadPool::shared().run(2, [](const Worker& worker) {
      if (worker.id == 1) throw std::runtime_error("from a worker");
    });
  } catch (const std::runtime_error&) {
    caught = true;
  }
  if (!caught) return 8;
  std::atomic<int> inner{0};  // nested: one worker each
  ThreadPool::shared().run(
      2, [&](const Worker&) { ThreadPool::shared().run(2, [&](const Worker& worker) { inner += worker.count; }); });
  if (inner != 2) return 9;
#if defined(__SANITIZE_ADDRESS__)  // its list of threads is not reset in a child, and libgomp's third one may just end
  return 0;
#else
  const pid_t child = fork();  // its copy of libgomp has no threads
  if (child == 0) {
    std::atomic<int> workers{0};
    ThreadPool::shared().run(2, [&](const Worker&) { ++workers; });
    _exit(OpenMPTeam::find(2) || workers != 2 ? 10 : 0);
  }
  const int code = recurra_test::exit_code_of(child, 60);
  return code < 0 ? 11 : code;
#endif
}

/// As checks(): children that are forked while other threads look for a team.
int forks_under_load() {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&] {
      while (!stop) OpenMPTeam::find(2);
    });
  int code = 0;
  for (recurra_test::Rounds rounds(100); code == 0 && rounds.next();) {
    const pid_t child = fork();
    if (child == 0) {
      OpenMPTeam::find(2);
      _exit(0);
    }
    code = recurra_test::exit_code_of(child, 20);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  return code;
}

}  // namespace

TEST(children_forked_while_others_look_for_a_team) {
  const pid_t child = fork();
  if (child == 0) _exit(forks_under_load());
  CHECK_EQUAL(recurra_test::exit_code_of(child, 300), 0);
}

TEST(a_team_of_openmp_threads_runs_a_call) {
  const pid_t child = fork();
  if (child == 0) _exit(checks());
  CHECK_EQUAL(recurra_test::exit_code_of(child, 300), 0);
}
#endif
