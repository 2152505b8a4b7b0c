// What a piece of text (a field of CSV, the content of an XML element, a folder's name) looks like.
// Strict, so that nothing is lost when it is read as that type: "02139" and "+1" are text, "1e5" is
// a double, whole numbers that do not fit into a long are text. Booleans are true and false in any
// case, dates 2019-12-21, times of day none. Pure; any thread.
#pragma once

#include <string_view>

#include "services/catalog/crawl/inferred_type.h"

namespace tarn::catalog {

// kNothing for the empty text, else a scalar kind.
InferredKind ClassifyText(std::string_view text);

// ClassifyText for a value of the column of that name: what IsCodeName says is text. Who has many
// values asks for the name once.
InferredKind ClassifyValue(std::string_view column, std::string_view text);

// Whether a name is that of a code which is made of digits but is no number: a postcode, a
// telephone number. Files of one region may show no leading zero, and the next one would change the
// type.
bool IsCodeName(std::string_view column);

}  // namespace tarn::catalog
