// The figures that follow from times: weeks, gaps, sessions, timelines.
#pragma once

#include <cstdint>

#include "server/inspection/row_counts.h"
#include "server/inspection/time_counts.h"
#include "throng/v1/figures.pb.h"

namespace throng {

// 0 of nothing.
inline double Ratio(double part, double whole) { return whole == 0 ? 0 : part / whole; }
inline double Share(int64_t part, int64_t whole) {
  return Ratio(static_cast<double>(part), static_cast<double>(whole));
}

void SetTime(int64_t ms, google::protobuf::Timestamp* time);

// `times` may be absent.
void AddWeeks(const RowCounts& counts, const TimeCounts* times, v1::Figures* figures);
void SetGaps(const GapCounts& counts, v1::Gaps* gaps);
void SetSessions(const TimeCounts::SessionCounts& counts, v1::Sessions* sessions);
void AddTimelines(const RowCounts& counts, const TimeCounts& times, v1::Figures* figures);

}  // namespace throng
