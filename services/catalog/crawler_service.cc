// Crawlers and crawls.
#include "common/names/names.h"
#include "common/page_token/page_token.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/catalog_service.h"
#include "services/catalog/crawl/crawler_manager.h"
#include "services/catalog/crawl/crawler_proto.h"
#include "services/catalog/job_wait.h"

namespace tarn::catalog {
namespace {

constexpr char kCrawlerPattern[] = "crawlers/{crawler}";
constexpr char kCrawlPattern[] = "crawlers/{crawler}/crawls/{crawl}";
constexpr int kDefaultCrawls = 50;

absl::StatusOr<std::string> CrawlerId(const std::string& name) {
  TARN_ASSIGN_OR_RETURN(const std::vector<std::string> parts, names::Parse(kCrawlerPattern, name));
  return parts[0];
}

// The crawler that an update leads to: `current` with the fields of the mask taken from `given`.
absl::StatusOr<Crawler> Updated(Crawler current, const Crawler& given,
                                const google::protobuf::FieldMask& mask) {
  if (mask.paths().empty()) return given;
  for (const std::string& path : mask.paths()) {
    const std::string field = path.substr(0, path.find('.'));
    if (field == "*") return given;
    if (field == "table") {
      current.table = given.table;
    } else if (field == "path") {
      current.path = given.path;
    } else if (field == "format") {
      current.format = given.format;
    } else if (field == "csv") {
      current.csv = given.csv;
    } else if (field == "xml") {
      current.xml_row_element = given.xml_row_element;
    } else if (field == "on_schema_change") {
      current.options.on_schema_change = given.options.on_schema_change;
    } else if (field == "on_deletion") {
      current.options.on_deletion = given.options.on_deletion;
    } else if (field == "recrawl") {
      current.options.recrawl = given.options.recrawl;
    } else if (field == "exclude") {
      current.options.exclude = given.options.exclude;
    } else if (field == "on_upload") {
      current.options.on_upload = given.options.on_upload;
    } else if (field == "encoding") {
      current.options.encoding = given.options.encoding;
    } else if (field == "text") {
      current.options.text_pattern = given.options.text_pattern;
    } else if (field == "line_comment") {
      current.options.line_comment = given.options.line_comment;
    } else if (field == "partition_columns") {
      current.options.partition_columns = given.options.partition_columns;
    } else if (field == "comment") {
      current.comment = given.comment;
    } else {
      return InvalidFields({{"update_mask", "\"" + path + "\" cannot be changed"}});
    }
  }
  return current;
}

}  // namespace

grpc::Status CatalogService::CreateCrawler(grpc::ServerContext* context,
                                           const v1::CreateCrawlerRequest* request,
                                           v1::Crawler* response) {
  return Write<v1::CreateCrawlerRequest, v1::Crawler>(
      context, "CreateCrawler", *request, response,
      [&](Transaction& txn, const Actor& actor, v1::Crawler* made) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(Crawler crawler,
                              CrawlerFromProto(request->crawler(), actor.workspace));
        TARN_ASSIGN_OR_RETURN(crawler, CrawlerManager(txn).Create(actor, std::move(crawler)));
        ToProto(crawler, made);
        return absl::OkStatus();
      });
}

grpc::Status CatalogService::GetCrawler(grpc::ServerContext* context,
                                        const v1::GetCrawlerRequest* request,
                                        v1::Crawler* response) {
  return Read(context, "GetCrawler", [&](Transaction& txn, const Actor& actor) -> absl::Status {
    TARN_ASSIGN_OR_RETURN(const std::string id, CrawlerId(request->name()));
    TARN_ASSIGN_OR_RETURN(const Crawler crawler, CrawlerManager(txn).Get(actor.workspace, id));
    response->Clear();
    ToProto(crawler, response);
    return absl::OkStatus();
  });
}

grpc::Status CatalogService::ListCrawlers(grpc::ServerContext* context,
                                          const v1::ListCrawlersRequest* request,
                                          v1::ListCrawlersResponse* response) {
  return Read(context, "ListCrawlers", [&](Transaction& txn, const Actor& actor) -> absl::Status {
    const std::string query = QueryFingerprint({"crawlers"});
    TARN_ASSIGN_OR_RETURN(const std::string after, DecodePageToken(query, request->page_token()));
    TARN_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
    std::vector<Crawler> crawlers = CrawlerManager(txn).List(actor.workspace, after, size + 1);
    response->Clear();
    if (crawlers.size() > static_cast<size_t>(size)) {
      crawlers.resize(size);
      response->set_next_page_token(EncodePageToken(query, crawlers.back().id));
    }
    for (const Crawler& crawler : crawlers) ToProto(crawler, response->add_crawlers());
    return absl::OkStatus();
  });
}

