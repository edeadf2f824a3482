// The tile of 4 to 6 rows and two vectors for AVX2 and FMA, in assembly: four k in a turn, 21 or 22 instructions for
// each 12 multiply-adds.
//
// Compilers need 24 to 30: they keep an address for every row and k, and run out of registers. With a core to itself
// that makes no difference, since the multiply-adds take six cycles either way. Where the core's other hardware thread
// is busy, as on most virtual machines, instructions come at half the rate, and their number is what limits the loop.
//
// Each sum is the same chain as in portable_tile, to the bit.
#pragma once
#if defined(__GNUC__) && defined(__x86_64__) && defined(__AVX2__) && defined(__FMA__) && !defined(__AVX512F__)
#define RECURRA_TILE_AVX2

#include "recurra/linalg/simd.hpp"

// ymm0, ymm1: the panel at k; ymm3: an element of a; from ymm4 on: two sums for each row. `s` is the type's letter.
// clang-format off
#define RECURRA_PANEL(at) \
  "vmovups " at "(%[panel]), %%ymm0\n\t" \
  "vmovups " at "+32(%[panel]), %%ymm1\n\t"
#define RECURRA_PRODUCTS(s, at, low, high) \
  "vbroadcasts" s " " at ", %%ymm3\n\t" \
  "vfmadd231p" s " %%ymm0, %%ymm3, %%ymm" low "\n\t" \
  "vfmadd231p" s " %%ymm1, %%ymm3, %%ymm" high "\n\t"
#define RECURRA_ZERO(s, at, low, high) \
  "vxorps %%ymm" low ", %%ymm" low ", %%ymm" low "\n\t" \
  "vxorps %%ymm" high ", %%ymm" high ", %%ymm" high "\n\t"
#define RECURRA_LOAD(s, at, low, high) \
  "vmovups " at ", %%ymm" low "\n\t" \
  "vmovups 32+" at ", %%ymm" high "\n\t"
#define RECURRA_STORE(s, at, low, high) \
  "vmovups %%ymm" low ", " at "\n\t" \
  "vmovups %%ymm" high ", 32+" at "\n\t"

// `what` for every row; `at(r, k)` is where row r has its element.
#define RECURRA_ROWS_4(what, s, at, k) \
  what(s, at(0, k), "4", "5") what(s, at(1, k), "6", "7") \
  what(s, at(2, k), "8", "9") what(s, at(3, k), "10", "11")
#define RECURRA_ROWS_5(what, s, at, k) RECURRA_ROWS_4(what, s, at, k) what(s, at(4, k), "12", "13")
#define RECURRA_ROWS_6(what, s, at, k) RECURRA_ROWS_5(what, s, at, k) what(s, at(5, k), "14", "15")

// Three rows (or columns) reach from one register: `far` is three of them behind.
#define RECURRA_FROM_0(near, far, step) "(%[" near "])"
#define RECURRA_FROM_1(near, far, step) "(%[" near "],%[" step "])"
#define RECURRA_FROM_2(near, far, step) "(%[" near "],%[" step "],2)"
#define RECURRA_FROM_3(near, far, step) "(%[" far "])"
#define RECURRA_FROM_4(near, far, step) "(%[" far "],%[" step "])"
#define RECURRA_FROM_5(near, far, step) "(%[" far "],%[" step "],2)"
#define RECURRA_FAR(near, step) \
  "lea (%[" near "],%[" step "],2), %[far]\n\t" \
  "add %[" step "], %[far]\n\t"

#define RECURRA_IN_ROWS(r, k) "%c[size]*" #k "+0" RECURRA_FROM_##r("a", "far", "lda")
#define RECURRA_IN_COLUMNS(r, k) "%c[size]*" #r "+0" RECURRA_FROM_##k("a", "far", "lda")
#define RECURRA_IN_Z(r, k) "0" RECURRA_FROM_##r("z", "far", "ldz")

#define RECURRA_ON_IN_ROWS(steps) \
  "add $%c[size]*" steps ", %[a]\n\t" \
  "add $%c[size]*" steps ", %[far]\n\t"
#define RECURRA_ON_IN_COLUMNS(steps) \
  "lea (%[a],%[lda]," steps "), %[a]\n\t" \
  "lea (%[far],%[lda]," steps "), %[far]\n\t"

