// Every cell, forward and backward, on random shapes and options: both paths (packed weights, small calls) against
// naive_sequence.hpp. Shapes include no steps, no rows, no features, one unit and odd numbers of units.
#include <string>

#include "check.hpp"
#include "naive_sequence.hpp"
#include "recurra/cells/list.hpp"
#include "recurra/sequence/backward.hpp"
#include "recurra/sequence/forward.hpp"
#include "recurra/sequence/small.hpp"

using namespace recurra;
using recurra_test::NaiveSequence;
using recurra_test::Numbers;

namespace {

/// A call with random content.
template <class T>
struct RandomCall {
  using List = std::vector<T>;

  RandomCall(const CellDeclaration& declared, Index B, Index steps, Index I, Index H, unsigned seed)
      : cell(declared), numbers(seed) {
    call.B = B, call.steps = steps, call.I = I, call.H = H;
    call.reverse = chance(2), call.return_sequences = !chance(4), call.zero_output_for_mask = chance(2);
    call.training = true;
    call.activation = chance(3) ? cell.usual_activation : Activation::tanh;
    if (chance(3)) call.recurrent_activation = Activation::hard_sigmoid;
    const Index GH = cell.gates * H;
    if (cell.projects) call.projected = 1 + pick(chance(4) ? 2 * H : H);
    const Index P = call.P();
    if (chance(3)) {
      const Index vocabulary = 1 + pick(9);
      embeddings = list(vocabulary * I);
      for (Index n = 0; n < B * steps; ++n) ids.push_back(std::int32_t(pick(vocabulary)));
      ids.push_back(0);  // so that there is an address without any
      call.ids = ids.data(), call.embeddings = embeddings.data();
    } else {
      x = list(B * steps * I + 1);
      call.x = x.data();
    }
    kernel = list(I * GH), call.kernel = kernel.data();
    if (cell.has_recurrent_kernel()) recurrent_kernel = list(P * GH, 0.7 / std::sqrt(double(P)));
    call.recurrent_kernel = recurrent_kernel.data();
    if (cell.biases && !chance(4)) bias = list(cell.biases * GH), call.bias = bias.data();
    if (cell.projects) projection_kernel = list(H * P, 1 / std::sqrt(double(H)));
    call.projection_kernel = projection_kernel.data();
    if (cell.unit_parameters) unit_parameters = list(cell.unit_parameters * H, 0.5);
    call.unit_parameters = unit_parameters.data();
    if (!chance(3)) h0 = list(B * P + 1), call.h0 = h0.data();
    if (!chance(3) && cell.carry == Carry::c) c0 = list(B * H + 1), call.c0 = c0.data();
    if (chance(2)) {
      for (Index n = 0; n <= B * steps; ++n) mask.push_back(!chance(3));
      call.mask = mask.data();
    }
    dropout(input_dropout, I, call.input_dropout, call.input_mask_count);
    if (cell.has_recurrent_kernel()) dropout(recurrent_dropout, P, call.recurrent_dropout, call.recurrent_mask_count);
    if (chance(3)) zoneout(zoneout_h, P, call.zoneout_h);
    if (chance(3) && cell.carry == Carry::c) zoneout(zoneout_c, H, call.zoneout_c);
    if (!chance(5)) dy = list(B * (call.return_sequences ? steps : 1) * P + 1);
    if (!chance(3)) dh = list(B * P + 1), dc = list(B * H + 1);
  }

  Index pick(Index n) { return Index((numbers.next() + 1) / 2 * double(n)); }
  bool chance(Index one_in) { return pick(one_in) == 0; }
  List list(Index n, double scale = 1) { return numbers.template list<T>(size_t(n), scale); }
  void dropout(List& values, Index n, const T*& masks, Index& count) {
    if (chance(2)) return;
    count = chance(2) ? 1 : cell.gates;
    values = list(count * call.B * n + 1);
    for (T& value : values) value = value < T(-0.3) ? T(0) : T(1.5);
    masks = values.data();
  }

  void zoneout(List& shares, Index n, Zoneout<T>& to) {
    if (chance(3)) return void(to.share = T(0.3));
    shares = list(call.B * call.steps * n + 1);
    for (T& share : shares) share = share < T(-0.3) ? T(1) : share < T(0.5) ? T(0) : T(0.7);
    to.shares = shares.data();
  }