grpc::Status CatalogService::UpdateCrawler(grpc::ServerContext* context,
                                           const v1::UpdateCrawlerRequest* request,
                                           v1::Crawler* response) {
  return Write<v1::UpdateCrawlerRequest, v1::Crawler>(
      context, "UpdateCrawler", *request, response,
      [&](Transaction& txn, const Actor& actor, v1::Crawler* made) -> absl::Status {
        CrawlerManager crawlers(txn);
        TARN_ASSIGN_OR_RETURN(const std::string id, CrawlerId(request->crawler().name()));
        TARN_ASSIGN_OR_RETURN(Crawler current, crawlers.Get(actor.workspace, id));
        v1::Crawler filled = request->crawler();
        if (filled.table().empty()) {
          filled.set_table(names::Table(current.table.database, current.table.table));
        }
        TARN_ASSIGN_OR_RETURN(const Crawler given, CrawlerFromProto(filled, actor.workspace));
        TARN_ASSIGN_OR_RETURN(Crawler wanted,
                              Updated(std::move(current), given, request->update_mask()));
        TARN_ASSIGN_OR_RETURN(const Crawler crawler,
                              crawlers.Update(actor, std::move(wanted), request->crawler().etag()));
        ToProto(crawler, made);
        return absl::OkStatus();
      });
}

grpc::Status CatalogService::DeleteCrawler(grpc::ServerContext* context,
                                           const v1::DeleteCrawlerRequest* request,
                                           v1::DeleteCrawlerResponse* response) {
  return Write<v1::DeleteCrawlerRequest, v1::DeleteCrawlerResponse>(
      context, "DeleteCrawler", *request, response,
      [&](Transaction& txn, const Actor& actor, v1::DeleteCrawlerResponse*) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(const std::string id, CrawlerId(request->name()));
        return CrawlerManager(txn).Delete(actor, id, request->etag());
      });
}

grpc::Status CatalogService::StartCrawl(grpc::ServerContext* context,
                                        const v1::StartCrawlRequest* request, v1::Crawl* response) {
  const grpc::Status status = Write<v1::StartCrawlRequest, v1::Crawl>(
      context, "StartCrawl", *request, response,
      [&](Transaction& txn, const Actor& actor, v1::Crawl* made) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(const std::string id, CrawlerId(request->name()));
        TARN_ASSIGN_OR_RETURN(const Crawl crawl,
                              CrawlerManager(txn).Start(actor, id, request->dry_run()));
        ToProto(crawl, made);
        return absl::OkStatus();
      });
  jobs_.Notify();
  return status;
}

grpc::Status CatalogService::GetCrawl(grpc::ServerContext* context,
                                      const v1::GetCrawlRequest* request, v1::Crawl* response) {
  return handler_.Handle(
      context, {"GetCrawl", rpc::Access::kRead}, [&](const rpc::CallContext& call) -> absl::Status {
        TARN_RETURN_IF_ERROR(storage_.Check());
        TARN_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                              names::Parse(kCrawlPattern, request->name()));
        TARN_ASSIGN_OR_RETURN(
            const Crawl crawl,
            WaitForEnd<Crawl>(call, jobs_, request->wait(), [&]() -> absl::StatusOr<Crawl> {
              return storage_.pool().RunReadOnly([&](Transaction& txn) {
                return CrawlerManager(txn).GetCrawl(call.caller.workspace, parts[0], parts[1]);
              });
            }));
        ToProto(crawl, response);
        return absl::OkStatus();
      });
}

grpc::Status CatalogService::ListCrawls(grpc::ServerContext* context,
                                        const v1::ListCrawlsRequest* request,
                                        v1::ListCrawlsResponse* response) {
  return Read(context, "ListCrawls", [&](Transaction& txn, const Actor& actor) -> absl::Status {
    TARN_ASSIGN_OR_RETURN(const std::string id, CrawlerId(request->parent()));
    const std::string query = QueryFingerprint({"crawls", id});
    TARN_ASSIGN_OR_RETURN(const std::string before, DecodePageToken(query, request->page_token()));
    TARN_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size(), kDefaultCrawls));
    TARN_ASSIGN_OR_RETURN(std::vector<Crawl> crawls,
                          CrawlerManager(txn).ListCrawls(actor.workspace, id, before, size + 1));
    response->Clear();
    if (crawls.size() > static_cast<size_t>(size)) {
      crawls.resize(size);
      response->set_next_page_token(EncodePageToken(query, crawls.back().id));
    }
    for (const Crawl& crawl : crawls) ToProto(crawl, response->add_crawls());
    return absl::OkStatus();
  });
}

grpc::Status CatalogService::CancelCrawl(grpc::ServerContext* context,
                                         const v1::CancelCrawlRequest* request,
                                         v1::Crawl* response) {
  const grpc::Status status = Write<v1::CancelCrawlRequest, v1::Crawl>(
      context, "CancelCrawl", *request, response,
      [&](Transaction& txn, const Actor& actor, v1::Crawl* made) -> absl::Status {
        TARN_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                              names::Parse(kCrawlPattern, request->name()));
        TARN_ASSIGN_OR_RETURN(const Crawl crawl,
                              CrawlerManager(txn).Cancel(actor.workspace, parts[0], parts[1]));
        ToProto(crawl, made);
        return absl::OkStatus();
      });
  jobs_.Notify();
  return status;
}

}  // namespace tarn::catalog
