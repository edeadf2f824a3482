#include "sequence_kernels_compiled.hpp"

namespace recurra::bindings {
template struct SequenceKernels<float>;
}  // namespace recurra::bindings
