// The gradient of an embedding table from the gradients of its uses: rows of equal tokens summed, tokens ascending.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "layout.hpp"

namespace recurra {

template <class T>
class TokenGradient {
 public:
  /// ids (n,), mask (n,) or null, rows (n, I). Rows of one token are added in the order in which they stand; those that
  /// the mask leaves out are not looked at.
  void sum(const std::int32_t* ids, const std::uint8_t* mask, const T* rows, Index n, Index I) {
    std::vector<Index> order;
    order.reserve(size_t(n));
    for (Index k = 0; k < n; ++k)
      if (!mask || mask[k]) order.push_back(k);
    std::stable_sort(order.begin(), order.end(), [ids](Index a, Index b) { return ids[a] < ids[b]; });
    for (const Index k : order) {
      const T* from = rows + k * I;
      const std::int32_t id = ids[k];
      if (ids_.empty() || ids_.back() != id) {
        ids_.push_back(id);
        rows_.insert(rows_.end(), from, from + I);
      } else {
        T* to = rows_.data() + rows_.size() - size_t(I);
        for (Index j = 0; j < I; ++j) to[j] += from[j];
      }
    }
  }
  Index count() const { return Index(ids_.size()); }
  void write(std::int32_t* ids, T* rows) const {
    if (ids_.empty()) return;
    std::memcpy(ids, ids_.data(), ids_.size() * sizeof(std::int32_t));
    std::memcpy(rows, rows_.data(), rows_.size() * sizeof(T));
  }

 private:
  std::vector<std::int32_t> ids_;
  std::vector<T> rows_;
};

}  // namespace recurra
