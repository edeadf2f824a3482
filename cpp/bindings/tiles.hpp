/// product<T, Columns> of linalg/tile.hpp and the kernels of linalg/int8_tile.hpp: compiled once, in tiles.cpp, for all
/// kernels; only declared elsewhere.
#pragma once
#include "recurra/linalg/int8_tile.hpp"
#include "recurra/linalg/tile.hpp"

#define RECURRA_INSTANTIATE_PRODUCT(prefix, T, columns)                                                               \
  prefix template void product<T, columns>(Index, const T*, Index, const Segment*, Index, const T*, Index, T*, Index, \
                                           bool, PrefetchList*);
#define RECURRA_INSTANTIATE_PRODUCTS(prefix)         \
  RECURRA_INSTANTIATE_PRODUCT(prefix, float, false)  \
  RECURRA_INSTANTIATE_PRODUCT(prefix, float, true)   \
  RECURRA_INSTANTIATE_PRODUCT(prefix, double, false) \
  RECURRA_INSTANTIATE_PRODUCT(prefix, double, true)

namespace recurra {
RECURRA_INSTANTIATE_PRODUCTS(extern)
extern template struct Int8Kernels<void>;
}  // namespace recurra
