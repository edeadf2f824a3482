// Stopping a long call when the program wants it to end (Ctrl-C).
//
// interrupt_check() holds the function that says so. Whoever calls the kernels may set it (the Python bindings do). It
// is asked on the calling thread only, at most every 200 ms, under the caller's floating-point mode. When it says yes,
// all workers of the call leave out the rest of their work, and the call throws Interrupted. Its outputs are then
// undefined.
#pragma once
#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <limits>

#include "recurra/support/denormals.hpp"
#include "recurra/support/layout.hpp"

namespace recurra {

using InterruptCheck = bool (*)();

inline std::atomic<InterruptCheck>& interrupt_check() {
  static std::atomic<InterruptCheck> check{nullptr};
  return check;
}

class Interrupted : public std::exception {
 public:
  const char* what() const noexcept override { return "interrupted"; }
};

/// Of one call, shared by its workers. Worker 0, which runs on the calling thread, asks; all others read the answer.
class InterruptPoll {
 public:
  /// step_us: estimated time of a step in microseconds. The clock is read once in about 100 us of steps.
  explicit InterruptPoll(double step_us)
      : steps_between_(Index(std::clamp(100 / std::max(step_us, 1e-3), 1.0, 1e5))), countdown_(steps_between_) {}

  /// Whether to leave out step n and all later ones. For workers that run the same steps, n = 0, 1, ..., with a barrier
  /// between one and the next: all of them get the same answer.
  bool stops_before_step(int worker, Index n) {
    if (worker == 0 && --countdown_ <= 0) {
      countdown_ = steps_between_;
      ask(n + 1);
    }
    return stop_at_.load(std::memory_order_relaxed) <= n;
  }
  /// Whether to leave out a step that no other worker waits for.
  bool stops_step(int worker) {
    if (worker == 0 && --countdown_ <= 0) {
      countdown_ = steps_between_;
      ask(0);
    }
    return stopped();
  }
  /// The same for a large piece of work: reads the clock each time.
  bool stops_piece(int worker) {
    if (worker == 0) ask(0);
    return stopped();
  }
  /// After the call's workers are done.
  void throw_if_stopped() const {
    if (stopped()) throw Interrupted();
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds interval{200};
  static constexpr Index never = std::numeric_limits<Index>::max();

  bool stopped() const { return stop_at_.load(std::memory_order_relaxed) != never; }
  void ask(Index stop_at) {
    const InterruptCheck check = interrupt_check().load(std::memory_order_relaxed);
    if (!check || stopped()) return;
    const auto now = Clock::now();
    if (next_ == Clock::time_point{}) next_ = now + interval;
    if (now < next_) return;
    const KeepDenormals keep;
    if (check()) stop_at_.store(stop_at, std::memory_order_relaxed);
    next_ = Clock::now() + interval;
  }

  alignas(64) std::atomic<Index> stop_at_{never};
  // Worker 0's:
  alignas(64) const Index steps_between_;
  Index countdown_;
  Clock::time_point next_{};
};

}  // namespace recurra
