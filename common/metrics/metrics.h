// The metrics of a process, in Prometheus's form. A module keeps all of its own in one struct:
//
//   struct CatalogMetrics {
//     explicit CatalogMetrics(Metrics& metrics)
//         : commits(metrics.AddCounters("tarn_catalog_commits_total", "Commits, by operation.",
//                                       {"operation"})) {}
//     CounterFamily commits;
//   };
//   catalog_metrics.commits.With({"append"}).Increment();
//
// Names are tarn_<module>_<thing>_<unit>, counters end in _total; seconds and bytes are the units.
// Labels take few values: never an id, a user or a table. Adding a metric again with the same name
// gives the same one. A malformed or conflicting name is a mistake of the program, and ends it.
// Every function is safe on any thread; counters and gauges live as long as the Metrics.
#pragma once

#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

namespace tarn {

using Counter = prometheus::Counter;
using Gauge = prometheus::Gauge;
using Histogram = prometheus::Histogram;
using MetricLabels = std::map<std::string, std::string>;

// Metrics of one name that differ by the values of their labels. A handle: copied freely.
template <typename Metric>
class MetricFamily {
 public:
  // The metric with these values, one for each label name in order, made at first use. Takes a
  // lock: where it matters, keep the reference.
  Metric& With(std::initializer_list<std::string_view> values) const;

 private:
  friend class Metrics;
  MetricFamily(prometheus::Family<Metric>* family, std::vector<std::string> label_names,
               std::vector<double> buckets)
      : family_(family), label_names_(std::move(label_names)), buckets_(std::move(buckets)) {}

  prometheus::Family<Metric>* family_;
  std::vector<std::string> label_names_;
  std::vector<double> buckets_;  // of histograms
};

using CounterFamily = MetricFamily<Counter>;
using GaugeFamily = MetricFamily<Gauge>;
using HistogramFamily = MetricFamily<Histogram>;

class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  Counter& AddCounter(std::string_view name, std::string_view help,
                      const MetricLabels& labels = {});
  Gauge& AddGauge(std::string_view name, std::string_view help, const MetricLabels& labels = {});
  // `buckets` are upper bounds, ascending.
  Histogram& AddHistogram(std::string_view name, std::string_view help,
                          const MetricLabels& labels = {},
                          const std::vector<double>& buckets = LatencyBuckets());

  CounterFamily AddCounters(std::string_view name, std::string_view help,
                            std::vector<std::string> label_names);
  GaugeFamily AddGauges(std::string_view name, std::string_view help,
                        std::vector<std::string> label_names);
  HistogramFamily AddHistograms(std::string_view name, std::string_view help,
                                std::vector<std::string> label_names,
                                std::vector<double> buckets = LatencyBuckets());

  // Seconds, from 1 ms to 5 min.
  static const std::vector<double>& LatencyBuckets();
  // Bytes, from 1 KiB to 4 GiB.
  static const std::vector<double>& SizeBuckets();

  // All metrics in the text format, as a scrape would get them.
  std::string RenderText() const;

  const std::shared_ptr<prometheus::Registry>& registry() const { return registry_; }

 private:
  std::shared_ptr<prometheus::Registry> registry_;
};

}  // namespace tarn
