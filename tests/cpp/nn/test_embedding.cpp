#include <cstdint>
#include <limits>
#include <map>
#include <vector>

#include "check.hpp"
#include "recurra/nn/embedding.hpp"

TEST(embedding_gathers_rows) {
  const recurra::Index V = 13, I = 5, n = 300;
  recurra_test::Numbers numbers(2);
  const auto table = numbers.list<float>(V * I);
  std::vector<std::int32_t> ids(n);
  for (recurra::Index k = 0; k < n; ++k) ids[k] = static_cast<std::int32_t>(k * k % V);
  std::vector<float> y(n * I);
  recurra::embedding_forward(table.data(), ids.data(), n, I, y.data());
  for (recurra::Index k = 0; k < n; ++k)
    for (recurra::Index j = 0; j < I; ++j) CHECK_EQUAL(y[k * I + j], table[ids[k] * I + j]);
}

TEST(equal_ids_are_summed_in_order_of_appearance) {
  for (const int spread : {1, 3, 1000, 2000000000}) {
    const recurra::Index n = 5000, I = 3;
    recurra_test::Numbers numbers(static_cast<unsigned>(spread));
    const auto dy = numbers.list<float>(n * I);
    std::vector<std::int32_t> ids(n);
    for (auto& id : ids) id = static_cast<std::int32_t>(numbers.next() * spread);  // negative ones, too
    std::map<std::int32_t, std::vector<float>> expected;
    for (recurra::Index k = 0; k < n; ++k) {
      auto& row = expected[ids[k]];
      row.resize(I);
      for (recurra::Index j = 0; j < I; ++j) row[j] += dy[k * I + j];
    }
    for (const int threads : {1, 3}) {
      recurra::max_threads() = threads;
      const recurra::DistinctIds distinct(ids.data(), n);
      CHECK_EQUAL(distinct.count(), static_cast<recurra::Index>(expected.size()));
      std::vector<float> rows(distinct.count() * I, std::numeric_limits<float>::quiet_NaN());
      distinct.sum_rows(dy.data(), I, rows.data());
      recurra::Index u = 0;
      for (const auto& [id, row] : expected) {
        CHECK_EQUAL(distinct.ids()[u], id);
        for (recurra::Index j = 0; j < I; ++j) CHECK_EQUAL(rows[u * I + j], row[j]);
        ++u;
      }
    }
    recurra::max_threads() = 1;
  }
}

TEST(no_ids_give_no_rows) {
  const recurra::DistinctIds distinct(nullptr, 0);
  CHECK_EQUAL(distinct.count(), recurra::Index{0});
  distinct.sum_rows<double>(nullptr, 4, nullptr);
}
