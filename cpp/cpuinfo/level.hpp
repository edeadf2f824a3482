// The x86-64 level that this processor and operating system may run: 1 to 4, or 0 on any other architecture.
//
// A level counts when the processor has every feature of it (x86-64 psABI, section 3.1.1) and the operating system
// saves the registers that it uses.
#pragma once

#include <cstdint>

#if defined(__x86_64__) || defined(_M_X64)
#define RECURRA_X86_64 1
#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#endif

namespace recurra::cpuinfo {

#ifdef RECURRA_X86_64

struct Registers {
  std::uint32_t a, b, c, d;
};

inline Registers cpuid(std::uint32_t leaf) {
  Registers r{0, 0, 0, 0};
#if defined(_MSC_VER)
  int highest[4], out[4];
  __cpuid(highest, static_cast<int>(leaf & 0x80000000u));
  if (static_cast<std::uint32_t>(highest[0]) >= leaf) {
    __cpuidex(out, static_cast<int>(leaf), 0);
    r = {std::uint32_t(out[0]), std::uint32_t(out[1]), std::uint32_t(out[2]), std::uint32_t(out[3])};
  }
#else
  __get_cpuid_count(leaf, 0, &r.a, &r.b, &r.c, &r.d);
#endif
  return r;
}

/// Which registers the operating system saves: bits of XCR0. Only where cpuid reports OSXSAVE.
inline std::uint32_t saved_registers() {
#if defined(_MSC_VER)
  return static_cast<std::uint32_t>(_xgetbv(0));
#else
  std::uint32_t low, high;  // written as an instruction: the intrinsic would need -mxsave for the whole file
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
#endif
}

inline constexpr std::uint32_t bits() { return 0; }
template <class... More>
constexpr std::uint32_t bits(int first, More... more) {
  return std::uint32_t{1} << first | bits(more...);
}
inline bool all(std::uint32_t word, std::uint32_t wanted) { return (word & wanted) == wanted; }

inline int level() {
  const Registers basic = cpuid(1), structured = cpuid(7), extended = cpuid(0x80000001u);

  // SSE3, SSSE3, CMPXCHG16B, SSE4.1, SSE4.2, POPCNT; LAHF
  if (!all(basic.c, bits(0, 9, 13, 19, 20, 23)) || !all(extended.c, bits(0))) return 1;

  // FMA, MOVBE, OSXSAVE, AVX, F16C; BMI1, AVX2, BMI2; LZCNT
  if (!all(basic.c, bits(12, 22, 27, 28, 29))) return 2;
  if (!all(structured.b, bits(3, 5, 8)) || !all(extended.c, bits(5))) return 2;
  const std::uint32_t saved = saved_registers();
  if (!all(saved, bits(1, 2))) return 2;  // xmm, ymm

  // AVX512 F, DQ, CD, BW, VL; opmask, upper halves of zmm0-15, zmm16-31
  if (!all(structured.b, bits(16, 17, 28, 30, 31))) return 3;
#if !defined(__APPLE__)  // macOS enables the AVX-512 state of a thread at its first use, so the bits may be clear there
  if (!all(saved, bits(5, 6, 7))) return 3;
#endif
  return 4;
}

#else

inline int level() { return 0; }

#endif

}  // namespace recurra::cpuinfo
