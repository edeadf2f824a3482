// A cell as the loops see it: its declaration, and its functions on blocks of rows and units, compiled by pointwise.hpp
// for each cell. So the loops themselves are compiled once for all cells.
#pragma once
#include "recurra/cells/cell.hpp"
#include "recurra/linalg/panels.hpp"
#include "recurra/sequence/call.hpp"

namespace recurra {

/// The most rows whose pre-activations are computed and used before the next ones.
inline constexpr Index block_rows = 48;

// Blocks of some rows and one panel of units. Pointers are to the panel's first unit in the first row; `padded` is the
// distance between rows of states, and between unit parameters.

template <class T>
struct ForwardBlock {
  Index rows, padded;
  T* z;  // [row][column][unit], rows z_stride apart
  Index z_stride;
  const T* carry_before;  // [row][unit]; null without a carry
  T* carry_after;  // likewise, out
  const T* unit_parameters;  // [parameter][unit]
  T* h;  // [row][unit in panel], out
  AnyActivations activations;
};

template <class T>
struct BackwardBlock {
  Index rows, padded;
  const T* z;  // as forward left it
  T* dz;  // out; z itself, or not
  Index z_stride;  // of both
  const T *carry_before, *carry_after;
  const T* unit_parameters;
  const T* dh;  // [row][unit in panel]
  const T* dy[block_rows];  // of each row, to be added to dh; or null
  Index units;  // from the panel's first on
  T* dcarry;  // [row][unit]; in and out
  T* dunit_parameters;  // [row][parameter][unit]: added to
  AnyActivations activations;
};

/// The operand of a stage after 0.
template <class T>
struct StageBlock {
  int stage;
  Index rows, padded;
  T* z;
  Index z_stride;
  const T* h;  // [row][unit], rows h_stride apart, with recurrent dropout
  Index h_stride, units;  // units: from the panel's first on
  T* operand;  // [row][unit], out
  AnyActivations activations;
};

/// The way back.
template <class T>
struct StageBackwardBlock {
  int stage;
  Index rows, padded;
  T* z;
  Index z_stride;
  const T* h;  // as in StageBlock; without recurrent dropout where h_lacks_dropout
  Index h_stride, units;
  const T* dropout[block_rows];  // recurrent dropout of each row, or null
  bool h_lacks_dropout;
  const T* d;  // dL/d(operand), [row][unit in panel]
  T* dcarry;  // [row][unit]: dL/dh is added to it
  AnyActivations activations;
};

/// One row of a small call, whose columns lie H apart, without padding; some of its units.
template <class T>
struct SmallRow {
  Index H, padded;
  Range units;
  T *z, *dz;  // [column][H]; dz: out in backward, z itself or not
  const T *carry_before, *unit_parameters;  // (H,); (parameters, H)
  T *carry_after, *h;  // (H,); in backward carry_after is read
  const T *dh, *dy;  // dy: or null
  T *dcarry, *dunit_parameters;  // dunit_parameters: (parameters, padded), added to
  AnyActivations activations;
};

/// The same for the operand of a stage after 0.
template <class T>
struct SmallStageRow {
  int stage;
  Index H;
  Range units;
  T* z;
  const T* h;  // (H,), with recurrent dropout
  T* operand;  // (H,), out
  const T *d, *dropout;  // backward: dL/d(operand); recurrent dropout or null
  T* dcarry;  // backward: dL/dh is added to it
  AnyActivations activations;
};

/// A cell's functions on blocks, with one kind of activations, for panels of 1, 2, ... vectors.
template <class T>
struct BlockFunctions {
  void (*forward[panel_vectors])(const ForwardBlock<T>&);
  void (*backward[panel_vectors])(const BackwardBlock<T>&);
  void (*stage_operand[panel_vectors])(const StageBlock<T>&);  // null for a cell of one stage
  void (*stage_operand_backward[panel_vectors])(const StageBackwardBlock<T>&);
};

template <class T>
struct CellFunctions {
  CellDeclaration declaration;
  BlockFunctions<T> usual, general;  // activations inlined; any
  void (*small_forward)(const SmallRow<T>&);
  void (*small_backward)(const SmallRow<T>&);
  void (*small_stage_operand)(const SmallStageRow<T>&);
  void (*small_stage_operand_backward)(const SmallStageRow<T>&);

  const BlockFunctions<T>& block_functions(const SequenceCall<T>& call) const {
    const CellDeclaration& cell = declaration;
    const bool is_usual =
        call.activation == cell.usual_activation &&
        (!cell.has_recurrent_activation || call.recurrent_activation == cell.usual_recurrent_activation);
    return is_usual ? usual : general;
  }
};

/// Defined by pointwise.hpp.
template <class Cell, class T>
const CellFunctions<T>& cell_functions();

}  // namespace recurra
