// What the time loop asks of a cell.
#pragma once

namespace recurra {

/// One pre-activation column of a unit: the gate of the kernel and of the recurrent kernel that it sums; -1 = none.
struct Column {
  int kernel;
  int recurrent;
  constexpr int gate() const { return kernel >= 0 ? kernel : recurrent; }
};

template <class Cell>
inline constexpr int column_count = int(sizeof(Cell::columns) / sizeof(Column));

}  // namespace recurra
