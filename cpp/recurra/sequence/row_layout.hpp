// Which row of x, and of y, dy and dx, belongs to step t of row b of the batch.
//
//   batch_major   b * T + t: arrays (B, T, ...)
//   time_major    t * B + b: arrays (T, B, ...)
//   listed        rows[first[b] + t]: arrays (N, ...) of sequences of unequal lengths without padding. Each of the N
//                 rows is listed once
#pragma once
#include "recurra/support/layout.hpp"

namespace recurra {

enum class RowOrder { batch_major, time_major, listed };

struct RowLayout {
  RowOrder order = RowOrder::batch_major;
  const Index* first = nullptr;  // (B + 1,), ascending from 0 to N; of listed
  const Index* rows = nullptr;  // (N,); of listed

  bool listed() const { return order == RowOrder::listed; }
  Index length(Index b) const { return first[b + 1] - first[b]; }  // of listed
  Index row(Index b, Index t, Index B, Index T) const {
    if (listed()) return rows[first[b] + t];
    return order == RowOrder::time_major ? t * B + b : b * T + t;
  }
  /// Rows from one b to the next; not of listed.
  Index distance(Index T) const { return order == RowOrder::time_major ? 1 : T; }
};

}  // namespace recurra
