// A call that is interrupted ends early with Interrupted, whatever its workers, and asks on the calling thread only.
#include "recurra/support/interrupt.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "check.hpp"
#include "recurra/cells/list.hpp"
#include "recurra/sequence/backward.hpp"
#include "recurra/sequence/forward.hpp"

using namespace recurra;

namespace {

std::thread::id caller;
bool asked_elsewhere = false, says_stop = false;
int asked = 0;

bool check() {
  asked_elsewhere |= std::this_thread::get_id() != caller;
  ++asked;
  return says_stop;
}

/// An LSTM call of some steps.
struct LongCall {
  static constexpr Index B = 16, I = 3, H = 256;
  const Index steps;
  std::vector<float> x = std::vector<float>(size_t(B * steps * I), 0.1f),
                     kernel = std::vector<float>(size_t(I * 4 * H), 0.1f),
                     recurrent = std::vector<float>(size_t(H * 4 * H), 0.01f), bias = std::vector<float>(size_t(4 * H)),
                     y = std::vector<float>(size_t(B * steps * H)), h = std::vector<float>(size_t(B * H)), c = h;
  SequenceCall<float> call;
  explicit LongCall(Index steps) : steps(steps) {
    call.B = B, call.steps = steps, call.I = I, call.H = H, call.x = x.data(), call.kernel = kernel.data();
    call.recurrent_kernel = recurrent.data(), call.bias = bias.data();
    call.activation = Activation::tanh, call.recurrent_activation = Activation::sigmoid;
    call.return_sequences = true, call.training = true;
  }
  std::unique_ptr<SequenceCache<float>> forward() {
    return SequenceForward<float>::run(cell_functions<Lstm, float>(), call, y.data(), h.data(), c.data());
  }
  void backward(SequenceCache<float>& cache) {
    std::vector<float> dx = x, dh = h, dc = c, dkernel = kernel, drecurrent = recurrent, dbias = bias;
    const SequenceGradients<float> out{dx.data(),         dh.data(),    dc.data(), dkernel.data(),
                                       drecurrent.data(), dbias.data(), nullptr};
    SequenceBackward<float>::run(cache, {y.data(), H}, nullptr, nullptr, out);
  }
};

/// So many that one thread runs longer than the interval between two questions, but within bounds of memory.
Index steps_that_take(double seconds) {
  LongCall probe(50);
  const auto start = std::chrono::steady_clock::now();
  probe.forward();
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  return std::clamp(Index(double(probe.steps) * seconds / taken.count()), probe.steps, Index(4000));
}

template <class Call>
bool interrupted(Call&& call) {
  try {
    call();
  } catch (const Interrupted&) {
    return true;
  }
  return false;
}

}  // namespace

TEST(an_interrupted_call_ends_early) {
  caller = std::this_thread::get_id();
  const int before = max_threads();
  max_threads() = 1;
  LongCall call(steps_that_take(0.6));
  for (int threads : {1, 2, 3}) {
    max_threads() = threads;
    interrupt_check() = nullptr;
    auto cache = call.forward();
    const std::vector<float> y = call.y;
    interrupt_check() = &check;
    asked = 0;
    says_stop = true;
    CHECK(interrupted([&] { call.backward(*cache); }) == (asked > 0));
    asked = 0;
    CHECK(interrupted([&] { call.forward(); }) == (asked > 0));
    CHECK(asked <= 1);
    says_stop = false;
    cache = call.forward();
    CHECK(call.y == y);
  }
  CHECK(!asked_elsewhere);
  interrupt_check() = nullptr;
  max_threads() = before;
}
