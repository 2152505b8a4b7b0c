#include "services/catalog/crawl/crawler_proto.h"

#include <google/protobuf/util/json_util.h>

#include "tarn/catalog/v1/crawl_explanation_service.pb.h"
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
  proto->set_dry_run(crawl.dry_run);
  for (const CrawlChange& change : crawl.changes) {
    v1::CrawlChange* out = proto->add_changes();
    out->set_kind(static_cast<v1::CrawlChangeKind>(change.kind));
    out->set_subject(change.subject);
    out->set_before(change.before);
    out->set_after(change.after);
    out->set_held_back_by(change.held_back_by);
  }
  proto->set_change_count(crawl.change_count);
}

std::string ExplanationToJson(const ColumnExplanation& explanation) {
  v1::ColumnExplanation proto;
  proto.set_column(explanation.column);
  proto.set_type(explanation.type);
  proto.set_reason(explanation.reason);
  proto.set_confidence(explanation.confidence);
  proto.set_conflict(explanation.conflict);
  proto.set_value_count(explanation.value_count);
  proto.set_file_count(explanation.file_count);
  for (const SeenType& seen : explanation.seen) {
    v1::SeenType* out = proto.add_seen();
    out->set_type(seen.type);
    out->set_value_count(seen.value_count);
    out->set_file_count(seen.file_count);
    for (const ValueSample& sample : seen.samples) {
      v1::ValueSample* value = out->add_samples();
      value->set_path(sample.path);
      value->set_value(sample.value);
    }
  }
  std::string json;
  // A message without Any and without broken text always has one.
  if (!google::protobuf::util::MessageToJsonString(proto, &json).ok()) json = "{}";
  return json;
}

namespace {

void ToProto(const CrawlOptions& options, v1::Crawler* proto) {
  proto->set_on_schema_change(static_cast<v1::SchemaChangePolicy>(options.on_schema_change));
  proto->set_on_deletion(static_cast<v1::DeletionPolicy>(options.on_deletion));
  proto->set_recrawl(static_cast<v1::RecrawlPolicy>(options.recrawl));
  for (const std::string& pattern : options.exclude) proto->add_exclude(pattern);
  proto->set_on_upload(options.on_upload);
  proto->set_encoding(static_cast<v1::TextEncoding>(options.encoding));
  if (!options.text_pattern.empty()) proto->mutable_text()->set_pattern(options.text_pattern);
  proto->set_line_comment(options.line_comment);
  for (const std::string& column : options.partition_columns) proto->add_partition_columns(column);
}

// The policy that a proto gives, `otherwise` where it leaves it open; what is none is a violation.
template <typename Policy>
Policy PolicyOr(Policy otherwise, int given, bool valid, const char* field,
                std::vector<FieldViolation>& violations) {
  if (!valid) violations.push_back({field, "is none of those known"});
  return given == 0 ? otherwise : static_cast<Policy>(given);
}

CrawlOptions OptionsFromProto(const v1::Crawler& proto, std::vector<FieldViolation>& violations) {
  CrawlOptions options;
  options.on_schema_change = PolicyOr(options.on_schema_change, proto.on_schema_change(),
                                      v1::SchemaChangePolicy_IsValid(proto.on_schema_change()),
                                      "crawler.on_schema_change", violations);
  options.on_deletion =
      PolicyOr(options.on_deletion, proto.on_deletion(),
               v1::DeletionPolicy_IsValid(proto.on_deletion()), "crawler.on_deletion", violations);
  options.recrawl =
      PolicyOr(options.recrawl, proto.recrawl(), v1::RecrawlPolicy_IsValid(proto.recrawl()),
               "crawler.recrawl", violations);
  options.encoding =
      PolicyOr(options.encoding, proto.encoding(), v1::TextEncoding_IsValid(proto.encoding()),
               "crawler.encoding", violations);
  options.exclude = {proto.exclude().begin(), proto.exclude().end()};
  options.on_upload = proto.on_upload();
  options.text_pattern = proto.text().pattern();
  options.line_comment = proto.line_comment();
  options.partition_columns = {proto.partition_columns().begin(), proto.partition_columns().end()};
  return options;
}

}  // namespace

void ToProto(const Crawler& crawler, v1::Crawler* proto) {
  proto->set_name("crawlers/" + crawler.id);
  proto->set_table(names::Table(crawler.table.database, crawler.table.table));
  proto->set_path(crawler.path);
  proto->set_format(static_cast<v1::FileFormat>(crawler.format));
  if (crawler.csv) ToProto(*crawler.csv, proto->mutable_csv());
  if (!crawler.xml_row_element.empty()) {
    proto->mutable_xml()->set_row_element(crawler.xml_row_element);
  }
  ToProto(crawler.options, proto);
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
  std::vector<FieldViolation> violations;
  if (!v1::FileFormat_IsValid(proto.format())) {
    violations.push_back({"crawler.format", "is not a known format"});
  }
  crawler.options = OptionsFromProto(proto, violations);
  if (!violations.empty()) return InvalidFields(std::move(violations));
  crawler.format = static_cast<FileFormat>(proto.format());
  if (proto.has_csv()) crawler.csv = CsvOptionsFromProto(proto.csv());
  crawler.xml_row_element = proto.xml().row_element();
  crawler.comment = proto.comment();
  return crawler;
}

}  // namespace tarn::catalog
