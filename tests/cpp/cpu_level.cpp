// Exits with the x86-64 level that may run here (0 elsewhere), for CMake to know which tests can.
#include "cpuinfo/level.hpp"

int main() { return recurra::cpuinfo::level(); }
