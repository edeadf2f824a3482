// Work stealing: every item runs once a round, and a slow worker's items are stolen.
#include "recurra/threads/work_stealing_range.hpp"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "check.hpp"

using recurra::Index;
using recurra::ThreadPool;
using recurra::Worker;

TEST(every_item_runs_once_in_every_round) {
  for (const int workers : {1, 2, 3, 5})
    for (const Index items : {0, 1, 4, 37}) {
      constexpr Index rounds = 50;
      std::vector<std::atomic<int>> done(size_t(items * rounds));
      std::atomic<int> stolen{0};
      recurra::WorkStealingRange queue(workers, items);
      ThreadPool::shared().run(workers, [&](const Worker& worker) {
        const recurra::Range share = worker.range(items);
        for (Index round = 0; round < rounds; ++round) {
          queue.each(worker, round, [&](Index item) {
            if (worker.id == 0) std::this_thread::sleep_for(std::chrono::microseconds(20));  // others help
            if (item < share.first || item >= share.last) ++stolen;
            ++done[size_t(round * items + item)];
          });
          worker.barrier();
        }
      });
      for (const auto& count : done) CHECK_EQUAL(count.load(), 1);
      if (workers > 1 && items == 37) CHECK(stolen > 0);
    }
}

TEST(the_share_of_a_late_worker_is_stolen) {
  for (const int workers : {2, 3}) {
    constexpr Index items = 11;
    recurra::WorkStealingRange queue(workers, items);
    std::atomic<int> done{0}, late{0};
    ThreadPool::shared().run(workers, [&](const Worker& worker) {
      const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(5);
      while (worker.id == 0 && done < items && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
      queue.each(worker, 0, [&](Index) {
        ++done;
        if (worker.id == 0) ++late;
      });
    });
    CHECK_EQUAL(done.load(), int(items));
    CHECK_EQUAL(late.load(), 0);
  }
}
