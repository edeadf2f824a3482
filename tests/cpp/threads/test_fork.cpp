// A child forked while other threads use the pool and the workspace computes with a pool and a workspace of its own.
#if !defined(_WIN32) && !defined(__SANITIZE_THREAD__)  // that sanitizer does not follow forks of several threads
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>
#include <vector>

#include "check.hpp"
#include "recurra/support/workspace.hpp"
#include "recurra/threads/thread_pool.hpp"

using namespace recurra;

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

/// The child's exit code; -1 when it had to be killed.
int wait_for(pid_t child) {
  int status = 0;
  for (int i = 0; i < 20000; ++i) {
    if (waitpid(child, &status, WNOHANG) == child) return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  return -1;
}

}  // namespace

TEST(children_forked_under_load_compute) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&] {
      while (!stop) compute();
    });
  for (int i = 0; i < 100; ++i) {
    const pid_t child = fork();
    if (child == 0) _exit(compute() && compute() ? 0 : 1);
    CHECK_EQUAL(wait_for(child), 0);
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(compute());
}
#endif
