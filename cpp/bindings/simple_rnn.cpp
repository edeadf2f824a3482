#include "recurra/cells/simple_rnn.hpp"

#include "recurrent.hpp"
#include "register.hpp"

namespace recurra::bindings {

void register_simple_rnn(py::module_& module) {
  using H = py::handle;
  module.def("simple_rnn_forward", [](H x, H h0, H kernel, H recurrent_kernel, H bias, H mask, H input_dropout,
                                      H recurrent_dropout, H embeddings, H activation, H reverse, H return_sequences,
                                      H zero_output_for_mask, H training, H packed_weights, H out) {
    return forward<SimpleRnn>({x, h0, py::none(), kernel, recurrent_kernel, bias, mask, input_dropout,
                               recurrent_dropout, embeddings, activation, py::handle(), reverse, return_sequences,
                               zero_output_for_mask, training, packed_weights, out});
  });
  module.def("simple_rnn_backward",
             [](H cache, H dy, H dh, H need_dx) { return backward("simple_rnn", cache, dy, dh, py::none(), need_dx); });
}

}  // namespace recurra::bindings
