#include "tiles.hpp"

namespace recurra {
RECURRA_INSTANTIATE_PRODUCTS()
}
