// The functions of cell_functions.hpp for one cell: activations, new states, and their gradients. The source file that
// compiles a cell includes this.
//
// Forward takes three passes over the rows of a block (the third, to y and the next step's operands, is in
// forward_pointwise.hpp). A unit's chain from its gates to h is long, but rows are independent: short loops keep many
// rows' chains in flight.
#pragma once
#include <utility>

#include "recurra/sequence/cell_functions.hpp"

namespace recurra {

/// The columns that there are before a stage's products: a stage's operand is computed from them alone. (Columns of the
/// stage itself may be read by other workers, whose products they are the operand of.)
template <class Cell>
constexpr bool is_before_stage(int column, int stage) {
  return Cell::columns[column].stage < (declaration<Cell>.stages == 2 ? 1 : stage);
}

template <class Cell, class T, class A>
class BlockPointwise {
  static_assert(!Cell::row_statistics || declaration<Cell>.stages == 1);
  static constexpr int C = column_count<Cell>, P = Cell::unit_parameters;
  static constexpr Index W = lanes<T>;
  static constexpr bool has_carry = Cell::carry != Carry::none;

  static A activations(const AnyActivations& any) {
    if constexpr (std::is_same_v<A, AnyActivations>) return any;
    else return A{};
  }

 public:
  static constexpr BlockFunctions<T> functions() { return functions(std::make_index_sequence<panel_vectors>{}); }

 private:
  template <size_t... V>
  static constexpr BlockFunctions<T> functions(std::index_sequence<V...>) {
    if constexpr (declaration<Cell>.stages == 1) {
      return {{&forward<int(V) + 1>...}, {&backward<int(V) + 1>...}, {}, {}};
    } else {
      return {{&forward<int(V) + 1>...},
              {&backward<int(V) + 1>...},
              {&stage_operand<int(V) + 1>...},
              {&stage_operand_backward<int(V) + 1>...}};
    }
  }

  template <int V>
  static void forward(const ForwardBlock<T>& block) {
    const A act = activations(block.activations);
    activate_columns<V>(block, act);
    new_states<V>(block, act);
  }
  template <int V>
  static RECURRA_INLINE void activate_columns(const ForwardBlock<T>& block, const A& act) {
    RECURRA_UNROLL for (int c = 0; c < C; ++c) {
      if (Cell::column_activations[c] == ColumnActivation::none) continue;
      T* at = block.z + c * V * W;
      for (Index i = 0; i < block.rows; ++i, at += block.z_stride)
        RECURRA_UNROLL for (int n = 0; n < V; ++n)
            store(at + n * W, apply_column_activation<Cell, T>(c, load(at + n * W), act));
    }
  }
  template <int V>
  static RECURRA_INLINE void new_states(const ForwardBlock<T>& block, const A& act) {
    constexpr Index width = V * W;
    const Index Hp = block.padded;
    for (Index i = 0; i < block.rows; ++i) RECURRA_UNROLL for (int n = 0; n < V; ++n) {
        T* at = block.z + i * block.z_stride + n * W;
        Packet<T> v[C], u[P + 1], carry = set1<T>(0);
        RECURRA_UNROLL for (int c = 0; c < C; ++c) v[c] = load(at + c * width);
        RECURRA_UNROLL for (int p = 0; p < P; ++p) u[p] = load(block.unit_parameters + p * Hp + n * W);
        if constexpr (has_carry) carry = load(block.carry_before + i * Hp + n * W);
        store(block.h + i * width + n * W, Cell::template forward<T>(v, carry, u, act));
        RECURRA_UNROLL for (int c = 0; c < C; ++c) if (Cell::column_activations[c] == ColumnActivation::none)
            store(at + c * width, v[c]);
        if constexpr (has_carry) store(block.carry_after + i * Hp + n * W, carry);
      }
  }