// The processor's own prefetching ends at each page, and the first rows that meet a panel would wait for it. So each
// tile brings a quarter of a panel's size to L2 of what comes next (Ahead), and asks L2 for this one a page ahead. Columns
// meet panels that are used again at once.
#define RECURRA_COMING \
  "prefetcht1 (%[coming])\n\t" \
  "add $64, %[coming]\n\t"
#define RECURRA_AHEAD_IN_ROWS(at) "prefetcht0 " at "+4096(%[panel])\n\t"
#define RECURRA_AHEAD_IN_COLUMNS(at)

// Where rows have several segments, these are far apart, each in a page of its own, and the rows of one lie close
// together: the next segment of all of them comes while this one is used.
#define RECURRA_FIND_NEXT_OF_ONE
#define RECURRA_NEXT_OF_ONE
#define RECURRA_FIND_NEXT_OF_SEVERAL \
  "lea 16(%[segment]), %[left]\n\t" \
  "cmp %[end], %[left]\n\t" \
  "cmove %[segment], %[left]\n\t" \
  "mov (%[left]), %[next]\n\t" \
  "lea (%[base],%[next],%c[size]), %[next]\n\t"
#define RECURRA_NEXT_OF_SEVERAL \
  "prefetcht0 (%[next])\n\t" \
  "prefetcht0 64(%[next])\n\t" \
  "add $128, %[next]\n\t"

