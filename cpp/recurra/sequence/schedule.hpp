// How the steps of a call are spread over the members of a team; the two time loops run what each() gives them.
#pragma once
#include "recurra/sequence/call.hpp"
#include "recurra/sequence/row_groups.hpp"
#include "recurra/support/machine.hpp"
#include "recurra/threads/work_stealing_range.hpp"

namespace recurra {

/// How a call is spread over threads. By rows: members run groups of rows, no barrier. Otherwise each member runs its
/// panels of units and meets the others once a product.
struct Spread {
  int threads = 1;
  bool by_rows = true;
  Index turn = 1;  // by rows: steps of a group of rows that take some 50 us, or more
  double patience = 0;  // otherwise: microseconds to wait for members, little beside the work

  /// work(member) in a team. Members that meet once a product would wait for one whose core is busy with something else.
  template <class Work>
  void run(Work&& work) const {
    if (by_rows) Team::shared().run(threads, work);
    else Team::shared().run_with_who_comes(threads, patience, work);
  }
};

/// The most units, with padding, that one of some members has when they share the panels.
template <class T>
Index largest_part(const Panels<T>& units, int members) {
  Index most = 0;
  for (int id = 0; id < members; ++id) {
    const Range part = Member{id, members, nullptr}.part(units.count);
    if (part.count() > 0)
      most = std::max(most, units.first(part.last - 1) + units.width(part.last - 1) - units.first(part.first));
  }
  return most;
}

template <class Cell, class T>
Spread spread(const SequenceLayout<Cell, T>& layout, const Plan& plan) {
  Spread result;
  const int most = max_threads().load();
  if (most < 2 || plan.steps() == 0) return result;
  const double weights = double(layout.section) * Cell::gates * double(layout.units.padded);
  const bool in_l2 = stays_in_l2(Index(weights) * Index(sizeof(T)));
  // At a modest 40 GFLOP/s, or 10 GB/s where each step fetches the weights from afar.
  const double products = 2 * weights * double(plan.rows()) / 4e4;
  const double fetching = in_l2 ? 0 : weights * sizeof(T) * double(plan.steps()) / 1e4;
  const double microseconds = std::max(products, fetching);
  if (microseconds < 200) return result;
  result.patience = microseconds / 100;
  Index wide = 0;  // rows in steps that have a tile of rows, nearly, for every member
  for (Index s = 0; s < plan.steps() && plan.live(s) >= 4 * most; ++s) wide += plan.live(s);
  // Few panels may leave one member with most of the units: with 200 units in panels of 64, 128 of them. To fetch the
  // weights from a little further away costs less.
  const bool uneven = 5 * largest_part(layout.units, most) * most > 6 * layout.units.padded;
  const bool near = in_l2 || (uneven && weights * sizeof(T) <= 2 * double(l2_bytes()));
  result.by_rows = plan.groups() > 1 || (near && 2 * wide >= plan.rows()) || layout.units.count < most;
  result.threads = result.by_rows ? int(std::min<Index>(most, plan.live(0))) : most;
  result.turn = std::max(plan.steps() / 32, Index(50 * 2 * most * double(plan.steps()) / products)) + 1;
  return result;
}

/// Some rows whose steps one member runs, or all members together, who share the panels of units and meet.
class StepPart {
 public:
  StepPart(Range rows, Index steps, Index panels) : rows(rows), steps(steps), panels_(panels) {}
  StepPart(Range rows, Index steps, const Member& me, Sharing& panels)
      : rows(rows), steps(steps), panels_(panels.items()), me_(&me), shared_(&panels) {}

  const Range rows;
  const Index steps;  // of the row that has most

  /// This member's part of n items.
  Range part(Index n) const { return me_ ? me_->part(n) : Range{0, n}; }
  /// run(p) for every panel; where members share them, for those that this one comes to, and meet() has to follow.
  template <class Run>
  void each_panel(Run&& run) {
    if (me_) return shared_->each(*me_, turn_++, run);
    for (Index p = 0; p < panels_; ++p) run(p);
  }
  void meet() const {
    if (me_) me_->barrier();
  }

 private:
  const Index panels_;
  const Member* me_ = nullptr;
  Sharing* shared_ = nullptr;
  Index turn_ = 0;
};

/// The steps of a call, for the members of a team.
class Steps {
 public:
  /// at_once: steps that should stay together.
  Steps(const Spread& spread, const Plan& plan, Index panels, Index at_once)
      : plan_(plan),
        by_rows_(spread.by_rows),
        groups_(plan, by_rows_ ? spread.threads : 1, (spread.turn + at_once - 1) / at_once * at_once,
                max_rows(panel_vectors)),
        panels_(spread.threads, panels) {}
  /// run(part, turn) until all is done: steps [turn.first, turn.last) of part.steps, in this order for each part.
  template <class Run>
  void each(const Member& me, Run&& run) {
    if (by_rows_)
      return groups_.each(me, [&](Range rows, Index steps, Range turn) {
        StepPart part(rows, steps, panels_.items());
        run(part, turn);
      });
    StepPart part({0, plan_.batch()}, plan_.steps(), me, panels_);
    run(part, {0, plan_.steps()});
  }

 private:
  const Plan& plan_;
  const bool by_rows_;
  RowGroups groups_;
  Sharing panels_;
};

}  // namespace recurra
