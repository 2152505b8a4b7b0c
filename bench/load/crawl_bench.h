// How long a crawl of many small files takes, and one after it that finds nothing new.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include <absl/status/statusor.h>

#include "common/rpc/credentials.h"

namespace grpc {
class Channel;
}

namespace tarn::bench {

struct CrawlFigures {
  // From the call that starts the crawl to its end, as a client sees it.
  double crawl_10k_files_s = 0;
  double recrawl_10k_files_s = 0;
};

// Writes 10,000 files of ten JSON lines (some 2.5 KiB each, in 100 partitions) into
// <landing>/crawl_bench/readings, where `landing` is the landing area of the caller's workspace,
// and crawls them twice. `channel` leads to the catalog. The table, the crawler and the files stay.
// Blocks for as long as it takes.
absl::StatusOr<CrawlFigures> MeasureCrawls(const std::shared_ptr<grpc::Channel>& channel,
                                           const std::function<rpc::Credentials()>& credentials,
                                           const std::filesystem::path& landing);

}  // namespace tarn::bench
