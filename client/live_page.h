// A page on a terminal that is drawn over itself.
#pragma once

#include <cstddef>
#include <string>

#include "client/terminal.h"

namespace throng {

// The page's lines as far as a terminal of that size has room: each is cut to its columns, and the
// last tells how many are left out.
std::string FitPage(const std::string& page, TerminalSize size);

class LivePage {
 public:
  // Draws it on stdout over the one before. False: nobody reads any more.
  bool Show(const std::string& page);

 private:
  size_t lines_ = 0;  // of the one before
};

}  // namespace throng
