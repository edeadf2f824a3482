// A child forked while other threads use the pool and the workspace computes with a pool and a workspace of its own.
// The thread sanitizer does not follow forks of several threads.
#if !defined(_WIN32) && !defined(__SANITIZE_THREAD__) && !defined(RECURRA_EMULATED)
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "check.hpp"
#include "child.hpp"
#include "recurra/support/workspace.hpp"
#include "recurra/threads/thread_pool.hpp"

using namespace recurra;

TEST(a_child_that_hangs_is_ended) {
  const pid_t child = fork();
  if (child == 0)
    for (;;) pause();
  CHECK_EQUAL(recurra_test::exit_code_of(child, 0.02), -1);
}

#if !defined(__SANITIZE_ADDRESS__)  // its allocator's locks are not reset in a child: one held at the fork stays locked
namespace {

/// Whether all workers ran, each with memory of the workspace.
bool compute() {
  std::atomic<int> sum{0};
  std::atomic<int> count{0};
  ThreadPool::shared().run(3, [&](const Worker& worker) {
    Buffer<int> own(1000 + 500 * worker.id);
    own[7] = worker.id + 1;
    worker.barrier();
    sum += own[7];
    count = worker.count;
  });
  return sum == count * (count + 1) / 2;
}

}  // namespace

TEST(children_forked_under_load_compute) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&] {
      while (!stop) compute();
    });
  for (recurra_test::Rounds rounds(100); rounds.next();) {
    const pid_t child = fork();
    if (child == 0) _exit(compute() && compute() ? 0 : 1);
    const int code = recurra_test::exit_code_of(child, 60);
    CHECK_EQUAL(code, 0);
    if (code != 0) break;
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(compute());
}
#endif
#endif
