// What forward returns for backward, and what backward returns.
#pragma once
#include "recurra/sequence/cell_functions.hpp"
#include "recurra/sequence/memory_layout.hpp"
#include "recurra/sequence/plan.hpp"
#include "recurra/sequence/token_table.hpp"
#include "recurra/support/workspace.hpp"

namespace recurra {

/// Made by forward, consumed by backward (which overwrites z): a cache serves once.
template <class T>
struct SequenceCache {
  const CellFunctions<T>* cell = nullptr;
  SequenceCall<T> call;
  SequenceLayout<T> layout;
  Plan plan;
  TokenTable<T> tokens;
  Buffer<T> operands;  // [packed row][cached_stride]
  Buffer<T> z;  // [panel][packed row][column][unit]
  Buffer<T> carry;  // [packed row][units.padded]: the carried state after the step
  Buffer<T> carry_before_zoneout;  // [packed row][units.padded]: after the step, where the carry has zoneout
  Buffer<T> carry0;  // [position][units.padded]: before the first step
  Buffer<T> stage_operands;  // [stage - 1][packed row][units.padded]: of the stages after 0
  Buffer<T> norm_scale;  // [packed row][column]: of the rows' moments, where columns are normalised
  Buffer<T> unprojected;  // [packed row][units.padded]: what the projection kernel multiplies
  Buffer<T> unit_parameters;  // [parameter][units.padded]
};

/// Results of backward; every element is overwritten. Null are those that the cell does not have, or that nobody wants:
/// these are not computed, and the others have the same bits. dx: (B, steps, I), or (tokens, I) with a token table;
/// dh0, dc0: (B, P) and (B, H), wanted together; dkernel (I, G*H); drecurrent_kernel (P, G*H); dbias: shape of bias;
/// dunit_parameters: (parameters, H); dprojection_kernel: (H, P).
template <class T>
struct SequenceGradients {
  T *dx, *dh0, *dc0, *dkernel, *drecurrent_kernel, *dbias, *dunit_parameters, *dprojection_kernel = nullptr;
};

}  // namespace recurra
