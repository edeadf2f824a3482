// The workspace: freed memory is reused and bounded.
#include "recurra/support/workspace.hpp"

#include <string>

#include "check.hpp"

TEST(freed_memory_is_used_again_and_bounded) {
  auto& workspace = recurra::Workspace::shared();
  workspace.set_limit(0);  // blocks of other tests may fit better
  workspace.set_limit(size_t{1} << 30);
  float* where;
  {
    recurra::Buffer<float> buffer(1 << 20);
    where = buffer.data();
    where[(1 << 20) - 1] = 1;
  }
  recurra::Buffer<float> again((1 << 20) - 100);
  CHECK_EQUAL(again.data(), where);
  again.clear();
  CHECK(workspace.pooled() >= (size_t{4} << 20));
  workspace.set_limit(0);
  CHECK_EQUAL(workspace.pooled(), size_t{0});
  workspace.set_limit(size_t{1} << 30);
}

TEST(memory_that_the_system_does_not_give) {
  const std::string said = recurra::OutOfMemory(size_t{1} << 60).what();
  CHECK(said.find("take 1152921504606846976 bytes, which the system does not give") != std::string::npos);
  CHECK(said.find("smaller") == said.size() - 7);  // the whole text fits
}
