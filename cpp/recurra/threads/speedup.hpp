// Whether several threads are faster than one, judged by the calls that were just made.
//
// A thread of another library that spins on a core, or another process, takes that core from a worker for some
// milliseconds at a time, and the other workers wait. A call can then take longer than on one thread. Its time on one
// thread is about what its workers computed together. Where calls take longer than that again and again, they run on one
// thread for a while; then one call tries several.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>

#include "recurra/threads/barrier.hpp"

namespace recurra {

class Speedup {
 public:
  using Duration = Clock::duration;

  /// Whether a call that begins now may use several threads.
  bool expected(Clock::time_point now = Clock::now()) const { return now >= pause_end_; }
  /// Whether it should be judged: not each of many short calls, as the measurement takes some 0.5 us.
  bool due(Clock::time_point now) const { return now - judged_ >= between; }

  /// A call on several threads took `wall` and ended `now`; its workers computed for `computed` together.
  void judge(Clock::time_point now, Duration wall, Duration computed) {
    judged_ = now;
    if (computed < shortest) return;  // too short to tell
    if (computed > wall) {
      if (score_ > 0) --score_;
      if (score_ == 0) pause_ = Duration{0};
      return;
    }
    score_ = std::min(score_ + (4 * wall > 5 * computed ? 2 : 1), 4);
    if (score_ < 3) return;  // a short interruption, perhaps
    // Between pauses only one call tries again: at last it costs little beside those of a pause.
    pause_ = std::clamp<Duration>(2 * pause_, 4 * wall, std::max<Duration>(32 * wall, longest_pause));
    pause_end_ = now + pause_;
  }

 private:
  static constexpr std::chrono::microseconds shortest{200}, between{100};
  static constexpr std::chrono::milliseconds longest_pause{200};
  int score_ = 0;  // more for slow calls, less for fast ones
  Duration pause_{0};
  Clock::time_point pause_end_{}, judged_{};
};

}  // namespace recurra
