// Runs every test, or those whose names contain one of the arguments. Exits with 1 when a check failed or none ran.
// A test's name is written before it runs, its result and seconds after: a log shows which test hangs. The last lines
// name the tests that failed, and why.
#include <chrono>
#include <cstring>
#include <string>

#include "check.hpp"

int main(int argc, char** argv) {
  int passed = 0, failed = 0;
  std::string report;
  for (const recurra_test::Test& test : recurra_test::tests()) {
    bool wanted = argc == 1;
    for (int i = 1; i < argc; ++i) wanted |= std::strstr(test.name, argv[i]) != nullptr;
    if (!wanted) continue;
    std::printf("       %s\n", test.name);
    std::fflush(stdout);  // also: a forked child has nothing of it to write again
    recurra_test::failures() = 0;
    recurra_test::failure_texts().clear();
    const auto start = std::chrono::steady_clock::now();
    test.run();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    const int failures = recurra_test::failures();
    std::printf("%-6s %s (%.2f s)", failures ? "FAILED" : "ok", test.name, seconds.count());
    std::printf(failures ? " (%d checks)\n" : "\n", failures);
    std::fflush(stdout);
    (failures ? failed : passed) += 1;
    if (failures) report += std::string(test.name) + ":\n" + recurra_test::failure_texts();
  }
  std::printf("%s", report.c_str());
  std::printf("%s: %d tests passed, %d failed\n", RECURRA_ISA, passed, failed);
  return failed > 0 || passed == 0;
}
