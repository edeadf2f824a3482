// The process's thread pool. `ThreadPool::shared().run(n, work)` calls work(worker) on up to n threads, worker 0 on the
// calling thread, and returns when all of them are done. Within the call worker.barrier() waits for the others.
//
//   run(n, work)                       every thread takes part, however late it starts
//   run_if_faster(n, work)             the same, as long as it is faster than one thread
//   run_with_timeout(n, us, work)      only threads that start within `us` microseconds take part
//   run_independent(n, work)           for work without barriers: the caller does the share of a thread that has not
//                                      started when its own is done
//
// A call may get fewer workers than it asked for: one when the pool is busy with another thread's call (nested calls
// included) or no thread can be started; and, except in run(), one while several are slower (speedup.hpp). Results do
// not depend on it, because work is split by output, never by reduction. After a fork the child makes a new pool when
// it first needs one.
//
// Why a timeout: a call whose workers meet at barriers runs as slowly as its slowest worker, and a thread whose core is
// busy with another process is slower than none.
//
// Pool threads spin, then yield, then sleep while they wait for work (barrier.hpp). Where another library has a team of
// OpenMP threads of the size of the call, that team runs it (openmp_team.hpp).
#pragma once
#include <algorithm>
#include <atomic>
#include <bitset>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "recurra/support/denormals.hpp"
#include "recurra/support/layout.hpp"
#include "recurra/support/process_wide.hpp"
#include "recurra/threads/affinity.hpp"
#include "recurra/threads/barrier.hpp"
#include "recurra/threads/openmp_team.hpp"
#include "recurra/threads/speedup.hpp"

namespace recurra {

/// One of the `count` workers of a call.
struct Worker {
  int id, count;
  Barrier* shared_barrier;

  void barrier() const { shared_barrier->wait(count); }
  /// This worker's share of n items; shares differ by one item at most.
  Range range(Index n) const { return {n * id / count, n * (id + 1) / count}; }
};

/// How many threads a kernel may use; set by set_num_threads, inherited by forked children.
inline std::atomic<int>& max_threads() {
  static std::atomic<int> count{1};
  return count;
}

class ThreadPool {
 public:
  static ThreadPool& shared() { return process_wide<ThreadPool>(); }

  /// Call work(Worker) on up to `count` threads. The first exception of a worker is thrown again here. Work that uses
  /// barriers must not throw: the other workers would wait for ever.
  template <class Work>
  void run(int count, Work&& work) {
    run_as(Manner{}, count, work);
  }
  template <class Work>
  void run_if_faster(int count, Work&& work) {
    run_as(Manner{forever, &without_timeout_}, count, work);
  }
  /// On those threads that start within `timeout_us` microseconds. A thread that missed the timeout is left out of
  /// calls with a short timeout for a while: one that spins for work takes time from the caller where cores are few.
  template <class Work>
  void run_with_timeout(int count, double timeout_us, Work&& work) {
    run_as(Manner{std::chrono::nanoseconds(std::int64_t(1000 * timeout_us)), &with_timeout_}, count, work);
  }
  template <class Work>
  void run_independent(int count, Work&& work) {
    run_as(Manner{forever, &without_timeout_, true}, count, work);
  }

 private:
  static constexpr Clock::duration forever = Clock::duration::max();
  /// How a call treats threads that start late, and what it is judged by, if at all.
  struct Manner {
    Clock::duration timeout = forever;
    Speedup* speedup = nullptr;
    bool independent = false;
  };
  using ThreadSet = std::bitset<48>;  // pool thread i is bit i - 1; no more are ever started

  /// Which pool threads take part in the current call, and whether more may still register. One atomic word, so that a
  /// thread that comes late or belongs to an earlier call cannot register by mistake.
  class Registration {
   public:
    void open(std::uint64_t call, ThreadSet invited) {
      state_.store(number(call) | is_open | (~invited).to_ullong());  // threads not invited count as registered
    }
    bool try_register(std::uint64_t call, int id) {
      const std::uint64_t self = std::uint64_t{1} << (id - 1);
      std::uint64_t state = state_.load();
      while ((state & ~(is_open - 1)) == (number(call) | is_open) && !(state & self))
        if (state_.compare_exchange_weak(state, state | self)) return true;
      return false;
    }
    bool closed() const { return !(state_.load(std::memory_order_acquire) & is_open); }
    void close() { state_.fetch_and(~is_open); }
    ThreadSet registered() const { return ThreadSet(state_.load() & (is_open - 1)); }

   private:
    static constexpr std::uint64_t is_open = std::uint64_t{1} << ThreadSet().size();
    static constexpr std::uint64_t number(std::uint64_t call) { return call << (ThreadSet().size() + 1); }
    alignas(64) std::atomic<std::uint64_t> state_{0};
  };

