// The functions that an expression over one row may call (row_expression.h): a part of what queries
// may call. Each gives one value from the values of one row and the same one every time, and its
// cost and the size of its result are bounded by the row: such expressions run inside the process
// that takes records in, where nothing can be killed. Left off therefore: aggregates, windows,
// clocks and chance (now, random, uuid), what runs for seconds or fills the memory (repeat, lpad,
// range, levenshtein, format), lambdas, and what differs between releases of the engine (hash).
//
// Names are in lower case. Pure; any thread.
#pragma once

#include <string_view>

namespace tarn::sql_expression {

// What must hold of a call's arguments so that its cost stays bounded.
enum class ArgumentRule {
  kAny,
  // All but the first are literals: patterns, separators, formats, replacements.
  kLiteralTail,
  // As before, and the text after the first is a JSON path without wildcards.
  kJsonPath,
  // As before, and the pattern matches in one pass: at most two % (or * …) beside _.
  kLikePattern,
};

struct RowFunction {
  std::string_view name;
  // How much larger than its arguments together the result can be.
  double growth = 1;
  ArgumentRule rule = ArgumentRule::kAny;
  // The result can be as large as the first argument times the length of a literal argument.
  bool multiplies = false;
  // How often the engine writes out the arguments when it expands the function (a macro).
  int copies = 1;
};

// Null for a function that is not on the list.
const RowFunction* FindRowFunction(std::string_view name);

}  // namespace tarn::sql_expression
