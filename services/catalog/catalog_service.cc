#include "services/catalog/catalog_service.h"

#include <set>

#include "common/names/names.h"
#include "common/page_token/page_token.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/database_manager.h"
#include "services/catalog/table_manager.h"
#include "services/catalog/table_proto.h"

namespace tarn::catalog {
namespace {

constexpr char kAllDatabases[] = "databases/-";

// Whether an update concerns `field`: named by the mask, or, without one, as `given` says.
bool Changes(const google::protobuf::FieldMask& mask, const std::string& field, bool given) {
  if (mask.paths().empty()) return given;
  for (const std::string& path : mask.paths()) {
    if (path == field || path.rfind(field + ".", 0) == 0 || path == "*") return true;
  }
  return false;
}

absl::Status CheckMask(const google::protobuf::FieldMask& mask,
                       const std::set<std::string>& allowed) {
  for (const std::string& path : mask.paths()) {
    if (path == "*" || allowed.count(path.substr(0, path.find('.'))) > 0) continue;
    return InvalidFields({{"update_mask", "\"" + path + "\" cannot be changed"}});
  }
  return absl::OkStatus();
}

std::map<std::string, std::string> Properties(
    const google::protobuf::Map<std::string, std::string>& map) {
  return {map.begin(), map.end()};
}

absl::StatusOr<TableChange> TableChangeOf(const v1::UpdateTableRequest& request) {
  const auto& mask = request.update_mask();
  const v1::Table& table = request.table();
  TARN_RETURN_IF_ERROR(CheckMask(mask, {"comment", "properties", "view", "schema"}));
  TableChange change{.etag = table.etag()};
  if (Changes(mask, "comment", true)) change.comment = table.comment();
  if (Changes(mask, "properties", true)) change.properties = Properties(table.properties());
  if (Changes(mask, "view", table.has_view())) {
    change.view = ViewDefinition{table.view().sql(), table.view().default_database()};
  }
  if (Changes(mask, "schema", table.schema().fields_size() > 0)) {
    std::vector<FieldViolation> violations;
    std::vector<Field> columns;
    for (int i = 0; i < table.schema().fields_size(); ++i) {
      columns.push_back(FieldFromProto(
          table.schema().fields(i), "table.schema.fields[" + std::to_string(i) + "]", violations));
    }
    if (!violations.empty()) return InvalidFields(std::move(violations));
    change.columns = std::move(columns);
  }
  return change;
}

}  // namespace

CatalogService::CatalogService(rpc::CallHandlerOptions handler, Storage& storage,
                               LiveFileCache& live_files, CatalogMetrics& metrics,
                               ChangeSignal& jobs)
    : CatalogCalls(std::move(handler), storage),
      live_files_(live_files),
      metrics_(metrics),
      jobs_(jobs),
      commits_(storage.pool()) {}

grpc::Status CatalogService::CreateDatabase(grpc::ServerContext* context,
                                            const v1::CreateDatabaseRequest* request,
                                            v1::Database* response) {
  return Write<v1::CreateDatabaseRequest, v1::Database>(
      context, "CreateDatabase", *request, response,
      [&](Transaction& txn, const Actor& actor, v1::Database* made) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(Database database, DatabaseFromProto(request->database()));
        TARN_ASSIGN_OR_RETURN(database, DatabaseManager(txn).Create(actor, std::move(database)));
        ToProto(database, made);
        return absl::OkStatus();
      });
}

grpc::Status CatalogService::GetDatabase(grpc::ServerContext* context,
                                         const v1::GetDatabaseRequest* request,
                                         v1::Database* response) {
  return Read(context, "GetDatabase", [&](Transaction& txn, const Actor& actor) -> absl::Status {
    TARN_ASSIGN_OR_RETURN(const std::string id, names::ParseDatabase(request->name()));
    TARN_ASSIGN_OR_RETURN(const Database database, DatabaseManager(txn).Get(actor.workspace, id));
    response->Clear();
    ToProto(database, response);
    return absl::OkStatus();
  });
}

grpc::Status CatalogService::ListDatabases(grpc::ServerContext* context,
                                           const v1::ListDatabasesRequest* request,
                                           v1::ListDatabasesResponse* response) {
  return Read(context, "ListDatabases", [&](Transaction& txn, const Actor& actor) -> absl::Status {
    const std::string query = QueryFingerprint({"databases"});
    TARN_ASSIGN_OR_RETURN(const std::string after, DecodePageToken(query, request->page_token()));
    TARN_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
    std::vector<Database> databases = DatabaseManager(txn).List(actor.workspace, after, size + 1);
    response->Clear();
    if (databases.size() > static_cast<size_t>(size)) {
      databases.resize(size);
      response->set_next_page_token(EncodePageToken(query, databases.back().id));
    }
    for (const Database& database : databases) ToProto(database, response->add_databases());
    return absl::OkStatus();
  });
}

