// The tile of tile.hpp for 4 to 6 rows and two vectors on AVX2 with FMA, in assembly. Same arguments, same chains of
// sums, same bits.
//
// Four k an iteration, 21 or 22 instructions for each 12 multiply-adds. Compilers need 24 to 30: they keep an address
// for every row and k, and run out of registers. With a core to itself that makes no difference, since the
// multiply-adds take six cycles either way. Where the core's other hyperthread is busy, as on most virtual machines,
// instructions issue at half the rate, and their number limits the loop.
#pragma once
#if defined(__GNUC__) && defined(__x86_64__) && defined(__AVX2__) && defined(__FMA__) && !defined(__AVX512F__)
#define RECURRA_TILE_AVX2

#include "recurra/linalg/simd.hpp"

// ymm0, ymm1: the panel at k; ymm3: an element of a; from ymm4 on: two sums for each row. `s` is the type's letter.
// clang-format off
#define RECURRA_LOAD_PANEL(at) \
  "vmovups " at "(%[panel]), %%ymm0\n\t" \
  "vmovups " at "+32(%[panel]), %%ymm1\n\t"
#define RECURRA_MULTIPLY_ADD(s, at, low, high) \
  "vbroadcasts" s " " at ", %%ymm3\n\t" \
  "vfmadd231p" s " %%ymm0, %%ymm3, %%ymm" low "\n\t" \
  "vfmadd231p" s " %%ymm1, %%ymm3, %%ymm" high "\n\t"
#define RECURRA_ZERO_SUMS(s, at, low, high) \
  "vxorps %%ymm" low ", %%ymm" low ", %%ymm" low "\n\t" \
  "vxorps %%ymm" high ", %%ymm" high ", %%ymm" high "\n\t"
#define RECURRA_LOAD_SUMS(s, at, low, high) \
  "vmovups " at ", %%ymm" low "\n\t" \
  "vmovups 32+" at ", %%ymm" high "\n\t"
#define RECURRA_STORE_SUMS(s, at, low, high) \
  "vmovups %%ymm" low ", " at "\n\t" \
  "vmovups %%ymm" high ", 32+" at "\n\t"

// op(s, address, low, high) for every row; at(r, k) is the address of row r's element at k.
#define RECURRA_ROWS_4(op, s, at, k) \
  op(s, at(0, k), "4", "5") op(s, at(1, k), "6", "7") \
  op(s, at(2, k), "8", "9") op(s, at(3, k), "10", "11")
#define RECURRA_ROWS_5(op, s, at, k) RECURRA_ROWS_4(op, s, at, k) op(s, at(4, k), "12", "13")
#define RECURRA_ROWS_6(op, s, at, k) RECURRA_ROWS_5(op, s, at, k) op(s, at(5, k), "14", "15")

// Scaled addressing reaches three rows (or columns) from one register: `first` points at row 0, `fourth` at row 3.
#define RECURRA_FROM_0(first, fourth, step) "(%[" first "])"
#define RECURRA_FROM_1(first, fourth, step) "(%[" first "],%[" step "])"
#define RECURRA_FROM_2(first, fourth, step) "(%[" first "],%[" step "],2)"
#define RECURRA_FROM_3(first, fourth, step) "(%[" fourth "])"
#define RECURRA_FROM_4(first, fourth, step) "(%[" fourth "],%[" step "])"
#define RECURRA_FROM_5(first, fourth, step) "(%[" fourth "],%[" step "],2)"
#define RECURRA_SET_FOURTH(first, step) \
  "lea (%[" first "],%[" step "],2), %[fourth]\n\t" \
  "add %[" step "], %[fourth]\n\t"

#define RECURRA_IN_ROWS(r, k) "%c[size]*" #k "+0" RECURRA_FROM_##r("a", "fourth", "lda")
#define RECURRA_IN_COLUMNS(r, k) "%c[size]*" #r "+0" RECURRA_FROM_##k("a", "fourth", "lda")
#define RECURRA_IN_Z(r, k) "0" RECURRA_FROM_##r("z", "fourth", "ldz")

