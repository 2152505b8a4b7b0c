#include "services/catalog/crawl/crawler_proto.h"

#include "tarn/catalog/v1/crawler.pb.h"

#include "common/names/names.h"
#include "common/status/status_macros.h"
#include "services/catalog/table_proto.h"
#include "services/catalog/time_proto.h"

namespace tarn::catalog {

void ToProto(const Crawl& crawl, v1::Crawl* proto) {
  proto->set_name(names::Format("crawlers/{crawler}/crawls/{crawl}", {crawl.crawler, crawl.id}));
  proto->set_state(static_cast<common::v1::ExecutionState>(crawl.execution.state));
  ToProto(crawl.execution, proto->mutable_times());
  if (crawl.execution.failure) ToProto(*crawl.execution.failure, proto->mutable_error());
  proto->set_file_count(crawl.file_count);
  proto->set_changed_file_count(crawl.changed_file_count);
  proto->set_row_count(crawl.row_count);
  proto->set_outcome(crawl.outcome);
  for (const FileProblem& problem : crawl.problems) {
    v1::CrawlProblem* out = proto->add_problems();
    out->set_path(problem.path);
    out->set_message(problem.message);
  }
}

void ToProto(const Crawler& crawler, v1::Crawler* proto) {
  proto->set_name("crawlers/" + crawler.id);
  proto->set_table(names::Table(crawler.table.database, crawler.table.table));
  proto->set_path(crawler.path);
  proto->set_format(static_cast<v1::FileFormat>(crawler.format));
  if (crawler.csv) ToProto(*crawler.csv, proto->mutable_csv());
  if (!crawler.xml_row_element.empty()) {
    proto->mutable_xml()->set_row_element(crawler.xml_row_element);
  }
  proto->set_comment(crawler.comment);
  proto->set_owner(crawler.owner);
  *proto->mutable_create_time() = ToTimestamp(crawler.create_time);
  *proto->mutable_update_time() = ToTimestamp(crawler.update_time);
  proto->set_etag(EtagOf(crawler.create_time, crawler.revision));
  if (crawler.last_crawl) ToProto(*crawler.last_crawl, proto->mutable_last_crawl());
}

absl::StatusOr<Crawler> CrawlerFromProto(const v1::Crawler& proto, const std::string& workspace) {
  Crawler crawler;
  TARN_ASSIGN_OR_RETURN(const std::vector<std::string> id,
                        names::Parse("crawlers/{crawler}", proto.name()));
  crawler.id = id[0];
  TARN_ASSIGN_OR_RETURN(const names::TableId table, names::ParseTable(proto.table()));
  crawler.table = {workspace, table.database, table.table};
  crawler.path = proto.path().empty() ? table.database + "/" + table.table : proto.path();
  if (!v1::FileFormat_IsValid(proto.format())) {
    return InvalidFields({{"crawler.format", "is not a known format"}});
  }
  crawler.format = static_cast<FileFormat>(proto.format());
  if (proto.has_csv()) crawler.csv = CsvOptionsFromProto(proto.csv());
  crawler.xml_row_element = proto.xml().row_element();
  crawler.comment = proto.comment();
  return crawler;
}

}  // namespace tarn::catalog
