#include "common/metrics/metrics.h"

#include <cstdio>
#include <cstdlib>
#include <exception>

#include <prometheus/text_serializer.h>

namespace tarn {
namespace {

[[noreturn]] void Die(std::string_view name, const std::string& what) {
  std::fprintf(stderr, "metric %s: %s\n", std::string(name).c_str(), what.c_str());
  std::abort();
}

bool IsMetricName(std::string_view name) {
  return name.starts_with("tarn_") && !name.ends_with('_') &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

template <typename Builder>
auto& Register(Builder builder, prometheus::Registry& registry, std::string_view name,
               std::string_view help) {
  if (!IsMetricName(name)) Die(name, "is not of the form tarn_<module>_<thing>_<unit>");
  try {
    return builder.Name(std::string(name)).Help(std::string(help)).Register(registry);
  } catch (const std::exception& e) {  // the same name with another type
    Die(name, e.what());
  }
}

}  // namespace

template <typename Metric>
Metric& MetricFamily<Metric>::With(std::initializer_list<std::string_view> values) const {
  if (values.size() != label_names_.size()) Die(family_->GetName(), "wrong number of label values");
  MetricLabels labels;
  auto value = values.begin();
  for (const std::string& label : label_names_) labels.emplace(label, *value++);
  if constexpr (std::is_same_v<Metric, Histogram>) {
    return family_->Add(labels, buckets_);
  } else {
    return family_->Add(labels);
  }
}

template class MetricFamily<Counter>;
template class MetricFamily<Gauge>;
template class MetricFamily<Histogram>;

Metrics::Metrics() : registry_(std::make_shared<prometheus::Registry>()) {}
Metrics::~Metrics() = default;

Counter& Metrics::AddCounter(std::string_view name, std::string_view help,
                             const MetricLabels& labels) {
  return Register(prometheus::BuildCounter(), *registry_, name, help).Add(labels);
}

Gauge& Metrics::AddGauge(std::string_view name, std::string_view help, const MetricLabels& labels) {
  return Register(prometheus::BuildGauge(), *registry_, name, help).Add(labels);
}

Histogram& Metrics::AddHistogram(std::string_view name, std::string_view help,
                                 const MetricLabels& labels, const std::vector<double>& buckets) {
  return Register(prometheus::BuildHistogram(), *registry_, name, help).Add(labels, buckets);
}

CounterFamily Metrics::AddCounters(std::string_view name, std::string_view help,
                                   std::vector<std::string> label_names) {
  return {
      &Register(prometheus::BuildCounter(), *registry_, name, help), std::move(label_names), {}};
}

GaugeFamily Metrics::AddGauges(std::string_view name, std::string_view help,
                               std::vector<std::string> label_names) {
  return {&Register(prometheus::BuildGauge(), *registry_, name, help), std::move(label_names), {}};
}

HistogramFamily Metrics::AddHistograms(std::string_view name, std::string_view help,
                                       std::vector<std::string> label_names,
                                       std::vector<double> buckets) {
  return {&Register(prometheus::BuildHistogram(), *registry_, name, help), std::move(label_names),
          std::move(buckets)};
}

const std::vector<double>& Metrics::LatencyBuckets() {
  static const auto* const buckets = new std::vector<double>{
      0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300};
  return *buckets;
}

const std::vector<double>& Metrics::SizeBuckets() {
  static const auto* const buckets = [] {
    auto* bounds = new std::vector<double>;
    for (double bytes = 1024; bytes <= 4.0 * 1024 * 1024 * 1024; bytes *= 4) {
      bounds->push_back(bytes);
    }
    return bounds;
  }();
  return *buckets;
}

std::string Metrics::RenderText() const {
  return prometheus::TextSerializer().Serialize(registry_->Collect());
}

}  // namespace tarn
