#include "services/catalog/crawl/upload_trigger.h"

#include <nlohmann/json.hpp>

#include "common/logging/logging.h"
#include "services/catalog/crawl/crawler_store.h"

namespace tarn::catalog {
namespace {

constexpr char kUploaded[] = "tarn.ingestion.file.uploaded";

events::SubscriberOptions Options() {
  return {.name = "catalog.crawlers",
          .filter = {.type_prefixes = {kUploaded}},
          .begin = events::SubscriberOptions::Begin::kLatest,
          .on_error = [](const absl::Status& status, const events::Event*) {
            logging::Warn("catalog", "an upload cannot start its crawls yet", status);
          }};
}

}  // namespace

UploadTrigger::UploadTrigger(PostgresPool& pool, ChangeSignal& jobs)
    : jobs_(jobs),
      subscriber_(pool, Options(), [this](Transaction& txn, const events::Event& event) {
        return Handle(txn, event);
      }) {}

absl::Status UploadTrigger::Handle(Transaction& txn, const events::Event& event) {
  const nlohmann::json data = nlohmann::json::parse(event.data, nullptr, /*exceptions=*/false);
  if (!data.is_object() || !data.contains("path") || !data["path"].is_string()) {
    return absl::OkStatus();  // none of ingestion's
  }
  CrawlerStore store(txn);
  const auto triggered = store.ListTriggered(event.workspace, data["path"].get<std::string>());
  for (const std::string& crawler : triggered) {
    store.Queue(event.workspace, crawler, "event/" + event.type);
  }
  if (!triggered.empty()) jobs_.Notify();
  return absl::OkStatus();
}

}  // namespace tarn::catalog
