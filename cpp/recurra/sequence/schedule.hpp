// How the time steps of a call are divided among threads. The forward and the backward loop both run what
// ScheduledSteps::each() hands them.
//
//   by rows     each worker runs whole steps of its own groups of rows (row_groups.hpp); no barrier
//   by units    all workers run the same step, each on its panels of units, with a barrier after each product
//
// By rows every core reads all the weights, so it is chosen where they stay in each core's level-2 cache; by units each
// core reads its share of them.
#pragma once
#include "recurra/sequence/memory_layout.hpp"
#include "recurra/sequence/plan.hpp"
#include "recurra/sequence/row_groups.hpp"
#include "recurra/support/interrupt.hpp"
#include "recurra/support/machine.hpp"
#include "recurra/threads/work_stealing_range.hpp"

namespace recurra {

struct Schedule {
  int threads = 1;
  bool by_rows = true;
  Index steps_per_task = 1;  // by rows: about 50 us of a group's steps, or more
  double step_us = 0;  // estimated time of a step
  double timeout_us = 0;  // by units: how long to wait for threads to start; short beside the work

  /// work(worker) on the schedule's threads. By units a timeout applies: workers that meet at barriers would otherwise
  /// wait for one whose core is busy with another process. barriers: whether `work` has any of its own.
  template <class Work>
  void run(bool barriers, Work&& work) const {
    if (!by_rows) ThreadPool::shared().run_with_timeout(threads, timeout_us, work);
    else if (barriers) ThreadPool::shared().run_if_faster(threads, work);
    else ThreadPool::shared().run_independent(threads, work);
  }
};

/// The most units, with padding, that one of some workers has when they divide the panels.
template <class T>
Index largest_share(const Panels<T>& units, int workers) {
  Index most = 0;
  for (int id = 0; id < workers; ++id) {
    const Range panels = Worker{id, workers, nullptr}.range(units.count);
    if (panels.count() > 0)
      most = std::max(most, units.first(panels.last - 1) + units.width(panels.last - 1) - units.first(panels.first));
  }
  return most;
}

/// weight_bytes: of one weight in memory.
template <class T>
Schedule make_schedule(const SequenceLayout<T>& layout, const Plan& plan, double weight_bytes = sizeof(T)) {
  Schedule result;
  const int most = max_threads().load();
  if (plan.steps() == 0) return result;
  const double weights = double(layout.section) * layout.cell->gates * double(layout.units.padded);
  const bool in_l2 = stays_in_l2(Index(weights * weight_bytes));
  // Estimated time: 40 GFLOP/s (a modest figure), or 10 GB/s where each step reads the weights from beyond L2.
  const double product_us = 2 * weights * double(plan.rows()) / 4e4;
  const double read_us = in_l2 ? 0 : weights * weight_bytes * double(plan.steps()) / 1e4;
  const double microseconds = std::max(product_us, read_us);
  result.step_us = microseconds / double(plan.steps());
  if (most < 2 || microseconds < 200) return result;
  result.timeout_us = microseconds / 100;
  Index wide = 0;  // rows in steps that have about a tile of rows for every worker
  for (Index s = 0; s < plan.steps() && plan.live(s) >= 4 * most; ++s) wide += plan.live(s);
  // With few panels one worker may get most of the units: 128 of 200 in panels of 64. Then by rows is better even where
  // the weights are up to twice the size of L2.
  const bool uneven = 5 * largest_share(layout.units, most) * most > 6 * layout.units.padded;
  const bool weights_per_core = in_l2 || (uneven && weights * weight_bytes <= 2 * double(l2_bytes()));
  result.by_rows = plan.groups() > 1 || (weights_per_core && 2 * wide >= plan.rows()) || layout.units.count < most;
  result.threads = result.by_rows ? int(std::min<Index>(most, plan.live(0))) : most;
  result.steps_per_task = std::max(plan.steps() / 32, Index(50 * 2 * most * double(plan.steps()) / product_us)) + 1;
  return result;
}

/// What one worker sees of the steps that it runs: some rows and all panels of units, or all rows and a share of the
/// panels that the workers divide in every product.
class StepContext {
 public:
  StepContext(Range rows, Index steps, Index panels, int worker, InterruptPoll& interrupts)
      : rows(rows), steps(steps), panels_(panels), worker_id_(worker), interrupts_(interrupts) {}
  StepContext(Range rows, Index steps, const Worker& worker, WorkStealingRange& panels, InterruptPoll& interrupts)
      : rows(rows),
        steps(steps),
        panels_(panels.items()),
        worker_id_(worker.id),
        interrupts_(interrupts),
        worker_(&worker),
        shared_panels_(&panels) {}

  const Range rows;
  const Index steps;  // of the longest row

  /// This worker's share of n items.
  Range range(Index n) const { return worker_ ? worker_->range(n) : Range{0, n}; }
  /// run(p) for each panel; where workers divide them, for those that this one gets, and barrier() must follow.
  template <class Run>
  void each_panel(Run&& run) {
    if (worker_) return shared_panels_->each(*worker_, round_++, run);
    for (Index p = 0; p < panels_; ++p) run(p);
  }
  void barrier() const {
    if (worker_) worker_->barrier();
  }
  /// Whether the call is interrupted: step n, counted from the first one that is run, and all later ones are left out.
  bool interrupted_before(Index n) const {
    return worker_ ? interrupts_.stops_before_step(worker_id_, n) : interrupts_.stops_step(worker_id_);
  }

 private:
  const Index panels_;
  const int worker_id_;
  InterruptPoll& interrupts_;
  const Worker* worker_ = nullptr;
  WorkStealingRange* shared_panels_ = nullptr;
  Index round_ = 0;
};

/// The steps of a call, handed to the workers.
class ScheduledSteps {
 public:
  /// step_multiple: tasks have a multiple of so many steps (a chunk that is run together).
  ScheduledSteps(const Schedule& schedule, const Plan& plan, Index panels, Index step_multiple)
      : plan_(plan),
        by_rows_(schedule.by_rows),
        groups_(plan, by_rows_ ? schedule.threads : 1,
                (schedule.steps_per_task + step_multiple - 1) / step_multiple * step_multiple, max_rows(panel_vectors)),
        panels_(schedule.threads, panels),
        interrupts_(schedule.step_us) {}
  /// run(context, range) until all steps are done: steps [range.first, range.last) of context.steps, in ascending order
  /// for the same rows.
  template <class Run>
  void each(const Worker& worker, Run&& run) {
    if (by_rows_)
      return groups_.each(worker, [&](Range rows, Index steps, Range task_steps) {
        StepContext context(rows, steps, panels_.items(), worker.id, interrupts_);
        run(context, task_steps);
      });
    StepContext context({0, plan_.batch()}, plan_.steps(), worker, panels_, interrupts_);
    run(context, {0, plan_.steps()});
  }
  InterruptPoll& interrupts() { return interrupts_; }

 private:
  const Plan& plan_;
  const bool by_rows_;
  RowGroups groups_;
  WorkStealingRange panels_;
  InterruptPoll interrupts_;
};

}  // namespace recurra