  template <int V>
  static void backward(const BackwardBlock<T>& block) {
    const A act = activations(block.activations);
    constexpr Index width = V * W;
    const Index Hp = block.padded;
    for (Index i = 0; i < block.rows; ++i) {
      const T* z = block.z + i * block.z_stride;
      T* dz = block.dz + i * block.z_stride;
      const T* dy = block.dy[i];
      RECURRA_UNROLL for (int n = 0; n < V; ++n) {
        const Index j = n * W, state = i * Hp + j;
        Packet<T> v[C], u[P + 1], du[P + 1], before = set1<T>(0), after = set1<T>(0), dcarry = set1<T>(0);
        Packet<T> dh = load(block.dh + i * width + j);
        RECURRA_UNROLL for (int c = 0; c < C; ++c) v[c] = load(z + c * width + j);
        RECURRA_UNROLL for (int p = 0; p < P; ++p) u[p] = load(block.unit_parameters + p * Hp + j);
        if (dy) dh = add(dh, load_partial(dy + j, block.units - j));
        if constexpr (has_carry) {
          before = load(block.carry_before + state);
          after = load(block.carry_after + state);
          dcarry = load(block.dcarry + state);
        }
        Cell::template backward<T>(v, before, after, dh, dcarry, u, du, act);
        RECURRA_UNROLL for (int c = 0; c < C; ++c) store(dz + c * width + j, v[c]);
        if constexpr (has_carry) store(block.dcarry + state, dcarry);
        RECURRA_UNROLL for (int p = 0; p < P; ++p) {
          T* sum = block.dunit_parameters + (i * P + p) * Hp + j;
          store(sum, add(load(sum), du[p]));
        }
      }
    }
  }

  /// f(v, i, j) for each vector of units j of each row i: v holds the columns before the stage, which are stored again.
  template <int V, class F>
  static RECURRA_INLINE void for_stage(int stage, Index rows, T* z, Index z_stride, F&& f) {
    constexpr Index width = V * W;
    for (Index i = 0; i < rows; ++i, z += z_stride) RECURRA_UNROLL for (int n = 0; n < V; ++n) {
        const Index j = n * W;
        Packet<T> v[C];
        RECURRA_UNROLL for (int c = 0; c < C; ++c) v[c] =
            is_before_stage<Cell>(c, stage) ? load(z + c * width + j) : set1<T>(0);
        f(v, i, j);
        RECURRA_UNROLL for (int c = 0; c < C; ++c) if (is_before_stage<Cell>(c, stage)) store(z + c * width + j, v[c]);
      }
  }

  template <int V>
  static void stage_operand(const StageBlock<T>& block) {
    const A act = activations(block.activations);
    for_stage<V>(block.stage, block.rows, block.z, block.z_stride, [&](Packet<T>* v, Index i, Index j) {
      const Packet<T> h = load_partial(block.h + i * block.h_stride + j, block.units - j);
      store(block.operand + i * block.padded + j, Cell::template stage_operand<T>(block.stage, v, h, act));
    });
  }

  template <int V>
  static void stage_operand_backward(const StageBackwardBlock<T>& block) {
    const A act = activations(block.activations);
    for_stage<V>(block.stage, block.rows, block.z, block.z_stride, [&](Packet<T>* v, Index i, Index j) {
      const Index left = block.units - j;
      const T* dropout = block.dropout[i];
      Packet<T> h = load_partial(block.h + i * block.h_stride + j, left), mask = h;
      if (dropout) {
        mask = load_partial(dropout + j, left);
        if (block.h_lacks_dropout) h = mul(h, mask);
      }
      Packet<T> dh = Cell::template stage_operand_backward<T>(block.stage, v, h, load(block.d + i * V * W + j), act);
      if (dropout) dh = mul(dh, mask);
      T* dcarry = block.dcarry + i * block.padded + j;
      store(dcarry, add(load(dcarry), dh));
    });
  }
};

/// The functions on rows of small calls.
template <class Cell, class T>
class SmallPointwise {
  static constexpr int C = column_count<Cell>, P = Cell::unit_parameters;
  static constexpr Index W = lanes<T>;
  static constexpr bool has_carry = Cell::carry != Carry::none;

