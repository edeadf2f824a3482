/// The gradients of a cell's weights from several steps at once, each a call of one step: what a step's backward pass
/// leaves for them, and the sums.
#pragma once
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "recurra/linalg/gemm.hpp"
#include "recurra/nn/gate_rows.hpp"

#include "recurrent_arguments.hpp"
#include "sequence_kernels.hpp"

namespace recurra::bindings {

/// The rows of one step: what the kernels multiply, and the gradients of the columns.
template <class T>
struct StepRows {
  const CellDeclaration* cell = nullptr;
  Index B = 0, I = 0, H = 0;
  bool has_bias = false;
  std::vector<T> x, h, dz;  // (B, I), (B, H), (B, columns*H)
};

inline constexpr const char* step_capsule_name = "recurrent_step";

/// What Python holds: the rows of a step, of any cell and dtype.
class AnyStep {
 public:
  virtual ~AnyStep() = default;
  /// The sums over all steps, of which this is the first: the gradients of the weights, stored gate by gate in rows, and
  /// of the biases of input and state. swap: the first two gates of the rows are in the other order.
  virtual py::tuple sums(const std::vector<const AnyStep*>& steps, bool swap, py::handle need_dweights) const = 0;
};

inline const AnyStep* step_of(py::handle object) {
  if (!PyCapsule_IsValid(object.ptr(), step_capsule_name))
    throw py::type_error("steps must hold what recurrent_backward_step returned, got " + type_text(object));
  return static_cast<const AnyStep*>(PyCapsule_GetPointer(object.ptr(), step_capsule_name));
}

/// Whether the weights' gradients of a call are plain products of its rows.
template <class T>
bool has_plain_rows(const CellDeclaration& cell, const SequenceCall<T>& call) {
  return call.steps == 1 && cell.stages == 1 && cell.has_recurrent_kernel() && !cell.projects && !cell.row_statistics &&
         !cell.unit_parameters && call.x && call.layout.order == RowOrder::batch_major && !call.mask &&
         !call.input_mask_count && !call.recurrent_mask_count && !call.has_zoneout();
}

/// After backward.
template <class T>
StepRows<T> step_rows(const CellDeclaration& cell, const SequenceCall<T>& call, const RecurrentCache<T>& cache) {
  const Index B = call.B, I = call.I, H = call.H, C = cell.columns;
  StepRows<T> rows{&cell, B, I, H, call.bias != nullptr, {}, std::vector<T>(size_t(B * H)), {}};
  rows.dz.resize(size_t(B * C * H));
  rows.x.assign(call.x, call.x + B * I);
  if (call.h0) std::copy_n(call.h0, B * H, rows.h.data());
  for (Index i = 0; i < B; ++i) {
    if (cache.small) {
      const T* from = cache.small->z.data() + i * (C * H + lanes<T>);
      std::copy_n(from, C * H, rows.dz.data() + cache.small->plan.batch_row(i) * C * H);
      continue;
    }
    const SequenceCache<T>& sequence = *cache.sequence;
    const Panels<T>& units = sequence.layout.units;
    T* to = rows.dz.data() + sequence.plan.batch_row(i) * C * H;
    for (Index p = 0; p < units.count; ++p) {
      const T* from = sequence.z.data() + (p * sequence.plan.rows() + i) * sequence.layout.z_stride;
      for (Index c = 0; c < C; ++c) std::copy_n(from + c * units.width(p), units.used(p), to + c * H + units.first(p));
    }
  }
  return rows;
}

/// (steps' rows, gates*H): of the columns that a matrix multiplies, in the order of its gates. gate(column): the gate,
/// or -1. swap: the first two gates change places.
template <class T, class Gate>
std::vector<T> rows_by_gate(const std::vector<const StepRows<T>*>& steps, Index rows, bool swap, Gate&& gate) {
  const CellDeclaration& cell = *steps[0]->cell;
  const Index H = steps[0]->H, C = cell.columns, GH = cell.gates * H;
  std::vector<T> result(size_t(rows * GH));
  T* to = result.data();
  for (const StepRows<T>* step : steps)
    for (Index b = 0; b < step->B; ++b, to += GH)
      for (int c = 0; c < C; ++c)
        if (const int g = gate(cell.column[c]); g >= 0)
          std::copy_n(step->dz.data() + (b * C + c) * H, H, to + (swap && g < 2 ? 1 - g : g) * H);
  return result;
}

/// out (gates*H, K) = dz^T operands, one chain over all rows for each element. operand(step): (B, K). Of many rows the
/// product is made the other way round, where its panels are wide, and transposed.
template <class T, class Operand>
void sum_products(const std::vector<const StepRows<T>*>& steps, Index rows, Index K, const std::vector<T>& dz,
                  Operand&& operand, T* out) {
  std::vector<T> all(size_t(rows * K));
  T* to = all.data();
  for (const StepRows<T>* step : steps) {
    const std::vector<T>& from = operand(*step);
    std::copy(from.begin(), from.end(), to);
    to += step->B * K;
  }
  constexpr Index many = 48;
  const Index gates = steps[0]->cell->gates, H = steps[0]->H, GH = gates * H;
  if (rows < many) return Gemm<T>{GH, K, rows, dz.data(), true, all.data(), false, nullptr, out}.run();
  std::vector<T> columns(size_t(K * GH));
  Gemm<T>{K, GH, rows, all.data(), true, dz.data(), false, nullptr, columns.data()}.run();
  int in_order[max_gates];
  for (int g = 0; g < max_gates; ++g) in_order[g] = g;
  columns_to_gate_rows(columns.data(), H, K, in_order, int(gates), out);
}

/// out (gates*H,) = the sum of the rows, ascending.
template <class T>
void sum_of_rows(const std::vector<T>& dz, Index rows, Index n, T* out) {
  std::fill_n(out, n, T(0));
  for (Index r = 0; r < rows; ++r)
    for (Index j = 0; j < n; ++j) out[j] += dz[size_t(r * n + j)];
}

template <class T>
class Step final : public AnyStep {
 public:
  explicit Step(StepRows<T> rows) : rows_(std::move(rows)) {}
  static py::capsule capsule(StepRows<T> rows) {
    auto step = std::make_unique<Step>(std::move(rows));
    py::capsule result(static_cast<AnyStep*>(step.get()), step_capsule_name,
                       [](void* pointer) { delete static_cast<AnyStep*>(pointer); });
    step.release();
    return result;
  }

