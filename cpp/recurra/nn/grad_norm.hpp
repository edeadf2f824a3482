// The global L2 norm of a list of gradients.
//
// Squares are summed in float64: 16 running sums over each block of 4096 elements, then the blocks' sums pairwise.
// Blocks start at each array and do not depend on the number of threads, so neither does the norm.
#pragma once
#include <cmath>
#include <vector>

#include "recurra/threads/parallel_for.hpp"

namespace recurra {

template <class T>
struct Numbers {
  const T* data;
  Index size;
};

namespace detail {

inline constexpr Index norm_block = 4096;

template <class T>
double sum_of_squares(const T* x, Index n) {
  constexpr Index width = 16;
  double sums[width] = {};
  Index j = 0;
  for (; j + width <= n; j += width)
    for (Index k = 0; k < width; ++k) sums[k] += static_cast<double>(x[j + k]) * static_cast<double>(x[j + k]);
  for (; j < n; ++j) sums[j % width] += static_cast<double>(x[j]) * static_cast<double>(x[j]);
  for (Index half = width / 2; half > 0; half /= 2)
    for (Index k = 0; k < half; ++k) sums[k] += sums[k + half];
  return sums[0];
}

}  // namespace detail

/// sqrt(sum of all squares); arrays in.
template <class T>
double grad_norm(const std::vector<Numbers<T>>& arrays) {
  std::vector<Numbers<T>> blocks;
  for (const auto& array : arrays)
    for (Index at = 0; at < array.size; at += detail::norm_block)
      blocks.push_back({array.data + at, std::min(detail::norm_block, array.size - at)});
  if (blocks.empty()) return 0;
  std::vector<double> sums(blocks.size());
  parallel_for(static_cast<Index>(blocks.size()), 16, [&](Index first, Index last) {
    for (Index b = first; b < last; ++b) {
      const auto& block = blocks[static_cast<size_t>(b)];
      sums[static_cast<size_t>(b)] = detail::sum_of_squares(block.data, block.size);
    }
  });
  for (size_t width = 1; width < sums.size(); width *= 2)
    for (size_t b = 0; b + width < sums.size(); b += 2 * width) sums[b] += sums[b + width];
  return std::sqrt(sums[0]);
}

}  // namespace recurra
