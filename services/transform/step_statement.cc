#include "services/transform/step_statement.h"

#include <algorithm>
#include <regex>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>

#include "tarn/query/v1/query_service.pb.h"
#include "tarn/transform/v1/pipeline.pb.h"

#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/transform/sql_template.h"

namespace tarn::transform {
namespace {

// At most this many characters of `source` are kept by query.
constexpr size_t kMaxSourceLength = 200;

const std::string& SqlOf(const v1::Step& step) {
  if (step.has_check()) return step.check().sql();
  if (step.has_export_()) return step.export_().sql();
  return step.sql().sql();
}

const std::string& DatabaseOf(const v1::Step& step) {
  if (step.has_check()) return step.check().default_database();
  if (step.has_export_()) return step.export_().default_database();
  return step.sql().default_database();
}

std::string PartitionedBy(const v1::SqlStep& step) {
  if (step.partition_by().empty()) return "";
  return absl::StrCat(" PARTITIONED BY (", absl::StrJoin(step.partition_by(), ", "), ")");
}

// What comes before the SELECT. The line break keeps a comment at its end from going on.
std::string Prefix(const v1::SqlStep& step, bool table_exists) {
  if (step.table().empty()) return "";
  switch (step.mode()) {
    case v1::WRITE_MODE_INSERT:
      return absl::StrCat("INSERT INTO ", step.table(), "\n");
    case v1::WRITE_MODE_OVERWRITE_PARTITIONS:
      if (table_exists) return absl::StrCat("INSERT OVERWRITE ", step.table(), "\n");
      return absl::StrCat("CREATE TABLE ", step.table(), PartitionedBy(step), " AS\n");
    default:
      return absl::StrCat("CREATE OR REPLACE TABLE ", step.table(), PartitionedBy(step), " AS\n");
  }
}

}  // namespace

bool NeedsTableLookup(const v1::SqlStep& step) {
  return !step.table().empty() && step.mode() == v1::WRITE_MODE_OVERWRITE_PARTITIONS;
}

absl::StatusOr<std::string> BuildStatementText(const v1::Step& step, bool table_exists) {
  TARN_ASSIGN_OR_RETURN(SqlTemplate parsed, ParseSqlTemplate(SqlOf(step)));
  if (!step.has_sql()) return parsed.sql;
  return Prefix(step.sql(), table_exists) + parsed.sql;
}

absl::StatusOr<query::v1::Statement> BuildStatement(const v1::Pipeline& pipeline,
                                                    const v1::Step& step, const std::string& text,
                                                    const ParameterValues& values,
                                                    const std::string& source) {
  query::v1::Statement statement;
  statement.set_sql(text);
  statement.set_default_database(DatabaseOf(step));
  statement.set_source(source.substr(0, kMaxSourceLength));
  TARN_ASSIGN_OR_RETURN(SqlTemplate parsed, ParseSqlTemplate(SqlOf(step)));
  for (const std::string& name : parsed.parameters) {
    auto value = values.find(name);
    const auto& declared = pipeline.parameters();
    auto parameter = std::find_if(declared.begin(), declared.end(),
                                  [&](const auto& candidate) { return candidate.name() == name; });
    if (value == values.end() || parameter == declared.end()) {
      return InvalidArgument("PARAMETER_UNKNOWN",
                             absl::StrCat("step ", step.id(), " names ${", name,
                                          "}, which is no parameter of the pipeline"),
                             {{"parameter", name}});
    }
    (*statement.mutable_parameters())[name] = BindValue(*parameter, value->second);
  }
  if (step.has_export_()) {
    statement.mutable_export_()->set_format(step.export_().format());
    statement.mutable_export_()->set_file_name(step.export_().file_name());
  }
  return statement;
}

bool IsPartitionTransform(const std::string& text) {
  // An identifier is plain or in double quotes; blanks may stand around it.
  static const std::regex& form = *new std::regex(
      absl::StrReplaceAll(R"re( *(ID|(year|month|day|hour|identity) *\( *ID *\)|)re"
                          R"re((truncate|bucket) *\( *(ID *, *[0-9]+|[0-9]+ *, *ID) *\)) *)re",
                          {{"ID", R"re(([A-Za-z_][A-Za-z0-9_]*|"[^"]+"))re"}}),
      std::regex::icase);
  return text.size() <= 200 && std::regex_match(text, form);
}

}  // namespace tarn::transform
