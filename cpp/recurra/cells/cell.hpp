// What a cell declares. The loops of sequence/ are templates on it and call forward and backward on one vector of
// units.
//
//   columns                the pre-activations of a unit: the gate of the kernel and of the recurrent kernel that each
//                          sums; columns that take h come first
//   column_activations     the activation applied to each column by itself, before forward
//   gates, two_biases      shapes of the weights (support/layout.hpp)
//   has_carry, has_memory  whether a state is carried beside the operand's h; whether it is the layer's second state
//   reset_before           two products a step (GruResetBefore)
//   forward(z, carry, act)                        returns h'; leaves in z what backward needs
//   backward(z, before, after, dh, dcarry, act)   leaves dL/dz in z; before, after: the carry around the step;
//                                                 dcarry: its gradient, after the step in, before the step out
#pragma once
#include "recurra/linalg/activations.hpp"

namespace recurra {

/// The gate of the kernel and of the recurrent kernel that a column sums; -1 = none.
struct Column {
  int kernel;
  int recurrent;
  constexpr int gate() const { return kernel >= 0 ? kernel : recurrent; }
  constexpr Index kernel_rows(Index inputs) const { return kernel >= 0 ? inputs : 0; }
};

/// none: the cell applies it in forward.
enum class ColumnActivation { none, gate, main };

template <class Cell>
inline constexpr int column_count = int(sizeof(Cell::columns) / sizeof(Column));

template <class Cell, class T, class A>
RECURRA_INLINE Packet<T> apply_column_activation(int column, const Packet<T>& z, const A& act) {
  switch (Cell::column_activations[column]) {
    case ColumnActivation::gate: return act.template gate<T>(z);
    case ColumnActivation::main: return act.template main<T>(z);
    case ColumnActivation::none: break;
  }
  return z;
}

}  // namespace recurra
