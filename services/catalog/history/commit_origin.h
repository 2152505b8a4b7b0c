// What a commit says of itself as the origin of its files. Pure; any thread.
#pragma once

#include "services/catalog/history/file_origin.h"

namespace tarn::catalog {

struct CommitParameters;

// From the commit's summary (`stream`, `reprocess`, `query`, `crawl`, `cause`), its log range and
// its user.
FileOrigin OriginOf(const CommitParameters& commit);

}  // namespace tarn::catalog
