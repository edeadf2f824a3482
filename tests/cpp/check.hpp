// A test framework of one page: TEST(name) { ... CHECK(condition); CHECK_CLOSE(got, expected, tolerance); }
//
// A failed check is reported and counted; the test goes on. Tests register themselves and main.cpp runs them.
#pragma once

#include <chrono>
#include <cmath>
#include <cstdio>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

namespace recurra_test {

struct Test {
  const char* name;
  void (*run)();
};

inline std::vector<Test>& tests() {
  static std::vector<Test> all;
  return all;
}

inline int& failures() {
  static int count = 0;
  return count;
}

/// Of the first failed checks of the current test, a line each.
inline std::string& failure_texts() {
  static std::string texts;
  return texts;
}

struct Registered {
  Registered(const char* name, void (*run)()) { tests().push_back({name, run}); }
};

inline void fail(const char* file, int line, const std::string& text) {
  static std::mutex mutex;  // checks may be made on several threads
  const std::lock_guard<std::mutex> lock(mutex);
  if (++failures() > 50) return;
  const std::string said = std::string(file) + ":" + std::to_string(line) + ": " + text + "\n";
  std::printf("%s", said.c_str());
  if (failures() <= 5) failure_texts() += said;
}

template <class A, class B>
std::string both(const char* expression, const A& got, const B& expected) {
  std::ostringstream text;
  text.precision(17);
  text << expression << ": got " << got << ", expected " << expected;
  return text.str();
}

template <class A, class B>
void check_equal(const char* file, int line, const char* expression, const A& got, const B& expected) {
  if (!(got == expected)) fail(file, line, both(expression, got, expected));
}

/// |got - expected| <= tolerance * max(1, |expected|); NaN is close to nothing.
inline void check_close(const char* file, int line, const char* expression, double got, double expected,
                        double tolerance) {
  if (!(std::fabs(got - expected) <= tolerance * std::fmax(1.0, std::fabs(expected))))
    fail(file, line, both(expression, got, expected));
}

/// Numbers for tests: repeatable, spread over [-1, 1), not from the code under test.
class Numbers {
 public:
  explicit Numbers(unsigned seed) : state_(seed * 2654435769u + 1) {}
  double next() {
    state_ = state_ * 6364136223846793005ull + 1442695040888963407ull;
    return static_cast<double>(static_cast<long long>(state_) >> 11) * 0x1p-52;
  }
  template <class T>
  std::vector<T> list(std::size_t n, double scale = 1) {
    std::vector<T> values(n);
    for (T& value : values) value = static_cast<T>(scale * next());
    return values;
  }

 private:
  unsigned long long state_;
};

/// Call `attempt` until it returns true, for at most `seconds`: what a busy machine makes wait. Whether it did.
template <class Attempt>
bool within(int seconds, Attempt&& attempt) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  do {
    if (attempt()) return true;
  } while (std::chrono::steady_clock::now() < give_up);
  return false;
}

/// Repeats what threads do together: for (Rounds rounds(3000); rounds.next();). At least a tenth of the rounds, and
/// no more after 5 seconds: on a busy machine each meeting of threads waits for other processes.
class Rounds {
 public:
  explicit Rounds(int most) : most_(most) {}
  bool next() {
    ++done_;
    return done_ < most_ && (done_ < most_ / 10 || std::chrono::steady_clock::now() < end_);
  }
  /// The number of the round: 0, 1, ...
  int number() const { return done_; }

 private:
  const int most_;
  int done_ = -1;
  const std::chrono::steady_clock::time_point end_ = std::chrono::steady_clock::now() + std::chrono::seconds(5);
};

}  // namespace recurra_test

#define TEST(name)                                                      \
  static void name();                                                   \
  static const recurra_test::Registered registered_##name(#name, name); \
  static void name()

#define CHECK(condition)                                                  \
  do {                                                                    \
    if (!(condition)) recurra_test::fail(__FILE__, __LINE__, #condition); \
  } while (false)
#define CHECK_EQUAL(got, expected) recurra_test::check_equal(__FILE__, __LINE__, #got, got, expected)
#define CHECK_CLOSE(got, expected, tolerance) \
  recurra_test::check_close(__FILE__, __LINE__, #got, got, expected, tolerance)
