// The machine's own limits: fused multiply-adds in registers, and reading memory. No library is involved.
//
// Each loop is compiled for several instruction sets in this one file (function attributes), so that a bench held to
// one of them can be set against that one's peak. `isa` is "v2", "v3", "v4" (x86-64 levels) or "native" (whatever the
// compiler was told; the only choice elsewhere than on x86-64). A loop may run only where the CPU has the instructions:
// see supported().
#pragma once

#include <cstddef>
#include <cstring>
#include <initializer_list>

namespace bench {

#if defined(__x86_64__)
#define BENCH_X86 1
#else
#define BENCH_X86 0
#endif

typedef float Lanes4 __attribute__((vector_size(16)));
typedef float Lanes8 __attribute__((vector_size(32)));
typedef float Lanes16 __attribute__((vector_size(64)));

// Twelve chains cover the latency of two multiply-adds a cycle (4-5 cycles each) and leave registers for the operands;
// they are separate variables because an indexed array would live on the stack. They converge to addend / (1 - factor),
// so they neither overflow nor become denormal.
#define BENCH_FMA_LOOP(Vector)                                                                          \
  __asm__ volatile("" : "+r"(rounds)); /* not a constant, so the call cannot be moved or left out */    \
  Vector a = Vector{} + 0.0f, b = a + 1.0f, c = a + 2.0f, d = a + 3.0f, e = a + 4.0f, f = a + 5.0f;     \
  Vector g = a + 6.0f, h = a + 7.0f, i = a + 8.0f, j = a + 9.0f, k = a + 10.0f, l = a + 11.0f;          \
  Vector factor = Vector{} + 0.75f, addend = Vector{} + 1.0f;                                           \
  for (long long n = 0; n < rounds; ++n) {                                                              \
    a = a * factor + addend, b = b * factor + addend, c = c * factor + addend, d = d * factor + addend; \
    e = e * factor + addend, f = f * factor + addend, g = g * factor + addend, h = h * factor + addend; \
    i = i * factor + addend, j = j * factor + addend, k = k * factor + addend, l = l * factor + addend; \
  }                                                                                                     \
  Vector sum = ((a + b) + (c + d)) + ((e + f) + (g + h)) + ((i + j) + (k + l));                         \
  return sum[0];

// Eight accumulators hide the latency of the additions; `bytes` must be a multiple of 8 vectors (512 bytes always is).
#define BENCH_READ_LOOP(Vector)                                                                     \
  __asm__ volatile("" : "+r"(data));                                                                \
  const std::size_t step = sizeof(Vector) / sizeof(float);                                          \
  const std::size_t count = bytes / sizeof(float);                                                  \
  Vector s0{}, s1{}, s2{}, s3{}, s4{}, s5{}, s6{}, s7{};                                            \
  for (std::size_t i = 0; i + 8 * step <= count; i += 8 * step) {                                   \
    const Vector* p = reinterpret_cast<const Vector*>(data + i);                                    \
    s0 += p[0], s1 += p[1], s2 += p[2], s3 += p[3], s4 += p[4], s5 += p[5], s6 += p[6], s7 += p[7]; \
  }                                                                                                 \
  s0 += s1 + s2 + s3 + s4 + s5 + s6 + s7;                                                           \
  return s0[0];

#if BENCH_X86
__attribute__((target("sse4.2"), noinline)) inline float fma_v2(long long rounds) { BENCH_FMA_LOOP(Lanes4) }
__attribute__((target("avx2,fma"), noinline)) inline float fma_v3(long long rounds) { BENCH_FMA_LOOP(Lanes8) }
__attribute__((target("avx512f,avx512vl"), noinline)) inline float fma_v4(long long rounds) { BENCH_FMA_LOOP(Lanes16) }
__attribute__((target("avx2,fma"), noinline)) inline float read_v3(const float* data, std::size_t bytes) {
  BENCH_READ_LOOP(Lanes8)
}
#endif
__attribute__((noinline)) inline float fma_native(long long rounds) { BENCH_FMA_LOOP(Lanes4) }
__attribute__((noinline)) inline float read_native(const float* data, std::size_t bytes) { BENCH_READ_LOOP(Lanes4) }

// May this CPU run the loop of that name?
inline bool supported(const char* isa) {
  if (std::strcmp(isa, "native") == 0) return true;
#if BENCH_X86
  __builtin_cpu_init();
  if (std::strcmp(isa, "v2") == 0) return __builtin_cpu_supports("sse4.2");
  if (std::strcmp(isa, "v3") == 0) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (std::strcmp(isa, "v4") == 0) return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl");
#endif
  return false;
}

// The widest of them that this CPU runs.
inline const char* best_isa() {
  for (const char* isa : {"v4", "v3", "v2"})
    if (supported(isa)) return isa;
  return "native";
}

// Multiply-adds in registers; returns how many floating-point operations were done (two for each lane of each one).
inline double run_fma(const char* isa, long long rounds) {
  volatile float keep = 0;
  int lanes = 4;
#if BENCH_X86
  if (std::strcmp(isa, "v4") == 0) {
    lanes = 16;
    keep = fma_v4(rounds);
  } else if (std::strcmp(isa, "v3") == 0) {
    lanes = 8;
    keep = fma_v3(rounds);
  } else if (std::strcmp(isa, "v2") == 0) {
    keep = fma_v2(rounds);
  } else
#endif
    keep = fma_native(rounds);
  static_cast<void>(keep);
  return 2.0 * lanes * 12.0 * static_cast<double>(rounds);
}

// Reads `bytes` (a multiple of 512) from `data` (64-byte aligned) once.
inline void run_read(const float* data, std::size_t bytes) {
  volatile float keep;
#if BENCH_X86
  if (supported("v3")) {
    keep = read_v3(data, bytes);
    return;
  }
#endif
  keep = read_native(data, bytes);
  static_cast<void>(keep);
}

}  // namespace bench
