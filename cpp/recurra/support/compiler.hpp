// What is spelled differently by each compiler: forced inlining, no inlining, full unrolling.
#pragma once

#if defined(_MSC_VER)
#define RECURRA_INLINE __forceinline
#define RECURRA_NOINLINE __declspec(noinline)
#define RECURRA_UNROLL
#else
#define RECURRA_INLINE inline __attribute__((always_inline))
#define RECURRA_NOINLINE __attribute__((noinline))
#if defined(__clang__)
#define RECURRA_UNROLL _Pragma("clang loop unroll(full)")
#else
#define RECURRA_UNROLL _Pragma("GCC unroll 32")
#endif
#endif
