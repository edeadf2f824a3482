/// generation_model, generate, beam_search.
#include "generation_kernels.hpp"

#include "recurra/cells/list.hpp"

#include "activation_name.hpp"
#include "arrays.hpp"
#include "int8_arrays.hpp"
#include "register.hpp"

namespace recurra::bindings {
namespace {

constexpr const char* network_name = "generation_model";

/// The network that Python holds, of either dtype, with the table that it reads.
struct HeldNetwork {
  std::unique_ptr<Network<float>> float32;
  std::unique_ptr<Network<double>> float64;
  py::object table, table_scales;

  template <class T>
  std::unique_ptr<Network<T>>& network() {
    if constexpr (std::is_same_v<T, float>) return float32;
    else return float64;
  }
};

template <class T>
const CellFunctions<T>* cell_functions_named(const std::string& name) {
#define RECURRA_IF_NAMED(Cell) \
  if (name == Cell::name) return &cell_functions<Cell, T>();
  RECURRA_CELLS(RECURRA_IF_NAMED)
#undef RECURRA_IF_NAMED
  return nullptr;
}

py::tuple tuple_of(py::handle object, const std::string& name, Size count = any) {
  if (!PyTuple_Check(object.ptr()) && !PyList_Check(object.ptr()))
    throw py::type_error(name + " must be a tuple or list, got " + type_text(object));
  auto items = py::reinterpret_steal<py::tuple>(PySequence_Tuple(object.ptr()));
  if (!items) throw py::error_already_set();
  if (count != any && Size(items.size()) != count)
    throw py::value_error(name + " must hold " + std::to_string(count) + " items, got " + std::to_string(items.size()));
  return items;
}
std::string numbered(const char* name, Size n) { return std::string(name) + "[" + std::to_string(n) + "]"; }

/// The layers of a network from Python's lists.
template <class T>
class LayerReader {
 public:
  LayerReader(py::handle kind, py::handle weights, py::handle activations, py::handle zoneout, Size n, Size I)
      : at_(numbered("weights", n)), I_(I) {
    const std::string name = to_string(kind, numbered("layers", n).c_str());
    const py::tuple names = tuple_of(activations, numbered("activations", n), 2);
    const std::string which = numbered("activations", n);
    call_.activation = activation_named(names[0], which.c_str());
    call_.recurrent_activation = activation_named(names[1], which.c_str());
    if (name == "dense") read_dense(weights, zoneout, n);
    else read_cell(name, weights, zoneout, n);
  }
  NetworkLayer<T> layer;

 private:
  void read_dense(py::handle weights, py::handle zoneout, Size n) {
    if (!zoneout.is_none()) throw py::value_error(numbered("zoneout", n) + " must be None of a dense layer");
    const py::tuple items = tuple_of(weights, at_, 2);
    const auto kernel = matrix<T>(items[0], (at_ + "[0]").c_str(), {"I", I_}, {"H"});
    const Size H = kernel.shape(1);
    check_units(H);
    const auto bias = optional_input<T>(items[1], (at_ + "[1]").c_str(), {{"H", H}});
    layer = kernel.quantized()
                ? NetworkLayer<T>::fully_connected(I_, H, kernel.int8(), bias.data(), call_.activation)
                : NetworkLayer<T>::fully_connected(I_, H, kernel.plain.data(), bias.data(), call_.activation);
  }
  void read_cell(const std::string& name, py::handle weights, py::handle zoneout, Size n) {
    const CellFunctions<T>* functions = cell_functions_named<T>(name);
    if (!functions)
      throw py::value_error(numbered("layers", n) + " must be 'dense' or a name of recurrent_cells(), got '" + name +
                            "'");
    const CellDeclaration& cell = functions->declaration;
    const Size G = cell.gates, U = cell.has_recurrent_kernel(), P = cell.unit_parameters, biases = cell.biases;
    const bool projects = cell.projects;
    const py::tuple items = tuple_of(weights, at_, 1 + U + (biases > 0) + projects + (P > 0));
    const auto item = [&](Size k) { return at_ + "[" + std::to_string(k) + "]"; };
    const auto kernel = matrix<T>(items[0], item(0).c_str(), {"I", I_}, {"G*H"});
    const Size H = kernel.shape(1) / G, GH = G * H;
    check_units(H);
    kernel.check(item(0).c_str(), {"I", I_}, {"G*H", GH});
    MatrixView<T> recurrent;
    View<const T> bias, projection, parameters;
    Size k = 1;
    if (projects) {
      recurrent = matrix<T>(items[size_t(k)], item(k).c_str(), {"P"}, {"G*H", GH});
      call_.projected = recurrent.shape(0);
      if (call_.projected < 1) throw py::value_error(item(k) + " must have at least one row (P >= 1), got none");
      ++k;
    } else if (U) {
      recurrent = matrix<T>(items[size_t(k)], item(k).c_str(), {"H", H}, {"G*H", GH}), ++k;
    }
    if (U && kernel.quantized() != recurrent.quantized())
      throw py::value_error(item(0) + " and [1] must both be 8-bit weights (values, scales), or neither");
    if (biases == 2) bias = optional_input<T>(items[size_t(k)], item(k).c_str(), {{"2", 2}, {"G*H", GH}}), ++k;
    else if (biases == 1) bias = optional_input<T>(items[size_t(k)], item(k).c_str(), {{"G*H", GH}}), ++k;
    if (projects) projection = input<T>(items[size_t(k)], item(k).c_str(), {{"H", H}, {"P", call_.projected}}), ++k;
    if (P) parameters = input<T>(items[size_t(k)], item(k).c_str(), {{"P", P}, {"H", H}});
    call_.I = I_, call_.H = H;
    call_.kernel = kernel.plain.data(), call_.recurrent_kernel = recurrent.plain.data(), call_.bias = bias.data();
    call_.int8_kernel = kernel.int8(), call_.int8_recurrent_kernel = recurrent.int8();
    call_.projection_kernel = projection.data();
    call_.unit_parameters = parameters.data();
    if (!zoneout.is_none()) read_zoneout(cell, zoneout, numbered("zoneout", n));
    layer = NetworkLayer<T>::cell(*functions, call_);
  }
  void read_zoneout(const CellDeclaration& cell, py::handle zoneout, const std::string& at) {
    const py::tuple shares = tuple_of(zoneout, at, cell.states());
    const auto share = [&](size_t k) {
      return T(to_double_in(shares[k], (at + "[" + std::to_string(k) + "]").c_str(), 0, 1));
    };
    call_.zoneout_h.share = share(0);
    if (cell.states() > 1) call_.zoneout_c.share = share(1);
  }
  void check_units(Size H) const {
    if (H < 1) throw py::value_error(at_ + "[0] must have at least one unit (H >= 1), got none");
  }