  py::tuple sums(const std::vector<const AnyStep*>& given, bool swap, py::handle need_dweights) const override {
    const CellDeclaration& cell = *rows_.cell;
    const NeededWeights needed(need_dweights, cell);
    if (swap && cell.gates < 2) throw py::value_error("swap must be False for a cell with one gate, got True");
    std::vector<const StepRows<T>*> steps;
    Index rows = 0;
    for (const AnyStep* one : given) {
      const auto* step = dynamic_cast<const Step*>(one);
      const StepRows<T>* other = step ? &step->rows_ : nullptr;
      if (!other || other->cell != &cell || other->I != rows_.I || other->H != rows_.H ||
          other->has_bias != rows_.has_bias)
        throw py::value_error("steps must all be of one cell, dtype and size, with a bias or all without");
      steps.push_back(other);
      rows += other->B;
    }
    const Index I = rows_.I, H = rows_.H, GH = cell.gates * H;
    const auto wanted = [](bool need, auto... shape) { return need ? output<T>({Size(shape)...}) : View<T>{}; };
    const bool need_bias = needed.bias && rows_.has_bias;
    auto input_rows = wanted(needed.kernel, GH, I), recurrent_rows = wanted(needed.recurrent_kernel, GH, H);
    auto input_bias = wanted(need_bias, GH), recurrent_bias = wanted(need_bias, GH);
    {
      py::gil_scoped_release release;
      if (input_rows || need_bias) {
        const auto dz = rows_by_gate(steps, rows, swap, [](const Column& column) { return column.kernel; });
        if (input_rows)
          sum_products(steps, rows, I, dz, [](const auto& step) -> const auto& { return step.x; }, input_rows.data());
        if (need_bias) sum_of_rows(dz, rows, GH, input_bias.data());
      }
      if (recurrent_rows || need_bias) {
        const auto dz = rows_by_gate(steps, rows, swap, [](const Column& column) { return column.recurrent; });
        if (recurrent_rows)
          sum_products(
              steps, rows, H, dz, [](const auto& step) -> const auto& { return step.h; }, recurrent_rows.data());
        if (need_bias) sum_of_rows(dz, rows, GH, recurrent_bias.data());
      }
    }
    const auto none_or = [](const View<T>& view) { return view ? py::object(view.array()) : py::object(py::none()); };
    return py::make_tuple(none_or(input_rows), none_or(recurrent_rows), none_or(input_bias), none_or(recurrent_bias));
  }

 private:
  StepRows<T> rows_;
};

}  // namespace recurra::bindings
