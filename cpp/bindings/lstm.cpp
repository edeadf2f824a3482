#include "recurra/cells/lstm.hpp"

#include "recurrent.hpp"
#include "register.hpp"

namespace recurra::bindings {

void register_lstm(py::module_& module) {
  using H = py::handle;
  module.def("packed_weights_cache", &new_packed_weights_cache);  // of any cell
  module.def("lstm_forward", [](H x, H h0, H c0, H kernel, H recurrent_kernel, H bias, H mask, H input_dropout,
                                H recurrent_dropout, H embeddings, H activation, H recurrent_activation, H reverse,
                                H return_sequences, H zero_output_for_mask, H training, H packed_weights, H out) {
    return forward<Lstm>({x, h0, c0, kernel, recurrent_kernel, bias, mask, input_dropout, recurrent_dropout, embeddings,
                          activation, recurrent_activation, reverse, return_sequences, zero_output_for_mask, training,
                          packed_weights, out});
  });
  module.def("lstm_backward",
             [](H cache, H dy, H dh, H dc, H need_dx) { return backward("lstm", cache, dy, dh, dc, need_dx); });
}

}  // namespace recurra::bindings
