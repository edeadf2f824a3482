// Waiting for other threads: a spin wait that backs off, and the barrier made of it.
#pragma once
#include <atomic>
#include <chrono>
#include <thread>
#if defined(__SSE2__) || defined(_M_X64)
#include <immintrin.h>
#endif

#include "recurra/threads/cpu_time.hpp"

namespace recurra {

using Clock = std::chrono::steady_clock;

inline void pause_cpu() {
#if defined(__SSE2__) || defined(_M_X64)
  _mm_pause();
#elif defined(__aarch64__) && !defined(_MSC_VER)
  asm volatile("yield");
#endif
}

/// Wait until done(), or until `deadline` if there is one: spin for some 20 us, then yield for about a millisecond,
/// then sleep 50 us at a time. Why so: a sleep takes some 100 us to end, too long when the other thread is only a
/// little behind; spinning without bound takes the core from a thread that may be the one waited for.
template <class Done>
inline void wait_with_backoff(Done done, const Clock::time_point* deadline = nullptr) {
  const auto over = [&] { return deadline && Clock::now() >= *deadline; };
  for (int i = 0; i < 512; ++i) {
    if (done() || (i % 16 == 15 && over())) return;
    pause_cpu();
  }
  const std::int64_t start = thread_cpu_time();
  bool ends = false;
  for (int i = 0; i < 2000 && !ends; ++i) {
    ends = done() || over();
    if (!ends) std::this_thread::yield();
  }
  while (!ends && !done() && !over()) std::this_thread::sleep_for(std::chrono::microseconds(50));
  thread_waiting_time() += thread_cpu_time() - start;
}

/// Lets `threads` threads go on when all of them have called wait(). Usable again at once.
class Barrier {
 public:
  void wait(int threads) {
    if (threads == 1) return;
    const unsigned generation = generation_.load(std::memory_order_relaxed);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads) {
      arrived_.store(0, std::memory_order_relaxed);
      generation_.store(generation + 1, std::memory_order_release);
    } else {
      wait_with_backoff([&] { return generation_.load(std::memory_order_acquire) != generation; });
    }
  }

 private:
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<unsigned> generation_{0};
};

}  // namespace recurra
