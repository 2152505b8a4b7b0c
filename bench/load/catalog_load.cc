#include "bench/load/catalog_load.h"

#include <atomic>
#include <iostream>
#include <thread>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>

#include "tarn/catalog/v1/catalog_service.grpc.pb.h"

#include "bench/load/percentile.h"
#include "common/rpc/client.h"

namespace tarn::bench {
namespace {

using catalog::v1::CatalogService;

constexpr int64_t kRowsPerFile = 1000;

std::string ResourceName(const std::string& table) {
  return absl::StrCat("databases/bench/tables/", table);
}

catalog::v1::Table ReadTable(LoadTarget& target, CatalogService::Stub& stub,
                             const std::string& table) {
  catalog::v1::GetTableRequest request;
  request.set_name(ResourceName(table));
  auto read = rpc::Call(stub, &CatalogService::Stub::GetTable, request, target.credentials());
  DieUnlessOk(read.status(), "reading a table");
  return *std::move(read);
}

std::string LocationOf(LoadTarget& target, const std::string& table) {
  const auto stub = CatalogService::NewStub(target.NewChannel("catalog"));
  return ReadTable(target, *stub, table).location();
}

void AddStatistics(catalog::v1::DataFile& file, int id, const std::string& lower,
                   const std::string& upper) {
  catalog::v1::ColumnStatistics& column = *file.add_columns();
  column.set_field_id(id);
  column.set_null_count(0);
  column.set_lower_bound(lower);
  column.set_upper_bound(upper);
}

}  // namespace

void CreateCatalogTable(LoadTarget& target, const std::string& name) {
  const auto stub = CatalogService::NewStub(target.NewChannel("catalog"));
  catalog::v1::CreateTableRequest request;
  catalog::v1::Table& table = *request.mutable_table();
  table.set_name(ResourceName(name));
  table.set_type(catalog::v1::TABLE_TYPE_MANAGED);
  for (const auto& [column, type] : {std::pair("serial", "long"),
                                     {"device", "string"},
                                     {"temp", "double"},
                                     {"ts", "timestamp"}}) {
    auto* field = table.mutable_schema()->add_fields();
    field->set_name(column);
    field->set_type(type);
  }
  DieUnlessOk(
      rpc::Call(*stub, &CatalogService::Stub::CreateTable, request, target.credentials()).status(),
      "making a table");
}

Appender::Appender(LoadTarget& target, const std::string& table, const std::string& writer)
    : table_(table),
      writer_(writer),
      location_(LocationOf(target, table)),
      credentials_(target.credentials()),
      channel_(target.NewChannel("catalog")) {}

absl::Duration Appender::Append(int files) {
  catalog::v1::CommitTableRequest request;
  request.set_table(ResourceName(table_));
  request.set_operation(catalog::v1::SNAPSHOT_OPERATION_APPEND);
  request.set_request_id(absl::StrCat(writer_, "-", commits_++));
  for (int i = 0; i < files; ++i, ++files_) {
    catalog::v1::DataFile& file = *request.add_added_files();
    file.set_path(absl::StrCat(location_, "/data/", writer_, "-", files_, ".parquet"));
    file.set_row_count(kRowsPerFile);
    file.set_byte_count(100'000);
    const int64_t first = files_ * kRowsPerFile;
    AddStatistics(file, 1, absl::StrCat(first), absl::StrCat(first + kRowsPerFile - 1));
    AddStatistics(file, 2, "iot-device-01", "iot-device-10");
    AddStatistics(file, 3, "18.25", "27.5");
    AddStatistics(file, 4, "2024-01-01 00:00:00", "2024-01-01 00:15:00");
  }
  const auto stub = CatalogService::NewStub(channel_);
  const absl::Time begin = absl::Now();
  const absl::Status status =
      rpc::Call(*stub, &CatalogService::Stub::CommitTable, request, credentials_).status();
  if (status.ok()) return absl::Now() - begin;
  std::cerr << "tarn-bench: a commit failed: " << status << std::endl;
  return absl::Seconds(-1);
}

CommitRate MeasureCommits(LoadTarget& target, const std::vector<std::string>& tables, int writers,
                          absl::Duration duration) {
  std::atomic<int64_t> commits = 0, failed = 0;
  std::vector<std::unique_ptr<Appender>> appenders;
  for (int i = 0; i < writers; ++i) {
    appenders.push_back(
        std::make_unique<Appender>(target, tables[i % tables.size()], absl::StrCat("writer", i)));
  }
  const absl::Time begin = absl::Now();
  std::vector<std::thread> threads;
  for (const auto& appender : appenders) {
    threads.emplace_back([&] {
      while (absl::Now() - begin < duration) {
        if (appender->Append() < absl::ZeroDuration()) {
          ++failed;
        } else {
          ++commits;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return {.commits_s = static_cast<double>(commits) / absl::ToDoubleSeconds(absl::Now() - begin),
          .failed = failed};
}

double GetTableP99(LoadTarget& target, const std::string& table, int calls) {
  const auto stub = CatalogService::NewStub(target.NewChannel("catalog"));
  std::vector<double> times;
  for (int i = 0; i < calls; ++i) {
    const absl::Time begin = absl::Now();
    ReadTable(target, *stub, table);
    times.push_back(absl::ToDoubleMilliseconds(absl::Now() - begin));
  }
  return Percentile(times, 0.99);
}

double PlanScanP99(LoadTarget& target, const std::string& table, int64_t files, int calls) {
  constexpr int64_t kWanted = 10;
  const auto stub = CatalogService::NewStub(target.NewChannel("catalog"));
  std::vector<double> times;
  for (int i = 0; i <= calls; ++i) {
    const int64_t first = (i * 7919LL) % (files - kWanted) * kRowsPerFile;
    catalog::v1::PlanScanRequest request;
    request.set_table(ResourceName(table));
    const auto add = [&](catalog::v1::PredicateOperator op, int64_t value) {
      auto* predicate = request.add_predicates();
      predicate->set_column("serial");
      predicate->set_operator_(op);
      predicate->add_values(absl::StrCat(value));
    };
    add(catalog::v1::PREDICATE_OPERATOR_GREATER_OR_EQUAL, first);
    add(catalog::v1::PREDICATE_OPERATOR_LESS, first + kWanted * kRowsPerFile);
    grpc::ClientContext context;
    rpc::PrepareContext(context, target.credentials());
    const absl::Time begin = absl::Now();
    const auto reader = stub->PlanScan(&context, request);
    int64_t found = 0;
    catalog::v1::PlanScanResponse response;
    while (reader->Read(&response)) found += response.files_size();
    DieUnlessOk(rpc::FromGrpcStatus(reader->Finish()), "planning a scan");
    if (i > 0) times.push_back(absl::ToDoubleMilliseconds(absl::Now() - begin));
    if (found != kWanted) {
      std::cerr << "tarn-bench: a scan found " << found << " of " << kWanted << " files\n";
      std::exit(1);
    }
  }
  return Percentile(times, 0.99);
}

double LateEarlyRatio(LoadTarget& target, const std::string& old, int commits) {
  CreateCatalogTable(target, "fresh");
  Appender late(target, old, "late");
  Appender early(target, "fresh", "early");
  std::vector<double> late_times, early_times;
  for (int i = 0; i < commits; ++i) {
    // Each is the first of a pair as often as the other.
    for (const bool is_late : {i % 2 == 0, i % 2 != 0}) {
      auto& times = is_late ? late_times : early_times;
      times.push_back(absl::ToDoubleMilliseconds((is_late ? late : early).Append()));
    }
  }
  return Percentile(late_times, 0.5) / Percentile(early_times, 0.5);
}

}  // namespace tarn::bench
