// Every metric of transform besides those of its RPCs. Thread safe.
#pragma once

#include "common/metrics/metrics.h"

namespace tarn::transform {

struct TransformMetrics {
  explicit TransformMetrics(Metrics& metrics)
      : runs_ended(metrics.AddCounters("tarn_transform_runs_total",
                                       "Runs that ended, by state and by what started them "
                                       "(user, schedule, event).",
                                       {"state", "trigger"})),
        run_seconds(metrics.AddHistograms("tarn_transform_run_seconds",
                                          "Time of a run from its begin to its end, by state.",
                                          {"state"}, Buckets())),
        active_runs(
            metrics.AddGauge("tarn_transform_active_runs", "Runs that this process works on now.")),
        step_attempts(metrics.AddCounters("tarn_transform_step_attempts_total",
                                          "Attempts of steps that ended, by kind and by outcome "
                                          "(a state, or RETRY).",
                                          {"kind", "outcome"})),
        step_seconds(metrics.AddHistograms("tarn_transform_step_seconds",
                                           "Time of an attempt of a step, by kind.", {"kind"},
                                           Buckets())),
        schedules_fired(metrics.AddCounter("tarn_transform_schedules_fired_total",
                                           "Times that the schedule of a pipeline was due.")),
        runs_purged(metrics.AddCounter("tarn_transform_runs_purged_total",
                                       "Runs that were forgotten after their retention.")),
        events_matched(metrics.AddCounters("tarn_transform_trigger_events_total",
                                           "Events that fit a trigger, by outcome: run, joined (a "
                                           "run waits already), own (caused by the pipeline "
                                           "itself), dropped.",
                                           {"outcome"})) {}

  CounterFamily runs_ended;
  HistogramFamily run_seconds;
  Gauge& active_runs;
  CounterFamily step_attempts;
  HistogramFamily step_seconds;
  Counter& schedules_fired;
  Counter& runs_purged;
  CounterFamily events_matched;

 private:
  // Seconds, to hours.
  static std::vector<double> Buckets() {
    return {0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600};
  }
};

}  // namespace tarn::transform
