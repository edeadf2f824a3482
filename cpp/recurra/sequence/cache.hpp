// What forward returns for backward, and what backward returns.
#pragma once
#include "recurra/sequence/call.hpp"
#include "recurra/sequence/memory_layout.hpp"
#include "recurra/sequence/plan.hpp"
#include "recurra/sequence/token_table.hpp"
#include "recurra/support/workspace.hpp"

namespace recurra {

/// Made by forward, consumed by backward (which overwrites z): a cache serves once.
template <class Cell, class T>
struct SequenceCache {
  SequenceCall<T> call;
  SequenceLayout<Cell, T> layout;
  Plan plan;
  TokenTable<T> tokens;
  Buffer<T> operands;  // [packed row][cached_stride]
  Buffer<T> z;  // [panel][packed row][column][unit]
  Buffer<T> carry;  // [packed row][units.padded]: c of LSTM, h of GRU, after the step
  Buffer<T> carry0;  // [position][units.padded]: before the first step
  Buffer<T> reset;  // [packed row][units.padded]: r h, for the second product of GruResetBefore
};

/// Results of backward; every element is overwritten. dx: (B, steps, I), (tokens, I) with a token table, or null;
/// dh0, dc0: (B, H), dc0 null except for LSTM; dkernel (I, G*H); drecurrent_kernel (H, G*H); dbias: shape of bias, or
/// null.
template <class T>
struct SequenceGradients {
  T *dx, *dh0, *dc0, *dkernel, *drecurrent_kernel, *dbias;
};

}  // namespace recurra
