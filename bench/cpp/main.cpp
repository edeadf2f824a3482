// The C++ benches: every case of bench/cases.py through the kernels, and the building blocks below them.
//
//     recurra_bench_v3 --benchmark_filter='lstm/.*/threads:1' --benchmark_repetitions=5
#include <benchmark/benchmark.h>

#include <cstdio>

#include "peaks.hpp"
#include "registry.hpp"

int main(int argc, char** argv) {
  const char* isa = RECURRA_ISA;
  if (!bench::supported(isa)) {
    std::fprintf(stderr,
                 "this program was built for %s, which this processor does not have; build with -DRECURRA_ISAS=%s\n",
                 isa, bench::best_isa());
    return 2;
  }
  bench::register_pieces();
  bench::register_layers();
  benchmark::AddCustomContext("recurra_isa", isa);
  benchmark::AddCustomContext("recurra_flags", RECURRA_FLAGS);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
