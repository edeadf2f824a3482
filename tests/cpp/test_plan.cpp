// Which rows run at which step, for masks with padding, holes and nothing.
#include "recurra/plan.hpp"

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
      for (Index i = 0; i < 3; ++i) CHECK_EQUAL(plan.source(plan.offset(s) + i), i * 4 + (reverse ? 3 - s : s));
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
  for (Index i = 0; i < 4; ++i) CHECK_EQUAL(plan.original(i), order[i]);
  for (Index i = 0; i < 4; ++i) CHECK_EQUAL(plan.length(i), length[i]);
  for (Index s = 0; s < 3; ++s) CHECK_EQUAL(plan.live(s), live[s]);
  const Index source[] = {6, 15, 0, 8, 16, 9, 17};
  for (Index r = 0; r < 7; ++r) CHECK_EQUAL(plan.source(r), source[r]);
  const Plan back(4, 5, mask.data(), true);
  const Index reversed[] = {9, 17, 0, 8, 16, 6, 15};
  for (Index r = 0; r < 7; ++r) CHECK_EQUAL(back.source(r), reversed[r]);
}

TEST(parts_cover_all_rows_evenly) {
  std::vector<std::uint8_t> mask(6 * 10, 0);
  for (Index b = 0; b < 6; ++b)
    for (Index t = 0; t < 10 - b; ++t) mask[b * 10 + t] = 1;
  const Plan plan(6, 10, mask.data(), false);
  for (int parts : {1, 2, 3, 6, 9}) {
    const auto cut = plan.split(parts);
    CHECK_EQUAL(Index(cut.size()), parts + 1);
    CHECK_EQUAL(cut.front(), 0);
    CHECK_EQUAL(cut.back(), 6);
    for (int k = 0; k < parts; ++k) CHECK(cut[k] <= cut[k + 1]);
  }
  CHECK_EQUAL(plan.split(2)[1], 3);  // 10 + 9 + 8 of 45, the first prefix to hold half
}

TEST(nothing_to_do_is_a_plan_too) {
  CHECK_EQUAL(Plan(0, 5, nullptr, false).steps(), 0);
  CHECK_EQUAL(Plan(3, 0, nullptr, false).rows(), 0);
}