  /// What the workers of a call share.
  template <class Work>
  class Call {
   public:
    /// speedup: what judges the call, or null.
    Call(Work& work, Speedup* speedup) : work_(work) {
      if (!speedup) return;
      begin_ = Clock::now();
      if (speedup->due(begin_)) speedup_ = speedup;
    }
    /// The work of one of them, on its thread.
    void run(int id, int count) {
      const FlushDenormals flush;
      const std::int64_t start = speedup_ ? computing_time() : 0;
      try {
        work_(Worker{id, count, &barrier_});
      } catch (...) {
        std::lock_guard<std::mutex> lock(failure_mutex_);
        if (!failure_) failure_ = std::current_exception();
      }
      if (speedup_) computed_.fetch_add(computing_time() - start, std::memory_order_relaxed);
      if (id == 0) workers_ = count;
    }
    /// On the caller's thread, when all are done.
    void finish() const {
      if (speedup_ && workers_ > 1) {
        const auto now = Clock::now();
        speedup_->judge(now, now - begin_, std::chrono::nanoseconds(computed_.load(std::memory_order_relaxed)));
      }
      if (failure_) std::rethrow_exception(failure_);
    }

   private:
    Work& work_;
    Speedup* speedup_ = nullptr;
    Clock::time_point begin_;
    int workers_ = 1;
    Barrier barrier_;
    std::atomic<std::int64_t> computed_{0};  // ns, of all workers
    std::exception_ptr failure_;
    std::mutex failure_mutex_;
  };

  template <class Work>
  void run_as(const Manner& manner, int count, Work& work) {
    const bool waits_for_all = manner.timeout == forever;
    const Clock::duration timeout = manner.timeout;
    std::unique_lock<std::mutex> pool(running_, std::defer_lock);
    ThreadSet invited;
    if (count > 1 && pool.try_lock() && (!manner.speedup || manner.speedup->expected())) {
      if (const OpenMPTeam* team = OpenMPTeam::find(count)) {
        Call<Work> call(work, manner.speedup);
        run_on_team(*team, count, call, timeout);
        return call.finish();
      }
      invited = available_threads(count - 1, timeout);
    }
    if (invited.none()) {
      Barrier barrier;
      work(Worker{0, 1, &barrier});
      return;
    }
    Call<Work> call(work, manner.speedup);
    const std::function<void(int)> job = [&](int id) {
      ThreadSet threads = invited;
      if (!waits_for_all) {  // who takes part is known when registration is closed
        wait_with_backoff([&] { return registration_.closed(); });
        threads &= registration_.registered();
      }
      if (id > 0) id = 1 + int((threads << (threads.size() - size_t(id - 1))).count());  // number workers without gaps
      call.run(id, int(threads.count()) + 1);
    };
    done_.store(0, std::memory_order_relaxed);
    job_ = &job;
    caller_core_.store(waits_for_all ? -1 : current_core());
    long_timeout_.store(timeout >= std::chrono::milliseconds(1));
    declined_.store(0);
    registration_.open(++call_, invited);
    for (size_t i = 0; i < threads_.size(); ++i)
      if (invited[i]) threads_[i]->call(call_);
    ThreadSet threads = invited;
    if (!waits_for_all) {
      const auto deadline = Clock::now() + timeout;
      wait_with_backoff(
          [&] {
            return int((registration_.registered() & invited).count()) + declined_.load() >= int(invited.count());
          },
          &deadline);
      registration_.close();
      threads &= registration_.registered();
      for (size_t i = 0; i < threads_.size(); ++i)
        if (invited[i]) threads_[i]->note_start(threads[i]);
    }
    job(0);
    int awaited = int(threads.count());
    for (int id = 1; manner.independent && id <= int(threads_.size()); ++id)
      if (registration_.try_register(call_, id)) job(id), --awaited;
    wait_with_backoff([&] { return done_.load(std::memory_order_acquire) == awaited; });
    call.finish();
  }

  /// The same on a team of OpenMP threads, of which those take part that enter within the timeout.
  template <class Work>
  static void run_on_team(const OpenMPTeam& team, int count, Call<Work>& call, Clock::duration timeout) {
    const bool waits_for_all = timeout == forever;
    const int most = int(ThreadSet().size());
    Registration registration;
    registration.open(1, ThreadSet().set());
    const auto deadline = waits_for_all ? Clock::time_point::max() : Clock::now() + timeout;
    team.run(std::min(count, most + 1), [&](int id, int size) {
      if (!waits_for_all) {
        if (id > 0) {
          if (!registration.try_register(1, id)) return;
          wait_with_backoff([&] { return registration.closed(); });
        } else {
          wait_with_backoff([&] { return int(registration.registered().count()) == size - 1; }, &deadline);
          registration.close();
        }
        const ThreadSet threads = registration.registered();
        if (id > 0) id = 1 + int((threads << (threads.size() - size_t(id - 1))).count());
        size = int(threads.count()) + 1;
      }
      call.run(id, size);
    });
  }

