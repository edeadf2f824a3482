// The thread team: `run(n, work)` calls work(member) on n threads, member 0 being the caller, and returns when all are
// done. Inside, `barrier()` of the member waits for the others. run_with_who_comes() does with fewer where a helper's core
// is busy with something else: no call then lasts longer than the caller alone would need, and a little.
//
// Helpers spin for a bounded time, then yield, then sleep: a spinning barrier without bound turns milliseconds into
// seconds as soon as another process wants the core. One team serves the process; when a second thread calls while it is
// busy, or when a helper cannot be started, the work runs with one member. That gives the same bits, because work is
// split by output and never by reduction. After a fork the child starts a team of its own when it first needs one.
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
#if defined(__SSE2__) || defined(_M_X64)
#include <immintrin.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif

#include "recurra/support/denormals.hpp"
#include "recurra/support/layout.hpp"
#include "recurra/support/process_wide.hpp"

namespace recurra {

inline void pause_cpu() {
#if defined(__SSE2__) || defined(_M_X64)
  _mm_pause();
#elif defined(__aarch64__) && !defined(_MSC_VER)
  asm volatile("yield");
#endif
}

/// The core that this thread runs on at the moment; -1 where the system does not say.
inline int current_core() {
#if defined(__linux__)
  return sched_getcpu();
#else
  return -1;
#endif
}

/// Have this thread moved to another core, if it may run on one, and then free again to run where it could before.
inline void leave_core([[maybe_unused]] int core) {
#if defined(__linux__)
  cpu_set_t all, others;
  if (sched_getaffinity(0, sizeof all, &all) != 0) return;
  others = all;
  CPU_CLR(size_t(core), &others);
  if (CPU_COUNT(&others) > 0 && sched_setaffinity(0, sizeof others, &others) == 0)
    sched_setaffinity(0, sizeof all, &all);
#endif
}

using Clock = std::chrono::steady_clock;

/// Wait until done(): spin some 20 us, then offer the core to whoever is ready for a millisecond or so (a sleep is over
/// only some 100 us later, too long to wait for a member that is a little behind), then sleep between looks. A member
/// that waits for one that has lost its core must not burn the time that the other needs. Gives up at `end`, if given.
template <class Done>
inline void wait_politely(Done done, const Clock::time_point* end = nullptr) {
  const auto over = [&] { return end && Clock::now() >= *end; };
  for (int i = 0; i < 512; ++i) {
    if (done() || (i % 16 == 15 && over())) return;
    pause_cpu();
  }
  for (int i = 0; i < 2000; ++i) {
    if (done() || over()) return;
    std::this_thread::yield();
  }
  while (!done() && !over()) std::this_thread::sleep_for(std::chrono::microseconds(50));
}

class Barrier {
 public:
  void wait(int members) {
    if (members == 1) return;
    const unsigned turn = turn_.load(std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == members) {
      arrived_.store(0, std::memory_order_relaxed);
      turn_.store(turn + 1, std::memory_order_release);
    } else {
      wait_politely([&] { return turn_.load(std::memory_order_acquire) != turn; });
    }
  }

 private:
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<unsigned> turn_{0};
};

/// One member's view of a running team.
struct Member {
  int id, count;
  Barrier* shared;

  void barrier() const { shared->wait(count); }
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
    run_patiently(count, work, Clock::duration::max());
  }
  /// The same with those helpers who begin within `patience` microseconds; the members' count is then known to all. Who
  /// did not come is not asked again for a while, unless the patience is longer: a helper that waits for the next call
  /// takes time from the caller where cores are few.
  template <class Work>
  void run_with_who_comes(int count, double patience, Work&& work) {
    run_patiently(count, work, std::chrono::nanoseconds(std::int64_t(1000 * patience)));
  }

 private:
  using Helpers = std::bitset<48>;  // helper i is bit i - 1; more are never hired

  /// The door of a call: which helpers are inside, whether more may come, and the call's number. A helper who finds it
  /// shut, or belonging to another call, has nothing to do any more.
  class Door {
   public:
    void open(std::uint64_t call, Helpers invited) {
      state_.store(number(call) | may_enter | (~invited).to_ullong());  // who is not invited: as if inside
    }
    bool enter(std::uint64_t call, int id) {
      const std::uint64_t me = std::uint64_t{1} << (id - 1);
      std::uint64_t now = state_.load();
      while ((now & ~(may_enter - 1)) == (number(call) | may_enter) && !(now & me))
        if (state_.compare_exchange_weak(now, now | me)) return true;
      return false;
    }
    bool shut() const { return !(state_.load(std::memory_order_acquire) & may_enter); }
    void close() { state_.fetch_and(~may_enter); }
    Helpers inside() const { return Helpers(state_.load() & (may_enter - 1)); }

   private:
    static constexpr std::uint64_t may_enter = std::uint64_t{1} << Helpers().size();
    static constexpr std::uint64_t number(std::uint64_t call) { return call << (Helpers().size() + 1); }
    alignas(64) std::atomic<std::uint64_t> state_{0};
  };

