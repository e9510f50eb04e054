// The checks that `throng-worker check` makes: one function each, in tables. See conformance.h.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/host/catalogue.h"
#include "server/host/instances.h"
#include "server/host/option_values.h"

namespace throng {

// What a check works with, in a process of its own.
struct CheckContext {
  std::string file;  // an absolute path
  // Of checks of a component: freshly loaded; else null, and nothing is loaded.
  const Component* component = nullptr;
  std::map<std::string, std::string> options;  // that were given for it
  uint64_t seed = 0;                           // of what is drawn at random
  std::string folder;                          // empty, and the check's own
  std::string read;                            // a command that prints a sink's place, or empty
  Environment environment;                     // logs nowhere
  // Whether instances are lent copies that crash who uses them for longer than is promised.
  bool is_lending = false;
  // Out: what must be the same when the check is made in another process, as lines that begin with
  // the name of what they are about.
  std::string digest;
  // Out: there is nothing to check, as peek of a sink that has none.
  bool does_not_apply = false;
  // Out: a sentence that says why the check could not be made; empty: it was.
  std::string skipped;
};

struct Check {
  const char* name;
  unsigned roles;  // RoleBit of each role that it is for; 0: the plugin as a whole
  // OK, or a sentence that says what is wrong.
  absl::Status (*run)(CheckContext& context);
  bool is_repeated = false;  // made in two processes, whose digests must be the same
  bool is_needed = false;    // where it fails, those that follow say nothing new
};

constexpr unsigned RoleBit(Role role) { return 1U << static_cast<unsigned>(role); }
inline constexpr unsigned kBehaviourBits = RoleBit(Role::kActivity) | RoleBit(Role::kClock) |
                                           RoleBit(Role::kChoice) | RoleBit(Role::kRating);
inline constexpr unsigned kAllRoleBits = kBehaviourBits | RoleBit(Role::kFormat) |
                                         RoleBit(Role::kSink) | RoleBit(Role::kSource) |
                                         RoleBit(Role::kDecoder);

std::span<const Check> FileChecks();    // of the file, also if it cannot be loaded
std::span<const Check> PluginChecks();  // of what can be loaded
std::span<const Check> OptionChecks();
std::span<const Check> BehaviourChecks();
std::span<const Check> FormatChecks();
std::span<const Check> SinkChecks();
std::span<const Check> ReaderChecks();  // of sources and decoders

// A finding.
template <class... Args>
absl::Status Fault(fmt::format_string<Args...> format, Args&&... args) {
  return absl::InternalError(fmt::format(format, std::forward<Args>(args)...));
}

// What a check returns that has nothing to check.
inline absl::Status DoesNotApply(CheckContext* context) {
  context->does_not_apply = true;
  return absl::OkStatus();
}

// The component's options as given, over which `others` go, and its defaults.
absl::StatusOr<OptionValues> ParseOptions(const CheckContext& context,
                                          const std::map<std::string, std::string>& others = {});

// Options at the edges of what the component's descriptors allow, one of them at a time.
std::vector<std::map<std::string, std::string>> EdgeOptions(const Component& component);

// OK unless `status` is a failure without a sentence.
absl::Status CheckRefusal(const absl::Status& status);

// Does `once` some times and sees whether more and more memory is in use.
absl::Status CheckGivesBack(const std::function<absl::Status()>& once);

}  // namespace throng