  class PoolThread {
   public:
    PoolThread(ThreadPool& pool, int id) : pool_(pool), id_(id), thread_([this] { loop(); }) { thread_.detach(); }
    void call(std::uint64_t number) {
      called_.store(
          number);  // sequentially consistent, as asleep_ is: either the thread sees the call before it sleeps,
      was_asleep_ = asleep_.load();  // or the caller sees it asleep
      if (was_asleep_) {
        std::lock_guard<std::mutex> lock(mutex_);
        wake_.notify_one();
      }
    }

    /// Whether it started in time. A thread that had to wake up first could not, and is awake for the next call.
    void note_start(bool in_time) {
      if (in_time) cooldown_ = Clock::duration{0};
      if (in_time || was_asleep_) return;
      cooldown_ = std::clamp<Clock::duration>(2 * cooldown_, shortest_cooldown, longest_cooldown);
      cooldown_end_ = Clock::now() + cooldown_;
    }
    bool cools_down(Clock::duration timeout) const { return timeout < cooldown_ && Clock::now() < cooldown_end_; }

   private:
    static constexpr std::chrono::milliseconds shortest_cooldown{1}, longest_cooldown{16};
    void loop() {
      std::uint64_t seen = 0;
      bool stays_awake = true;
      for (;;) {
        const auto called = [&] { return called_.load() != seen; };
        // A model's next kernel mostly comes within a millisecond, and waking a thread takes some 100 us.
        for (int i = 0; stays_awake && i < 4096 && !called(); ++i) pause_cpu();
        for (int i = 0; stays_awake && i < 2000 && !called(); ++i) std::this_thread::yield();
        if (!called()) {
          std::unique_lock<std::mutex> lock(mutex_);
          asleep_.store(true);
          wake_.wait(lock, called);
          asleep_.store(false);
        }
        seen = called_.load();
        const int core = pool_.caller_core_.load();
        bool on_caller_core = core >= 0 && core == current_core();
        if (on_caller_core && pool_.long_timeout_.load()) {  // another core may be busy, but hardly for the whole call
          migrate_from_core(core);
          on_caller_core = core == current_core();
        }
        stays_awake = !on_caller_core;
        if (on_caller_core) {
          pool_.declined_.fetch_add(1);
          migrate_from_core(core);  // on one core the two would wait for each other; asleep, it would wake here again
        }
        if (on_caller_core || !pool_.registration_.try_register(seen, id_)) continue;
        (*pool_.job_)(id_);
        pool_.done_.fetch_add(1, std::memory_order_acq_rel);
      }
    }
    ThreadPool& pool_;
    const int id_;
    std::atomic<std::uint64_t> called_{0};  // number of the latest call
    std::atomic<bool> asleep_{false};
    // Used by the caller only:
    bool was_asleep_ = false;  // at the latest call
    Clock::duration cooldown_{0};  // doubles with each missed timeout
    Clock::time_point cooldown_end_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::thread thread_;  // last: it uses the members above
  };

  /// Start threads until there are n, as far as the system allows; returns those to call, at most n.
  ThreadSet available_threads(int n, Clock::duration timeout) {
    const size_t wanted = std::min(size_t(n), ThreadSet().size());
    while (threads_.size() < wanted) {
      try {
        threads_.push_back(std::make_unique<PoolThread>(*this, int(threads_.size()) + 1));
      } catch (const std::system_error&) {
        break;
      }
    }
    ThreadSet found;
    for (size_t i = 0; i < std::min(wanted, threads_.size()); ++i) found[i] = !threads_[i]->cools_down(timeout);
    return found;
  }

  std::mutex running_;
  Speedup with_timeout_, without_timeout_;
  std::vector<std::unique_ptr<PoolThread>> threads_;
  const std::function<void(int)>* job_ = nullptr;
  Registration registration_;
  std::uint64_t call_ = 0;  // number of the latest call
  std::atomic<int> done_{0};  // pool threads that have finished the call
  std::atomic<int> caller_core_{-1};  // in calls with a timeout
  std::atomic<bool> long_timeout_{false};  // enough for a thread to migrate
  std::atomic<int> declined_{
      0};  // threads that run on the caller's core; one from an earlier call only ends the wait early
};

}  // namespace recurra
