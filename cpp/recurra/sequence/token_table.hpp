// The distinct tokens of a batch, for calls with ids. The input's part of a pre-activation depends on the token alone,
// so it is computed once for each distinct token and copied to the rows that use it. Backward first sums dz over the
// rows of a token; the products for the kernel's and the embeddings' gradients then run over tokens instead of rows.
//
// The chains of sums are those of support/layout.hpp: the table holds x W, and a row's product continues with the bias
// and h U.
#pragma once
#include <memory>
#include <vector>

#include "recurra/nn/embedding.hpp"
#include "recurra/sequence/call.hpp"
#include "recurra/sequence/plan.hpp"
#include "recurra/support/workspace.hpp"

namespace recurra {

template <class T>
class TokenTable {
 public:
  TokenTable() = default;
  /// Empty where it does not pay or apply: without ids, with input dropout, or when tokens hardly repeat.
  TokenTable(const SequenceCall<T>& call, const Plan& plan, Index z_stride, Index panels) {
    if (!call.ids || call.input_mask_count || plan.rows() == 0) return;
    std::vector<std::int32_t> ids(static_cast<size_t>(plan.rows()));
    plan.each({0, plan.rows()},
              [&](Index row, Index s, Index i) { ids[static_cast<size_t>(row)] = call.ids[plan.source(s, i)]; });
    auto distinct = std::make_unique<DistinctIds>(ids.data(), plan.rows());
    const Index count = distinct->count(), size = panels * count * z_stride;
    if (2 * count > plan.rows()) return;
    if (!call.training && size * Index(sizeof(T)) > largest) return;  // training caches more than that anyway
    distinct_ = std::move(distinct);
    z_row_ = z_stride;
    embeddings_.resize(count * call.I);
    embedding_forward(call.embeddings, distinct_->ids(), count, call.I, embeddings_.data());
    z_.resize(size);
    of_row_.resize(ids.size());
    for (Index u = 0; u < count; ++u)
      for (Index k = distinct_->start(u); k < distinct_->start(u + 1); ++k)
        of_row_[static_cast<size_t>(distinct_->position(k))] = static_cast<std::uint32_t>(u);
  }

  explicit operator bool() const { return distinct_ != nullptr; }
  Index count() const { return distinct_->count(); }
  const std::int32_t* ids() const { return distinct_->ids(); }  // ascending
  const T* embeddings() const { return embeddings_.data(); }  // (count, I)
  T* z(Index panel, Index token) { return z_.data() + (panel * count() + token) * z_row_; }  // [column][unit]
  const T* z_of_row(Index panel, Index row) { return z(panel, Index{of_row_[static_cast<size_t>(row)]}); }

  /// The first token of a worker, so that each worker's tokens have about as many rows.
  Index first_of(int worker, int workers) const {
    const Index row = static_cast<Index>(of_row_.size()) * worker / workers;
    Index low = 0, high = count();
    while (low < high) {
      const Index middle = (low + high) / 2;
      if (distinct_->start(middle) < row) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /// z(panel, u) = sum of rows[row * z_stride, 0:n] over the rows of token u, ascending, for u in [u0, u1).
  void sum_rows(Index panel, Index u0, Index u1, const T* rows, Index n) {
    const Index last = u0 < u1 ? distinct_->start(u1) : 0;
    for (Index u = u0; u < u1; ++u) {
      T* to = z(panel, u);
      for (Index k = distinct_->start(u); k < distinct_->start(u + 1); ++k) {
        if (k + prefetch_distance < last) prefetch(rows + distinct_->position(k + prefetch_distance) * z_row_, n);
        const T* from = rows + distinct_->position(k) * z_row_;
        if (k == distinct_->start(u)) copy(from, n, to);
        else
          for (Index j = 0; j < n; j += lanes<T>) store(to + j, add(load(to + j), load(from + j)));
      }
    }
  }

 private:
  static constexpr Index largest = Index{64} << 20;  // bytes of a table, in inference

  std::unique_ptr<DistinctIds> distinct_;
  std::vector<std::uint32_t> of_row_;  // packed row -> token
  Buffer<T> embeddings_, z_;
  Index z_row_ = 0;
};

}  // namespace recurra
