#include "sequence_kernels_compiled.hpp"

namespace recurra::bindings {
template struct SequenceKernels<double>;
}  // namespace recurra::bindings
