// Flushes denormal numbers to zero while an object of FlushDenormals lives, then restores the caller's mode.
//
// A denormal costs about a hundred cycles, and gradients that vanish over a few hundred steps are full of them.
#pragma once
#if defined(__SSE2__) || defined(_M_X64)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <cstdint>
#endif

namespace recurra {

class FlushDenormals {
 public:
#if defined(__SSE2__) || defined(_M_X64)
  FlushDenormals() : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | 0x8040u); }  // flush-to-zero, denormals-are-zero
  ~FlushDenormals() { _mm_setcsr(saved_); }
#elif defined(__aarch64__) && !defined(_MSC_VER)
  FlushDenormals() {
    asm volatile("mrs %0, fpcr" : "=r"(saved_));
    asm volatile("msr fpcr, %0" ::"r"(saved_ | (std::uint64_t{1} << 24)));
  }
  ~FlushDenormals() { asm volatile("msr fpcr, %0" ::"r"(saved_)); }
#else
  FlushDenormals() = default;
#endif
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
#if defined(__SSE2__) || defined(_M_X64)
  unsigned saved_;
#elif defined(__aarch64__) && !defined(_MSC_VER)
  std::uint64_t saved_;
#endif
};

}  // namespace recurra
