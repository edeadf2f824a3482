// Transposed weights for dL/dh = dz U^T and dL/dx = dz W^T: packed once a call, and where the products find their
// columns of dz.
#pragma once
#include <vector>

#include "recurra/sequence/call.hpp"
#include "recurra/sequence/memory_layout.hpp"
#include "recurra/support/workspace.hpp"
#include "recurra/threads/thread_pool.hpp"

namespace recurra {

template <class T>
class TransposedWeights {
  using Layout = SequenceLayout<T>;

 public:
  /// One product: some columns of dz times their transposed weights.
  struct ColumnSet {
    std::vector<int> columns;
    int gate = 0;  // of the first column: whose masks apply where each gate has its own
    std::vector<Segment> segments;  // the columns within a row of z, panel after panel
    Index depth = 0;  // sum of the segments' lengths
    Index offset = 0;  // of the packed weights: [out panel][depth][out width]
  };

  /// For the recurrent kernel (H outputs) or the kernel (I outputs), as `out` cuts them into panels. column_sets: one,
  /// or one for each gate when gates have masks of their own; none where no column multiplies it. panel_stride:
  /// elements from one panel of z to the next.
  void init(const SequenceCall<T>& call, const Layout& layout, const Panels<T>& out_panels,
            const std::vector<std::vector<int>>& column_sets, bool of_recurrent_kernel, Index panel_stride) {
    source_ = of_recurrent_kernel ? call.recurrent_kernel : call.kernel;
    recurrent = of_recurrent_kernel;
    cell_ = layout.cell;
    out = out_panels;
    Index size = 0;
    for (const auto& columns : column_sets) {
      ColumnSet set;
      set.columns = columns;
      set.gate = gate_of(columns[0]);
      for (Index p = 0; p < layout.units.count; ++p)
        for (int c : columns) {
          const Index used = layout.units.used(p), offset = p * panel_stride + c * layout.units.width(p);
          auto& list = set.segments;
          if (!list.empty() && list.back().offset + list.back().length == offset) list.back().length += used;
          else list.push_back({offset, used});
          set.depth += used;
        }
      set.offset = size;
      size += set.depth * out.padded;
      sets.push_back(set);
    }
    packed_.resize(size + lanes<T>);
  }

  /// Pack this worker's panels. A barrier must follow.
  void pack(const Layout& layout, const Worker& worker) {
    const Index GH = cell_->gates * layout.H;
    const auto [q0, q1] = worker.range(out.count);
    for (size_t set = 0; set < sets.size(); ++set)
      for (Index q = q0; q < q1; ++q) {
        T* to = at(set, q);
        const Index first = out.first(q), width = out.width(q);
        for (Index p = 0; p < layout.units.count; ++p)
          for (int c : sets[set].columns) {
            const Index used = layout.units.used(p);
            pack_columns(source_ + first * GH + gate_of(c) * layout.H + layout.units.first(p), GH, used, out.used(q),
                         width, to);
            to += used * width;
          }
      }
  }

  /// Panel q of a column set: (depth, out.width(q)).
  T* at(size_t set, Index q) { return packed_.data() + sets[set].offset + sets[set].depth * out.first(q); }
  Index bytes() const { return packed_.size() * Index(sizeof(T)); }

  bool recurrent = false;
  Panels<T> out;
  std::vector<ColumnSet> sets;

 private:
  int gate_of(int c) const {
    const Column& column = cell_->column[c];
    return recurrent && column.recurrent >= 0 ? column.recurrent : column.gate();
  }
  const CellDeclaration* cell_ = nullptr;
  const T* source_ = nullptr;  // (out.columns, G*H)
  Buffer<T> packed_;
};

}  // namespace recurra