// The sums from z or zero; for each segment k in fours, then one by one; the sums to z.
#define RECURRA_TILE(s, rows, at, on, comes, panel_ahead, find_segment, segment_comes) \
  asm volatile( \
      "test %[accumulate], %[accumulate]\n\t" \
      "jnz 1f\n\t" \
      rows(RECURRA_ZERO, s, RECURRA_IN_Z, 0) \
      "jmp 2f\n\t" \
      "1:\n\t" \
      RECURRA_FAR("z", "ldz") \
      rows(RECURRA_LOAD, s, RECURRA_IN_Z, 0) \
      "2:\n\t" \
      "cmp %[end], %[segment]\n\t" \
      "je 7f\n\t" \
      "mov (%[segment]), %[a]\n\t" \
      "lea (%[base],%[a],%c[size]), %[a]\n\t" \
      RECURRA_FAR("a", "lda") \
      find_segment \
      "mov 8(%[segment]), %[left]\n\t" \
      "sub $4, %[left]\n\t" \
      "jl 4f\n\t" \
      ".p2align 6\n\t" \
      "3:\n\t" \
      comes segment_comes \
      panel_ahead("-128") RECURRA_PANEL("-128") rows(RECURRA_PRODUCTS, s, at, 0) \
      panel_ahead("-64") RECURRA_PANEL("-64") rows(RECURRA_PRODUCTS, s, at, 1) \
      panel_ahead("0") RECURRA_PANEL("0") rows(RECURRA_PRODUCTS, s, at, 2) \
      panel_ahead("64") RECURRA_PANEL("64") rows(RECURRA_PRODUCTS, s, at, 3) \
      on("4") \
      "add $256, %[panel]\n\t" \
      "sub $4, %[left]\n\t" \
      "jge 3b\n\t" \
      "4:\n\t" \
      "add $4, %[left]\n\t" \
      "jz 6f\n\t" \
      "5:\n\t" \
      RECURRA_PANEL("-128") rows(RECURRA_PRODUCTS, s, at, 0) \
      on("1") \
      "add $64, %[panel]\n\t" \
      "dec %[left]\n\t" \
      "jnz 5b\n\t" \
      "6:\n\t" \
      "add $16, %[segment]\n\t" \
      "jmp 2b\n\t" \
      "7:\n\t" \
      RECURRA_FAR("z", "ldz") \
      rows(RECURRA_STORE, s, RECURRA_IN_Z, 0) \
      "vzeroupper\n\t" \
      : [a] "=&r"(at_a), [far] "=&r"(far), [left] "=&r"(left), [segment] "+&r"(segment), \
        [panel] "+&r"(at_panel), [coming] "+&r"(coming), [next] "+&r"(next) \
      : [base] "r"(a), [lda] "r"(lda), [end] "r"(end), [z] "r"(z), [ldz] "r"(ldz), \
        [accumulate] "r"(Index(accumulate)), [size] "i"(sizeof(T)) \
      : "memory", "cc", "xmm0", "xmm1", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", \
        "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15")
#define RECURRA_TILE_OF(rows, layout, segments) \
  do { \
    if constexpr (sizeof(T) == 4) \
      RECURRA_TILE("s", rows, RECURRA_IN_##layout, RECURRA_ON_IN_##layout, RECURRA_COMING, \
                   RECURRA_AHEAD_IN_##layout, RECURRA_FIND_NEXT_OF_##segments, RECURRA_NEXT_OF_##segments); \
    else \
      RECURRA_TILE("d", rows, RECURRA_IN_##layout, RECURRA_ON_IN_##layout, RECURRA_COMING, \
                   RECURRA_AHEAD_IN_##layout, RECURRA_FIND_NEXT_OF_##segments, RECURRA_NEXT_OF_##segments); \
  } while (false)
// clang-format on

namespace recurra {

/// As portable_tile<T, MR, 2, Columns>; `Segment` is a pair of Index.
template <class T, int MR, bool Columns, class Segment>
RECURRA_NOINLINE void tile_avx2(const T* a, Index lda, const Segment* segment, Index n_segments, const T* panel, T* z,
                                Index ldz, bool accumulate, const char* coming) {
  static_assert(MR >= 4 && MR <= 6 && sizeof(Segment) == 16);
  const Segment* const end = segment + n_segments;
  const char* at_panel = reinterpret_cast<const char*>(panel) + 128;  // so that displacements fit a byte
  const T *at_a, *far, *next = a;
  Index left;
  lda *= Index(sizeof(T));
  ldz *= Index(sizeof(T));
  if constexpr (Columns) {
    if constexpr (MR == 4) RECURRA_TILE_OF(RECURRA_ROWS_4, COLUMNS, ONE);
    if constexpr (MR == 5) RECURRA_TILE_OF(RECURRA_ROWS_5, COLUMNS, ONE);
    if constexpr (MR == 6) RECURRA_TILE_OF(RECURRA_ROWS_6, COLUMNS, ONE);
  } else if (n_segments > 1) {
    if constexpr (MR == 4) RECURRA_TILE_OF(RECURRA_ROWS_4, ROWS, SEVERAL);
    if constexpr (MR == 5) RECURRA_TILE_OF(RECURRA_ROWS_5, ROWS, SEVERAL);
    if constexpr (MR == 6) RECURRA_TILE_OF(RECURRA_ROWS_6, ROWS, SEVERAL);
  } else {
    if constexpr (MR == 4) RECURRA_TILE_OF(RECURRA_ROWS_4, ROWS, ONE);
    if constexpr (MR == 5) RECURRA_TILE_OF(RECURRA_ROWS_5, ROWS, ONE);
    if constexpr (MR == 6) RECURRA_TILE_OF(RECURRA_ROWS_6, ROWS, ONE);
  }
}

}  // namespace recurra

#undef RECURRA_PANEL
#undef RECURRA_PRODUCTS
#undef RECURRA_ZERO
#undef RECURRA_LOAD
#undef RECURRA_STORE
#undef RECURRA_ROWS_4
#undef RECURRA_ROWS_5
#undef RECURRA_ROWS_6
#undef RECURRA_FROM_0
#undef RECURRA_FROM_1
#undef RECURRA_FROM_2
#undef RECURRA_FROM_3
#undef RECURRA_FROM_4
#undef RECURRA_FROM_5
#undef RECURRA_FAR
#undef RECURRA_IN_ROWS
#undef RECURRA_IN_COLUMNS
#undef RECURRA_IN_Z
#undef RECURRA_ON_IN_ROWS
#undef RECURRA_ON_IN_COLUMNS
#undef RECURRA_COMING
#undef RECURRA_AHEAD_IN_ROWS
#undef RECURRA_AHEAD_IN_COLUMNS
#undef RECURRA_FIND_NEXT_OF_ONE
#undef RECURRA_NEXT_OF_ONE
#undef RECURRA_FIND_NEXT_OF_SEVERAL
#undef RECURRA_NEXT_OF_SEVERAL
#undef RECURRA_TILE
#undef RECURRA_TILE_OF
#endif
