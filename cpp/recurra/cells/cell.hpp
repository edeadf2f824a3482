// What the time loop asks of a cell.
#pragma once
#include "recurra/linalg/activations.hpp"

namespace recurra {

/// One pre-activation column of a unit: the gate of the kernel and of the recurrent kernel that it sums; -1 = none.
struct Column {
  int kernel;
  int recurrent;
  constexpr int gate() const { return kernel >= 0 ? kernel : recurrent; }
  constexpr Index kernel_rows(Index inputs) const { return kernel >= 0 ? inputs : 0; }
};

/// What a pre-activation passes through by itself, before the cell's columns meet.
enum class Alone { nothing, gate, main };

template <class Cell>
inline constexpr int column_count = int(sizeof(Cell::columns) / sizeof(Column));

template <class Cell, class T, class A>
RECURRA_INLINE Packet<T> activated_alone(int column, const Packet<T>& z, const A& act) {
  switch (Cell::alone[column]) {
    case Alone::gate: return act.template gate<T>(z);
    case Alone::main: return act.template main<T>(z);
    case Alone::nothing: break;
  }
  return z;
}

}  // namespace recurra
