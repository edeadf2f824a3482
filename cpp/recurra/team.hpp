// The thread team: `run(n, work)` calls work(member) on n threads, member 0 being the caller, and returns when all are
// done. Inside, `barrier()` of the member waits for the others.
//
// Helpers spin for a bounded time, then yield, then sleep: a spinning barrier without bound turns milliseconds into
// seconds as soon as another process wants the core. One team serves the process; when a second thread calls while it is
// busy, or when a helper cannot be started, the work runs with one member. That gives the same bits, because work is
// split by output and never by reduction. After a fork the child starts a team of its own when it first needs one.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>
#if defined(__SSE2__) || defined(_M_X64)
#include <immintrin.h>
#endif

#include "denormals.hpp"
#include "layout.hpp"
#include "process_wide.hpp"

namespace recurra {

inline void pause_cpu() {
#if defined(__SSE2__) || defined(_M_X64)
  _mm_pause();
#elif defined(__aarch64__) && !defined(_MSC_VER)
  asm volatile("yield");
#endif
}

/// Wait until done(): spin some 20 us, then offer the core to whoever is ready for a millisecond or so (a sleep is over
/// only some 100 us later, too long to wait for a member that is a little behind), then sleep between looks. A member
/// that waits for one that has lost its core must not burn the time that the other needs.
template <class Done>
inline void wait_politely(Done done) {
  for (int i = 0; i < 512; ++i) {
    if (done()) return;
    pause_cpu();
  }
  for (int i = 0; i < 2000; ++i) {
    if (done()) return;
    std::this_thread::yield();
  }
  while (!done()) std::this_thread::sleep_for(std::chrono::microseconds(50));
}

class Barrier {
 public:
  explicit Barrier(int members) : members_(members) {}
  void wait() {
    if (members_ == 1) return;
    const unsigned turn = turn_.load(std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == members_) {
      arrived_.store(0, std::memory_order_relaxed);
      turn_.store(turn + 1, std::memory_order_release);
    } else {
      wait_politely([&] { return turn_.load(std::memory_order_acquire) != turn; });
    }
  }

 private:
  const int members_;
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<unsigned> turn_{0};
};

/// One member's view of a running team.
struct Member {
  int id, count;
  Barrier* shared;

  void barrier() const { shared->wait(); }
  /// This member's part of n items, parts even to one.
  Range part(Index n) const { return {n * id / count, n * (id + 1) / count}; }
};

/// How many threads a kernel may use; set by set_num_threads, kept by forked children.
inline std::atomic<int>& max_threads() {
  static std::atomic<int> count{1};
  return count;
}

class Team {
 public:
  static Team& shared() { return process_wide<Team>(); }

  /// Call work(Member) on up to `count` threads. The first exception thrown by a member is thrown again here, unless
  /// other members wait at a barrier: work that uses barriers must not throw.
  template <class Work>
  void run(int count, Work&& work) {
    std::unique_lock<std::mutex> mine(running_, std::defer_lock);
    if (count > 1 && mine.try_lock()) count = hire(count - 1) + 1;
    else count = 1;
    Barrier barrier(count);
    if (count == 1) {
      work(Member{0, 1, &barrier});
      return;
    }
    std::exception_ptr failure;
    std::mutex failing;
    const std::function<void(int)> job = [&](int id) {
      const FlushDenormals flush;
      try {
        work(Member{id, count, &barrier});
      } catch (...) {
        std::lock_guard<std::mutex> lock(failing);
        if (!failure) failure = std::current_exception();
      }
    };
    pending_.store(count - 1, std::memory_order_relaxed);
    job_ = &job;
    for (int i = 1; i < count; ++i) helpers_[static_cast<size_t>(i - 1)]->call();
    job(0);
    wait_politely([&] { return pending_.load(std::memory_order_acquire) == 0; });
    if (failure) std::rethrow_exception(failure);
  }

 private:
  class Helper {
   public:
    Helper(Team& team, int id) : team_(team), id_(id), thread_([this] { live(); }) { thread_.detach(); }
    void call() {
      calls_.fetch_add(1);  // sequentially consistent, as is asleep_ below: either the helper sees the call
      if (asleep_.load()) {  // before it sleeps, or the caller sees it asleep
        std::lock_guard<std::mutex> lock(mutex_);
        wake_.notify_one();
      }
    }

   private:
    void live() {
      unsigned seen = 0;
      for (;;) {
        const auto called = [&] { return calls_.load() != seen; };
        // A model's next kernel is seldom a millisecond away, and to wake a thread takes some 100 us.
        for (int i = 0; i < 4096 && !called(); ++i) pause_cpu();
        for (int i = 0; i < 2000 && !called(); ++i) std::this_thread::yield();
        if (!called()) {
          std::unique_lock<std::mutex> lock(mutex_);
          asleep_.store(true);
          wake_.wait(lock, called);
          asleep_.store(false);
        }
        ++seen;
        (*team_.job_)(id_);
        team_.pending_.fetch_sub(1, std::memory_order_acq_rel);
      }
    }
    Team& team_;
    const int id_;
    std::atomic<unsigned> calls_{0};
    std::atomic<bool> asleep_{false};
    std::mutex mutex_;
    std::condition_variable wake_;
    std::thread thread_;  // last: it uses the members above
  };

  /// Have at least n helpers if the system gives them; returns how many may be used, at most n.
  int hire(int n) {
    while (static_cast<int>(helpers_.size()) < n) {
      try {
        helpers_.push_back(std::make_unique<Helper>(*this, static_cast<int>(helpers_.size()) + 1));
      } catch (const std::system_error&) {
        break;
      }
    }
    const int have = static_cast<int>(helpers_.size());
    return have < n ? have : n;
  }

  std::mutex running_;
  std::vector<std::unique_ptr<Helper>> helpers_;
  const std::function<void(int)>* job_ = nullptr;
  std::atomic<int> pending_{0};
};

}  // namespace recurra