  const std::string at_;
  const Size I_;
  SequenceCall<T> call_;
};

template <class T>
std::unique_ptr<Network<T>> read_network(const MatrixView<T>& table, py::handle layers, py::handle weights,
                                         py::handle activations, bool probabilities, py::handle zoneout) {
  const py::tuple kinds = tuple_of(layers, "layers");
  const Size count = Size(kinds.size()), V = table.shape(0);
  const py::tuple weight_lists = tuple_of(weights, "weights", count);
  const py::tuple names = tuple_of(activations, "activations", count);
  const py::tuple shares = tuple_of(zoneout, "zoneout", count);
  std::vector<NetworkLayer<T>> read;
  Size width = table.shape(1);
  bool recurrent = false;
  for (Size n = 0; n < count; ++n) {
    const auto k = size_t(n);
    LayerReader<T> reader(kinds[k], weight_lists[k], names[k], shares[k], n, width);
    width = reader.layer.P;
    recurrent |= reader.layer.is_cell();
    read.push_back(std::move(reader.layer));
  }
  if (!recurrent) throw py::value_error("layers must name a recurrent cell, got none");
  if (V < 1 || width != V)
    throw py::value_error("the last layer must have as many units as embeddings has rows, V >= 1, got " +
                          std::to_string(width) + " units and " + std::to_string(V) + " rows");
  return std::make_unique<Network<T>>(EmbeddingTable<T>{table.plain.data(), table.int8()}, V, std::move(read),
                                      probabilities);
}

py::capsule generation_model(py::handle embeddings, py::handle layers, py::handle weights, py::handle activations,
                             py::handle probabilities, py::handle zoneout) {
  auto held = std::make_unique<HeldNetwork>();
  const bool quantized = is_int8_matrix(embeddings);
  const py::object typed = quantized && PySequence_Size(embeddings.ptr()) == 2
                               ? py::reinterpret_steal<py::object>(PySequence_GetItem(embeddings.ptr(), 1))
                               : py::reinterpret_borrow<py::object>(embeddings);
  dispatch(float_dtype(typed, quantized ? "embeddings[1]" : "embeddings"), [&](auto zero) {
    using T = decltype(zero);
    MatrixView<T> table;
    if (quantized) table = int8_matrix<T>(embeddings, "embeddings", {"V"}, {"I"}, true);
    else table.plain = input<T>(embeddings, "embeddings", {{"V"}, {"I"}});
    held->network<T>() =
        read_network<T>(table, layers, weights, activations, to_bool(probabilities, "probabilities"), zoneout);
    held->table = table.array();
    if (quantized) held->table_scales = table.scales.array();
  });
  return py::capsule(held.release(), network_name, [](void* pointer) { delete static_cast<HeldNetwork*>(pointer); });
}

HeldNetwork& held_network(py::handle model) {
  if (!PyCapsule_IsValid(model.ptr(), network_name))
    throw py::type_error("model must be what generation_model() returned, got " + type_text(model));
  return *static_cast<HeldNetwork*>(PyCapsule_GetPointer(model.ptr(), network_name));
}

/// The initial states of a call, held while it runs.
template <class T>
struct GivenStates {
  std::vector<View<const T>> arrays;
  std::vector<LayerState<const T>> states;

