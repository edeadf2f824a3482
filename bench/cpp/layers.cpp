// The cases of bench/cases.py, every cell, inference and training step, without Python.
//
// Names: lstm/training/float32/64x100x256x256/threads:2. FLOPS counts the matrix products on real tokens only, as the
// Python bench does. The cells are those of recurra/cells/list.hpp; one that projects h projects it to half its units.
#include <benchmark/benchmark.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "cases.hpp"
#include "recurra/cells/list.hpp"
#include "recurra/sequence/backward.hpp"
#include "recurra/sequence/forward.hpp"
#include "registry.hpp"

namespace bench {
namespace {

using recurra::Index;

/// One direction's weights and results, and the operands that both directions share.
template <class T>
class Layer {
 public:
  Layer(const recurra::CellFunctions<T>& functions, const Case& shape, bool training)
      : functions_(functions), cell_(functions.declaration), shape_(shape), training_(training), random_(seed) {
    const size_t B = size_t(shape.batch), S = size_t(shape.time), I = size_t(shape.inputs), H = size_t(shape.units);
    projected_ = cell_.projects ? Index(H + 1) / 2 : 0;
    const size_t P = projected_ ? size_t(projected_) : H, GH = size_t(cell_.gates) * H, states = B * P;
    fill(x_, B * S * I, false);
    if (shape.lengths) {
      mask_.assign(B * S, 0);
      for (size_t b = 0; b < B; ++b) std::fill_n(mask_.begin() + long(b * S), shape.lengths[b], std::uint8_t{1});
    }
    directions_.resize(shape.bidirectional ? 2 : 1);
    for (Direction& d : directions_) {
      fill(d.kernel, I * GH, true);
      fill(d.recurrent_kernel, cell_.has_recurrent_kernel() ? P * GH : 0, true);
      fill(d.projection_kernel, cell_.projects ? H * P : 0, true);
      fill(d.bias, size_t(cell_.biases) * GH, true);
      fill(d.unit_parameters, size_t(cell_.unit_parameters) * H, true);
      fill(d.h0, states, false);
      fill(d.c0, cell_.states() > 1 ? B * H : 0, false);
      d.y.resize(B * S * P);
      d.h.resize(states);
      d.c.resize(d.c0.size());
      if (!training) continue;
      fill(d.dy, B * S * P, false);
      for (size_t row = 0; row < mask_.size(); ++row)
        if (!mask_[row]) std::fill_n(d.dy.begin() + long(row * P), P, T(0));
      d.dx.resize(x_.size());
      d.dh0.resize(states);
      d.dc0.resize(d.c0.size());
      d.dkernel.resize(d.kernel.size());
      d.drecurrent_kernel.resize(d.recurrent_kernel.size());
      d.dbias.resize(d.bias.size());
      d.dunit_parameters.resize(d.unit_parameters.size());
      d.dprojection_kernel.resize(d.projection_kernel.size());
    }
  }

  void run() {
    for (size_t i = 0; i < directions_.size(); ++i) {
      Direction& d = directions_[i];
      recurra::SequenceCall<T> call;
      call.B = shape_.batch, call.steps = shape_.time, call.I = shape_.inputs, call.H = shape_.units;
      call.projected = projected_, call.projection_kernel = d.projection_kernel.data();
      call.x = x_.data(), call.h0 = d.h0.data(), call.c0 = d.c0.data();
      call.kernel = d.kernel.data(), call.recurrent_kernel = d.recurrent_kernel.data(), call.bias = d.bias.data();
      call.unit_parameters = d.unit_parameters.data();
      call.activation = cell_.usual_activation, call.recurrent_activation = cell_.usual_recurrent_activation;
      call.mask = mask_.empty() ? nullptr : mask_.data();
      call.reverse = i == 1, call.training = training_;
      const auto cache = recurra::SequenceForward<T>::run(functions_, call, d.y.data(), d.h.data(), d.c.data());
      if (training_)
        recurra::SequenceBackward<T>::run(
            *cache, {d.dy.data(), call.P()}, nullptr, nullptr,
            {d.dx.data(), d.dh0.data(), d.dc0.data(), d.dkernel.data(), d.drecurrent_kernel.data(), d.dbias.data(),
             d.dunit_parameters.data(), d.dprojection_kernel.data()});
    }
  }

