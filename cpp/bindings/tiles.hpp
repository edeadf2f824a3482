/// The tiles are the same for every kernel: compiled once, in tiles.cpp, and only declared elsewhere.
#pragma once
#include "recurra/linalg/tile.hpp"

#define RECURRA_PRODUCT(prefix, T, columns)                                                                           \
  prefix template void product<T, columns>(Index, const T*, Index, const Segment*, Index, const T*, Index, T*, Index, \
                                           bool, Ahead*);
#define RECURRA_PRODUCTS(prefix)         \
  RECURRA_PRODUCT(prefix, float, false)  \
  RECURRA_PRODUCT(prefix, float, true)   \
  RECURRA_PRODUCT(prefix, double, false) \
  RECURRA_PRODUCT(prefix, double, true)

namespace recurra {
RECURRA_PRODUCTS(extern)
}
