// Which rows run at which step, for masks with padding, holes and nothing.
#include "recurra/sequence/plan.hpp"

#include <algorithm>
#include <vector>

#include "check.hpp"

using recurra::Index;
using recurra::Plan;

TEST(without_a_mask_every_step_has_every_row) {
  for (bool reverse : {false, true}) {
    const Plan plan(3, 4, nullptr, reverse);
    CHECK_EQUAL(plan.steps(), 4);
    CHECK_EQUAL(plan.rows(), 12);
    CHECK_EQUAL(plan.live(plan.steps()), 0);
    for (Index s = 0; s < 4; ++s)
      for (Index i = 0; i < 3; ++i) CHECK_EQUAL(plan.source(s, i), i * 4 + (reverse ? 3 - s : s));
  }
}

namespace {
/// source(s, i) of all packed rows in their order, which each() has to count up from any first row.
std::vector<Index> sources(const Plan& plan) {
  std::vector<Index> all;
  plan.each({0, plan.rows()}, [&](Index row, Index s, Index i) {
    CHECK_EQUAL(row, Index(all.size()));
    CHECK_EQUAL(row, plan.row(s, i));
    CHECK(i < plan.live(s));
    all.push_back(plan.source(s, i));
  });
  for (Index first = 0; first <= plan.rows(); ++first) {
    std::vector<Index> rest;
    plan.each({first, plan.rows()}, [&](Index, Index s, Index i) { rest.push_back(plan.source(s, i)); });
    CHECK(rest == std::vector<Index>(all.begin() + first, all.end()));
  }
  for (Index s = 0; s < plan.steps(); ++s)
    for (Index first = 0; first <= plan.live(s); ++first) {
      Index next = first;
      plan.each_source(s, first, plan.live(s), [&](Index i, Index source) {
        CHECK_EQUAL(i, next++);
        CHECK_EQUAL(source, plan.source(s, i));
      });
      CHECK_EQUAL(next, plan.live(s));
    }
  return all;
}
}  // namespace

TEST(a_mask_that_masks_nothing_is_none) {
  const std::vector<std::uint8_t> mask(3 * 4, 1);
  for (bool reverse : {false, true})
    CHECK(sources(Plan(3, 4, mask.data(), reverse)) == sources(Plan(3, 4, nullptr, reverse)));
}

TEST(rows_of_arrays_with_time_first) {
  const recurra::RowLayout time_major{recurra::RowOrder::time_major};
  for (bool reverse : {false, true}) {
    const Plan plan(3, 4, nullptr, reverse, false, time_major);
    for (Index s = 0; s < 4; ++s)
      for (Index i = 0; i < 3; ++i) CHECK_EQUAL(plan.source(s, i), (reverse ? 3 - s : s) * 3 + i);
    sources(plan);
  }
}

TEST(masked_steps_are_left_out_and_long_rows_come_first) {
  const std::vector<std::uint8_t> mask = {1, 0, 0, 0, 0,   // one step
                                          0, 1, 0, 1, 1,   // three, with a hole
                                          0, 0, 0, 0, 0,   // none
                                          1, 1, 1, 0, 0};  // three, padded
  const Plan plan(4, 5, mask.data(), false);
  CHECK_EQUAL(plan.steps(), 3);
  CHECK_EQUAL(plan.rows(), 7);
  const Index order[] = {1, 3, 0, 2}, length[] = {3, 3, 1, 0}, live[] = {3, 2, 2};
  for (Index i = 0; i < 4; ++i) CHECK_EQUAL(plan.batch_row(i), order[i]);
  for (Index i = 0; i < 4; ++i) CHECK_EQUAL(plan.length(i), length[i]);
  for (Index s = 0; s < 3; ++s) CHECK_EQUAL(plan.live(s), live[s]);
  CHECK((sources(plan) == std::vector<Index>{6, 15, 0, 8, 16, 9, 17}));
  CHECK((sources(Plan(4, 5, mask.data(), true)) == std::vector<Index>{9, 17, 0, 8, 16, 6, 15}));
}

TEST(parts_cover_all_rows_evenly) {
  std::vector<std::uint8_t> mask(6 * 10, 0);
  for (Index b = 0; b < 6; ++b)
    for (Index t = 0; t < 10 - b; ++t) mask[b * 10 + t] = 1;
  const Plan plan(6, 10, mask.data(), false);
  for (int ranges : {1, 2, 3, 6, 9}) {
    const auto cut = plan.split(ranges);
    CHECK_EQUAL(Index(cut.size()), ranges + 1);
    CHECK_EQUAL(cut.front(), 0);
    CHECK_EQUAL(cut.back(), 6);
    for (int k = 0; k < ranges; ++k) CHECK(cut[k] <= cut[k + 1]);
  }
  CHECK_EQUAL(plan.split(2)[1], 3);  // 10 + 9 + 8 of 45, the first prefix to hold half
}

TEST(rows_in_groups_go_group_by_group) {
  constexpr Index B = 50, T = 20;
  std::vector<std::uint8_t> mask(B * T, 1);
  for (Index b = 0; b < B; b += 3) mask[b * T + b % T] = 0;  // holes: lengths differ by one
  std::fill_n(mask.begin() + 7 * T, T, std::uint8_t(0));
  const std::uint8_t *none = nullptr, *holes = mask.data();
  for (const std::uint8_t* masked : {none, holes}) {
    const Plan plan(B, T, masked, false, true);
    CHECK_EQUAL(plan.groups(), 4);
    Index position = 0, row = 0;
    for (Index g = 0; g < plan.groups(); ++g) {
      CHECK_EQUAL(plan.positions(g).first, position);
      CHECK_EQUAL(plan.rows(g).first, row);
      CHECK(plan.rows(g).count() > 0);
      for (Index s = 0; s < plan.steps(); ++s)
        for (Index i = position; i < std::min(plan.positions(g).last, plan.live(s)); ++i)
          CHECK_EQUAL(plan.row(s, i), row++);
      CHECK_EQUAL(plan.rows(g).last, row);
      position = plan.positions(g).last;
    }
    CHECK_EQUAL(position, B);
    CHECK_EQUAL(row, plan.rows());
    std::vector<Index> found = sources(plan), expected = sources(Plan(B, T, masked, false));
    CHECK(found != expected);
    std::sort(found.begin(), found.end());
    std::sort(expected.begin(), expected.end());
    CHECK(found == expected);
  }
}

TEST(groups_depend_on_the_shape) {
  std::vector<std::uint8_t> mask(50 * 40, 1);
  for (Index b = 0; b < 50; ++b) std::fill_n(mask.begin() + b * 40, b % 20, std::uint8_t(0));
  CHECK_EQUAL(Plan(50, 40, mask.data(), false, true).groups(), 2);  // ragged
  CHECK_EQUAL(Plan(50, 40, nullptr, false, false).groups(), 1);
  CHECK_EQUAL(Plan(50, 2, nullptr, false, true).groups(), 1);
  CHECK_EQUAL(Plan(20, 90, nullptr, false, true).groups(), 1);
  CHECK_EQUAL(Plan(30, 90, nullptr, false, true).groups(), 3);
}

TEST(nothing_to_do_is_a_plan_too) {
  CHECK_EQUAL(Plan(0, 5, nullptr, false).steps(), 0);
  CHECK_EQUAL(Plan(3, 0, nullptr, false).rows(), 0);
}
