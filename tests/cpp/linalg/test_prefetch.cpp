// Prefetch lists: areas are handed out in order, and the first can be replaced.
#include "recurra/linalg/prefetch.hpp"

#include "check.hpp"

TEST(a_prefetch_list_hands_out_one_area_after_another) {
  const char memory[400] = {};
  recurra::PrefetchList prefetches;
  CHECK(prefetches.take(64) == nullptr);
  prefetches.add(memory, 130);
  prefetches.add(memory + 200, 64);
  CHECK(prefetches.take(64) == memory);
  prefetches.set_first(memory + 300, 60);
  CHECK(prefetches.take(64) == memory + 300);
  CHECK(prefetches.take(64) == memory + 64);
  CHECK(prefetches.take(64) == memory + 128);  // its last two bytes
  CHECK(prefetches.take(64) == memory + 200);
  CHECK(prefetches.take(64) == nullptr);
}
