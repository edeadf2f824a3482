#include "tiles.hpp"

namespace recurra {
RECURRA_INSTANTIATE_PRODUCTS()
template struct Int8Kernels<void>;
}  // namespace recurra
