// When calls go on with one thread, and when with several again.
#include "recurra/threads/speedup.hpp"

#include "check.hpp"

using recurra::Clock;
using recurra::Speedup;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

/// Calls one after another, without time between them.
struct Calls {
  Speedup speedup;
  Clock::time_point now{seconds(1000)};
  /// A call that takes `wall` on several threads, which compute for `computed`; false where one thread should run it.
  bool next(milliseconds wall, milliseconds computed) {
    if (!speedup.expected(now)) {
      now += computed;
      return false;
    }
    now += wall;
    speedup.judge(now, wall, computed);
    return true;
  }
};

constexpr milliseconds fast{6}, slow{14}, computed{10};

}  // namespace

TEST(fast_calls_keep_their_threads) {
  Calls calls;
  for (int i = 0; i < 1000; ++i) CHECK(calls.next(fast, computed));
}

TEST(a_single_slow_call_keeps_its_threads) {
  Calls calls;
  for (int i = 0; i < 100; ++i) CHECK(calls.next(i % 5 == 0 ? milliseconds(30) : fast, computed));
}

TEST(many_slow_calls_run_on_one_thread_and_seldom_try_again) {
  Calls calls;
  CHECK(calls.next(slow, computed));
  CHECK(calls.next(slow, computed));
  CHECK(!calls.next(slow, computed));
  int several = 0;
  const auto start = calls.now;
  for (int i = 0; i < 1000; ++i) several += calls.next(slow, computed);
  CHECK(several > 10);
  CHECK(several < 50);
  CHECK(calls.now - start < 1000 * computed * 103 / 100);  // hardly longer than on one thread
}

TEST(long_calls_try_again_seldom_too) {
  Calls calls;
  int several = 0;
  for (int i = 0; i < 1000; ++i) several += calls.next(seconds(3), seconds(2));
  CHECK(several < 50);
}

TEST(slow_calls_among_fast_ones_count) {
  Calls calls;
  int several = 0;
  for (int i = 0; i < 1000; ++i) several += calls.next(i % 2 ? milliseconds(40) : fast, computed);
  CHECK(several < 300);
}

TEST(threads_come_back_when_the_calls_are_fast_again) {
  Calls calls;
  for (int i = 0; i < 1000; ++i) calls.next(slow, computed);
  int waited = 0;
  while (!calls.next(fast, computed)) ++waited;
  CHECK(waited < 50);
  for (int i = 0; i < 100; ++i) CHECK(calls.next(fast, computed));
  CHECK(calls.next(slow, computed));  // all is forgiven
  CHECK(calls.next(fast, computed));
}

TEST(short_calls_and_systems_without_a_clock_are_not_judged) {
  Calls calls;
  for (int i = 0; i < 100; ++i) CHECK(calls.next(slow, milliseconds(0)));
}

TEST(not_each_of_many_short_calls_is_due) {
  Speedup speedup;
  const Clock::time_point now{seconds(1000)};
  CHECK(speedup.due(now));
  speedup.judge(now, fast, computed);
  CHECK(!speedup.due(now + std::chrono::microseconds(20)));
  CHECK(speedup.due(now + milliseconds(1)));
}
