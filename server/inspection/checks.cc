#include "server/inspection/checks.h"

#include <fmt/format.h>

namespace throng {

void Checks::Add(const std::string& id, const std::string& title, bool holds, std::string figure,
                 std::string expected, std::string reason) {
  v1::Check* check = list_.add_checks();
  check->set_id(id);
  check->set_title(title);
  check->set_verdict(holds ? v1::VERDICT_PASS : v1::VERDICT_FAIL);
  check->set_figure(std::move(figure));
  check->set_expected(std::move(expected));
  check->set_reason(std::move(reason));
  holds ? list_.set_passed(list_.passed() + 1) : list_.set_failed(list_.failed() + 1);
}

void Checks::Skip(const std::string& id, const std::string& title, std::string reason,
                  std::string expected) {
  v1::Check* check = list_.add_checks();
  check->set_id(id);
  check->set_title(title);
  check->set_verdict(v1::VERDICT_NOT_CHECKED);
  check->set_expected(std::move(expected));
  check->set_reason(std::move(reason));
  list_.set_not_checked(list_.not_checked() + 1);
}

std::string Percent(double share) {
  std::string text = fmt::format("{:.2f}", 100 * share);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text + "%";
}

std::string Counted(int64_t count, const std::string& one, const std::string& many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

}  // namespace throng
