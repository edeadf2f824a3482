// A network's steps against the forward loop over the same tokens, bit for bit: every cell, with and without zoneout and
// 8-bit weights, with the input's products computed at each step and read from the table of tokens, with threads.
#include <array>
#include <string>

#include "check.hpp"
#include "recurra/cells/list.hpp"
#include "recurra/generation/network_step.hpp"
#include "recurra/sequence/forward.hpp"

using namespace recurra;
using recurra_test::Numbers;

namespace {

template <class T>
struct Arguments {
  using List = std::vector<T>;

  Arguments(const CellDeclaration& cell, Index B, Index steps, Index I, Index H, bool zoneout, bool int8, unsigned seed)
      : numbers(seed), ids(size_t(B * steps)) {
    const Index GH = cell.gates * H;
    call.B = B, call.steps = steps, call.I = I, call.H = H;
    call.activation = cell.usual_activation;
    if (cell.projects) call.projected = seed % 2 ? H / 2 + 1 : H + 3;
    const Index P = call.P();
    for (std::int32_t& id : ids) id = std::int32_t((numbers.next() + 1) / 2 * double(vocabulary));
    table = list(vocabulary * I);
    for (const std::int32_t id : ids) x.insert(x.end(), table.begin() + id * I, table.begin() + (id + 1) * I);
    x.push_back(T(0));  // so that there is an address without any
    call.x = x.data();
    matrix(I, GH, int8, kernel, call.kernel, call.int8_kernel);
    if (cell.has_recurrent_kernel())
      matrix(P, GH, int8, recurrent_kernel, call.recurrent_kernel, call.int8_recurrent_kernel);
    if (cell.biases) bias = list(cell.biases * GH), call.bias = bias.data();
    if (cell.projects) projection = list(H * P, 1 / std::sqrt(double(H))), call.projection_kernel = projection.data();
    if (cell.unit_parameters) units = list(cell.unit_parameters * H, 0.5), call.unit_parameters = units.data();
    h0 = list(B * P), call.h0 = h0.data();
    if (cell.carry == Carry::c) c0 = list(B * H), call.c0 = c0.data();
    if (zoneout) call.zoneout_h.share = T(0.3), call.zoneout_c.share = T(cell.carry == Carry::c ? 0.6 : 0);
  }

  static constexpr Index vocabulary = 12;
  Numbers numbers;
  SequenceCall<T> call;
  std::vector<std::int32_t> ids;  // (B, steps)
  List table, x, bias, projection, units, h0, c0;

