// What a terminal can do, and questions to whoever sits at it.
#pragma once

#include <cstddef>
#include <string>

#include "throng/v1/run.pb.h"

namespace throng {

// Whether stdout or stderr, by its descriptor, is a terminal that can be drawn on: not with
// TERM=dumb.
bool IsDrawable(int fd);
// And may have colors: not with NO_COLOR.
bool IsColorful(int fd);
// Its columns and lines; 80 and 24 where it does not say.
struct TerminalSize {
  size_t columns = 80;
  size_t lines = 24;
};
TerminalSize SizeOf(int fd);

// The text in the color of a state: green what goes well, yellow what waits, red what failed.
std::string InColorOf(v1::RunState state, const std::string& text);
std::string InColorOf(v1::OutputState state, const std::string& text);

// Columns that a text takes up: characters, without colors. All are taken for one column wide.
size_t WidthOf(std::string_view text);
// What of it fits, colors being whole; `...` at its end says that there is more.
std::string CutTo(const std::string& text, size_t width);

// Asks `question` on stderr; whether the answer is yes. Where nobody sits, on stdin and stderr, it
// is not asked, and yes.
bool IsConfirmed(const std::string& question);

}  // namespace throng
