// What a cell declares, and the functions that it defines. The loops of sequence/ read the declaration and call the
// functions on one vector of units at a time; they name no cell. All cells: list.hpp.
//
// Declared (defaults in CellDefaults):
//
//   name                   of the cell in every language of the project
//   gates, biases          shapes of the weights: kernel (I, gates * H), bias (biases, gates * H)
//   columns                the pre-activations of a unit: the gate of the kernel, the gate of the recurrent kernel that
//                          each sums, -1 for none, and its stage: what the recurrent kernel multiplies
//   column_activations     the activation applied to each column by itself, before forward
//   carry                  the state that the cell reads and writes beside the products: none, h, or c, which is then
//                          the layer's second state
//   unit_parameters        weights of each unit, (unit_parameters, H): peepholes, recurrent weights without a matrix;
//                          unit_parameters_name: of the array
//   projects               h is what forward returns, times a projection kernel (H, P): P units, which the recurrent
//                          kernel, then (P, gates * H), multiplies. For cells of one stage that carry c
//   row_statistics         forward gets its columns normalised over the units of each row: (z - mean) / sqrt(variance +
//                          epsilon), and leaves them so; backward leaves the gradient of the normalised ones, which the
//                          loop takes through the normalisation. For cells of one stage
//   has_recurrent_activation, usual_activation, usual_recurrent_activation
//                          whether `gate` activations occur; the pair that is compiled inline
//
// Stages. The products of stage 0 multiply h, times recurrent dropout. Those of stage 1 and on multiply an operand that
// the cell computes from the pre-activations so far, and are added when it is there, such as the state times a reset
// gate. The columns of such a stage share one dropout mask of h, that of the first one's gate.
//
// Defined, z being the columns of some units, u their unit parameters:
//
//   forward(z, carry, u, act)                            returns h'; leaves in z what backward needs
//   backward(z, before, after, dh, dcarry, u, du, act)   leaves dL/dz in z. before, after: the carry around the step;
//                                                        dcarry: its gradient, after the step in, before the step out;
//                                                        du: dL/du, written for every unit parameter
//   stage_operand(stage, z, h, act)                      the operand of a stage after 0, from the columns of the stages
//                                                        before it, which it may change
//   stage_operand_backward(stage, z, h, d, act)          d: dL/d(operand). Writes dL/dz of the columns it was computed
//                                                        from, returns dL/dh. h: times recurrent dropout
#pragma once
#include "recurra/linalg/activations.hpp"

namespace recurra {

struct Column {
  int kernel;
  int recurrent;
  int stage = 0;
  /// The gate whose bias, where there is one row of biases, and dropout masks apply.
  constexpr int gate() const { return kernel >= 0 ? kernel : recurrent; }
  constexpr Index kernel_rows(Index inputs) const { return kernel >= 0 ? inputs : 0; }
  constexpr bool takes_operand(int of_stage) const { return recurrent >= 0 && stage == of_stage; }
};

/// none: the cell applies it in forward.
enum class ColumnActivation { none, gate, main };

enum class Carry { none, h, c };

struct CellDefaults {
  static constexpr int biases = 1;
  static constexpr Carry carry = Carry::none;
  static constexpr int unit_parameters = 0;
  static constexpr const char* unit_parameters_name = "unit_parameters";
  static constexpr bool projects = false;
  static constexpr bool row_statistics = false;
  static constexpr bool has_recurrent_activation = true;
  static constexpr Activation usual_activation = Activation::tanh, usual_recurrent_activation = Activation::sigmoid;

  template <class T, class A>
  RECURRA_INLINE static Packet<T> stage_operand(int, Packet<T>*, const Packet<T>& h, const A&) {
    return h;
  }
  template <class T, class A>
  RECURRA_INLINE static Packet<T> stage_operand_backward(int, Packet<T>*, const Packet<T>&, const Packet<T>& d,
                                                         const A&) {
    return d;
  }
};

inline constexpr int max_columns = 8, max_gates = 8, max_stages = 4;

template <class Cell>
inline constexpr int column_count = int(sizeof(Cell::columns) / sizeof(Column));

/// A cell's declaration as a value, for code that is compiled once for all cells.
struct CellDeclaration {
  const char* name = nullptr;
  const char* unit_parameters_name = nullptr;
  int gates = 0, biases = 0, unit_parameters = 0;
  Carry carry = Carry::none;
  bool projects = false, row_statistics = false, has_recurrent_activation = true;
  Activation usual_activation = Activation::tanh, usual_recurrent_activation = Activation::sigmoid;
  int columns = 0;
  int stages = 1;
  Column column[max_columns] = {};

  constexpr bool has_carry() const { return carry != Carry::none; }
  constexpr int states() const { return carry == Carry::c ? 2 : 1; }
  /// How many columns take x.
  constexpr int kernel_columns() const {
    int n = 0;
    for (int c = 0; c < columns; ++c) n += column[c].kernel >= 0;
    return n;
  }
  /// How many columns take the operand of a stage.
  constexpr int operand_columns(int stage) const {
    int n = 0;
    for (int c = 0; c < columns; ++c) n += column[c].takes_operand(stage);
    return n;
  }
  constexpr bool has_recurrent_kernel() const {
    for (int c = 0; c < columns; ++c)
      if (column[c].recurrent >= 0) return true;
    return false;
  }
  /// The gate whose dropout mask multiplies h in the operand of a stage after 0.
  constexpr int stage_gate(int stage) const {
    for (int c = 0; c < columns; ++c)
      if (column[c].takes_operand(stage)) return column[c].recurrent;
    return 0;
  }
};

template <class Cell>
constexpr CellDeclaration declare() {
  static_assert(column_count<Cell> <= max_columns && Cell::gates <= max_gates);
  static_assert(!Cell::projects || (Cell::carry == Carry::c && !Cell::row_statistics));
  CellDeclaration all;
  all.name = Cell::name;
  all.unit_parameters_name = Cell::unit_parameters_name;
  all.gates = Cell::gates;
  all.biases = Cell::biases;
  all.unit_parameters = Cell::unit_parameters;
  all.carry = Cell::carry;
  all.projects = Cell::projects;
  all.row_statistics = Cell::row_statistics;
  all.has_recurrent_activation = Cell::has_recurrent_activation;
  all.usual_activation = Cell::usual_activation;
  all.usual_recurrent_activation = Cell::usual_recurrent_activation;
  all.columns = column_count<Cell>;
  static_assert([] {
    for (const Column& column : Cell::columns)
      if (column.stage >= max_stages) return false;
    return true;
  }());
  for (int c = 0; c < all.columns; ++c) {
    all.column[c] = Cell::columns[c];
    if (all.column[c].stage >= all.stages) all.stages = all.column[c].stage + 1;
  }
  return all;
}

template <class Cell>
inline constexpr CellDeclaration declaration = declare<Cell>();

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