 private:
  struct Matrix {
    List values, scales;
    std::vector<std::int8_t> integers;
  };
  List list(Index n, double scale = 1) { return numbers.template list<T>(size_t(n), scale); }
  void matrix(Index K, Index N, bool int8, Matrix& own, const T*& values, Int8Weights<T>& quantized) {
    const double scale = 1 / std::sqrt(double(K));
    own.values = list(K * N, scale);
    if (!int8) return void(values = own.values.data());
    for (const T value : own.values) own.integers.push_back(std::int8_t(std::lround(127 / scale * double(value))));
    own.scales = list(N, 10);
    for (T& factor : own.scales) factor += T(127 / scale);
    quantized = {own.integers.data(), own.scales.data()};
  }
  Matrix kernel, recurrent_kernel;
};

template <class T>
void compare(const CellFunctions<T>& functions, Index B, Index steps, Index I, Index H, unsigned seed) {
  const CellDeclaration& cell = functions.declaration;
  for (const bool zoneout : {false, true})
    for (const bool int8 : {false, true})
      for (const bool tabled : {false, true}) {
        Arguments<T> own(cell, B, steps, I, H, zoneout, int8, seed);
        const SequenceCall<T>& call = own.call;
        const Index P = call.P(), V = own.vocabulary;
        std::vector<T> y(size_t(B * steps * P)), h(size_t(B * P)), c(size_t(B * H));
        const bool has_c = cell.carry == Carry::c;
        SequenceForward<T>::run(functions, call, y.data(), h.data(), has_c ? c.data() : nullptr);

        const std::vector<T> scores(size_t(P * V), T(0.5));
        std::vector<NetworkLayer<T>> layers;
        layers.push_back(NetworkLayer<T>::cell(functions, call));
        layers.push_back(
            NetworkLayer<T>::fully_connected(P, V, scores.data(), static_cast<T*>(nullptr), Activation::linear));
        Network<T> network({own.table.data(), {}}, V, std::move(layers), false);
        NetworkStep<T> step(network, B, tabled ? V : 0);
        step.each_recurrent(
            [&](Index, LayerStep<T>& layer) { layer.set_state(0, B, own.h0.data(), has_c ? own.c0.data() : nullptr); });
        step.on_workers(B, steps, [&](const Worker& worker) {
          for (Index s = 0; s < steps; ++s) {
            if (worker.id == 0)
              for (Index b = 0; b < B; ++b) step.feed(s, b, own.ids[size_t(b * steps + s)]);
            worker.barrier();
            step.run(worker, s, B, true);
          }
        });
        std::vector<T> last_h(h.size()), last_c(c.size());
        step.each_recurrent([&](Index, LayerStep<T>& layer) {
          layer.get_state(steps, B, last_h.data(), has_c ? last_c.data() : nullptr);
        });
        const std::string label = std::string(cell.name) + (zoneout ? " zoneout" : "") + (int8 ? " int8" : "") +
                                  (tabled ? " table " : " ") + std::to_string(B) + "x" + std::to_string(steps) + "x" +
                                  std::to_string(I) + "x" + std::to_string(H);
        if (last_h != h) recurra_test::fail(__FILE__, __LINE__, label + ": h differs");
        if (has_c && last_c != c) recurra_test::fail(__FILE__, __LINE__, label + ": c differs");
        for (Index b = 0; b < B; ++b) {
          double expected = 0;
          for (Index j = 0; j < P; ++j) expected += 0.5 * double(h[size_t(b * P + j)]);
          CHECK_CLOSE(step.scores(b)[V - 1], expected, 1e-3);
        }
      }
}

template <class T>
void compare_shapes(const CellFunctions<T>& cell) {
  unsigned seed = 1;
  for (const auto& [B, steps, I, H] : {std::array<Index, 4>{1, 1, 1, 1},
                                       {1, 5, 3, 9},
                                       {2, 4, 5, 35},
                                       {3, 6, 2, 17},
                                       {5, 3, 7, 70},
                                       {51, 2, 4, 21}})  // more rows than a block
    compare<T>(cell, B, steps, I, H, seed++);
}

/// Enough work for threads.
template <class T>
void compare_with_threads(const CellFunctions<T>& cell) {
  const int before = max_threads().exchange(3);
  for (unsigned seed = 1; seed < 4; ++seed) compare<T>(cell, seed, 30, 21, 211, seed);
  max_threads().store(before);
}

}  // namespace

#define RECURRA_TEST_CELL(Cell)                          \
  TEST(Cell##_steps_have_the_bits_of_the_forward_loop) { \
    compare_shapes(cell_functions<Cell, float>());       \
    compare_shapes(cell_functions<Cell, double>());      \
    compare_with_threads(cell_functions<Cell, float>()); \
  }
RECURRA_CELLS(RECURRA_TEST_CELL)

TEST(rows_of_a_projected_state_are_taken_anew) {
  Arguments<float> own(declaration<ProjectionLstm>, 3, 1, 2, 19, true, false, 1);
  const Index P = own.call.P(), H = own.call.H;
  const NetworkLayer<float> layer = NetworkLayer<float>::cell(cell_functions<ProjectionLstm, float>(), own.call);
  LayerStep<float> step(layer, 3, 1);
  step.set_state(0, 3, own.h0.data(), own.c0.data());
  step.take_rows(0, {2, 0, 0});
  std::vector<float> h(size_t(3 * P)), c(size_t(3 * H));
  step.get_state(0, 3, h.data(), c.data());
  for (const auto& [to, from] : {std::array<Index, 2>{0, 2}, {1, 0}, {2, 0}}) {
    CHECK(std::equal(h.begin() + to * P, h.begin() + (to + 1) * P, own.h0.begin() + from * P));
    CHECK(std::equal(c.begin() + to * H, c.begin() + (to + 1) * H, own.c0.begin() + from * H));
  }
}
