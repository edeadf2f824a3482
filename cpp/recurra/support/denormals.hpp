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

template <bool flush>
class DenormalMode {
 public:
#if defined(__SSE2__) || defined(_M_X64)
  DenormalMode() : saved_(_mm_getcsr()) { _mm_setcsr(flush ? saved_ | bits : saved_ & ~bits); }
  ~DenormalMode() { _mm_setcsr(saved_); }
#elif defined(__aarch64__) && !defined(_MSC_VER)
  DenormalMode() {
    asm volatile("mrs %0, fpcr" : "=r"(saved_));
    asm volatile("msr fpcr, %0" ::"r"(flush ? saved_ | bits : saved_ & ~bits));
  }
  ~DenormalMode() { asm volatile("msr fpcr, %0" ::"r"(saved_)); }
#else
  DenormalMode() {}
#endif
  DenormalMode(const DenormalMode&) = delete;
  DenormalMode& operator=(const DenormalMode&) = delete;

 private:
#if defined(__SSE2__) || defined(_M_X64)
  static constexpr unsigned bits = 0x8040u;  // flush-to-zero, denormals-are-zero
  unsigned saved_;
#elif defined(__aarch64__) && !defined(_MSC_VER)
  static constexpr std::uint64_t bits = std::uint64_t{1} << 24;
  std::uint64_t saved_;
#endif
};

using FlushDenormals = DenormalMode<true>;
/// The usual mode within a kernel, for code that is not the kernel's.
using KeepDenormals = DenormalMode<false>;

}  // namespace recurra