  template <class Work>
  void run_patiently(int count, Work&& work, Clock::duration patience) {
    const bool waits_for_all = patience == Clock::duration::max();
    std::unique_lock<std::mutex> mine(running_, std::defer_lock);
    Helpers invited;
    if (count > 1 && mine.try_lock()) invited = hire(count - 1, patience);
    Barrier barrier;
    if (invited.none()) {
      work(Member{0, 1, &barrier});
      return;
    }
    std::exception_ptr failure;
    std::mutex failing;
    const std::function<void(int)> job = [&](int id) {
      const FlushDenormals flush;
      Helpers members = invited;
      if (!waits_for_all) {  // who else is here is known when the door is shut
        wait_politely([&] { return door_.shut(); });
        members &= door_.inside();
      }
      if (id > 0)
        id = 1 + int((members << (members.size() - size_t(id - 1))).count());  // those before it, and the caller
      try {
        work(Member{id, int(members.count()) + 1, &barrier});
      } catch (...) {
        std::lock_guard<std::mutex> lock(failing);
        if (!failure) failure = std::current_exception();
      }
    };
    done_.store(0, std::memory_order_relaxed);
    job_ = &job;
    callers_core_.store(waits_for_all ? -1 : current_core());
    long_call_.store(patience >= std::chrono::milliseconds(1));
    refused_.store(0);
    door_.open(++call_, invited);
    for (size_t i = 0; i < helpers_.size(); ++i)
      if (invited[i]) helpers_[i]->call(call_);
    Helpers members = invited;
    if (!waits_for_all) {
      const auto end = Clock::now() + patience;
      wait_politely([&] { return int((door_.inside() & invited).count()) + refused_.load() >= int(invited.count()); },
                    &end);
      door_.close();
      members &= door_.inside();
      for (size_t i = 0; i < helpers_.size(); ++i)
        if (invited[i]) helpers_[i]->came(members[i]);
    }
    job(0);
    wait_politely([&] { return done_.load(std::memory_order_acquire) == int(members.count()); });
    if (failure) std::rethrow_exception(failure);
  }

  class Helper {
   public:
    Helper(Team& team, int id) : team_(team), id_(id), thread_([this] { live(); }) { thread_.detach(); }
    void call(std::uint64_t number) {
      called_.store(number);  // sequentially consistent, as is asleep_ below: either the helper sees the call
      slept_ = asleep_.load();
      if (slept_) {  // before it sleeps, or the caller sees it asleep
        std::lock_guard<std::mutex> lock(mutex_);
        wake_.notify_one();
      }
    }

    /// Whether it came when called with little patience. Who had to wake up first could not, and is there the next time.
    void came(bool in_time) {
      if (in_time) pause_ = Clock::duration{0};
      if (in_time || slept_) return;
      pause_ = std::clamp<Clock::duration>(2 * pause_, shortest_pause, longest_pause);
      rests_until_ = Clock::now() + pause_;
    }
    bool rests(Clock::duration patience) const { return patience < pause_ && Clock::now() < rests_until_; }

   private:
    static constexpr std::chrono::milliseconds shortest_pause{1}, longest_pause{16};
    void live() {
      std::uint64_t seen = 0;
      bool stays_awake = true;
      for (;;) {
        const auto called = [&] { return called_.load() != seen; };
        // A model's next kernel is seldom a millisecond away, and to wake a thread takes some 100 us.
        for (int i = 0; stays_awake && i < 4096 && !called(); ++i) pause_cpu();
        for (int i = 0; stays_awake && i < 2000 && !called(); ++i) std::this_thread::yield();
        if (!called()) {
          std::unique_lock<std::mutex> lock(mutex_);
          asleep_.store(true);
          wake_.wait(lock, called);
          asleep_.store(false);
        }
        seen = called_.load();
        const int core = team_.callers_core_.load();
        bool in_the_way = core >= 0 && core == current_core();
        if (in_the_way && team_.long_call_.load()) {  // the other core may be busy, but hardly for as long as the call
          leave_core(core);
          in_the_way = core == current_core();
        }
        stays_awake = !in_the_way;
        if (in_the_way) {
          team_.refused_.fetch_add(1);
          leave_core(core);  // here the two would wait for each other in turns; asleep, it might be woken here for ever
        }
        if (in_the_way || !team_.door_.enter(seen, id_)) continue;
        (*team_.job_)(id_);
        team_.done_.fetch_add(1, std::memory_order_acq_rel);
      }
    }
    Team& team_;
    const int id_;
    std::atomic<std::uint64_t> called_{0};  // the last call's number
    std::atomic<bool> asleep_{false};
    // The caller's own:
    bool slept_ = false;  // when called last
    Clock::duration pause_{0};  // after a call that it missed, until it is called again
    Clock::time_point rests_until_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::thread thread_;  // last: it uses the members above
  };

  /// Have at least n helpers if the system gives them; returns which to call, at most n.
  Helpers hire(int n, Clock::duration patience) {
    const size_t wanted = std::min(size_t(n), Helpers().size());
    while (helpers_.size() < wanted) {
      try {
        helpers_.push_back(std::make_unique<Helper>(*this, int(helpers_.size()) + 1));
      } catch (const std::system_error&) {
        break;
      }
    }
    Helpers found;
    for (size_t i = 0; i < std::min(wanted, helpers_.size()); ++i) found[i] = !helpers_[i]->rests(patience);
    return found;
  }

  std::mutex running_;
  std::vector<std::unique_ptr<Helper>> helpers_;
  const std::function<void(int)>* job_ = nullptr;
  Door door_;
  std::uint64_t call_ = 0;  // the number of the last call
  std::atomic<int> done_{0};  // helpers who have done their work
  std::atomic<int> callers_core_{-1};  // where the call does without a helper
  std::atomic<bool> long_call_{false};  // that gives a helper the time to go elsewhere
  std::atomic<int> refused_{0};  // helpers who are there; one more, from an earlier call, only ends the waiting early
};

}  // namespace recurra
