#include "recurra/cells/gru.hpp"

#include "recurrent.hpp"
#include "register.hpp"

namespace recurra::bindings {

void register_gru(py::module_& module) {
  using H = py::handle;
  module.def("gru_forward",
             [](H x, H h0, H kernel, H recurrent_kernel, H bias, H mask, H input_dropout, H recurrent_dropout,
                H embeddings, H activation, H recurrent_activation, H reset_after, H reverse, H return_sequences,
                H zero_output_for_mask, H training, H packed_weights, H out) {
               const Arguments in{x,
                                  h0,
                                  py::none(),
                                  kernel,
                                  recurrent_kernel,
                                  bias,
                                  mask,
                                  input_dropout,
                                  recurrent_dropout,
                                  embeddings,
                                  activation,
                                  recurrent_activation,
                                  reverse,
                                  return_sequences,
                                  zero_output_for_mask,
                                  training,
                                  packed_weights,
                                  out};
               return to_bool(reset_after, "reset_after") ? forward<Gru>(in) : forward<GruResetBefore>(in);
             });
  module.def("gru_backward",
             [](H cache, H dy, H dh, H need_dx) { return backward("gru", cache, dy, dh, py::none(), need_dx); });
}

}  // namespace recurra::bindings
