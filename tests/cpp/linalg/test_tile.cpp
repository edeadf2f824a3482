// Every height of the tile, whichever way it is written for this processor: against sums in long double, and to the bit
// against the portable one.
#include "recurra/linalg/tile.hpp"

#include <vector>

#include "check.hpp"

namespace {

using recurra::Index;
using recurra::Segment;

constexpr Index reach = 40;  // the segments lie within so many k

template <class T, bool Columns, int MR>
void check_height(std::vector<Segment> segments, bool accumulate) {
  constexpr int NV = recurra::panel_vectors;
  constexpr Index width = NV * recurra::lanes<T>, ldz = width + 8;
  constexpr Index lda = Columns ? MR + 3 : reach + 5;
  recurra_test::Numbers numbers(unsigned(MR * 100 + Columns * 10 + accumulate));
  const auto a = numbers.list<T>(size_t(lda * (Columns ? reach : Index{MR})));
  const auto element = [&](Index r, Index k) { return a[size_t(Columns ? k * lda + r : r * lda + k)]; };
  std::vector<Index> order;
  for (Segment& s : segments) {
    for (Index k = s.offset; k < s.offset + s.length; ++k) order.push_back(k);
    if (Columns) s.offset *= lda;
  }
  const Index depth = Index(order.size());
  const auto panel = numbers.list<T>(size_t(depth * width)), before = numbers.list<T>(size_t(MR * ldz));
  auto z = before, portable = before;
  const auto run = [&](recurra::Tile<T> tile, std::vector<T>& out) {
    tile(a.data(), lda, segments.data(), Index(segments.size()), panel.data(), out.data(), ldz, accumulate, nullptr);
  };
  run(recurra::tile_of<T, MR, NV, Columns>(), z);
  run(recurra::portable_tile<T, MR, NV, Columns>, portable);
  for (Index r = 0; r < MR; ++r)
    for (Index j = 0; j < ldz; ++j) {
      const size_t at = size_t(r * ldz + j);
      CHECK_EQUAL(z[at], portable[at]);
      if (j >= width) {
        CHECK_EQUAL(z[at], before[at]);
        continue;
      }
      long double sum = accumulate ? before[at] : 0;
      for (Index k = 0; k < depth; ++k)
        sum += static_cast<long double>(element(r, order[size_t(k)])) * panel[size_t(k * width + j)];
      CHECK_CLOSE(z[at], static_cast<double>(sum), (sizeof(T) == 4 ? 1e-6 : 1e-14) * double(depth + 1));
    }
}

template <class T, bool Columns, int... R>
void check_heights(std::integer_sequence<int, R...>) {
  const std::vector<std::vector<Segment>> cases = {
      {}, {{5, 1}}, {{0, 3}}, {{2, 4}}, {{0, 7}}, {{1, 8}, {20, 5}}, {{30, 2}, {3, 0}, {7, 13}}, {{0, reach}}};
  for (const auto& segments : cases)
    for (bool accumulate : {false, true}) (check_height<T, Columns, R + 1>(segments, accumulate), ...);
}

}  // namespace

TEST(tiles_of_every_height_equal_their_sums) {
  const std::make_integer_sequence<int, recurra::max_rows(recurra::panel_vectors)> heights;
  check_heights<float, false>(heights);
  check_heights<float, true>(heights);
  check_heights<double, false>(heights);
  check_heights<double, true>(heights);
}
