// What the tests of `check` share: a plugin checked, and a fault that a check must name.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "server/conformance/conformance.h"
#include "server/control/status.h"

namespace throng {

inline std::string Path(const std::string& plugin) {
  return std::string(THRONG_TEST_PLUGINS) + "/" + plugin + ".so";
}

inline std::vector<CheckResult> Check(const std::string& plugin,
                                      const std::vector<std::string>& settings,
                                      const std::string& only = "") {
  CheckRequest request{.file = Path(plugin),
                       .settings = settings,
                       .only = only,
                       .time_limit = std::chrono::minutes(5)};
  const auto results = CheckPlugin(request, [](const CheckResult&) {});
  EXPECT_TRUE(results.ok()) << MessageOf(results.status());
  return results.ok() ? *results : std::vector<CheckResult>();
}

inline std::vector<CheckResult> Failed(std::vector<CheckResult> results) {
  std::erase_if(results, [](const CheckResult& result) { return result.is_ok; });
  return results;
}

inline std::vector<std::string> Lines(const std::vector<CheckResult>& results) {
  std::vector<std::string> lines;
  lines.reserve(results.size());
  for (const CheckResult& r : results) {
    lines.push_back(r.component + ": " + r.check + ": " + r.fault);
  }
  return lines;
}

// A plugin or a fault, and the check that must name it.
struct Fault {
  std::string what;
  std::string check;
  std::string sentence;  // part of it
};

inline void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.what; }

inline std::string NameOf(const testing::TestParamInfo<Fault>& info) { return info.param.what; }
inline std::string NameWithIndex(const testing::TestParamInfo<Fault>& info) {
  return info.param.what + "_" + std::to_string(info.index);
}

// Makes only the check that must catch it, for speed.
inline void ExpectCaught(const std::string& plugin, const std::string& component,
                         std::vector<std::string> settings, const Fault& fault) {
  settings.push_back(component + ".fault=" + fault.what);
  const auto failed = Failed(Check(plugin, settings, component + "`: " + fault.check));
  ASSERT_THAT(failed, testing::SizeIs(1)) << testing::PrintToString(Lines(failed));
  EXPECT_THAT(failed[0].component, testing::HasSubstr("`" + component + "`"));
  EXPECT_EQ(failed[0].check, fault.check);
  EXPECT_THAT(failed[0].fault, testing::HasSubstr(fault.sentence));
}

// Checks that components of all roles have.
inline constexpr char kCreated[] = "is created";
inline constexpr char kEdges[] = "works or says why not at the edges of its options";
inline constexpr char kMemory[] = "gives back what it took";
inline constexpr char kKeeps[] = "keeps nothing for longer than it is lent";
inline constexpr char kOrder[] = "equal bytes in any order and from any instance";
inline constexpr char kProcess[] = "equal bytes in a new process";

}  // namespace throng
