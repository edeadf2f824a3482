#include <cstdint>
#include <limits>
#include <vector>

#include "check.hpp"
#include "recurra/nn/sampling.hpp"

namespace {

std::vector<double> frequencies(const std::vector<float>& logits, recurra::SamplingRule rule, int draws) {
  std::vector<double> counts(logits.size());
  recurra::Sampler<float> sampler(rule);
  for (int b = 0; b < draws; ++b) {
    const auto id = sampler.draw(logits.data(), static_cast<recurra::Index>(logits.size()), b);
    CHECK(id >= 0 && id < static_cast<std::int32_t>(logits.size()));
    counts[static_cast<std::size_t>(id)] += 1.0 / draws;
  }
  return counts;
}

}  // namespace

TEST(temperature_zero_takes_the_first_greatest) {
  const std::vector<float> logits = {1, 3, 2, 3, 0};
  std::int32_t id = -1;
  recurra::sample(logits.data(), 1, 5, {0, 0, 1, 1}, &id);
  CHECK_EQUAL(id, 1);
}

TEST(draws_follow_the_weights) {
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> logits = {0.0f, 1.0f, -inf, 0.5f, -2.0f, 1.0f, -100000.0f};
  for (const double temperature : {0.5, 1.0, 2.0}) {
    const auto counts = frequencies(logits, {temperature, 0, 99, 4}, 100000);
    double total = 0;
    for (const float x : logits) total += std::exp(x / temperature);
    for (std::size_t v = 0; v < logits.size(); ++v)
      CHECK_CLOSE(counts[v], std::exp(logits[v] / temperature) / total, 0.01);
    CHECK_EQUAL(counts[2], 0.0);
    CHECK_EQUAL(counts[6], 0.0);
  }
}

TEST(top_k_keeps_the_k_greatest_and_the_lower_ids_on_ties) {
  const std::vector<float> logits = {0, 1, 1, 2, 1, -1};
  const auto counts = frequencies(logits, {1, 3, 8, 0}, 20000);
  CHECK(counts[3] > 0.4 && counts[1] > 0.15 && counts[2] > 0.15);
  CHECK_EQUAL(counts[0] + counts[4] + counts[5], 0.0);
  CHECK_CLOSE(frequencies(logits, {1, 1, 8, 0}, 100)[3], 1, 1e-12);
}

TEST(what_cannot_be_sampled_is_seen) {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  const auto can = [](std::vector<double> row) {
    return recurra::can_be_sampled(row.data(), static_cast<recurra::Index>(row.size()));
  };
  CHECK(can({1, -inf}));
  CHECK(!can({-inf, -inf}));
  CHECK(!can({1, inf}));
  CHECK(!can({nan, 1}));
  CHECK(!can({1, nan}));
}
