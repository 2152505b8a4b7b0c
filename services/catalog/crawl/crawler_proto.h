// Crawlers and crawls to proto and back. Pure; any thread.
#pragma once

#include <string>

#include <absl/status/statusor.h>

#include "services/catalog/crawl/column_explanation.h"
#include "services/catalog/crawl/crawler.h"

namespace tarn::catalog::v1 {
class Crawl;
class Crawler;
}  // namespace tarn::catalog::v1

namespace tarn::catalog {

void ToProto(const Crawler& crawler, v1::Crawler* proto);
void ToProto(const Crawl& crawl, v1::Crawl* proto);
// Proto JSON of a v1.ColumnExplanation.
std::string ExplanationToJson(const ColumnExplanation& explanation);
// What a caller may give; the path's default is filled in.
absl::StatusOr<Crawler> CrawlerFromProto(const v1::Crawler& proto, const std::string& workspace);

}  // namespace tarn::catalog
