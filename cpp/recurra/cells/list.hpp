// Every cell: RECURRA_CELLS(X) is X(Cell) for each. The bindings, the build (which compiles one source file a cell, see
// bindings/CMakeLists.txt), the tests and the bench read this list; python/recurra/_core/cells.py is its other half.
#pragma once
#include "recurra/cells/cifg_lstm.hpp"
#include "recurra/cells/gru.hpp"
#include "recurra/cells/gru_reset_before.hpp"
#include "recurra/cells/indrnn.hpp"
#include "recurra/cells/lstm.hpp"
#include "recurra/cells/min_gru.hpp"
#include "recurra/cells/min_lstm.hpp"
#include "recurra/cells/peephole_lstm.hpp"
#include "recurra/cells/simple_rnn.hpp"

// clang-format off
#define RECURRA_CELLS(X) \
  X(Lstm)               \
  X(Gru)                \
  X(GruResetBefore)     \
  X(SimpleRnn)          \
  X(PeepholeLstm)       \
  X(CifgLstm)           \
  X(IndRnn)             \
  X(MinGru)             \
  X(MinLstm)
// clang-format on