  const CellDeclaration& cell;
  Numbers numbers;
  SequenceCall<T> call;
  List x, embeddings, kernel, recurrent_kernel, bias, projection_kernel, unit_parameters, h0, c0, input_dropout,
      recurrent_dropout, dy, dh, dc;
  List zoneout_h, zoneout_c;
  std::vector<std::int32_t> ids;
  std::vector<std::uint8_t> mask;
};

template <class T>
void check_near(const char* what, const T* got, const std::vector<T>& expected, const std::string& label) {
  double largest = 1, gap = 0;
  for (size_t n = 0; n < expected.size(); ++n) {
    largest = std::max(largest, std::fabs(double(expected[n])));
    gap = std::max(gap, std::fabs(double(got[n]) - double(expected[n])));
    if (!(std::fabs(double(got[n])) < 1e30)) gap = 1e30;
  }
  const double allowed = (sizeof(T) == 4 ? 2e-3 : 1e-9) * largest;
  if (!(gap <= allowed)) recurra_test::fail(__FILE__, __LINE__, label + " " + what + ": off by " + std::to_string(gap));
}

template <class T>
void compare(const CellFunctions<T>& functions, Index B, Index steps, Index I, Index H, unsigned seed) {
  const CellDeclaration& cell = functions.declaration;
  RandomCall<T> random(cell, B, steps, I, H, seed);
  const SequenceCall<T>& call = random.call;
  NaiveSequence<T> naive(functions, call);
  naive.backward(random.dy, random.dh, random.dc);
  const std::string shape = std::to_string(B) + "x" + std::to_string(steps) + "x" + std::to_string(I) + "x" +
                            std::to_string(H) + " seed " + std::to_string(seed);
  const auto results = [](const std::vector<T>& like) { return std::vector<T>(like.size() + 1, T(7)); };
  std::vector<T> packed_y;
  for (bool small : {false, true}) {
    if (small && !is_small(call)) continue;
    const std::string label = std::string(cell.name) + (small ? " small " : " packed ") + shape;
    auto y = results(naive.y), h = results(naive.h), c = results(naive.c);
    auto dx = results(naive.dx), dh0 = results(naive.h), dc0 = results(naive.c), dkernel = results(naive.dkernel);
    auto drecurrent = results(naive.drecurrent_kernel), dbias = results(naive.dbias);
    auto dunits = results(naive.dunit_parameters), dprojection = results(naive.dprojection_kernel);
    const bool has_c = cell.carry == Carry::c, has_recurrent = cell.has_recurrent_kernel();
    SequenceGradients<T> out{dx.data(),
                             dh0.data(),
                             has_c ? dc0.data() : nullptr,
                             dkernel.data(),
                             has_recurrent ? drecurrent.data() : nullptr,
                             call.bias ? dbias.data() : nullptr,
                             cell.unit_parameters ? dunits.data() : nullptr,
                             cell.projects ? dprojection.data() : nullptr};
    const StridedRows<T> dy{random.dy.empty() ? nullptr : random.dy.data(), call.P()};
    const T *dh = random.dh.empty() ? nullptr : random.dh.data(), *dc = has_c && dh ? random.dc.data() : nullptr;
    bool by_token = false;
    if (small) {
      auto cache = SmallForward<T>::run(functions, call, y.data(), h.data(), has_c ? c.data() : nullptr);
      SmallBackward<T>::run(*cache, dy, dh, dc, out);
      CHECK(y == packed_y);
    } else {
      auto cache = SequenceForward<T>::run(functions, call, y.data(), h.data(), has_c ? c.data() : nullptr);
      by_token = bool(cache->tokens);
      SequenceBackward<T>::run(*cache, dy, dh, dc, out);
      auto inference = call;
      inference.training = false;
      auto y2 = results(naive.y);
      SequenceForward<T>::run(functions, inference, y2.data(), h.data(), has_c ? c.data() : nullptr);
      CHECK(y2 == y);
      packed_y = y;
    }
    check_near("y", y.data(), naive.y, label);
    check_near("h", h.data(), naive.h, label);
    if (has_c) check_near("c", c.data(), naive.c, label);
    if (!by_token) check_near("dx", dx.data(), naive.dx, label);
    check_near("dh0", dh0.data(), naive.dh0, label);
    if (has_c) check_near("dc0", dc0.data(), naive.dc0, label);
    check_near("dkernel", dkernel.data(), naive.dkernel, label);
    if (has_recurrent) check_near("drecurrent_kernel", drecurrent.data(), naive.drecurrent_kernel, label);
    if (call.bias) check_near("dbias", dbias.data(), naive.dbias, label);
    check_near("dunit_parameters", dunits.data(), naive.dunit_parameters, label);
    check_near("dprojection_kernel", dprojection.data(), naive.dprojection_kernel, label);
  }
}

template <class T>
void compare_shapes(const CellFunctions<T>& cell) {
  const Index shapes[][4] = {{0, 3, 2, 5}, {2, 0, 3, 4}, {0, 0, 0, 1},  {3, 4, 0, 7},  {2, 6, 0, 9},  {4, 1, 3, 1},
                             {1, 1, 1, 1}, {1, 9, 4, 3}, {2, 2, 5, 17}, {3, 2, 6, 35}, {5, 7, 3, 33}, {9, 5, 11, 21}};
  unsigned seed = 1;
  for (const auto& [B, steps, I, H] : shapes)
    for (int n = 0; n < 3; ++n) compare<T>(cell, B, steps, I, H, seed++);
  Numbers numbers(99);
  const auto up_to = [&](int n) { return Index((numbers.next() + 1) / 2 * (n + 1)); };
  for (int n = 0; n < 25; ++n) compare<T>(cell, up_to(7), up_to(8), up_to(12), 1 + up_to(40), seed++);
}

/// Enough work for threads, by rows and by units.
template <class T>
void compare_with_threads(const CellFunctions<T>& cell) {
  const int before = max_threads().exchange(3);
  unsigned seed = 1000;
  for (int n = 0; n < 4; ++n) {
    compare<T>(cell, 29, 23, 10, 45, seed++);
    compare<T>(cell, 2, 12, 9, 270, seed++);
    compare<T>(cell, 2, 4, 9, 190, seed++);  // small
  }
  max_threads().store(before);
}

}  // namespace

#define RECURRA_TEST_CELL(Cell)                     \
  TEST(Cell##_equals_a_naive_loop) {                \
    compare_shapes(cell_functions<Cell, float>());  \
    compare_shapes(cell_functions<Cell, double>()); \
  }                                                 \
  TEST(threads_##Cell##_equals_a_naive_loop) { compare_with_threads(cell_functions<Cell, double>()); }
RECURRA_CELLS(RECURRA_TEST_CELL)
