/// The tiles are the same for every kernel: compiled once, in tiles.cpp, and only declared elsewhere.
#pragma once
#include "recurra/tile.hpp"

#define RECURRA_PRODUCTS(prefix)                                                                                       \
  prefix template void product<float, false>(Index, const float*, Index, const Segment*, Index, const float*, Index,   \
                                             float*, Index, bool);                                                     \
  prefix template void product<float, true>(Index, const float*, Index, const Segment*, Index, const float*, Index,    \
                                            float*, Index, bool);                                                      \
  prefix template void product<double, false>(Index, const double*, Index, const Segment*, Index, const double*,       \
                                              Index, double*, Index, bool);                                            \
  prefix template void product<double, true>(Index, const double*, Index, const Segment*, Index, const double*, Index, \
                                             double*, Index, bool);

namespace recurra {
RECURRA_PRODUCTS(extern)
}
