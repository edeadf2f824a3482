// Copies with zeros behind, or of nothing but zeros.
//
// A choice within the loop, `from ? from[j] : 0`, becomes a masked load where there are mask registers; of a null
// pointer that takes hundreds of cycles each time, though the mask is empty.
#pragma once
#include <algorithm>

#include "recurra/linalg/simd.hpp"

namespace recurra {

/// to[0:padded] = from[0:used], zeros behind; zeros alone where `from` is null.
template <class T>
void copy_padded(const T* from, Index used, Index padded, T* to) {
  if (from) copy(from, used, to);
  else used = 0;
  std::fill_n(to + used, padded - used, T(0));
}

}  // namespace recurra
