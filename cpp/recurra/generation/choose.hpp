// The choice of the next token from a row of scores: banned tokens, the penalty on repetition, then the greatest or a
// draw among the top k and the nucleus.
#pragma once
#include <numeric>

#include "recurra/nn/sampling.hpp"

namespace recurra {

struct ChoiceRule {
  double temperature = 1;  // 0: the greatest score
  Index top_k = 0;         // only the k greatest; 0: all
  double top_p = 1;        // of these only the smallest set that holds this probability
  double repetition_penalty = 1;  // scores of seen tokens are divided by it where positive, else multiplied
  std::uint64_t seed = 0, stream = 0;  // the n-th choice draws from stream + n
};

/// Choices from rows, one after another, with the same scratch.
template <class T>
class Chooser {
 public:
  /// allowed: the ids that may be chosen, ascending; empty: all.
  Chooser(const ChoiceRule& rule, const std::vector<std::int32_t>& allowed, Index V)
      : rule_(rule),
        allowed_(allowed),
        V_(V),
        draw_({rule.temperature, rule.top_p < 1 && rule.temperature > 0 ? 0 : rule.top_k, rule.seed, 0}) {}

  /// The n-th choice for a row; -1 where its scores cannot be drawn from. scores (V,): changed. seen (V,) or null.
  std::int32_t choose(T* scores, const std::uint8_t* seen, Index row, std::uint64_t n) {
    if (seen && rule_.repetition_penalty != 1) penalize(scores, seen);
    Index count = V_;
    if (!allowed_.empty()) {
      count = Index(allowed_.size());
      for (Index k = 0; k < count; ++k) scores[k] = scores[allowed_[size_t(k)]];  // ascending: never overwrites
    }
    if (!can_be_sampled(scores, count)) return -1;
    draw_.set_step(rule_.stream + n);
    const bool nucleus = rule_.top_p < 1 && rule_.temperature > 0;
    const std::int32_t chosen = nucleus ? draw_nucleus(scores, count, row) : draw_.draw(scores, count, row);
    return allowed_.empty() ? chosen : allowed_[size_t(chosen)];
  }

 private:
  void penalize(T* scores, const std::uint8_t* seen) const {
    const T penalty = static_cast<T>(rule_.repetition_penalty);
    for (Index v = 0; v < V_; ++v)
      if (seen[v]) scores[v] = scores[v] > 0 ? scores[v] / penalty : scores[v] * penalty;
  }

  /// Draws among the tokens in order of probability, whose front is the nucleus.
  std::int32_t draw_nucleus(const T* scores, Index count, Index row) {
    order_.resize(size_t(count));
    std::iota(order_.begin(), order_.end(), 0);
    const auto before = [&](std::int32_t a, std::int32_t b) {
      return scores[a] > scores[b] || (scores[a] == scores[b] && a < b);
    };
    const Index candidates = rule_.top_k > 0 ? std::min(rule_.top_k, count) : count;
    if (candidates < count) std::nth_element(order_.begin(), order_.begin() + candidates, order_.end(), before);
    const double top = static_cast<double>(*std::max_element(scores, scores + count));
    const auto weight = [&](Index k) {
      return std::exp((static_cast<double>(scores[order_[size_t(k)]]) - top) / rule_.temperature);
    };
    double total = 0;
    for (Index k = 0; k < candidates; ++k) total += weight(k);
    ranked_.clear();
    double mass = 0;
    for (Index k = 0, sorted = 0; k < candidates && (k == 0 || mass < rule_.top_p * total); ++k) {
      if (k == sorted) {  // sort a longer front
        sorted = std::min(candidates, std::max<Index>(32, 4 * sorted));
        std::partial_sort(order_.begin() + k, order_.begin() + sorted, order_.begin() + candidates, before);
      }
      ranked_.push_back(scores[order_[size_t(k)]]);
      mass += weight(k);
    }
    return order_[size_t(draw_.draw(ranked_.data(), Index(ranked_.size()), row))];
  }

  ChoiceRule rule_;
  const std::vector<std::int32_t>& allowed_;
  Index V_;
  Sampler<T> draw_;
  std::vector<std::int32_t> order_;
  std::vector<T> ranked_;
};

}  // namespace recurra
