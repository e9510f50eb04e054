// The parts of a report's page, from client/report: HTML with @TITLE@, @STYLE@, @DATA@ and @SCRIPT@
// where these go, CSS and JavaScript.
#pragma once

#include <string_view>

namespace throng {

std::string_view ReportPage();
std::string_view ReportStyle();
std::string_view ReportScript();

}  // namespace throng