  /// f(v, j, n) for each vector of units: v holds one vector of every column of z, and v[0:n] is stored to `to`.
  template <class F>
  static RECURRA_INLINE void for_columns(const T* z, T* to, Index H, Range units, F&& f) {
    for (Index j = units.first; j < units.last; j += W) {
      Packet<T> v[C];
      RECURRA_UNROLL for (int c = 0; c < C; ++c) v[c] = load_partial(z + c * H + j, H - j);
      f(v, j, H - j);
      for (int c = 0; c < C; ++c) store_partial(to + c * H + j, v[c], H - j);
    }
  }
  /// f(v, j, n) for each vector of units: v holds the columns before the stage, which are stored again.
  template <class F>
  static RECURRA_INLINE void for_stage(int stage, T* z, Index H, Range units, F&& f) {
    for (Index j = units.first; j < units.last; j += W) {
      Packet<T> v[C];
      RECURRA_UNROLL for (int c = 0; c < C; ++c) v[c] =
          is_before_stage<Cell>(c, stage) ? load_partial(z + c * H + j, H - j) : set1<T>(0);
      f(v, j, H - j);
      RECURRA_UNROLL for (int c = 0; c < C; ++c) if (is_before_stage<Cell>(c, stage))
          store_partial(z + c * H + j, v[c], H - j);
    }
  }
  static RECURRA_INLINE void load_parameters(const SmallRow<T>& row, Index j, Packet<T>* u) {
    for (int p = 0; p < P; ++p) u[p] = load_partial(row.unit_parameters + p * row.H + j, row.H - j);
  }

 public:
  static void forward(const SmallRow<T>& row) {
    const AnyActivations& act = row.activations;
    for_columns(row.z, row.z, row.H, row.units, [&](Packet<T>* v, Index j, Index) {
      Packet<T> carry = set1<T>(0), u[P + 1];
      load_parameters(row, j, u);
      if constexpr (has_carry) carry = load(row.carry_before + j);
      RECURRA_UNROLL for (int c = 0; c < C; ++c) v[c] = apply_column_activation<Cell, T>(c, v[c], act);
      store(row.h + j, Cell::template forward<T>(v, carry, u, act));
      if constexpr (has_carry) store(row.carry_after + j, carry);
    });
  }
  static void backward(const SmallRow<T>& row) {
    for_columns(row.z, row.dz, row.H, row.units, [&](Packet<T>* v, Index j, Index n) {
      Packet<T> dh = load(row.dh + j), before = set1<T>(0), after = before, dcarry = before, u[P + 1], du[P + 1];
      load_parameters(row, j, u);
      if (row.dy) dh = add(dh, load_partial(row.dy + j, n));
      if constexpr (has_carry) {
        before = load(row.carry_before + j);
        after = load(row.carry_after + j);
        dcarry = load(row.dcarry + j);
      }
      Cell::template backward<T>(v, before, after, dh, dcarry, u, du, row.activations);
      if constexpr (has_carry) store(row.dcarry + j, dcarry);
      for (int p = 0; p < P; ++p) {
        T* sum = row.dunit_parameters + p * row.padded + j;
        store(sum, add(load(sum), du[p]));
      }
    });
  }
  static void stage_operand(const SmallStageRow<T>& row) {
    for_stage(row.stage, row.z, row.H, row.units, [&](Packet<T>* v, Index j, Index) {
      store(row.operand + j, Cell::template stage_operand<T>(row.stage, v, load(row.h + j), row.activations));
    });
  }
  static void stage_operand_backward(const SmallStageRow<T>& row) {
    for_stage(row.stage, row.z, row.H, row.units, [&](Packet<T>* v, Index j, Index n) {
      Packet<T> d = Cell::template stage_operand_backward<T>(row.stage, v, load(row.h + j), load_partial(row.d + j, n),
                                                             row.activations);
      if (row.dropout) d = mul(d, load_partial(row.dropout + j, n));
      store(row.dcarry + j, add(load(row.dcarry + j), d));
    });
  }
};

template <class Cell, class T>
const CellFunctions<T>& cell_functions() {
  using Usual = InlinedActivations<Cell::usual_activation, Cell::usual_recurrent_activation>;
  using Small = SmallPointwise<Cell, T>;
  static constexpr CellFunctions<T> functions = {declaration<Cell>,
                                                 BlockPointwise<Cell, T, Usual>::functions(),
                                                 BlockPointwise<Cell, T, AnyActivations>::functions(),
                                                 &Small::forward,
                                                 &Small::backward,
                                                 &Small::stage_operand,
                                                 &Small::stage_operand_backward};
  return functions;
}

}  // namespace recurra