  /// Whether the results are numbers at all; that they are the right ones is for the tests to say.
  bool finite() const {
    double sum = 0;
    for (const Direction& d : directions_) {
      for (T v : d.h) sum += double(v);
      for (T v : d.dkernel) sum += double(v);
    }
    return std::isfinite(sum);
  }

  double flops() const {
    const double P = double(projected_ ? projected_ : shape_.units);
    double weights = double(projected_) * double(shape_.units);
    for (int c = 0; c < cell_.columns; ++c)
      weights += double(shape_.units) *
                 ((cell_.column[c].kernel >= 0 ? shape_.inputs : 0) + (cell_.column[c].recurrent >= 0 ? P : 0));
    return 2.0 * double(directions_.size()) * double(shape_.tokens) * weights * (training_ ? 3 : 1);
  }

 private:
  struct Direction {
    std::vector<T> kernel, recurrent_kernel, bias, projection_kernel, unit_parameters, h0, c0, y, h, c;
    std::vector<T> dy, dx, dh0, dc0, dkernel, drecurrent_kernel, dbias, dunit_parameters, dprojection_kernel;
  };

  /// Weights uniform in +-1/sqrt(H), everything else normal.
  void fill(std::vector<T>& values, size_t count, bool weights) {
    const double edge = 1.0 / std::sqrt(double(shape_.units));
    std::uniform_real_distribution<double> uniform(-edge, edge);
    std::normal_distribution<double> normal;
    values.resize(count);
    for (T& value : values) value = T(weights ? uniform(random_) : normal(random_));
  }

  const recurra::CellFunctions<T>& functions_;
  const recurra::CellDeclaration& cell_;
  const Case& shape_;
  bool training_;
  Index projected_ = 0;
  std::mt19937 random_;
  std::vector<T> x_;
  std::vector<std::uint8_t> mask_;
  std::vector<Direction> directions_;
};

template <class T>
void run_layer(benchmark::State& state, const recurra::CellFunctions<T>& cell, const Case& shape, bool training,
               int threads) {
  recurra::max_threads().store(threads);
  Layer<T> layer(cell, shape, training);
  layer.run();
  if (!layer.finite()) {
    state.SkipWithError("the layer's results are not finite");
    return;
  }
  for (auto _ : state) {
    layer.run();
    benchmark::ClobberMemory();
  }
  using benchmark::Counter;
  state.counters["FLOPS"] = Counter(layer.flops(), Counter::kIsIterationInvariantRate);
  state.counters["tokens"] = Counter(double(shape.tokens), Counter::kIsIterationInvariantRate);
}

template <class T>
void register_cell(const recurra::CellFunctions<T>& cell, const char* dtype) {
  for (const char* mode : {"inference", "training"})
    for (const Case& shape : cases)
      for (int threads : {1, 2}) {
        const std::string name = std::string(cell.declaration.name) + "/" + mode + "/" + dtype + "/" + shape.name +
                                 "/threads:" + std::to_string(threads);
        const bool training = mode[0] == 't';
        benchmark::RegisterBenchmark(name.c_str(),
                                     [&cell, &shape, training, threads](benchmark::State& state) {
                                       run_layer<T>(state, cell, shape, training, threads);
                                     })
            ->UseRealTime()
            ->Unit(benchmark::kMillisecond);
      }
}

}  // namespace

void register_layers() {
  using namespace recurra;
#define RECURRA_REGISTER(Cell)                                    \
  register_cell<float>(cell_functions<Cell, float>(), "float32"); \
  register_cell<double>(cell_functions<Cell, double>(), "float64");
  RECURRA_CELLS(RECURRA_REGISTER)
#undef RECURRA_REGISTER
}

}  // namespace bench