#define RECURRA_ADVANCE_IN_ROWS(steps) \
  "add $%c[size]*" steps ", %[a]\n\t" \
  "add $%c[size]*" steps ", %[fourth]\n\t"
#define RECURRA_ADVANCE_IN_COLUMNS(steps) \
  "lea (%[a],%[lda]," steps "), %[a]\n\t" \
  "lea (%[fourth],%[lda]," steps "), %[fourth]\n\t"

// The hardware's prefetching ends at each page, and the first rows multiplied by a panel would wait for it. So each
// tile prefetches to L2 a quarter of a panel's size of what its PrefetchList names, and to L1 its own panel one page
// ahead. Products by columns use a panel several times in a row: no prefetch.
#define RECURRA_PREFETCH_LISTED \
  "prefetcht1 (%[prefetch_at])\n\t" \
  "add $64, %[prefetch_at]\n\t"
#define RECURRA_PREFETCH_PANEL_IN_ROWS(at) "prefetcht0 " at "+4096(%[panel])\n\t"
#define RECURRA_PREFETCH_PANEL_IN_COLUMNS(at)

// The segments of a row lie in pages of their own, and those of neighbouring rows close together: the next segment of
// all the rows is prefetched during the current one.
#define RECURRA_FIND_NEXT_OF_ONE
#define RECURRA_PREFETCH_NEXT_OF_ONE
#define RECURRA_FIND_NEXT_OF_SEVERAL \
  "lea 16(%[segment]), %[left]\n\t" \
  "cmp %[end], %[left]\n\t" \
  "cmove %[segment], %[left]\n\t" \
  "mov (%[left]), %[next]\n\t" \
  "lea (%[base],%[next],%c[size]), %[next]\n\t"
#define RECURRA_PREFETCH_NEXT_OF_SEVERAL \
  "prefetcht0 (%[next])\n\t" \
  "prefetcht0 64(%[next])\n\t" \
  "add $128, %[next]\n\t"

