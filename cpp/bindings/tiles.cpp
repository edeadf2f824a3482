#include "tiles.hpp"

namespace recurra {
RECURRA_PRODUCTS()
}
