#include "services/cli/terminal.h"

#include <cstdlib>
#include <iostream>
#include <unistd.h>

#include <sys/ioctl.h>

namespace tarn::cli {
namespace {

std::string Styled(Style style, std::string_view text) {
  const char* code = "";
  switch (style) {
    case Style::kPlain:
      return std::string(text);
    case Style::kBold:
      code = "1";
      break;
    case Style::kDim:
      code = "2";
      break;
    case Style::kGood:
      code = "32";
      break;
    case Style::kWarning:
      code = "33";
      break;
    case Style::kBad:
      code = "31";
      break;
  }
  return "\033[" + std::string(code) + "m" + std::string(text) + "\033[0m";
}

bool ColourIsWanted() {
  const char* no_colour = std::getenv("NO_COLOR");
  if (no_colour != nullptr && *no_colour != '\0') return false;
  const char* term = std::getenv("TERM");
  return term == nullptr || std::string_view(term) != "dumb";
}

}  // namespace

std::string Terminal::OnOut(Style style, std::string_view text) const {
  return colour && out_is_tty ? Styled(style, text) : std::string(text);
}

std::string Terminal::OnErr(Style style, std::string_view text) const {
  return colour && err_is_tty ? Styled(style, text) : std::string(text);
}

Terminal ProcessTerminal() {
  std::ios::sync_with_stdio(false);
  Terminal terminal{.in = std::cin, .out = std::cout, .err = std::cerr};
  terminal.in_is_tty = isatty(STDIN_FILENO) == 1;
  terminal.out_is_tty = isatty(STDOUT_FILENO) == 1;
  terminal.err_is_tty = isatty(STDERR_FILENO) == 1;
  terminal.colour = ColourIsWanted();
  winsize size{};
  if (terminal.out_is_tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    terminal.width = size.ws_col;
  }
  return terminal;
}

}  // namespace tarn::cli