// Load the sums from z, or zero them; for each segment k in fours, then one by one; store the sums to z.
#define RECURRA_TILE(s, rows, at, advance, prefetch_listed, prefetch_panel, find_segment, prefetch_segment) \
  asm volatile( \
      "test %[accumulate], %[accumulate]\n\t" \
      "jnz 1f\n\t" \
      rows(RECURRA_ZERO_SUMS, s, RECURRA_IN_Z, 0) \
      "jmp 2f\n\t" \
      "1:\n\t" \
      RECURRA_SET_FOURTH("z", "ldz") \
      rows(RECURRA_LOAD_SUMS, s, RECURRA_IN_Z, 0) \
      "2:\n\t" \
      "cmp %[end], %[segment]\n\t" \
      "je 7f\n\t" \
      "mov (%[segment]), %[a]\n\t" \
      "lea (%[base],%[a],%c[size]), %[a]\n\t" \
      RECURRA_SET_FOURTH("a", "lda") \
      find_segment \
      "mov 8(%[segment]), %[left]\n\t" \
      "sub $4, %[left]\n\t" \
      "jl 4f\n\t" \
      ".p2align 6\n\t" \
      "3:\n\t" \
      prefetch_listed prefetch_segment \
      prefetch_panel("-128") RECURRA_LOAD_PANEL("-128") rows(RECURRA_MULTIPLY_ADD, s, at, 0) \
      prefetch_panel("-64") RECURRA_LOAD_PANEL("-64") rows(RECURRA_MULTIPLY_ADD, s, at, 1) \
      prefetch_panel("0") RECURRA_LOAD_PANEL("0") rows(RECURRA_MULTIPLY_ADD, s, at, 2) \
      prefetch_panel("64") RECURRA_LOAD_PANEL("64") rows(RECURRA_MULTIPLY_ADD, s, at, 3) \
      advance("4") \
      "add $256, %[panel]\n\t" \
      "sub $4, %[left]\n\t" \
      "jge 3b\n\t" \
      "4:\n\t" \
      "add $4, %[left]\n\t" \
      "jz 6f\n\t" \
      "5:\n\t" \
      RECURRA_LOAD_PANEL("-128") rows(RECURRA_MULTIPLY_ADD, s, at, 0) \
      advance("1") \
      "add $64, %[panel]\n\t" \
      "dec %[left]\n\t" \
      "jnz 5b\n\t" \
      "6:\n\t" \
      "add $16, %[segment]\n\t" \
      "jmp 2b\n\t" \
      "7:\n\t" \
      RECURRA_SET_FOURTH("z", "ldz") \
      rows(RECURRA_STORE_SUMS, s, RECURRA_IN_Z, 0) \
      "vzeroupper\n\t" \
      : [a] "=&r"(at_a), [fourth] "=&r"(fourth), [left] "=&r"(left), [segment] "+&r"(segment), \
        [panel] "+&r"(at_panel), [prefetch_at] "+&r"(prefetch_at), [next] "+&r"(next) \
      : [base] "r"(a), [lda] "r"(lda), [end] "r"(end), [z] "r"(z), [ldz] "r"(ldz), \
        [accumulate] "r"(Index(accumulate)), [size] "i"(sizeof(T)) \
      : "memory", "cc", "xmm0", "xmm1", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", \
        "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15")
#define RECURRA_TILE_OF(rows, layout, segments) \
  do { \
    if constexpr (sizeof(T) == 4) \
      RECURRA_TILE("s", rows, RECURRA_IN_##layout, RECURRA_ADVANCE_IN_##layout, RECURRA_PREFETCH_LISTED, \
                   RECURRA_PREFETCH_PANEL_IN_##layout, RECURRA_FIND_NEXT_OF_##segments, \
                   RECURRA_PREFETCH_NEXT_OF_##segments); \
    else \
      RECURRA_TILE("d", rows, RECURRA_IN_##layout, RECURRA_ADVANCE_IN_##layout, RECURRA_PREFETCH_LISTED, \
                   RECURRA_PREFETCH_PANEL_IN_##layout, RECURRA_FIND_NEXT_OF_##segments, \
                   RECURRA_PREFETCH_NEXT_OF_##segments); \
  } while (false)
// clang-format on

namespace recurra {

/// As portable_tile<T, MR, 2, Columns>; `Segment` is a pair of Index.
template <class T, int MR, bool Columns, class Segment>
RECURRA_NOINLINE void tile_avx2(const T* a, Index lda, const Segment* segment, Index n_segments, const T* panel, T* z,
                                Index ldz, bool accumulate, const char* prefetch_at) {
  static_assert(MR >= 4 && MR <= 6 && sizeof(Segment) == 16);
  const Segment* const end = segment + n_segments;
  const char* at_panel = reinterpret_cast<const char*>(panel) + 128;  // so that displacements fit a byte
  const T *at_a, *fourth, *next = a;
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

#undef RECURRA_LOAD_PANEL
#undef RECURRA_MULTIPLY_ADD
#undef RECURRA_ZERO_SUMS
#undef RECURRA_LOAD_SUMS
#undef RECURRA_STORE_SUMS
#undef RECURRA_ROWS_4
#undef RECURRA_ROWS_5
#undef RECURRA_ROWS_6
#undef RECURRA_FROM_0
#undef RECURRA_FROM_1
#undef RECURRA_FROM_2
#undef RECURRA_FROM_3
#undef RECURRA_FROM_4
#undef RECURRA_FROM_5
#undef RECURRA_SET_FOURTH
#undef RECURRA_IN_ROWS
#undef RECURRA_IN_COLUMNS
#undef RECURRA_IN_Z
#undef RECURRA_ADVANCE_IN_ROWS
#undef RECURRA_ADVANCE_IN_COLUMNS
#undef RECURRA_PREFETCH_LISTED
#undef RECURRA_PREFETCH_PANEL_IN_ROWS
#undef RECURRA_PREFETCH_PANEL_IN_COLUMNS
#undef RECURRA_FIND_NEXT_OF_ONE
#undef RECURRA_PREFETCH_NEXT_OF_ONE
#undef RECURRA_FIND_NEXT_OF_SEVERAL
#undef RECURRA_PREFETCH_NEXT_OF_SEVERAL
#undef RECURRA_TILE
#undef RECURRA_TILE_OF
#endif
