// Embedding: rows of a table by id, and the table's gradient as the distinct rows that were used.
#pragma once
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "recurra/linalg/prefetch.hpp"
#include "recurra/support/compiler.hpp"
#include "recurra/threads/parallel_for.hpp"

namespace recurra {

/// y[k] = table[ids[k]].  table (V, I) in; ids (n,) in, each in [0, V); y (n, I) out, overwritten.
template <class T>
void embedding_forward(const T* table, const std::int32_t* ids, Index n, Index I, T* y) {
  if (I == 0) return;
  parallel_for(n, 65536 / (I + 1) + 1, [&](Index first, Index last) {
    for (Index k = first; k < last; ++k) {
      if (k + prefetch_distance < last) prefetch(table + Index{ids[k + prefetch_distance]} * I, I);
      std::memcpy(y + k * I, table + Index{ids[k]} * I, static_cast<size_t>(I) * sizeof(T));
    }
  });
}

/// The distinct ids of a list, ascending, and the positions of each in the list.
class DistinctIds {
 public:
  /// ids (n,): any int32, n < 2^32; mask (n,): non-zero = use the id, or null.
  DistinctIds(const std::int32_t* ids, Index n, const std::uint8_t* mask = nullptr) {
    // A radix sort of (id, position) by id; it is stable, so equal ids stay in order of appearance.
    std::vector<std::uint64_t> keys;
    keys.reserve(static_cast<size_t>(n));
    std::uint32_t varying = 0;
    for (Index k = 0; k < n; ++k) {
      if (mask && !mask[k]) continue;
      const std::uint32_t id = static_cast<std::uint32_t>(ids[k]) ^ 0x80000000u;  // negative ids sort first
      keys.push_back(std::uint64_t{id} << 32 | static_cast<std::uint64_t>(k));
      varying |= id ^ static_cast<std::uint32_t>(keys.front() >> 32);
    }
    std::vector<std::uint64_t> other(keys.size());
    for (int shift = 0; shift < 32; shift += digit_bits) {
      if ((varying >> shift & (digits - 1)) == 0) continue;  // this digit is the same in all
      size_t at[digits] = {};
      for (const std::uint64_t key : keys) ++at[key >> (32 + shift) & (digits - 1)];
      size_t sum = 0;
      for (size_t& count : at) sum += std::exchange(count, sum);
      for (const std::uint64_t key : keys) other[at[key >> (32 + shift) & (digits - 1)]++] = key;
      keys.swap(other);
    }
    positions_.reserve(keys.size());
    for (size_t k = 0; k < keys.size(); ++k) {
      const auto id = static_cast<std::int32_t>(static_cast<std::uint32_t>(keys[k] >> 32) ^ 0x80000000u);
      if (k == 0 || id != ids_.back()) {
        ids_.push_back(id);
        starts_.push_back(static_cast<Index>(k));
      }
      positions_.push_back(static_cast<std::uint32_t>(keys[k]));
    }
    starts_.push_back(static_cast<Index>(keys.size()));
  }

  Index count() const { return static_cast<Index>(ids_.size()); }
  const std::int32_t* ids() const { return ids_.data(); }
  /// position(k) for k in [start(u), start(u + 1)): the positions of ids()[u] in the list, ascending.
  Index start(Index u) const { return starts_[static_cast<size_t>(u)]; }
  Index position(Index k) const { return Index{positions_[static_cast<size_t>(k)]}; }

  /// dy (n, I) in; rows (count(), I) out, overwritten: row u is the sum of dy over the positions of ids()[u],
  /// ascending.
  template <class T>
  void sum_rows(const T* dy, Index I, T* rows) const {
    const Index n = static_cast<Index>(positions_.size());
    parallel_for(count(), (32768 / (I + 1) + 1) * count() / (n + 1) + 1, [&](Index first, Index last) {
      for (Index u = first; u < last; ++u) {
        T* to = rows + u * I;
        const Index start = starts_[static_cast<size_t>(u)], end = starts_[static_cast<size_t>(u) + 1];
        std::memcpy(to, row_of(dy, I, start), static_cast<size_t>(I) * sizeof(T));
        for (Index k = start + 1; k < end; ++k) add_row(I, to, row_of(dy, I, k));
      }
    });
  }

 private:
  static constexpr int digit_bits = 11;
  static constexpr std::uint32_t digits = 1u << digit_bits;

  template <class T>
  const T* row_of(const T* dy, Index I, Index k) const {
    return dy + Index{positions_[static_cast<size_t>(k)]} * I;
  }
  template <class T>
  RECURRA_NOINLINE static void add_row(Index I, T* __restrict to, const T* __restrict from) {
    for (Index j = 0; j < I; ++j) to[j] += from[j];
  }

  std::vector<std::int32_t> ids_;
  std::vector<Index> starts_;
  std::vector<std::uint32_t> positions_;
};

}  // namespace recurra
