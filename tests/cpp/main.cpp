// Runs every test, or those whose names contain one of the arguments. Exits with 1 when a check failed or none ran.
#include <cstring>

#include "check.hpp"

int main(int argc, char** argv) {
  int passed = 0, failed = 0;
  for (const recurra_test::Test& test : recurra_test::tests()) {
    bool wanted = argc == 1;
    for (int i = 1; i < argc; ++i) wanted |= std::strstr(test.name, argv[i]) != nullptr;
    if (!wanted) continue;
    recurra_test::failures() = 0;
    test.run();
    const int failures = recurra_test::failures();
    std::printf("%-6s %s", failures ? "FAILED" : "ok", test.name);
    std::printf(failures ? " (%d checks)\n" : "\n", failures);
    (failures ? failed : passed) += 1;
  }
  std::printf("%s: %d tests passed, %d failed\n", RECURRA_ISA, passed, failed);
  return failed > 0 || passed == 0;
}