grpc::Status CatalogService::UpdateDatabase(grpc::ServerContext* context,
                                            const v1::UpdateDatabaseRequest* request,
                                            v1::Database* response) {
  return Write<v1::UpdateDatabaseRequest, v1::Database>(
      context, "UpdateDatabase", *request, response,
      [&](Transaction& txn, const Actor& actor, v1::Database* made) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(const std::string id,
                              names::ParseDatabase(request->database().name()));
        TARN_RETURN_IF_ERROR(CheckMask(request->update_mask(), {"comment", "properties"}));
        DatabaseChange change{.etag = request->database().etag()};
        if (Changes(request->update_mask(), "comment", true)) {
          change.comment = request->database().comment();
        }
        if (Changes(request->update_mask(), "properties", true)) {
          change.properties = Properties(request->database().properties());
        }
        TARN_ASSIGN_OR_RETURN(const Database database,
                              DatabaseManager(txn).Update(actor, id, change));
        ToProto(database, made);
        return absl::OkStatus();
      });
}

grpc::Status CatalogService::DeleteDatabase(grpc::ServerContext* context,
                                            const v1::DeleteDatabaseRequest* request,
                                            v1::DeleteDatabaseResponse* response) {
  return Write<v1::DeleteDatabaseRequest, v1::DeleteDatabaseResponse>(
      context, "DeleteDatabase", *request, response,
      [&](Transaction& txn, const Actor& actor, v1::DeleteDatabaseResponse*) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(const std::string id, names::ParseDatabase(request->name()));
        return DatabaseManager(txn).Delete(actor, id, request->etag());
      });
}

grpc::Status CatalogService::CreateTable(grpc::ServerContext* context,
                                         const v1::CreateTableRequest* request,
                                         v1::Table* response) {
  return Write<v1::CreateTableRequest, v1::Table>(
      context, "CreateTable", *request, response,
      [&](Transaction& txn, const Actor& actor, v1::Table* made) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(Table table, TableFromProto(request->table(), actor.workspace));
        TARN_ASSIGN_OR_RETURN(table, TableManager(txn).Create(actor, std::move(table)));
        ToProto(table, made);
        return absl::OkStatus();
      });
}

grpc::Status CatalogService::GetTable(grpc::ServerContext* context,
                                      const v1::GetTableRequest* request, v1::Table* response) {
  return Read(context, "GetTable", [&](Transaction& txn, const Actor& actor) -> absl::Status {
    TARN_ASSIGN_OR_RETURN(const TableKey key, TableKeyOf(actor, request->name()));
    TARN_ASSIGN_OR_RETURN(const Table table, TableManager(txn).Get(key));
    response->Clear();
    ToProto(table, response);
    return absl::OkStatus();
  });
}

grpc::Status CatalogService::ListTables(grpc::ServerContext* context,
                                        const v1::ListTablesRequest* request,
                                        v1::ListTablesResponse* response) {
  return Read(context, "ListTables", [&](Transaction& txn, const Actor& actor) -> absl::Status {
    std::string database;
    if (request->parent() != kAllDatabases) {
      TARN_ASSIGN_OR_RETURN(database, names::ParseDatabase(request->parent()));
    }
    const std::string query = QueryFingerprint({"tables", request->parent()});
    TARN_ASSIGN_OR_RETURN(const std::string cursor, DecodePageToken(query, request->page_token()));
    TARN_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
    TableKey after;
    if (!cursor.empty()) {
      TARN_ASSIGN_OR_RETURN(after, TableKeyOf(actor, cursor));
    }
    TARN_ASSIGN_OR_RETURN(std::vector<Table> tables,
                          TableManager(txn).List(actor.workspace, database, after, size + 1));
    response->Clear();
    if (tables.size() > static_cast<size_t>(size)) {
      tables.resize(size);
      const TableKey& last = tables.back().key;
      response->set_next_page_token(
          EncodePageToken(query, names::Table(last.database, last.table)));
    }
    for (const Table& table : tables) ToProto(table, response->add_tables());
    return absl::OkStatus();
  });
}

grpc::Status CatalogService::UpdateTable(grpc::ServerContext* context,
                                         const v1::UpdateTableRequest* request,
                                         v1::Table* response) {
  return Write<v1::UpdateTableRequest, v1::Table>(
      context, "UpdateTable", *request, response,
      [&](Transaction& txn, const Actor& actor, v1::Table* made) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(const TableKey key, TableKeyOf(actor, request->table().name()));
        TARN_ASSIGN_OR_RETURN(const TableChange change, TableChangeOf(*request));
        TARN_ASSIGN_OR_RETURN(const Table table, TableManager(txn).Update(actor, key, change));
        ToProto(table, made);
        return absl::OkStatus();
      });
}

grpc::Status CatalogService::DeleteTable(grpc::ServerContext* context,
                                         const v1::DeleteTableRequest* request,
                                         v1::DeleteTableResponse* response) {
  return Write<v1::DeleteTableRequest, v1::DeleteTableResponse>(
      context, "DeleteTable", *request, response,
      [&](Transaction& txn, const Actor& actor, v1::DeleteTableResponse*) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(const TableKey key, TableKeyOf(actor, request->name()));
        return TableManager(txn).Delete(actor, key, request->etag());
      });
}

}  // namespace tarn::catalog