  GivenStates(const Network<T>& network, py::handle object, Size B) {
    Size count = 0, n = 0;
    for (const auto& layer : network.layers()) count += layer.is_cell();
    const py::tuple items = tuple_of(object, "states", count);
    for (const auto& layer : network.layers()) {
      if (!layer.is_cell()) continue;
      const std::string at = numbered("states", n);
      const py::tuple own = tuple_of(items[size_t(n++)], at, layer.carries_c() ? 2 : 1);
      const auto read = [&](size_t k, const char* letter, Size size) {
        arrays.push_back(
            optional_input<T>(own[k], (at + "[" + std::to_string(k) + "]").c_str(), {{"B", B}, {letter, size}}));
        return arrays.back().data();
      };
      const T* h = read(0, layer.projects() ? "P" : "H", layer.P);
      states.push_back({h, layer.carries_c() ? read(1, "H", layer.H) : nullptr});
    }
  }
};

std::vector<std::int32_t> ids_below(py::handle object, const char* name, Size V) {
  const auto ids = input<std::int32_t>(object, name, {{"N"}});
  check_ids(ids.data(), ids.size(), V, name);
  return {ids.data(), ids.data() + ids.size()};
}

/// One flag a token, set for those of the list.
std::vector<std::uint8_t> flags_of(const std::vector<std::int32_t>& ids, Size V) {
  std::vector<std::uint8_t> flags(size_t(V), 0);
  for (const std::int32_t id : ids) flags[size_t(id)] = 1;
  if (std::count(flags.begin(), flags.end(), 1) == V)
    throw py::value_error("banned leaves no token to choose: it holds all V = " + std::to_string(V) + " ids");
  return flags;
}

template <class T>
py::tuple generate_with(Network<T>& network, py::handle prompt_in, py::handle states_in, py::handle ended_in,
                        py::handle seen_in, py::handle steps, const ChoiceRule& rule, py::handle banned,
                        py::handle end_ids) {
  const Size V = network.scores();
  const auto prompt = input<std::int32_t>(prompt_in, "prompt", {{"B"}, {"N"}});
  const Size B = prompt.shape(0), N = prompt.shape(1);
  if (B < 1 || N < 1)
    throw py::value_error("prompt must have at least one row and one token, got " + shape_text(prompt.array()));
  check_ids(prompt.data(), prompt.size(), V, "prompt");
  GenerateCall<T> call;
  call.B = B, call.prompt_length = N, call.prompt = prompt.data(), call.rule = rule;
  call.steps = static_cast<Index>(to_int_in(steps, "steps", 0, 0x7FFFFFFF));
  GivenStates<T> given(network, states_in, B);
  call.states = given.states;
  const auto ended = mask_input(ended_in, "ended", {{"B", B}});
  call.ended.assign(size_t(B), 0);
  if (ended) std::copy_n(ended.data(), B, call.ended.begin());
  const auto seen = mask_input(seen_in, "seen", {{"B", B}, {"V", V}});
  if (seen) call.seen.assign(seen.data(), seen.data() + B * V);
  else if (rule.repetition_penalty != 1) call.seen.assign(size_t(B * V), 0);
  const std::vector<std::uint8_t> flags = flags_of(ids_below(banned, "banned", V), V);
  if (std::find(flags.begin(), flags.end(), 1) != flags.end())
    for (Size v = 0; v < V; ++v)
      if (!flags[size_t(v)]) call.allowed.push_back(std::int32_t(v));
  call.end_ids = ids_below(end_ids, "end_ids", V);
  const auto tokens = output<std::int32_t>({B, call.steps});
  call.tokens = tokens.data();
  py::list states;
  for (const auto& layer : network.layers()) {
    if (!layer.is_cell()) continue;
    const auto h = output<T>({B, layer.P});
    const auto c = layer.carries_c() ? output<T>({B, layer.H}) : View<T>{};
    call.final_states.push_back({h.data(), c.data()});
    if (c) states.append(py::make_tuple(h.array(), c.array()));
    else states.append(py::make_tuple(h.array()));
  }
  Generated made;
  {
    py::gil_scoped_release release;
    made = GenerationKernels<T>::generate(network, call);
  }
  if (made.bad_row >= 0)
    throw py::value_error(
        "the model's scores must hold no NaN or +inf and at least one finite number a row, got such a "
        "row at " +
        std::to_string(made.bad_row) + ": its weights have diverged");
  py::object result = tokens.array();
  if (made.steps < call.steps)
    result = result[py::make_tuple(py::slice(py::none(), py::none(), py::none()),
                                   py::slice(py::int_(0), py::int_(made.steps), py::none()))]
                 .attr("copy")();
  return py::make_tuple(result, py::tuple(std::move(states)));
}

py::tuple generate_tokens(py::handle model, py::handle prompt, py::handle states, py::handle ended, py::handle seen,
                          py::handle steps, py::handle temperature, py::handle top_k, py::handle top_p,
                          py::handle repetition_penalty, py::handle banned, py::handle end_ids, py::handle seed,
                          py::handle stream) {
  HeldNetwork& held = held_network(model);
  ChoiceRule rule;
  rule.temperature = to_double_in(temperature, "temperature", 0, std::numeric_limits<double>::infinity());
  rule.top_k = static_cast<Index>(to_int_in(top_k, "top_k", 0, std::numeric_limits<std::int64_t>::max()));
  rule.top_p = to_double_in(top_p, "top_p", 0, 1);
  if (rule.top_p == 0) throw py::value_error("top_p must be in (0, 1] (1 keeps all tokens), got 0");
  rule.repetition_penalty = to_double_in(repetition_penalty, "repetition_penalty", 0, 1e6);
  if (rule.repetition_penalty == 0) throw py::value_error("repetition_penalty must be > 0 (1 changes nothing), got 0");
  rule.seed = to_uint64(seed, "seed");
  rule.stream = to_uint64(stream, "stream");
  if (held.float32) return generate_with(*held.float32, prompt, states, ended, seen, steps, rule, banned, end_ids);
  return generate_with(*held.float64, prompt, states, ended, seen, steps, rule, banned, end_ids);
}

template <class T>
py::list beam_search_with(Network<T>& network, py::handle prompt_in, py::handle states_in, BeamRule rule,
                          py::handle end_ids, py::handle banned) {
  const Size V = network.scores();
  const auto prompt = input<std::int32_t>(prompt_in, "prompt", {{"N"}});
  if (prompt.size() < 1) throw py::value_error("prompt must have at least one token, got none");
  check_ids(prompt.data(), prompt.size(), V, "prompt");
  const GivenStates<T> given(network, states_in, 1);
  rule.end_ids = ids_below(end_ids, "end_ids", V);
  rule.banned = flags_of(ids_below(banned, "banned", V), V);
  const auto poll = [] {
    py::gil_scoped_acquire acquire;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  };
  std::vector<BeamResult> found;
  {
    py::gil_scoped_release release;
    found = GenerationKernels<T>::beam_search(network, prompt.data(), prompt.size(), given.states, rule, poll);
  }
  py::list beams;
  for (const BeamResult& beam : found) {
    const auto ids = output<std::int32_t>({Size(beam.tokens.size())});
    std::copy(beam.tokens.begin(), beam.tokens.end(), ids.data());
    beams.append(py::make_tuple(ids.array(), beam.log_probability, beam.score));
  }
  return beams;
}

py::list search_beams(py::handle model, py::handle prompt, py::handle states, py::handle length, py::handle width,
                      py::handle length_penalty, py::handle end_ids, py::handle banned) {
  HeldNetwork& held = held_network(model);
  BeamRule rule;
  rule.length = static_cast<Index>(to_int_in(length, "length", 1, 0x7FFFFFFF));
  rule.width = static_cast<Index>(to_int_in(width, "width", 1, 1 << 20));
  rule.length_penalty = to_double_in(length_penalty, "length_penalty", 0, std::numeric_limits<double>::infinity());
  if (held.float32) return beam_search_with(*held.float32, prompt, states, rule, end_ids, banned);
  return beam_search_with(*held.float64, prompt, states, rule, end_ids, banned);
}

}  // namespace

void register_generation(py::module_& m) {
  using py::arg;
  m.def("generation_model", &generation_model, arg("embeddings"), arg("layers"), arg("weights"), arg("activations"),
        arg("probabilities"), arg("zoneout"));
  m.def("generate", &generate_tokens, arg("model"), arg("prompt"), arg("states"), arg("ended"), arg("seen"),
        arg("steps"), arg("temperature"), arg("top_k"), arg("top_p"), arg("repetition_penalty"), arg("banned"),
        arg("end_ids"), arg("seed"), arg("stream"));
  m.def("beam_search", &search_beams, arg("model"), arg("prompt"), arg("states"), arg("length"), arg("width"),
        arg("length_penalty"), arg("end_ids"), arg("banned"));
}

}  // namespace recurra::bindings
