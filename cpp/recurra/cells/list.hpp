// Every cell: RECURRA_CELLS(X) is X(Cell) for each. The bindings, the build (which compiles one source file a cell, see
// bindings/CMakeLists.txt), the tests and the bench read this list; python/recurra/_core/cells.py is its other half.
//
//   cell                G   gate order          from x alone; beside the matrices
//   Lstm                4   i  f  g  o
//   Gru                 3   z  r  n             (2, 3H) biases
//   GruResetBefore      3   z  r  n
//   SimpleRnn           1   -
//   PeepholeLstm        4   i  f  g  o          peepholes (3, H) of i, f, o
//   CifgLstm            3   i  g  o
//   IndRnn              1   -                   from x; recurrent weights (1, H)
//   MinGru              2   z  n                from x
//   MinLstm             3   f  i  n             from x
//   LayerNormLstm       4   i  f  g  o          scale and shift (8, H), no bias
//   LayerNormGru        3   z  r  n             scale and shift (8, H), no bias
//   ProjectionLstm      4   i  f  g  o          projection kernel (H, P)
//
// The order is Keras's, which calls g "c" and n "h"; here c and h are the states.
#pragma once
#include "recurra/cells/cifg_lstm.hpp"
#include "recurra/cells/gru.hpp"
#include "recurra/cells/gru_reset_before.hpp"
#include "recurra/cells/indrnn.hpp"
#include "recurra/cells/layer_norm_gru.hpp"
#include "recurra/cells/layer_norm_lstm.hpp"
#include "recurra/cells/lstm.hpp"
#include "recurra/cells/min_gru.hpp"
#include "recurra/cells/min_lstm.hpp"
#include "recurra/cells/peephole_lstm.hpp"
#include "recurra/cells/projection_lstm.hpp"
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
  X(MinLstm)            \
  X(LayerNormLstm)      \
  X(LayerNormGru)       \
  X(ProjectionLstm)
// clang-format on
