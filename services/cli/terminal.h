// Where a command reads and writes: the process's streams, or strings in tests. What depends on
// somebody watching (colour, progress, the width of a table) is decided here and nowhere else.
// One thread at a time.
#pragma once

#include <istream>
#include <ostream>
#include <string>
#include <string_view>

namespace tarn::cli {

enum class Style { kPlain, kBold, kDim, kGood, kWarning, kBad };

struct Terminal {
  std::istream& in;
  std::ostream& out;  // results
  std::ostream& err;  // errors, progress, what is said to people
  bool in_is_tty = false;
  bool out_is_tty = false;
  bool err_is_tty = false;
  bool colour = false;  // never without a terminal
  int width = 80;       // columns; only meaningful where out_is_tty

  // The text in the style's colour, or as it is where `out` (or `err`) shows none.
  std::string OnOut(Style style, std::string_view text) const;
  std::string OnErr(Style style, std::string_view text) const;
};

// std::cin, std::cout and std::cerr as they are. No colour where NO_COLOR is set or TERM is dumb.
Terminal ProcessTerminal();

}  // namespace tarn::cli
