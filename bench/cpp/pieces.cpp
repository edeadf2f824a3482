// The building blocks: the machine's peaks, the tile, packing, activations, the thread pool's barrier.
//
// Names: piece/tile/rows:6/k:320 and so on. FLOPS of the tile against piece/fma_peak is the share of the machine's peak
// that everything above it can hope for.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "peaks.hpp"
#include "recurra/linalg/activations.hpp"
#include "recurra/linalg/gemm.hpp"
#include "recurra/linalg/panels.hpp"
#include "recurra/linalg/tile.hpp"
#include "recurra/support/workspace.hpp"
#include "recurra/threads/thread_pool.hpp"
#include "registry.hpp"

namespace bench {
namespace {

using benchmark::Counter;
using recurra::Index;

Counter rate(double amount) { return Counter(amount, Counter::kIsIterationInvariantRate); }

void fma_peak(benchmark::State& state) {
  const long long rounds = 100'000;
  double done = 0;
  for (auto _ : state) done = run_fma(RECURRA_ISA, rounds);
  state.counters["FLOPS"] = rate(done);
}

void read_memory(benchmark::State& state) {
  const size_t bytes = size_t(state.range(0));
  recurra::Buffer<float> memory;
  memory.resize(Index(bytes / sizeof(float)));
  std::fill_n(memory.data(), bytes / sizeof(float), 1.0f);
  for (auto _ : state) run_read(memory.data(), bytes);
  state.counters["bytes"] = rate(double(bytes));
}

/// One tile of `rows` rows over a depth of k, operands in L1 or L2.
template <class T>
void tile(benchmark::State& state) {
  const Index rows = state.range(0), depth = state.range(1), vectors = recurra::panel_vectors;
  const Index width = vectors * recurra::lanes<T>;
  const std::vector<T> a(size_t(rows * depth), T(0.5));
  recurra::Buffer<T> panel, z;
  panel.resize(depth * width);
  z.resize(rows * width);
  std::fill_n(panel.data(), size_t(depth * width), T(0.25));
  const recurra::Segment all{0, depth};
  for (auto _ : state) {
    recurra::product<T, false>(rows, a.data(), depth, &all, 1, panel.data(), vectors, z.data(), width, false);
    benchmark::ClobberMemory();
  }
  state.counters["FLOPS"] = rate(2.0 * double(rows * depth * width));
}

/// A long product, as Dense and the projections use it: (M, K) x (K, N).
template <class T>
void gemm(benchmark::State& state) {
  const Index M = state.range(0), K = state.range(1), N = state.range(2);
  recurra::max_threads().store(int(state.range(3)));
  const std::vector<T> a(size_t(M * K), T(0.5)), b(size_t(K * N), T(0.25));
  std::vector<T> out(size_t(M * N));
  for (auto _ : state) {
    recurra::Gemm<T>{M, N, K, a.data(), false, b.data(), false, nullptr, out.data()}.run();
    benchmark::ClobberMemory();
  }
  state.counters["FLOPS"] = rate(2.0 * double(M) * double(N) * double(K));
}

/// Rows of a (K, N) matrix into one panel after another; `columns`: from the transposed matrix.
template <class T>
void pack(benchmark::State& state, bool columns) {
  const Index K = state.range(0), N = state.range(1);
  const std::vector<T> b(size_t(K * N), T(1));
  const recurra::Panels<T> panels(N);
  recurra::Buffer<T> packed;
  packed.resize(K * panels.padded);
  for (auto _ : state) {
    for (Index p = 0; p < panels.count; ++p) {
      const Index first = panels.first(p), used = panels.used(p), width = panels.width(p);
      T* out = packed.data() + first * K;
      if (columns) recurra::pack_columns(b.data() + first * K, K, K, used, width, out);
      else recurra::pack_rows(b.data() + first, N, K, used, width, out);
    }
    benchmark::ClobberMemory();
  }
  state.counters["bytes"] = rate(double(K * N) * sizeof(T));
}

template <class T, recurra::Activation A>
void activation(benchmark::State& state) {
  constexpr Index W = recurra::lanes<T>;
  const Index count = 4096 / W * W;
  std::vector<T> x(size_t(count) + W), y(size_t(count) + W);
  for (Index i = 0; i < count; ++i) x[size_t(i)] = T(8) * T(i) / T(count) - T(4);
  for (auto _ : state) {
    for (Index i = 0; i < count; i += W)
      recurra::store(&y[size_t(i)], recurra::apply<T, A>(recurra::load(&x[size_t(i)])));
    benchmark::ClobberMemory();
  }
  state.counters["elements"] = rate(double(count));
}

/// A thousand barriers inside one parallel region.
void barrier(benchmark::State& state) {
  const int threads = int(state.range(0));
  for (auto _ : state)
    recurra::ThreadPool::shared().run(threads, [](const recurra::Worker& worker) {
      for (int i = 0; i < 1000; ++i) worker.barrier();
    });
  state.counters["barriers"] = rate(1000);
}

/// An empty parallel region of a pool that has just been used.
void region(benchmark::State& state) {
  const int threads = int(state.range(0));
  for (auto _ : state)
    recurra::ThreadPool::shared().run(threads,
                                      [](const recurra::Worker& worker) { benchmark::DoNotOptimize(worker.id); });
}

template <class T>
void register_typed(const std::string& dtype) {
  using recurra::Activation;
  const Index most = recurra::max_rows(recurra::panel_vectors);
  benchmark::RegisterBenchmark(("piece/tile/" + dtype).c_str(), tile<T>)
      ->ArgNames({"rows", "k"})
      ->ArgsProduct({{1, 2, most / 2, most}, {64, 128, 512, 1024}})
      ->Args({4 * most, 128})
      ->Args({64, 513});
  benchmark::RegisterBenchmark(("piece/gemm/" + dtype).c_str(), gemm<T>)
      ->ArgNames({"M", "K", "N", "threads"})
      ->ArgsProduct({{6400}, {256}, {1024}, {1, 2}})
      ->Args({512, 512, 512, 1})
      ->UseRealTime();
  const auto rows = [](benchmark::State& state) { pack<T>(state, false); };
  const auto columns = [](benchmark::State& state) { pack<T>(state, true); };
  benchmark::RegisterBenchmark(("piece/pack_rows/" + dtype).c_str(), rows)
      ->ArgNames({"K", "N"})
      ->Args({128, 256})
      ->Args({1280, 4096});
  benchmark::RegisterBenchmark(("piece/pack_columns/" + dtype).c_str(), columns)
      ->ArgNames({"K", "N"})
      ->Args({256, 128})
      ->Args({4096, 1280});
  benchmark::RegisterBenchmark(("piece/tanh/" + dtype).c_str(), activation<T, Activation::tanh>);
  benchmark::RegisterBenchmark(("piece/sigmoid/" + dtype).c_str(), activation<T, Activation::sigmoid>);
  benchmark::RegisterBenchmark(("piece/hard_sigmoid/" + dtype).c_str(), activation<T, Activation::hard_sigmoid>);
}

}  // namespace

void register_pieces() {
  benchmark::RegisterBenchmark("piece/fma_peak", fma_peak);
  benchmark::RegisterBenchmark("piece/read", read_memory)
      ->ArgName("bytes")
      ->Arg(16 << 10)
      ->Arg(256 << 10)
      ->Arg(4 << 20)
      ->Arg(256 << 20);
  register_typed<float>("float32");
  register_typed<double>("float64");
  benchmark::RegisterBenchmark("piece/barrier", barrier)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime();
  benchmark::RegisterBenchmark("piece/region", region)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime();
}

}  // namespace bench
