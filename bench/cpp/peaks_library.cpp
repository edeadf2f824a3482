// peaks.hpp as a shared library for the Python bench, which compiles it on first use and calls it through ctypes
// (ctypes lets go of Python's lock, so that one Python thread a core measures the peak of several cores).
#include "peaks.hpp"

extern "C" {
const char* bench_best_isa() { return bench::best_isa(); }
int bench_supported(const char* isa) { return bench::supported(isa); }
double bench_fma(const char* isa, long long rounds) { return bench::run_fma(isa, rounds); }
void bench_read(const float* data, unsigned long long bytes, int times) {
  for (int i = 0; i < times; ++i) bench::run_read(data, bytes);
}
}
