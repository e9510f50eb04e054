#include "client/reading.h"

#include <fmt/format.h>

#include <cstdio>

#include "proto/option_text.h"

namespace throng {

void ReadingBar::Show(const v1::InspectionProgress& progress) {
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  RunProgress shown;
  shown.rows = progress.rows();
  shown.bytes = is_topic_ ? -1 : progress.taken();
  shown.rows_per_second = seconds > 0 ? static_cast<double>(progress.rows()) / seconds : 0;
  // About: rows of one length.
  shown.total_rows = -1;
  if (progress.size() > 0 && progress.taken() > 0) {
    const double share =
        static_cast<double>(progress.taken()) / static_cast<double>(progress.size());
    shown.total_rows = static_cast<int64_t>(static_cast<double>(progress.rows()) / share);
  }
  bar_.Show(shown);
}

void Say(std::string_view line) { std::fputs(fmt::format("{}\n", line).c_str(), stderr); }

std::string DamageText(const v1::DamagedRecord& damage) {
  const bool is_message = damage.piece().ends_with(']');
  std::string text = fmt::format("{}, {} {} (after {} rows): ", damage.piece(),
                                 is_message ? "offset" : "byte", damage.offset(), damage.row());
  if (damage.piece().empty()) text = fmt::format("after {} rows: ", damage.row());
  if (!damage.column().empty()) text += damage.column() + ": ";
  return text + damage.sentence();
}

void SayDamages(int64_t count,
                const google::protobuf::RepeatedPtrField<v1::DamagedRecord>& examples) {
  if (count == 0) return;
  Say(fmt::format("{} record{} cannot be read{}:", count, count == 1 ? "" : "s",
                  count > examples.size() ? ", the first of them" : ""));
  for (const v1::DamagedRecord& damage : examples) Say("  " + DamageText(damage));
}

std::string TimeText(const google::protobuf::Timestamp& time) {
  return TimestampText(time.seconds() * 1000 + time.nanos() / 1'000'000);
}

}  // namespace throng
