// Figures and checklists as people read them.
#pragma once

#include <string>

#include "throng/v1/checklist.pb.h"
#include "throng/v1/figures.pb.h"

namespace throng {

// The figures that stand below the statistics block: lines and small tables, with a newline at the
// end.
std::string FiguresText(const v1::Figures& figures);

// A line for each check, PASS, FAIL or - before it, those that failed with what was expected and
// why, and a line of sums; with a newline at the end.
std::string ChecklistText(const v1::Checklist& checklist);

}  // namespace throng
